package ingest

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/testkit"
)

// TestRealMessages posts what tools have really sent to the doors of those tools:
// whatever it is, the answer is 202, and all of it is taken, ignored with a
// reason, or whole in quarantine. What each becomes is the mappings' to test.
func TestRealMessages(t *testing.T) {
	for folder, tool := range map[string]string{
		"github": "github", "gitlab": "gitlab", "argo-rollouts-objects": "argo-rollouts", "azure-devops": "azure-devops",
		"jira": "jira", "cdevents": "cdevents", "cloudevents": "cdevents", "alert-payloads": "alertmanager", "keptn": "keptn",
		"k8s-health-oracle": "argocd",
	} {
		t.Run(folder, func(t *testing.T) {
			root := testkit.RealInputs(t, folder)
			w := newWorld(t, func(o *Options) {
				o.Hooks = []Hook{{Hook: adapter.Hook{Tool: tool}, SuspendAfter: -1}}
			})
			posted := 0
			err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				body, err := os.ReadFile(name)
				if err != nil || len(body) > 1<<20 {
					return err
				}
				posted++
				w.postReal(t, name, "/v1/hooks/"+tool+"?env=prod&region=eu-west-1&component=checkout", body)
				return nil
			})
			if err != nil || posted == 0 {
				t.Errorf("%d posted, %v", posted, err)
			}
			if folder == "cdevents" && !slices.ContainsFunc(w.stored(), func(s stored) bool { return strings.HasPrefix(s.Type, customCDEvents) }) {
				t.Error("no custom CDEvent is stored")
			}
		})
	}
}

func (w *world) postReal(t *testing.T, name, path string, body []byte) {
	t.Helper()
	event := strings.SplitN(strings.TrimSuffix(filepath.Base(name), ".json"), ".", 2)[0]
	a := w.hook(path, body, "X-GitHub-Event", event, "X-Gitlab-Event", "Deployment Hook")
	if a.Status != http.StatusAccepted || a.Accepted+a.Duplicates+a.Ignored+len(a.Quarantined) == 0 {
		t.Errorf("%s: %d %s", name, a.Status, a.Text)
		return
	}
	if a.Ignored != len(a.IgnoredBecause) {
		t.Errorf("%s: ignored for no reason: %s", name, a.Text)
	}
	if len(a.Quarantined) == 0 {
		return
	}
	e, err := w.in.quarantines[doorHook].Get(t.Context(), a.Quarantined[0].Seq)
	if err != nil || !bytes.Equal(e.Raw, body) || e.Faults[0].Detail == "" {
		t.Errorf("%s: quarantined %d bytes with %+v, %v", name, len(e.Raw), e.Faults, err)
	}
}
