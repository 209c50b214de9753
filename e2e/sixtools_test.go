package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hookBody is one message as a tool sends it. ENV stands for the environment.
type hookBody struct{ path, header, body string }

// sixTools is one rollout, of checkout 2.14.0 to eu-west-1, in the words of six
// tools that know it by different names: a commit of the application, a commit of
// the configuration, an image, nothing at all. The bodies are made up.
func sixTools() []hookBody {
	const follow = "?env=ENV&region=eu-west-1&names=follow"
	return []hookBody{
		{"github?region=eu-west-1", "X-GitHub-Event: deployment_status", `{
			"action": "created",
			"deployment_status": {"id": 7, "state": "in_progress", "environment": "ENV", "created_at": "2026-03-01T10:00:00Z"},
			"deployment": {"id": 5, "sha": "0123456789abcdef0123456789abcdef01234567", "ref": "v2.14.0", "environment": "ENV", "payload": {}},
			"repository": {"name": "checkout", "full_name": "ENV/checkout"}}`},
		{"argo-rollouts" + follow, "", `{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
			"metadata": {"name": "checkout", "namespace": "shop", "uid": "r-ENV", "generation": 4},
			"spec": {"replicas": 4, "template": {"spec": {"containers": [{"name": "checkout", "image": "registry.example/checkout:2.14.0"}]}}},
			"status": {"phase": "Progressing", "observedGeneration": "4", "currentPodHash": "b", "stableRS": "a", "updatedReplicas": 1, "conditions": [
				{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "lastUpdateTime": "2026-03-01T10:02:00Z"}]}}`},
		{"flagger", "", `{
			"name": "checkout", "namespace": "shop", "phase": "Progressing", "checksum": "ENV",
			"metadata": {"env": "ENV", "region": "eu-west-1", "eventMessage": "Advance canary weight 20", "timestamp": "1772359380000"}}`},
		{"kubernetes" + follow, "", `{
			"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": {"name": "checkout", "namespace": "shop", "uid": "d-ENV", "generation": 12, "resourceVersion": "9"},
			"spec": {"replicas": 4, "template": {"spec": {"containers": [{"name": "checkout", "image": "registry.example/checkout:2.14.0"}]}}},
			"status": {"observedGeneration": 12, "replicas": 4, "updatedReplicas": 4, "readyReplicas": 4, "availableReplicas": 4, "conditions": [
				{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": "2026-03-01T10:04:00Z"}]}}`},
		{"argocd" + follow, "", `{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
			"metadata": {"name": "checkout", "namespace": "argocd", "uid": "a-ENV"},
			"spec": {"source": {"repoURL": "https://git.example/made-up/gitops"}},
			"status": {"sync": {"status": "Synced", "revision": "fedcba9876543210fedcba9876543210fedcba98"},
				"health": {"status": "Healthy", "lastTransitionTime": "2026-03-01T10:05:00Z"},
				"operationState": {"phase": "Succeeded", "startedAt": "2026-03-01T10:01:00Z", "finishedAt": "2026-03-01T10:03:30Z",
					"syncResult": {"revision": "fedcba9876543210fedcba9876543210fedcba98", "source": {
						"repoURL": "https://git.example/made-up/gitops", "kustomize": {"images": ["registry.example/checkout:2.14.0"]}}}}}}`},
		{"alertmanager?region=eu-west-1", "", `{
			"version": "4", "status": "resolved", "receiver": "telltale", "externalURL": "https://alerts.example",
			"alerts": [{"status": "resolved", "labels": {"alertname": "CheckoutErrors", "env": "ENV", "component": "checkout"},
				"startsAt": "2026-03-01T10:03:00Z", "endsAt": "2026-03-01T10:06:00Z", "fingerprint": "ENV"}]}`},
	}
}

// hook posts a message to a tool's door and returns what became of it.
func (p *process) hook(b hookBody, env string) (accepted, duplicates int, err error) {
	named := strings.NewReplacer("ENV", env)
	req, err := http.NewRequest(http.MethodPost, p.url+"/v1/hooks/"+named.Replace(b.path), strings.NewReader(named.Replace(b.body)))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if name, value, ok := strings.Cut(b.header, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0, err
	}
	var answer struct {
		Accepted, Duplicates, Ignored int
		Quarantined                   []any
	}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusAccepted || len(answer.Quarantined)+answer.Ignored > 0 {
		return 0, 0, fmt.Errorf("%s answers %s %s", b.path, resp.Status, text)
	}
	return answer.Accepted, answer.Duplicates, nil
}

// orders returns all orders of n things.
func orders(n int) (all [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, rest := range orders(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(rest), i, n-1))
		}
	}
	return all
}

// TestSixTools: what six tools say of one rollout is one deployment, the same in
// all 720 orders, each with a repeat. Every order has an environment of its own.
func TestSixTools(t *testing.T) {
	p := serve(t, t.TempDir(), "--regions", "eu-west-1")
	tools := sixTools()
	all := orders(len(tools))
	env := func(n int) string { return fmt.Sprintf("env%d", n) }

	work, problems := make(chan int), make(chan error, len(all))
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for n := range work {
				problems <- p.tell(tools, all[n], n%len(tools), env(n))
			}
		})
	}
	for n := range all {
		work <- n
	}
	close(work)
	senders.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.settle(t, uint64(len(all)*len(tools)))

	if unplaced := p.list(t, "/v1/unplaced?limit=1000"); len(unplaced) > 0 {
		t.Errorf("%d words found no rollout, the first: %s", len(unplaced), unplaced[0])
	}
	first := ""
	for n, order := range all {
		found := p.list(t, "/v1/deployments?env="+env(n))
		if len(found) != 1 {
			t.Fatalf("the order %v made %d deployments: %s", order, len(found), found)
		}
		got := comparable(t, found[0], env(n))
		if n == 0 {
			first = got
			var d struct{ Status, Version, Deployment string }
			if err := json.Unmarshal(found[0], &d); err != nil {
				t.Fatal(err)
			}
			if d.Status != "verified" || d.Version != "v2.14.0" || d.Deployment != "v2.14.0" {
				t.Errorf("it is %+v", d)
			}
		}
		if got != first {
			t.Fatalf("the order %v gives\n%s\nthe order %v\n%s", order, got, all[0], first)
		}
	}
}

// tell sends what the tools say in an order, and one of it again.
func (p *process) tell(tools []hookBody, order []int, again int, env string) error {
	for _, i := range append(slices.Clone(order), again) {
		accepted, duplicates, err := p.hook(tools[i], env)
		if err != nil {
			return err
		}
		if accepted+duplicates == 0 {
			return fmt.Errorf("%s said nothing", tools[i].path)
		}
	}
	return nil
}

// comparable returns a deployment without its environment, and without what
// hangs on where it is in the stream.
func comparable(t testing.TB, raw json.RawMessage, env string) string {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), env, "ENV")), &d); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"revision", "digest"} {
		if _, ok := d[name]; !ok {
			t.Fatalf("a deployment has no %s", name)
		}
		delete(d, name)
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
