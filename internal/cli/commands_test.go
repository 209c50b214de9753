package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// runExit is the script command "exit CODE PROGRAM ARGS…": it runs a program
// and wants that exit code. Its output is there for stdout and stderr.
func runExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit code program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// take is the script command "take NAME PATTERN": it sets $NAME to the first
// group of the pattern in the last stdout.
func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: take name pattern")
	}
	match := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("no match for %q on stdout", args[1])
	}
	ts.Setenv(args[0], match[1])
}

// server is a verb that runs in this process while its script goes on.
type server struct {
	stop           context.CancelFunc
	stdout, stderr output
	code           chan int // the exit code, once
}

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

// readyTimeout bounds how long a script waits for a server: far more than one
// needs, so that only a server that does not come runs into it.
const readyTimeout = 60 * time.Second

var started = regexp.MustCompile(`msg=started .*http=(http://\S+)`)

// startServer is the script command "begin ARGS…": it runs telltale with these
// arguments, waits until it answers /readyz with 200, and sets $SERVER to its
// URL.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: begin verb [args...]")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{stop: cancel, code: make(chan int, 1)}
	ts.Defer(cancel)
	go func() {
		s.code <- Main(ctx, args, Env{Stdin: bytes.NewReader(nil), Stdout: &s.stdout, Stderr: &s.stderr, Getenv: ts.Getenv})
	}()
	*ts.Value(serverKey{}).(**server) = s
	end := time.After(readyTimeout)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if match := started.FindStringSubmatch(s.stderr.String()); match != nil && isReady(ts, match[1]) {
			ts.Setenv("SERVER", match[1])
			return
		}
		select {
		case code := <-s.code:
			ts.Fatalf("it ended with exit code %d, and said\n%s", code, s.stderr.String())
		case <-end:
			ts.Fatalf("it did not become ready, and said\n%s", s.stderr.String())
		case <-poll.C:
		}
	}
}

func isReady(ts *testscript.TestScript, url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url + "/readyz")
	ts.Check(err)
	ts.Check(resp.Body.Close())
	return resp.StatusCode == http.StatusOK
}

// post is the script command "post PATH FILE": it sends a file to the server as
// JSON, as a tool would, and writes the answer to stdout.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: post path file")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(ts.Getenv("SERVER")+args[0], "application/json", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	answer, err := io.ReadAll(resp.Body)
	ts.Check(errors.Join(err, resp.Body.Close()))
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, answer)
	ts.Check(err)
}

// stopServer is the script command "halt CODE PATTERN…": it tells the server to
// stop, and wants that exit code and each pattern on its stderr.
func stopServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: halt code [pattern...]")
	}
	s := *ts.Value(serverKey{}).(**server)
	s.stop()
	got := <-s.code
	said := s.stderr.String()
	ts.Logf("[server stderr]\n%s", said)
	if out := s.stdout.String(); out != "" {
		ts.Fatalf("it wrote to stdout, which is for data:\n%s", out)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
	for _, pattern := range args[1:] {
		if !regexp.MustCompile(pattern).MatchString(said) {
			ts.Fatalf("no match for %q on its stderr", pattern)
		}
	}
}
