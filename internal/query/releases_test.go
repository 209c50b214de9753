package query_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// releases tells the story of the fixture with what was said of releases: r7 has
// no plan and is missing in one region, r9 has one of which nothing was heard.
func (f *fixture) releases() {
	f.release()
	f.tell("prod/ap-south-1/checkout/2.13.0", word{minute: -50, status: "deployed", version: "2.13.0"})
	f.tell("prod/ap-south-1/search/1", word{minute: -50, status: "deployed", version: "1"})
	f.tell("prod/sa-east-1/checkout/2.14.0-rc", word{minute: 30, status: "deployed", version: "2.14.0-rc"})
	f.apply(-90, component("checkout", "1", "checkout", "team-pay"))
	f.say(6, events.TypeEvidence, "prod/r7", events.Evidence{Kind: "approval", Verdict: "pass", Name: "cab"}, false)
	f.say(7, events.TypeAnnotated, "prod/r7", events.Annotated{Kind: "incident", Text: "disk full"}, false)
	f.say(8, events.TypeReleaseDeclared, "prod/r9", events.ReleaseDeclared{
		Members: []events.Member{
			{Region: "us-east-1", Component: "payments", Deployment: "7.1"},
			{Region: "us-east-1", Component: "checkout", DependsOn: []string{"payments"}},
		},
		Owner: "train", Ticket: "CHG-1",
	}, false)
	f.say(9, events.TypeReleaseDeclared, "prod/r9", events.ReleaseDeclared{
		Members: []events.Member{{Region: "eu", Component: "a", DependsOn: []string{"b"}}, {Region: "eu", Component: "b", DependsOn: []string{"a"}}},
	}, false)
	f.say(9, events.TypeFreezeDeclared, "prod", events.Freeze{Name: "xmas", From: epoch, To: epoch.AddDate(0, 0, 1), Reason: "quiet"}, false)
}

func TestReleases(t *testing.T) {
	f := newFixture(t, nil)
	f.releases()
	golden(t, "release", f.get("/v1/releases/prod/r7"))
	tag := f.do(http.MethodGet, "/v1/releases/prod/r7").header.Get("ETag")
	if same := f.do(http.MethodGet, "/v1/releases/prod/r7", "If-None-Match", tag); tag == "" || same.status != http.StatusNotModified {
		t.Errorf("asked again with %q: %d", tag, same.status)
	}
	f.apply(-80, component("checkout", "2", "checkout", "team-pay"), "prod")
	if same := f.do(http.MethodGet, "/v1/releases/prod/r7", "If-None-Match", tag); same.status != http.StatusNotModified {
		t.Errorf("another version of a document says the same: %d", same.status)
	}
	f.apply(-80, component("payments", "1", "payments", "team-pay"))
	if moved := f.do(http.MethodGet, "/v1/releases/prod/r7", "If-None-Match", tag); moved.status != http.StatusOK {
		t.Errorf("a member has an owner now: %d", moved.status)
	}
	golden(t, "release-planned", f.get("/v1/releases/prod/r9"))
	golden(t, "freezes", f.get("/v1/freezes"))
	var history view.List[view.Heard]
	f.into(&history, "/v1/deployments/prod/us-east-1/payments/7.1/events")
	got := ""
	for _, h := range history.Items {
		got += h.Said + h.Kind + "/" + h.OfRelease + " "
	}
	if got != "planned/ approval/r7 incident/r7 " {
		t.Errorf("what was said of the release counts for its members: %s", got)
	}
	for query, want := range map[string]string{
		"":                            "prod/r7:stalled prod/r9:planned stage/r8:in_progress",
		"env=prod":                    "prod/r7:stalled prod/r9:planned",
		"release=r8":                  "stage/r8:in_progress",
		"status=planned&status=x":     "prod/r9:planned",
		"env=stage&status=stalled":    "",
		"env=nowhere":                 "",
		"status=in_progress&env=prod": "",
	} {
		// What is shown decides, not what the words say.
		f.show("prod/us-east-1/checkout/2.14.0", statemachine.Neighbours{})
		f.show("prod/us-east-1/payments/7.1", statemachine.Neighbours{})
		f.show("prod/eu-west-1/checkout/2.14.0", statemachine.Neighbours{Stall: statemachine.Stall{Reason: "silent", Due: epoch.UnixNano()}})
		if got := strings.Join(f.statuses("/v1/releases?"+query), " "); got != want {
			t.Errorf("?%s: %s, want %s", query, got, want)
		}
		separator := "&"
		if query == "" {
			separator = ""
		}
		if pages := f.pages("/v1/releases?" + query + separator + "limit=1"); len(pages) != len(strings.Fields(want)) {
			t.Errorf("?%s: %d releases on pages of one, want %s", query, len(pages), want)
		}
	}
}

// statuses returns the releases of a list, each with its status.
func (f *fixture) statuses(path string, header ...string) (out []string) {
	var l view.List[view.ReleaseBody]
	f.into(&l, path, header...)
	for _, r := range l.Items {
		out = append(out, r.Env+"/"+r.Release+":"+r.Status)
	}
	return out
}

// A release tells of its members, so it is for who may see all of them.
func TestReleaseAccess(t *testing.T) {
	f := newFixture(t, tokens(t))
	f.releases()
	stage := []string{"Authorization", "Bearer stage-token"}
	if got := strings.Join(f.statuses("/v1/releases", stage...), " "); got != "stage/r8:in_progress" {
		t.Errorf("the list shows %s", got)
	}
	f.refused(http.MethodGet, "/v1/releases/prod/r7", 404, events.CodeNotFound, stage...)
	f.refused(http.MethodGet, "/v1/sources", 403, events.CodeForbidden, stage...)
	var freezes view.List[view.FreezeBody]
	if f.into(&freezes, "/v1/freezes", stage...); len(freezes.Items) != 0 {
		t.Errorf("it shows the freezes %+v", freezes.Items)
	}
}
