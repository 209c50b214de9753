package emitcli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestMain lets the test binary stand in for the emitter and for the command
// that run starts, so that both are real processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "as-emitter":
			env := Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
			os.Exit(Main(context.Background(), os.Args[2:], env))
		case "as-command":
			os.Exit(asCommand(os.Args[2:]))
		}
	}
	// Commands of the race detector's build would sleep a second at their exit.
	if err := os.Setenv("GORACE", noSleep); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const noSleep = "atexit_sleep_ms=0"

// asCommand plays a deploy command: each argument is something to do.
func asCommand(args []string) int {
	signals := make(chan os.Signal, 4)
	for _, arg := range args {
		verb, rest, _ := strings.Cut(arg, ":")
		switch verb {
		case "exit":
			code, err := strconv.Atoi(rest)
			if err != nil {
				return 99
			}
			return code
		case "out":
			fmt.Println(rest)
		case "err":
			fmt.Fprintln(os.Stderr, rest)
		case "copy":
			if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
				return 99
			}
		case "files": // are the standard streams what the caller gave, not pipes of ours?
			for _, f := range []*os.File{os.Stdin, os.Stdout} {
				info, err := f.Stat()
				if err != nil || !info.Mode().IsRegular() {
					return 98
				}
			}
		case "catch":
			signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
			fmt.Println("ready")
			fmt.Println(<-signals)
		case "wait":
			fmt.Println("ready")
			select {}
		case "stdin": // until the test closes it
			fmt.Println("ready")
			if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
				return 99
			}
		}
	}
	return 0
}

// door is a fake server at POST /v1/events.
type door struct {
	*httptest.Server
	status int // of each answer; 0: 202

	mu      sync.Mutex
	got     []events.Event
	raw     map[string]bool
	queries []string
	tokens  []string
	arrived chan events.Event // each event that is accepted
}

func newDoor(t *testing.T) *door {
	d := &door{raw: make(map[string]bool), arrived: make(chan events.Event, 10_000)}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queries = append(d.queries, r.URL.RawQuery)
	d.tokens = append(d.tokens, r.Header.Get("Authorization"))
	if d.status != 0 {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(d.status)
		fmt.Fprint(w, `{"code":"E_TEST","detail":"no"}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	batch := []jsontext.Value{body}
	if strings.Contains(r.Header.Get("Content-Type"), "batch") {
		if err := json.Unmarshal(body, &batch); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	accepted, duplicates, quarantined := 0, 0, []string{}
	for i, raw := range batch {
		e, err := events.Decode(raw, events.Limits{})
		if err == nil {
			err = e.Validate()
		}
		switch {
		case err != nil:
			quarantined = append(quarantined, fmt.Sprintf(`{"index":%d,"code":%q,"detail":"bad"}`, i, events.CodeOf(err)))
		case d.raw[string(raw)]:
			duplicates++
		default:
			d.raw[string(raw)] = true
			d.got = append(d.got, *e)
			accepted++
			d.arrived <- *e
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted":%d,"duplicates":%d,"quarantined":[%s]}`, accepted, duplicates, strings.Join(quarantined, ","))
}

// events returns what was accepted, and forgets it.
func (d *door) events() []events.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.got
	d.got = nil
	return got
}

// nobody is an address where nothing listens.
const nobody = "http://127.0.0.1:1"

// machine is one machine with a pipeline: its environment and its disk.
type machine struct {
	t    *testing.T
	vars map[string]string
	in   io.Reader
}

func newMachine(t *testing.T, server string) *machine {
	return &machine{t: t, vars: map[string]string{
		"HOME": t.TempDir(), "TELLTALE_SERVER": server,
		"TELLTALE_ENV": "prod", "TELLTALE_REGION": "eu-west-1", "TELLTALE_COMPONENT": "checkout",
	}}
}

// do runs the emitter and returns what it says.
func (m *machine) do(args ...string) (code int, stdout, stderr string) {
	m.t.Helper()
	var out, err bytes.Buffer
	env := Env{Stdin: m.in, Stdout: &out, Stderr: &err, Getenv: func(k string) string { return m.vars[k] }}
	code = Main(m.t.Context(), args, env)
	return code, out.String(), err.String()
}

// spooled returns how many events wait on disk.
func (m *machine) spooled() int {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.vars["HOME"], ".local/state/telltale/spool/*.json"))
	if err != nil {
		m.t.Fatal(err)
	}
	return len(files)
}

// data decodes the data of an event.
func data[T any](t *testing.T, e events.Event) T {
	t.Helper()
	var v T
	if err := e.DataAs(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
