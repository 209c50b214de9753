package deploy

// What people paste into other tools stands in integrations. The shell parts are
// run against a server of the test's own with the environment that the tool would
// set; templates are rendered on made-up objects.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestMain lets the test binary be telltale-emit when it is started under that
// name, so that the scripts run against the real one.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "telltale-emit" {
		env := emitcli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
		os.Exit(emitcli.Main(context.Background(), os.Args[1:], env))
	}
	os.Exit(m.Run())
}

// door is a server that takes whatever is valid.
type door struct {
	*httptest.Server
	mu    sync.Mutex // guards known and words
	known map[string]bool
	words []string
}

// newDoor starts a server that notes "subject status" of every event, or its
// type where it has no status; once, however often it is sent.
func newDoor(t *testing.T) *door {
	d := &door{known: make(map[string]bool)}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	batch := []jsontext.Value{body}
	if strings.Contains(r.Header.Get("Content-Type"), "batch") {
		if err := json.Unmarshal(body, &batch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := r.Header.Get("Authorization"); got != "Bearer made-up-token" {
		http.Error(w, "the token is "+got, http.StatusUnauthorized)
		return
	}
	for _, raw := range batch {
		e, err := events.Decode(raw, events.Limits{})
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var data struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		word := data.Status
		if word == "" {
			word = strings.TrimPrefix(e.Type, "dev.telltale.")
		}
		if id := e.Source + " " + e.ID; !d.known[id] {
			d.known[id] = true
			d.words = append(d.words, e.Subject+" "+word)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted":%d,"duplicates":0,"quarantined":[]}`, len(batch))
}

// said returns the words so far without signs of life.
func (d *door) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.words), func(w string) bool { return strings.HasSuffix(w, ".progressed.v1") })
}

// runner is a machine of a CI system: a home, a PATH and what the system sets.
type runner struct {
	dir string
	env map[string]string
}

// newRunner returns a machine with telltale-emit on its PATH, or without.
func newRunner(t *testing.T, tool string, set map[string]string) *runner {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if tool != "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	r := &runner{dir: dir, env: map[string]string{
		"PATH": bin + ":/usr/bin:/bin", "HOME": dir, "TMPDIR": dir, "TELLTALE_FLUSH_TIMEOUT": "5s", "TELLTALE_TIMEOUT": "5s",
	}}
	maps.Copy(r.env, set)
	return r
}

// do runs a script and returns its exit code and what it printed.
func (r *runner) do(t *testing.T, shell []string, script string, set map[string]string) (code int, output string) {
	t.Helper()
	path := filepath.Join(r.dir, "script.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], path)...)
	cmd.Dir = r.dir
	all := maps.Clone(r.env)
	maps.Copy(all, set)
	for k, v := range all {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.CombinedOutput()
	if ended := new(exec.ExitError); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// documents reads all documents of a YAML file into values of one type.
func documents[T any](t *testing.T, name string) []T {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(read(t, name)))
	var out []T
	for {
		var v T
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, v)
	}
}

// subject is what every pipeline below deploys.
const subject = "prod/eu-west-1/checkout/2.14.0"

func about(server string) map[string]string {
	return map[string]string{
		"TELLTALE_SERVER": server, "TELLTALE_TOKEN": "made-up-token", "TELLTALE_ENV": "prod",
		"TELLTALE_REGION": "eu-west-1", "TELLTALE_COMPONENT": "checkout", "TELLTALE_VERSION": "2.14.0",
	}
}

// expect compares what a server heard.
func expect(t *testing.T, d *door, statuses ...string) {
	t.Helper()
	var want []string
	for _, s := range statuses {
		want = append(want, subject+" "+s)
	}
	if got := d.said(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}
