package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// membersOf makes a member of each status; "-" is not seen. What is not waiting
// has begun, but for a "!" in front.
func membersOf(statuses string) []ReleaseMember {
	waiting := []string{"planned", "pending_approval", "queued", "blocked", "unknown"}
	var members []ReleaseMember
	for i, status := range strings.Fields(statuses) {
		slot := events.Slot{Env: "prod", Region: "eu", Component: fmt.Sprint("c", i)}
		m := ReleaseMember{Slot: slot}
		if status != "-" {
			status, dead := strings.CutPrefix(status, "!")
			m.Seen = &Seen{
				Key:   events.Key{Slot: slot, Deployment: "1"},
				Shown: statemachine.Shown{Status: status}, Began: !dead && !slices.Contains(waiting, status),
			}
		}
		members = append(members, m)
	}
	return members
}

func TestComposite(t *testing.T) {
	for statuses, want := range map[string]string{
		"":                                      "unknown",
		"-":                                     "unknown",
		"- unknown":                             "unknown",
		"planned -":                             "planned",
		"planned queued":                        "queued",
		"planned queued pending_approval":       "pending_approval",
		"planned blocked pending_approval":      "blocked",
		"manual_intervention rolling_back":      "manual_intervention",
		"rolling_back stalled in_progress":      "rolling_back",
		"stalled in_progress failed":            "stalled",
		"in_progress failed deployed":           "in_progress",
		"verifying verified":                    "in_progress",
		"partially_restored verified":           "partially_restored",
		"reverted deployed":                     "partially_restored",
		"recovered verified -":                  "partially_restored",
		"reverted partially_deployed":           "partially_restored",
		"reverted reverted":                     "reverted",
		"reverted planned -":                    "reverted",
		"reverted recovered":                    "reverted",
		"recovered recovered":                   "recovered",
		"recovered !cancelled":                  "recovered",
		"reverted failed":                       "failed",
		"failed planned":                        "failed",
		"failed -":                              "failed",
		"failed deployed":                       "partially_deployed",
		"deployed planned":                      "partially_deployed",
		"deployed -":                            "partially_deployed",
		"verified verified -":                   "partially_deployed",
		"deployed superseded":                   "partially_deployed",
		"partially_deployed partially_deployed": "partially_deployed",
		"partially_deployed planned":            "partially_deployed",
		"verified verified":                     "verified",
		"verified deployed":                     "deployed",
		"deployed deployed":                     "deployed",
		"!cancelled planned":                    "planned",
		"!cancelled -":                          "cancelled",
		"cancelled removed":                     "removed",
		"cancelled superseded removed":          "superseded",
		"cancelled reverted":                    "cancelled",
	} {
		if got, why := Composite(membersOf(statuses)); got != want || why.Status != want || why.Text == "" {
			t.Errorf("%s: %s (%s), want %s", statuses, got, why.Text, want)
		}
	}
}

// The order of members does not matter, and a member that was not seen is never
// green; the tree names only members of the release.
func TestCompositeIsOrderFree(t *testing.T) {
	statuses := append(statemachine.Standard().Statuses(), "-", "!cancelled", "stalled", "superseded", "unknown")
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOfN(rapid.SampledFrom(statuses), 1, 6).Draw(t, "statuses")
		got, why := Composite(membersOf(strings.Join(picked, " ")))
		again, _ := Composite(membersOf(strings.Join(rapid.Permutation(picked).Draw(t, "order"), " ")))
		if got != again {
			t.Fatalf("%v is %s, in another order %s", picked, got, again)
		}
		green := got == statemachine.StatusDeployed || got == statemachine.StatusVerified
		if green && slices.ContainsFunc(picked, func(s string) bool { return s != statemachine.StatusDeployed && s != statemachine.StatusVerified }) {
			t.Fatalf("%v is %s", picked, got)
		}
		leaves := 0
		for _, group := range why.Because {
			leaves += len(group.Because)
		}
		if leaves == 0 || leaves > len(picked) {
			t.Fatalf("%v is %s because of %d members", picked, got, leaves)
		}
	})
}

func TestReasonTree(t *testing.T) {
	members := membersOf("stalled in_progress stalled")
	members[0].Seen.Reason = "overdue"
	members[2].Seen.WaitingFor = []statemachine.Held{{Status: "verified", Guard: "evidence", Message: "waits for passing evidence"}}
	_, got := Composite(members)
	want := Reason{
		Status: "stalled", Text: "some members: stalled", Because: []Reason{{
			Status: "stalled", Text: "2 of 3 members: stalled", Because: []Reason{
				{Status: "stalled", Text: "prod/eu/c0/1 is stalled", Key: "prod/eu/c0/1", Name: "overdue"},
				{Status: "stalled", Text: "prod/eu/c2/1 is stalled", Key: "prod/eu/c2/1", Because: []Reason{
					{Status: "verified", Text: "waits for passing evidence", Name: "evidence"},
				}},
			},
		}},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the tree is %+v\nwant %+v", got, want)
	}
}

func TestReleaseMembers(t *testing.T) {
	seen := func(region, component, deployment string, last int64) Seen {
		return Seen{Key: events.Key{Slot: events.Slot{Env: "prod", Region: region, Component: component}, Deployment: deployment}, Last: last}
	}
	heard := []Seen{seen("us", "web", "1", 5), seen("eu", "web", "1", 9), seen("eu", "web", "2", 9), seen("eu", "web", "3", 8)}
	expected := []events.Slot{{Env: "prod", Region: "ap", Component: "web"}, {Env: "prod", Region: "eu", Component: "web"}}
	d := declared("r", 1, "us/web=1 eu/web=3<db eu/db ap/web=9")
	plan, err := NewPlan(&d)
	if err != nil {
		t.Fatal(err)
	}
	text := func(members []ReleaseMember) string {
		var out []string
		for _, m := range members {
			out = append(out, m.Key()+" "+m.Status())
		}
		return strings.Join(out, ", ")
	}
	for i := range heard {
		heard[i].Status = "deployed"
	}
	for name, c := range map[string]struct {
		plan *Plan
		want string
	}{
		"without a plan": {nil, "prod/ap/web not_seen, prod/eu/web/2 deployed, prod/us/web/1 deployed"},
		"with one":       {plan, "prod/us/web/1 deployed, prod/eu/web/3 deployed, prod/eu/db not_seen, prod/ap/web/9 not_seen"},
	} {
		rapid.Check(t, func(t *rapid.T) {
			if got := text(ReleaseMembers(c.plan, rapid.Permutation(heard).Draw(t, "order"), expected)); got != c.want {
				t.Fatalf("%s: %s, want %s", name, got, c.want)
			}
		})
	}
}

func TestExpects(t *testing.T) {
	for name, c := range map[string]struct {
		words []statemachine.SlotWord
		want  bool
	}{
		"never ran":               {nil, false},
		"ran before":              {spoken(t, "1/1=1@50"), true},
		"landed with the release": {spoken(t, "1/1=1@100"), false},
		"removed before":          {spoken(t, "1/1=1@50", "-1@60"), false},
		"removed since":           {spoken(t, "1/1=1@50", "-1@160"), false},
	} {
		if got := FoldSlot(c.words).Expects(100e9); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
