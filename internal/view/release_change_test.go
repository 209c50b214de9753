package view_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// TestReleaseChangesFitTheirSchema renders changes at the ends of what they can
// say, and reads them back.
func TestReleaseChangesFitTheirSchema(t *testing.T) {
	for name, c := range map[string]view.ReleaseChange{
		"the first, of no member": {Key: events.Release{Env: "prod", Name: "2026.47"}, From: "unknown", ReleaseFacts: view.ReleaseFacts{Status: "unknown", Members: []view.MemberStatus{}}},
		"everything": {
			Key: events.Release{Env: "prod", Name: "2026.47"}, From: "in_progress",
			ReleaseFacts: view.ReleaseFacts{Status: "failed", Reason: "some \"é\"", Members: []view.MemberStatus{{Key: "prod/eu/web/1", Status: "failed"}}},
			At:           1, Recorded: 2, Cause: view.Cause{Source: "/ci/<x>&y", ID: "é\"1"},
		},
	} {
		c.ID = events.ChangeID{Incarnation: "k3v9q2", Seq: 8123, Index: 4}
		c.At += 1_700_000_000e9
		c.Recorded += 1_700_000_000e9
		raw, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if e := schematest.Event(t, raw); e.Type != events.TypeReleaseChanged || e.Subject != "prod/2026.47" {
			t.Errorf("%s: the event is %s of %s", name, e.Type, e.Subject)
		}
		back, ok, err := view.ParseReleaseChange(raw)
		if err != nil || !ok || !reflect.DeepEqual(back, c) {
			t.Errorf("%s: %+v came back as %+v, %v, %v", name, c, back, ok, err)
		}
		forged := strings.Replace(string(raw), `"to":"`+c.Status+`"`, `"to":"verified"`, 1)
		if _, _, err := view.ParseReleaseChange([]byte(forged)); err == nil {
			t.Errorf("%s: a change with other facts than its digest was read", name)
		}
	}
	for text, known := range map[string]bool{
		`{`: true,
		`{"type":"` + events.TypeReleaseChanged + `"}`:         true,
		`{"type":"` + events.TypeRegionChanged + `","data":7}`: false,
	} {
		if _, ok, err := view.ParseReleaseChange([]byte(text)); ok || (err != nil) != known {
			t.Errorf("%s: %v, %v", text, ok, err)
		}
	}
}

// TestReleaseExample reads the example that is published.
func TestReleaseExample(t *testing.T) {
	raw, err := schemas.Example(events.TypeReleaseChanged)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok, err := view.ParseReleaseChange(raw); err != nil || !ok || c.Status != "failed" {
		t.Errorf("the example is %+v, %v, %v", c, ok, err)
	}
}

// TestReleaseBody holds what a release carries through.
func TestReleaseBody(t *testing.T) {
	plan, err := view.NewPlan(&view.Declaration{
		Release: events.Release{Env: "prod", Name: "r"},
		ReleaseDeclared: events.ReleaseDeclared{
			Members: []events.Member{{Region: "eu", Component: "web", DependsOn: []string{"db"}}, {Region: "eu", Component: "db"}, {Region: "us", Component: "db"}},
			Owner:   "train", Ticket: "CHG-1", Risk: "low", Impact: "payments",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := view.Seen{Key: events.Key{Slot: plan.Slots()[1], Deployment: "7"}, Version: "7.0", Began: true, Owner: "dba"}
	seen.Status, seen.Since, seen.Conditions = "deployed", 1_700_000_000e9, []string{"upstream_reverted"}
	r := view.Release{Key: plan.Release, Plan: plan, Members: view.ReleaseMembers(plan, []view.Seen{seen}, nil), Revision: 9}
	r.Refused = &view.Refusal{Err: &view.PlanError{Problem: "a cycle", Cycle: []string{"a", "b", "a"}}}
	r.Members[0].Who.Owner, r.Members[1].Who = "web team", view.Who{Owner: "ops", Impact: "all orders"}
	b := r.Body()
	if b.Status != "partially_deployed" || b.Reason.Status != b.Status || !b.Planned || b.Refused != "a cycle: a needs b needs a" ||
		b.Owner != "train" || b.Ticket != "CHG-1" || b.Impact != "payments" || !reflect.DeepEqual(b.Impacts, []string{"all orders"}) {
		t.Errorf("the release is %+v", b)
	}
	if b.Members[0].Owner != "web team" || b.Members[1].Owner != "dba" {
		t.Errorf("they are of %s and %s", b.Members[0].Owner, b.Members[1].Owner)
	}
	if len(b.Members) != 3 || b.Members[0].Status != "not_seen" || b.Members[0].DependsOn[0] != "db" || b.Members[1].Key != "prod/eu/db/7" ||
		b.Members[1].Conditions[0] != "upstream_reverted" || b.Members[2].Key != "prod/us/db" {
		t.Errorf("its members are %+v", b.Members)
	}
	if b.Evidence == nil || b.Annotations == nil || b.Revision != 9 {
		t.Errorf("lists are null, or the revision %d", b.Revision)
	}
}
