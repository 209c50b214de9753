//go:build unix

package emitcli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// run returns the arguments of run in front of the stand-in for a deploy command.
func run(flags string, command ...string) []string {
	args := append([]string{"run", "--version", "1"}, strings.Fields(flags)...)
	return append(append(args, "--", os.Args[0], "as-command"), command...)
}

// story returns what was said, a line for each event.
func story(t *testing.T, evs []events.Event) string {
	var lines []string
	for _, e := range evs {
		switch e.Type {
		case events.TypeReported:
			r := data[events.Reported](t, e)
			lines = append(lines, strings.TrimSpace(strings.Join([]string{r.Status, r.Reason, string(r.Class)}, " ")))
		case events.TypeEvidence:
			v := data[events.Evidence](t, e)
			lines = append(lines, "evidence "+v.Kind+" "+string(v.Verdict))
		default:
			lines = append(lines, e.Type)
		}
	}
	return strings.Join(lines, ", ")
}

func TestRunTellsHowItEnded(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		code  int
		story string
	}{
		{"success", run("", "exit:0"), 0, "in_progress, deployed"},
		{"failure", run("", "exit:3"), 3, "in_progress, failed exit code 3"},
		{"hands over", run("--on-success in_progress", "exit:0"), 0, "in_progress, in_progress command succeeded"},
		{"hands over, fails", run("--on-success in_progress", "exit:1"), 1, "in_progress, failed exit code 1"},
		{"evidence", run("--on-success evidence", "exit:0"), 0, "in_progress, evidence tests pass"},
		{"own words", run("--reason window --class transient", "exit:0"), 0, "in_progress, deployed window"},
		{"not found", []string{"run", "--version", "1", "--", "telltale-no-such-command"}, 127, "in_progress, failed command not found"},
		{"no such file", []string{"run", "--version", "1", "--", "/nonexistent/x"}, 127, "in_progress, failed command not found"},
		{"not executable", []string{"run", "--version", "1", "--", os.DevNull}, 126, "in_progress, failed command cannot be started"},
		{"its own flags", []string{"run", "--version", "1", "sh", "-c", "exit 7"}, 7, "in_progress, failed exit code 7"},
		{"killed", []string{"run", "--version", "1", "sh", "-c", "kill -KILL $$"}, 137, "in_progress, failed interrupted environmental"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor(t)
			code, _, stderr := newMachine(t, d.URL).do(test.args...)
			if code != test.code {
				t.Errorf("exit %d, want %d: %s", code, test.code, stderr)
			}
			if got := story(t, d.events()); got != test.story {
				t.Errorf("said %q, want %q", got, test.story)
			}
		})
	}
}

// TestEveryCommandHasAName: an odd file name must not keep evidence from being
// said.
func TestEveryCommandHasAName(t *testing.T) {
	for path, want := range map[string]string{
		"./deploy.sh":                           "deploy.sh",
		"/":                                     "/",
		"bin/d\xe9ploie":                        "d_ploie",
		strings.Repeat("x", 300):                strings.Repeat("x", 256),
		"bin/" + strings.Repeat("x", 255) + "é": strings.Repeat("x", 255) + "_",
	} {
		if got := commandName(path); got != want {
			t.Errorf("%q is called %q, want %q", path, got, want)
		}
	}
}

// TestRunKeepsTheCodeWhateverBecomesOfTheEvents is the promise of the verb.
func TestRunKeepsTheCodeWhateverBecomesOfTheEvents(t *testing.T) {
	for _, mode := range []string{"spool", "warn", "fail"} {
		for name, status := range map[string]int{"no server": 0, "ill": 500, "wrong token": 401, "refused": 400} {
			m := newMachine(t, nobody)
			if status != 0 {
				d := newDoor(t)
				d.status = status
				m.vars["TELLTALE_SERVER"] = d.URL
			}
			for _, want := range []string{"0", "3"} {
				code, stdout, stderr := m.do(run("--flush-timeout 50ms --on-error "+mode, "out:hello", "exit:"+want)...)
				if code != int(want[0]-'0') || stdout != "hello\n" {
					t.Errorf("%s, %s: exit %d, %q", mode, name, code, stdout)
				}
				if !strings.Contains(stderr, "not said") {
					t.Errorf("%s, %s: nobody is warned: %s", mode, name, stderr)
				}
			}
			kept := mode == "spool" && status != 400
			if n := m.spooled(); kept != (n > 0) {
				t.Errorf("%s, %s: %d events spooled", mode, name, n)
			}
		}
	}
}

func TestRunHandsOverTheStreams(t *testing.T) {
	d := newDoor(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("from stdin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	emitter := emitter(t, d.URL, run("", "files", "copy", "err:to stderr")...)
	var err error
	if emitter.Stdin, err = os.Open(in); err != nil {
		t.Fatal(err)
	}
	if emitter.Stdout, err = os.Create(out); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	emitter.Stderr = &stderr
	if err := emitter.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	got, err := os.ReadFile(out)
	if err != nil || string(got) != "from stdin\n" || stderr.String() != "to stderr\n" {
		t.Errorf("stdout %q, stderr %q, %v", got, stderr.String(), err)
	}
}

// emitter returns the emitter as a process of its own.
func emitter(t *testing.T, server string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"as-emitter"}, args...)...)
	cmd.Env = []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "GORACE=" + noSleep, "TELLTALE_SERVER=" + server,
		"TELLTALE_ENV=prod", "TELLTALE_REGION=eu-west-1", "TELLTALE_COMPONENT=checkout",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a CI runner has no terminal
	return cmd
}

func TestRunPassesSignalsOn(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		args   []string
		code   int
		out    string // after "ready"
		story  string
	}{
		{"dies of it", syscall.SIGTERM, run("", "wait"), 128 + 15, "", "in_progress, failed interrupted environmental"},
		{"dies of Ctrl-C", syscall.SIGINT, run("", "wait"), 128 + 2, "", "in_progress, failed interrupted environmental"},
		{"dies of a hang-up", syscall.SIGHUP, run("", "wait"), 128 + 1, "", "in_progress, failed interrupted environmental"},
		{"tidies and fails", syscall.SIGTERM, run("", "catch", "exit:4"), 4, "terminated\n", "in_progress, failed interrupted environmental"},
		{"tidies and succeeds", syscall.SIGHUP, run("", "catch", "exit:0"), 0, "hangup\n", "in_progress, deployed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor(t)
			cmd := emitter(t, d.URL, test.args...)
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(pipe)
			if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(out)
			if err != nil || string(rest) != test.out {
				t.Errorf("stdout %q, %v, want %q", rest, err, test.out)
			}
			if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit %d, want %d", code, test.code)
			}
			if got := story(t, d.events()); got != test.story {
				t.Errorf("said %q, want %q", got, test.story)
			}
		})
	}
}

// TestASignalEndsTheWaitForAServer: a CI system that cancels a job gives it
// seconds, not the flush timeout.
func TestASignalEndsTheWaitForAServer(t *testing.T) {
	cmd := emitter(t, nobody, run("--flush-timeout 24h", "catch", "exit:4")...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 4 {
			t.Errorf("ended with %v, want the command's own 4", err)
		}
	}()
	// The first signal ends the command; when that is over cannot be seen from
	// outside, so there are more until one ends the waiting.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		case <-ended:
			return
		}
	}
}

// TestRunStartsWithoutWaiting: the command runs although the server takes the
// connection and then says nothing.
func TestRunStartsWithoutWaiting(t *testing.T) {
	d := newDoor(t)
	d.mu.Lock() // no answer until the command has been seen to run
	cmd := emitter(t, d.URL, run("", "stdin", "exit:0")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	d.mu.Unlock()
	if err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if e := <-d.arrived; e.Type != events.TypeReported {
		t.Errorf("first said %s", e.Type)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestRunGivesSignsOfLife(t *testing.T) {
	d := newDoor(t)
	cmd := emitter(t, d.URL, run("--heartbeat 5ms --region eu-west-1,us-east-1", "stdin", "exit:0")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	beats := map[string]int{}
	for beats["prod/eu-west-1/checkout/1"] < 2 || beats["prod/us-east-1/checkout/1"] < 2 {
		if e := <-d.arrived; e.Type == events.TypeProgressed {
			beats[e.Subject]++
		}
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	all := d.events()
	if got := story(t, all[len(all)-2:]); got != "deployed, deployed" {
		t.Errorf("in the end %q", got)
	}
}
