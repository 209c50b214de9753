package demo

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is a buffer that one goroutine fills and another looks at.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) count(s string) int { return strings.Count(o.String(), s) }

// ownTemp makes temporary directories of the demo visible to the test.
func ownTemp(t *testing.T) (left func() []string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "telltale-demo-*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
}

func TestOnceHolds(t *testing.T) {
	left := ownTemp(t)
	var out output
	if err := Once(t.Context(), Options{Out: &out, Seed: 1}); err != nil {
		t.Errorf("Once returns %v", err)
	}
	if got := out.count("✓"); got != len(checks()) || out.count("✗") != 0 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d of %d claims are shown to hold, without colours:\n%s", got, len(checks()), out.String())
	}
	if got := left(); len(got) > 0 {
		t.Errorf("it leaves %q behind", got)
	}
}

func TestRunGoesOnServing(t *testing.T) {
	var out output
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Out: &out, Colour: true, Seed: 2, Listen: "127.0.0.1:0", DataDir: dir, Version: "test"})
	}()
	address := regexp.MustCompile(`curl -s (http://\S+)/v1/digest`)
	told := func(context.Context) error {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, out.String())
		default:
		}
		if !address.MatchString(out.String()) {
			return errors.New("the story is not over")
		}
		return nil
	}
	patient, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	if err := await(patient, told); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	server := newAPI(address.FindStringSubmatch(out.String())[1])
	defer server.close()
	var d digest
	if err := server.get(ctx, "/v1/digest", nil, &d); err != nil || d.Deployments == 0 {
		t.Errorf("it serves %v (%v)", d, err)
	}
	if !strings.Contains(out.String(), bold) {
		t.Error("it shows no colours to who wants them")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("told to stop, Run returns %v", err)
	}

	// What it kept is not written to again.
	err := Once(t.Context(), Options{DataDir: dir})
	if err == nil || app.Hint(err) == "" {
		t.Errorf("in a directory with data Once returns %v, hint %q", err, app.Hint(err))
	}
}

// TestRunStoppedEarlyIsNoError: whoever has seen enough just stops it.
func TestRunStoppedEarlyIsNoError(t *testing.T) {
	left := ownTemp(t)
	for name, until := range map[string]string{"before it began": "", "in the middle": "Yesterday"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := stopper{at: until, stop: cancel}
			if until == "" {
				cancel()
			}
			if err := Run(ctx, Options{Out: &out, Seed: 3, Listen: freeAddress, Pace: time.Millisecond}); err != nil {
				t.Errorf("Run returns %v", err)
			}
		})
	}
	if got := left(); len(got) > 0 {
		t.Errorf("it leaves %q behind", got)
	}
}

// stopper stops the story when it comes to a line.
type stopper struct {
	at   string
	stop func()
}

func (s *stopper) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.at) {
		s.stop()
	}
	return len(b), nil
}

func TestAStoryThatCannotBeginIsAnError(t *testing.T) {
	left := ownTemp(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", freeAddress)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"an address that is none":     {Listen: "nowhere"},
		"an address that is taken":    {Listen: taken.Addr().String()},
		"an address open to all":      {Listen: "0.0.0.0:0"},
		"a directory that is a file":  {DataDir: file},
		"a directory below that file": {DataDir: filepath.Join(file, "data")},
	} {
		t.Run(name, func(t *testing.T) {
			err := Once(t.Context(), o)
			var untrue *UntrueError
			if err == nil || errors.As(err, &untrue) {
				t.Errorf("Once returns %v", err)
			}
		})
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if got := left(); len(got) > 0 {
		t.Errorf("it leaves %q behind", got)
	}
}
