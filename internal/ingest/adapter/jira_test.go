package adapter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestJiraRealPayloads: of all that happens to an issue, its status counts, and
// only where somebody said what a status means.
func TestJiraRealPayloads(t *testing.T) {
	root := testkit.RealInputs(t, "jira", "mattermost+mattermost-plugin-jira", "server", "testdata")
	files, err := filepath.Glob(filepath.Join(root, "webhook-issue-updated-*.json"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d payloads: %v", len(files), err)
	}
	const here = "prod/eu-west-1/checkout/_ evidence approval="
	for _, tc := range []struct {
		query map[string][]string
		want  map[string]string // by the end of the name; the others are ignored
	}{
		{query: slot("eu-west-1")},
		{
			query: map[string][]string{"env": {"prod"}, "region": {"eu-west-1"}, "approved": {"Done"}},
			want:  map[string]string{"resolved": "prod/eu-west-1/comp-1/_ evidence approval=pass"},
		},
		{
			query: map[string][]string{"env": {"prod"}, "region": {"eu-west-1"}, "component": {"checkout"}, "approved": {"To Do"}, "rejected": {"done"}},
			want:  map[string]string{"resolved": here + "fail", "started-working": here + "unknown"},
		},
		{
			query: map[string][]string{"approved": {"In Progress"}},
			want:  map[string]string{"started-working": "unmapped by issue: no env, region", "resolved": "unmapped by issue: no env, region"},
		},
	} {
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "webhook-issue-updated-"), ".json")
			want, ok := tc.want[name]
			if !ok {
				want = "ignored by issue"
			}
			p := toldBy("jira", body, tc.query)
			if got := p.said(t); got != want {
				t.Errorf("%v %s: %s, want %s", tc.query, name, got, want)
			}
			noPeople(t, p.result(t), "@", "Test User", `"admin"`)
		}
	}
}

// TestJiraStatus: a ticket is an approval by what the URL says, and nothing it
// can be is taken for one else.
func TestJiraStatus(t *testing.T) {
	const here = "prod/eu-west-1/checkout/_ evidence "
	moved := `"fromString": "In Review", "to": "10004", "toString": "Approved"`
	for _, tc := range []struct {
		name    string
		replace []string
		query   map[string][]string
		want    string
	}{
		{name: "approved", query: map[string][]string{"approved": {"Approved"}}, want: here + "approval=pass"},
		{name: "one of several", query: map[string][]string{"approved": {"Ready,approved"}}, want: here + "approval=pass"},
		{name: "a part of a status is not it", query: map[string][]string{"approved": {"Approved by CAB"}}, want: here + "ticket=unknown"},
		{name: "rejected", query: map[string][]string{"approved": {"Ready"}, "rejected": {"Approved"}}, want: here + "approval=fail"},
		{name: "nobody said what is approved", want: here + "ticket=unknown"},
		{
			name: "no longer approved", query: map[string][]string{"approved": {"Approved"}},
			replace: []string{moved, `"fromString": "Approved", "to": "10003", "toString": "In Review"`}, want: here + "approval=unknown",
		},
		{
			name: "done says nothing of a deployment", replace: []string{`"indeterminate"`, `"done"`, moved, `"fromString": "Open", "to": "1", "toString": "Done"`},
			want: here + "ticket=unknown",
		},
		{name: "no fix version", replace: []string{`[{"id": "10010", "name": "2.14.0", "released": false}]`, "[]"}, want: "ignored by issue"},
		{name: "created", replace: []string{"jira:issue_updated", "jira:issue_created"}, want: here + "ticket=unknown"},
		{name: "deleted", replace: []string{"jira:issue_updated", "jira:issue_deleted"}, want: "ignored by deleted"},
		{
			name: "an approval goes with its ticket", query: map[string][]string{"approved": {"Approved"}},
			replace: []string{"jira:issue_updated", "jira:issue_deleted"}, want: here + "approval=unknown",
		},
		{name: "a comment", replace: []string{"jira:issue_updated", "comment_created"}, want: "ignored by other"},
		{name: "a version", replace: []string{"jira:issue_updated", "jira:version_released"}, want: "ignored by other"},
		{name: "an event that nobody knows", replace: []string{"jira:issue_updated", "made_up"}, want: "unmapped by other: webhookEvent=made_up"},
	} {
		query := map[string][]string{"region": {"eu-west-1"}, "component": {"checkout"}}
		for k, v := range tc.query {
			query[k] = v
		}
		if got := toldBy("jira", made(t, "jira", "moved", tc.replace...), query).said(t); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestJiraActor: an account has an opaque id; the key of an old account on a
// Server is a name.
func TestJiraActor(t *testing.T) {
	for account, want := range map[string]string{
		`"accountId": "5b10a2844c20165700ede21g"`: "jira:5b10a2844c20165700ede21g",
		`"key": "JIRAUSER10100", "name": "ann"`:   "jira:JIRAUSER10100",
		`"key": "ann", "name": "ann"`:             "",
	} {
		body := made(t, "jira", "moved", `"accountId": "5b10a2844c20165700ede21g"`, account)
		var ev events.Evidence
		if err := only(t, toldBy("jira", body, slot("eu-west-1")).result(t)).DataAs(&ev); err != nil {
			t.Fatal(err)
		}
		if ev.Actor != want {
			t.Errorf("%s: the actor is %q, want %q", account, ev.Actor, want)
		}
	}
}
