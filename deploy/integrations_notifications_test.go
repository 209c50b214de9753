package deploy

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/pkg/events"
)

// mapped sends a body to the hook of a tool and returns the events, as
// "subject status", "subject progressed" or "subject evidence kind=verdict".
func mapped(t *testing.T, tool string, body []byte) []string {
	t.Helper()
	file := "../internal/ingest/adapter/" + tool + ".yaml"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := adapter.Read(file, doc)
	if err != nil {
		t.Fatal(err)
	}
	res, err := m.Map(&adapter.Request{Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range res.Unmapped {
		t.Errorf("rule %s: %v", u.Rule, u.Err)
	}
	var all []string
	for _, e := range res.Events {
		word := strings.TrimSuffix(strings.TrimPrefix(e.Event.Type, "dev.telltale.deployment."), ".v1")
		switch e.Event.Type {
		case events.TypeReported:
			var r events.Reported
			if err := e.Event.DataAs(&r); err != nil {
				t.Fatal(err)
			}
			word = r.Status
		case events.TypeEvidence:
			var v events.Evidence
			if err := e.Event.DataAs(&v); err != nil {
				t.Fatal(err)
			}
			word += " " + v.Kind + "=" + string(v.Verdict)
		}
		all = append(all, e.Event.Subject+" "+word)
	}
	return all
}

// application is a made-up Application as the API server has it, with members
// that the template leaves out.
const application = `{
	"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
	"metadata": {
		"name": "checkout", "namespace": "argocd", "uid": "7b0d", "generation": 4,
		"labels": {"app.kubernetes.io/version": "2.14.0", "telltale.dev/env": "prod"},
		"annotations": {"telltale.dev/region": "eu-west-1", "secret": "do-not-send"}
	},
	"spec": {
		"project": "shop", "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
		"source": {"repoURL": "https://git.example.org/made-up/gitops.git", "path": "checkout", "targetRevision": "main",
			"helm": {"parameters": [{"name": "password", "value": "do-not-send"}, {"name": "image.tag", "value": "2.14.0"}]}}
	},
	"status": {
		"health": {"status": "HEALTH", "lastTransitionTime": "2026-05-04T10:12:00Z"},
		"sync": {"status": "Synced", "revision": "0123456789abcdef0123456789abcdef01234567"},
		"summary": {"images": ["registry.example.org/checkout:2.14.0"]},
		"history": [{"id": 1, "initiatedBy": {"username": "do-not-send"}}],
		"operationState": {
			"phase": "PHASE", "message": "a \"quoted\" <message>", "startedAt": "2026-05-04T10:10:00Z", "finishedAt": "2026-05-04T10:11:00Z",
			"operation": {"initiatedBy": {"username": "do-not-send"}, "sync": {"revision": "0123456789abcdef0123456789abcdef01234567"}},
			"syncResult": {"revision": "0123456789abcdef0123456789abcdef01234567",
				"resources": [{"kind": "Deployment", "status": "Synced"}, {"kind": "Service", "status": "Synced"}]}
		}
	}
}`

// TestArgoCD renders the template on an Application in each of its phases and
// sends the result through the mapping.
func TestArgoCD(t *testing.T) {
	n := readNotifications(t, "integrations/argocd/notifications.yaml")
	if n.tool != "argocd" {
		t.Fatalf("the address is the hook of %s", n.tool)
	}
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tc := range []struct {
		phase, health string
		want          []string
	}{
		{"Running", "Progressing", []string{key + "in_progress", key + "progressed"}},
		{"Failed", "Healthy", []string{key + "failed"}},
		{"Succeeded", "Progressing", []string{key + "in_progress"}},
		{"Succeeded", "Healthy", []string{key + "deployed"}},
		{"Succeeded", "Degraded", []string{key + "failed", key + "evidence health=fail"}},
	} {
		body := n.render(t, "app", strings.NewReplacer("PHASE", tc.phase, "HEALTH", tc.health).Replace(application))
		if strings.Contains(string(body), "do-not-send") {
			t.Errorf("the message holds what it should not: %s", body)
		}
		if got := mapped(t, n.tool, body); !slices.Equal(got, tc.want) {
			t.Errorf("%s, %s: %q, want %q", tc.phase, tc.health, got, tc.want)
		}
	}
	// What a new Application lacks, the template must not trip over.
	n.render(t, "app", `{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "x"}, "spec": {}, "status": {}}`)
	n.render(t, "app", `{"metadata": {}, "spec": {"sources": [{"repoURL": "a"}, {"repoURL": "b", "kustomize": {"images": ["a:1"]}}]}}`)
}

// rollout is a made-up Rollout as the API server has it.
const rollout = `{
	"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
	"metadata": {
		"name": "checkout", "namespace": "shop", "uid": "9c1e", "generation": 7,
		"labels": {"telltale.dev/env": "prod", "telltale.dev/region": "eu-west-1"},
		"annotations": {"rollout.argoproj.io/revision": "3"}
	},
	"spec": {
		"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
		"template": {
			"metadata": {"labels": {"app.kubernetes.io/version": "2.14.0"}},
			"spec": {"containers": [
				{"name": "checkout", "image": "registry.example.org/checkout:2.14.0", "env": [{"name": "PASSWORD", "value": "do-not-send"}]},
				{"name": "proxy", "image": "registry.example.org/proxy:1.0.0"}
			]}
		}
	},
	"status": {
		"observedGeneration": "7", "phase": "PHASE", "currentPodHash": "6d4cf56db6", "stableRS": "STABLE", "currentStepIndex": 1,
		"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "pauseConditions": PAUSES,
		"conditions": [{"type": "Progressing", "status": "True", "reason": "REASON", "lastUpdateTime": "2026-05-04T10:12:00Z"}]
	}
}`

// TestArgoRollouts renders the template on a Rollout in each of its phases and
// sends the result through the mapping.
func TestArgoRollouts(t *testing.T) {
	n := readNotifications(t, "integrations/argo-rollouts/notifications.yaml")
	if n.tool != "argo-rollouts" {
		t.Fatalf("the address is the hook of %s", n.tool)
	}
	const key = "prod/eu-west-1/checkout/2.14.0 "
	const paused = `[{"reason": "CanaryPauseStep", "startTime": "2026-05-04T10:12:00Z"}]`
	for _, tc := range []struct {
		phase, stable, reason, pauses string
		want                          string
	}{
		{"Progressing", "old", "ReplicaSetUpdated", "null", "in_progress"},
		{"Paused", "old", "RolloutPaused", paused, "pending_approval"},
		{"Degraded", "old", "ProgressDeadlineExceeded", "null", "stalled"},
		{"Healthy", "6d4cf56db6", "NewReplicaSetAvailable", "null", "deployed"},
	} {
		body := n.render(t, "rollout", strings.NewReplacer("PHASE", tc.phase, "STABLE", tc.stable, "REASON", tc.reason, "PAUSES", tc.pauses).Replace(rollout))
		if strings.Contains(string(body), "do-not-send") {
			t.Errorf("the message holds what it should not: %s", body)
		}
		if got := mapped(t, n.tool, body); len(got) == 0 || got[0] != key+tc.want {
			t.Errorf("%s: %q, want %q first", tc.phase, got, key+tc.want)
		}
	}
	n.render(t, "rollout", `{"metadata": {"name": "x"}, "spec": {}}`)
}
