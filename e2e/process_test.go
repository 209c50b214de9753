package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
)

// bin is where TestMain put the binaries.
var bin string

// binEnv names where the binaries are, for a test that runs itself again in
// surroundings of its own.
const binEnv = "TELLTALE_E2E_BIN"

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// buildAndRun builds the real binaries once, so that what is killed is a real
// process, and runs the tests.
func buildAndRun(m *testing.M) (code int, err error) {
	if bin = os.Getenv(binEnv); bin != "" {
		return m.Run(), nil
	}
	if bin, err = os.MkdirTemp("", "telltale-e2e-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin, "../cmd/...")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// process is one running binary.
type process struct {
	cmd  *exec.Cmd
	url  string // of its HTTP listener
	nats string // URL of the NATS listener of its own, "" without one
	done chan struct{}
	log  lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.WriteString(line + "\n")
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start starts a binary and waits until it says on standard error where it
// listens. It is stopped at the end of the test.
func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(filepath.Join(bin, name), args...), done: make(chan struct{})}
	p.cmd.Env = environ()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	type endpoints struct{ Msg, HTTP, NATS string }
	started := make(chan endpoints, 1)
	go func() {
		defer close(p.done)
		defer close(started)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.log.add(lines.Text())
			var line endpoints
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
				started <- line
			}
		}
		// The exit status is for those who wait for it; a kill is no fault here.
		p.log.add(fmt.Sprint("exit: ", p.cmd.Wait()))
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.log.String())
		}
	})
	at, ok := <-started
	if !ok {
		t.Fatalf("%s did not start:\n%s", name, p.log.String())
	}
	p.url, p.nats = at.HTTP, at.NATS
	eventually(t, name+" is ready", p.ready)
	return p
}

// ready asks whether the process says that it is.
func (p *process) ready() (bool, error) {
	resp, err := http.Get(p.url + "/readyz")
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode == http.StatusOK, fmt.Errorf("%s: %s (%v)", resp.Status, body, err)
}

// environ is the environment of the binaries: logs that a test can read, and one
// copy of each stream on the one server, which syncs.
func environ() []string {
	return append(os.Environ(), "TELLTALE_LOG_FORMAT=json", "TELLTALE_LOG_LEVEL=info", "TELLTALE_NATS_REPLICAS=1")
}

// run runs a binary to its end, which must be good, and returns what it printed.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	code, stdout, stderr := attempt(t, name, args...)
	if code != 0 {
		t.Fatalf("%s %v: exit %d\n%s%s", name, args, code, stdout, stderr)
	}
	return stdout
}

// attempt runs a binary to its end, whichever that is, and returns its exit code
// and what it printed. One that does not end within a minute is killed, and its
// code is -1.
func attempt(t testing.TB, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	cmd.Env = environ()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// list fetches all pages of a list.
func (p *process) list(t testing.TB, path string) (items []json.RawMessage) {
	t.Helper()
	for at := ""; ; {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		p.get(t, path+at, &page)
		items = append(items, page.Items...)
		if page.Next == "" {
			return items
		}
		at = "&cursor=" + page.Next
	}
}

// kill ends the process as a power cut would, and waits until it is gone.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
}

// stop asks the process to stop and waits until it has.
func (p *process) stop(t testing.TB) {
	if p.ended() {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop: %v", err)
	}
	<-p.done
}

// server starts a NATS server for processes of their own, fsync always.
func server(t testing.TB) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(context.Background(), natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// eventually asks until ok or two minutes have passed: long enough for the
// slowest machine, and never waited out by one that works.
func eventually(t testing.TB, what string, ok func() (bool, error)) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within two minutes: %v", what, err)
		case <-tick.C:
		}
	}
}

// get fetches JSON from the API of p into v.
func (p *process) get(t testing.TB, path string, v any) {
	t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s: %s", path, resp.Status, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, body)
	}
}

// send posts events in batches of size and counts what became of them.
func (p *process) send(t testing.TB, bodies []string, size int) (accepted, duplicates int) {
	t.Helper()
	return p.sendTo(t, "/v1/events", bodies, size)
}

// sendRecorded is send for events that keep the time of their recording.
func (p *process) sendRecorded(t testing.TB, bodies []string, size int) (accepted, duplicates int) {
	t.Helper()
	return p.sendTo(t, "/v1/events?import=true", bodies, size)
}

func (p *process) sendTo(t testing.TB, path string, bodies []string, size int) (accepted, duplicates int) {
	t.Helper()
	for len(bodies) > 0 {
		n := min(size, len(bodies))
		body := "[" + strings.Join(bodies[:n], ",") + "]"
		bodies = bodies[n:]
		resp, err := http.Post(p.url+path, "application/cloudevents-batch+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatalf("the door answers %s %s %v", resp.Status, raw, err)
		}
		var answer struct {
			Accepted, Duplicates int
			Quarantined          []any
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Quarantined) > 0 {
			t.Fatalf("quarantined: %v", answer.Quarantined)
		}
		accepted, duplicates = accepted+answer.Accepted, duplicates+answer.Duplicates
	}
	return accepted, duplicates
}

// digest is the answer of /v1/digest.
type digest struct {
	Deployments int    `json:"deployments"`
	Digest      string `json:"digest"`
	Position    uint64 `json:"position"`
}

// settle waits until p has projected and published all that the stream holds
// and returns its digest.
func (p *process) settle(t testing.TB, atLeast uint64) digest {
	t.Helper()
	eventually(t, "everything is projected and published", func() (bool, error) {
		var status struct {
			Position struct {
				StreamLast uint64 `json:"stream_last"`
				Projected  uint64 `json:"projected"`
				Published  uint64 `json:"published"`
			} `json:"position"`
		}
		p.get(t, "/v1/status", &status)
		at := status.Position
		return at.StreamLast >= atLeast && at.Projected == at.StreamLast && at.Published == at.StreamLast, fmt.Errorf("%+v", at)
	})
	var d digest
	p.get(t, "/v1/digest", &d)
	return d
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
