package adapter

import (
	"fmt"
	"strings"
	"testing"
)

// argocdApp is an Application that somebody made up: what its operation and its
// health say.
func argocdApp(operation, health, sync string) string {
	state := ""
	if operation != "" {
		state = `"operationState":` + operation + `,`
	}
	return `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"checkout","namespace":"argocd","uid":"made-up-uid"},` +
		`"spec":{"source":{"repoURL":"https://git.made-up.example/shop/gitops"}},` +
		`"status":{` + state + `"health":` + health + `,"sync":` + sync + `}}`
}

// argocdOperation is one that ran from 10:03 to 10:04.
func argocdOperation(phase, rest string) string {
	ended := `,"finishedAt":"2026-03-01T10:04:00Z"`
	if phase == "Running" || phase == "Terminating" {
		ended = ""
	}
	return fmt.Sprintf(`{"phase":%q,"startedAt":"2026-03-01T10:03:00Z"%s,"syncResult":{"revision":"0123456789abcdef0123456789abcdef01234567"%s}}`, phase, ended, rest)
}

// argocdHealth is a health since a time of the same morning.
func argocdHealth(status, since string) string {
	if since == "" {
		return fmt.Sprintf(`{"status":%q}`, status)
	}
	return fmt.Sprintf(`{"status":%q,"lastTransitionTime":"2026-03-01T%s:00Z"}`, status, since)
}

func TestArgoCDValues(t *testing.T) {
	const synced = `{"status":"Synced","revision":"0123456789abcdef0123456789abcdef01234567"}`
	const drifted = `{"status":"OutOfSync","revision":"0123456789abcdef0123456789abcdef01234567"}`
	const pushed = `{"status":"OutOfSync","revision":"fedcba9876543210fedcba9876543210fedcba98"}`
	for _, c := range []struct {
		name, operation, health, sync string
		want                          []string
	}{
		{"runs", argocdOperation("Running", ""), argocdHealth("Healthy", "09:00"), synced, []string{"in_progress"}},
		{"runs and gets on", argocdOperation("Running", `,"resources":[{"status":"Synced"},{"status":"Pruned"},{"status":"PruneSkipped"}]`), argocdHealth("Progressing", "10:03"), synced, []string{"in_progress", "heartbeat"}},
		{"is being ended", argocdOperation("Terminating", ""), argocdHealth("Healthy", "09:00"), synced, []string{"in_progress"}},
		{"failed", argocdOperation("Failed", ""), argocdHealth("Healthy", "09:00"), synced, []string{"failed/permanent"}},
		{"failed at a resource", argocdOperation("Failed", `,"resources":[{"status":"SyncFailed"}]`), argocdHealth("Healthy", "09:00"), synced, []string{"failed/permanent", "evidence:step-"}},
		{"could not", argocdOperation("Error", ""), argocdHealth("Healthy", "09:00"), synced, []string{"failed/environmental"}},
		{"landed", argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:05"), synced, []string{"deployed"}},
		{"landed at once", argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:04"), synced, []string{"deployed"}},
		{"health of what ran before", argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:03"), synced, []string{"heartbeat"}},
		{"health of no known time", argocdOperation("Succeeded", ""), argocdHealth("Healthy", ""), synced, []string{"heartbeat"}},
		{"landed and changed by hand", argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:05"), drifted, []string{"deployed", "evidence:drift-"}},
		{"landed and there is more", argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:05"), pushed, []string{"deployed"}},
		{"not up yet", argocdOperation("Succeeded", ""), argocdHealth("Progressing", "10:03"), synced, []string{"in_progress"}},
		{"suspended", argocdOperation("Succeeded", ""), argocdHealth("Suspended", "10:03"), synced, []string{"blocked"}},
		{"degraded by it", argocdOperation("Succeeded", ""), argocdHealth("Degraded", "10:05"), synced, []string{"failed", "evidence:health-"}},
		{"degraded before", argocdOperation("Succeeded", ""), argocdHealth("Degraded", "09:00"), synced, []string{"evidence:health-"}},
		{"gone", argocdOperation("Succeeded", ""), argocdHealth("Missing", "10:05"), synced, []string{"evidence:health-"}},
		{"nobody knows", argocdOperation("Succeeded", ""), argocdHealth("Unknown", "10:05"), synced, []string{"evidence:health?"}},
		{"a phase of next year", argocdOperation("Levitating", ""), argocdHealth("Healthy", "10:05"), synced, []string{"unmapped"}},
		{"a health of next year", argocdOperation("Succeeded", ""), argocdHealth("Radiant", "10:05"), synced, []string{"unmapped"}},
		{"well alone", "", argocdHealth("Healthy", "10:05"), synced, []string{"evidence:health+"}},
		{"degraded alone", "", argocdHealth("Degraded", "10:05"), synced, []string{"evidence:health-"}},
		{"at work alone", "", argocdHealth("Progressing", "10:05"), synced, []string{"heartbeat"}},
		{"suspended alone", "", argocdHealth("Suspended", "10:05"), synced, []string{"blocked"}},
		{"gone alone", "", argocdHealth("Missing", "10:05"), synced, []string{"evidence:health-"}},
		{"unknown alone", "", argocdHealth("Unknown", "10:05"), `{"status":"Unknown"}`, []string{"evidence:health?"}},
	} {
		t.Run(c.name, func(t *testing.T) { says(t, "argocd", argocdApp(c.operation, c.health, c.sync), c.want...) })
	}
	for reason, want := range map[string]string{
		"OperationStarted": "in_progress", "OperationCompleted": "ignored", "ResourceUpdated": "heartbeat", "Levitated": "unmapped",
	} {
		t.Run(reason, func(t *testing.T) {
			h := says(t, "argocd", fmt.Sprintf(`{"kind":"Event","metadata":{"uid":"made-up"},"involvedObject":{"kind":"Application","namespace":"argocd","name":"checkout"},"reason":%q,"lastTimestamp":"2026-03-01T10:03:00Z"}`, reason), want)
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu/checkout/_" {
				t.Errorf("subject is %s: an Event names no revision", h.events[0].Subject)
			}
		})
	}
	says(t, "argocd", `{"type":"DELETED","object":`+argocdApp(argocdOperation("Succeeded", ""), argocdHealth("Healthy", "10:05"), synced)+`}`, "removed")
	says(t, "argocd", `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"checkout"}}`, "ignored")
}

// TestArgoCDNotification: the template of docs/tools/argocd.md sends what the
// fixture has.
func TestArgoCDNotification(t *testing.T) {
	h := hear(t, "argocd", atProd, made(t, "argocd", "application"))
	h.says(t, "deployed")
	e, r := h.events[0], reported(t, h.events[0])
	same(t, "subject", e.Subject, "prod/eu-west-1/checkout/git-0123456789ab")
	same(t, "source", e.Source, "/argocd/argocd/checkout")
	same(t, "id", e.ID, "0c5ee1c7-0000-4000-8000-00000000b001/2026-03-01T10:03:00Z/Succeeded/Healthy/2026-03-01T10:05:00Z")
	same(t, "time", at(e), "2026-03-01T10:05:00Z")
	same(t, "refs", r.Refs, "[git:shop/gitops@0123456789abcdef0123456789abcdef01234567]")
	same(t, "url", r.URL, "https://argocd.made-up.example/applications/argocd/checkout")
	same(t, "actor", r.Actor, "argocd:automated")
}

// TestArgoCDFlap: what happens to an Application after its sync has landed begins
// nothing, and fails nothing that had landed: those words are of the end of the
// sync.
func TestArgoCDFlap(t *testing.T) {
	body := string(made(t, "argocd", "application"))
	for _, health := range []string{"Progressing", "Degraded"} {
		later := strings.Replace(body, `"Healthy", "lastTransitionTime": "2026-03-01T10:05:00Z"`, fmt.Sprintf(`%q, "lastTransitionTime": "2026-03-04T22:00:00Z"`, health), 1)
		h := hear(t, "argocd", atProd, []byte(later))
		same(t, health+" is said of what", at(h.events[0]), "2026-03-01T10:04:00Z")
		even := strings.Replace(later, "2026-03-04T22:00:00Z", "2026-03-05T22:00:00Z", 1)
		if again := hear(t, "argocd", atProd, []byte(even)); again.events[0].ID != h.events[0].ID {
			t.Errorf("%s a day later is another word: %s", health, again.events[0].ID)
		}
	}
}

// TestArgoCDNames: what a sync was told to deploy names it, never what runs while
// it goes on.
func TestArgoCDNames(t *testing.T) {
	body := string(made(t, "argocd", "application"))
	for _, c := range []struct{ name, with, want string }{
		{"kustomize", `"source": {"repoURL": "https://git.made-up.example/shop/gitops", "kustomize": {"images": ["checkout=registry.made-up.example/shop/checkout:2.14.0"]}}`, "2.14.0"},
		{"helm parameter", `"source": {"repoURL": "https://git.made-up.example/shop/gitops", "helm": {"parameters": [{"name": "image.tag", "value": "2.14.1"}]}}`, "2.14.1"},
	} {
		changed := strings.Replace(body, `"source": {"repoURL": "https://git.made-up.example/shop/gitops"}}`, c.with+"}", 1)
		if h := hear(t, "argocd", atProd, []byte(changed)); h.events[0].Subject != "prod/eu-west-1/checkout/"+c.want {
			t.Errorf("%s: subject is %s", c.name, h.events[0].Subject)
		}
	}
	chart := strings.ReplaceAll(body, "0123456789abcdef0123456789abcdef01234567", "1.4.2")
	chart = strings.ReplaceAll(chart, `{"repoURL": "https://git.made-up.example/shop/gitops"}`, `{"repoURL": "https://charts.made-up.example", "chart": "checkout"}`)
	if h := hear(t, "argocd", atProd, []byte(chart)); h.events[0].Subject != "prod/eu-west-1/checkout/1.4.2" {
		t.Errorf("a chart: subject is %s", h.events[0].Subject)
	}
}
