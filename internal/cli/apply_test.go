package cli

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// knowing is a server that says what is in force, and takes what it is sent.
type knowing struct {
	answers

	took []string // the subjects
}

func (k *knowing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		k.answers.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e, err := events.Decode(body, events.Limits{})
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	k.took = append(k.took, e.Subject)
	w.WriteHeader(http.StatusAccepted)
	if _, err := w.Write([]byte(`{"accepted":1,"duplicates":0,"quarantined":[]}`)); err != nil {
		return
	}
}

func exampleFile(t *testing.T, kind string) (name, digest string) {
	t.Helper()
	doc, err := schemas.Document(kind)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), kind+".yaml")
	if err := os.WriteFile(name, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, (&definition.Document{Text: doc}).Activated().Digest
}

// TestApplyLeavesAloneWhatIsInForce applies to a server that knows.
func TestApplyLeavesAloneWhatIsInForce(t *testing.T) {
	component, digest := exampleFile(t, definition.KindComponent)
	source, _ := exampleFile(t, definition.KindSource)
	const other = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, tc := range map[string]struct {
		items string
		args  []string
		want  []string // lines of the table
		took  string
		code  int
	}{
		"nothing":     {``, nil, []string{"Component checkout 3 - applied", "Source argocd 1 - applied"}, "checkout argocd", ExitOK},
		"the same":    {`{"kind":"Component","name":"checkout","version":"3","digest":"` + digest + `"}`, nil, []string{"Component checkout 3 3 unchanged", "Source argocd 1 - applied"}, "argocd", ExitOK},
		"an earlier":  {`{"kind":"Component","name":"checkout","version":"2","digest":"` + other + `"}`, nil, []string{"Component checkout 3 2 applied"}, "checkout argocd", ExitOK},
		"other envs":  {`{"kind":"Component","name":"checkout","version":"3","digest":"` + digest + `","envs":["test","prod"]}`, nil, []string{"Component checkout 3 - applied"}, "checkout argocd", ExitOK},
		"these envs":  {`{"kind":"Component","name":"checkout","version":"3","digest":"` + digest + `","envs":["test","prod"]}`, []string{"--env", "prod,test"}, []string{"Component checkout 3 3 unchanged"}, "argocd", ExitOK},
		"from later":  {`{"kind":"Component","name":"checkout","version":"3","digest":"` + digest + `","effective_from":"2026-03-01T00:00:00Z"}`, []string{"--effective-from", "2026-04-01T00:00:00Z"}, []string{"Component checkout 3 3 applied"}, "checkout argocd", ExitOK},
		"a dry run":   {`{"kind":"Component","name":"checkout","version":"2","digest":"` + other + `"}`, []string{"--dry-run"}, []string{"Component checkout 3 2 would apply", "Source argocd 1 - would apply"}, "", ExitOK},
		"one version": {`{"kind":"Component","name":"checkout","version":"3","digest":"` + other + `"}`, nil, nil, "", ExitRefused},
	} {
		t.Run(name, func(t *testing.T) {
			k := &knowing{answers: answers{"/v1/definitions": `{"items":[` + tc.items + `],"changes_after":1}`}}
			out, errs, code := telltale(t, k, append([]string{"apply", "-f", component, source, "--actor", "user:7f3a"}, tc.args...)...)
			if code != tc.code || strings.Join(k.took, " ") != tc.took {
				t.Errorf("exit code %d, sent %q, want %d, %q; stderr %s", code, k.took, tc.code, tc.took, errs)
			}
			for _, want := range tc.want {
				if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
					t.Errorf("stdout\n%s\nlacks %q", out, want)
				}
			}
		})
	}
}

// TestApplyTellsWhatTheDoorRefuses says for which document the door's words are.
func TestApplyTellsWhatTheDoorRefuses(t *testing.T) {
	component, _ := exampleFile(t, definition.KindComponent)
	_, errs, code := telltale(t, answers{"/v1/definitions": `{"items":[]}`}, "apply", "-f", component, "--actor", "user:7f3a")
	if code != ExitNotFound || !strings.Contains(errs, "Component.yaml:1: Component checkout: E_NOT_FOUND") || !strings.Contains(errs, "hint: look elsewhere") {
		t.Errorf("exit code %d, stderr %s", code, errs)
	}
}

func TestOrigin(t *testing.T) {
	ci := emitcli.CI{Refs: []string{"run:github/1", "git:org/app@abc"}}
	if o := originOf(t.Context(), ci, "a.yaml"); o == nil || *o != (events.Origin{Repo: "org/app", Commit: "abc"}) {
		t.Errorf("in CI: %+v", o)
	}
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	file := filepath.Join(dir, "a.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a: 1\n")
	if o := originOf(t.Context(), emitcli.CI{}, file); o != nil {
		t.Errorf("outside of a repository: %+v", o)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q")
	run("remote", "add", "origin", "https://me:secret@git.example.org/org/app.git")
	if o := originOf(t.Context(), emitcli.CI{}, file); o != nil {
		t.Errorf("never committed: %+v", o)
	}
	run("add", "a.yaml")
	run("commit", "-q", "-m", "first")
	commit := run("rev-parse", "HEAD")
	if o := originOf(t.Context(), emitcli.CI{}, file); o == nil || *o != (events.Origin{Repo: "https://git.example.org/org/app.git", Commit: commit}) {
		t.Errorf("committed: %+v", o)
	}
	write("a: 2\n")
	if o := originOf(t.Context(), emitcli.CI{}, file); o != nil {
		t.Errorf("changed since: %+v", o)
	}
	if o := originOf(t.Context(), emitcli.CI{}, "-"); o != nil {
		t.Errorf("standard input: %+v", o)
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"now": "2026-03-01T09:00:00Z", "now+1h30m": "2026-03-01T10:30:00Z", "now-10m": "2026-03-01T08:50:00Z",
		"2026-03-01T12:00:00+02:00": "2026-03-01T10:00:00Z", "2026-03-01T12:00:00.5Z": "2026-03-01T12:00:00.5Z",
		"": "", "now1h": "", "now+": "", "1h": "", "2026-03-01": "", "now+1d": "",
	} {
		got, err := moment("--time", text, now)
		if (err == nil) != (want != "") || err == nil && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
}
