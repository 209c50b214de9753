package statemachine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// text writes what is shown as the tests below do, without what the base itself
// waits for.
func (s *Shown) text(base *State) string {
	out := fmt.Sprintf("%s@%d", s.Status, s.Since)
	if s.Reason != "" {
		out += " " + s.Reason
	}
	if s.By != "" {
		out += " by " + s.By
	}
	if len(s.Conditions) > 0 {
		out += " [" + strings.Join(s.Conditions, " ") + "]"
	}
	for _, h := range s.WaitingFor[len(Standard().Waiting(base)):] {
		out += " " + h.Status + ":" + h.Message
	}
	for _, v := range s.Violations {
		out += " !" + v.Policy + ":" + v.Message
	}
	return out
}

func TestOverlay(t *testing.T) {
	base := func(status string, change ...func(*State)) *State {
		s := NewState()
		s.Status, s.Attempt, s.Since, s.Began = status, 1, 100, 50
		for _, c := range change {
			c(s)
		}
		return s
	}
	started := func(s *State) { s.Started = 60 }
	landed := func(s *State) { s.Started, s.Landed = 60, 80 }
	passed := func(tau int64) func(*State) {
		return func(s *State) {
			s.Evidence = append(s.Evidence, Evidence{Kind: "tests", Name: fmt.Sprint(tau), Verdict: events.VerdictPass, Tau: tau})
		}
	}
	failed := func(s *State) {
		s.Evidence = append(s.Evidence, Evidence{Kind: "tests", Name: "x", Verdict: events.VerdictFail, Tau: 300})
	}
	approved := func(s *State) {
		s.Evidence = append(s.Evidence, Evidence{Kind: EvidenceApproval, Verdict: events.VerdictPass, Tau: 300})
	}
	says := func(status string) func(*State) {
		return func(s *State) {
			s.Says = status
			s.Claims = []Claim{{Source: "argo", Status: status, Tau: 170}, {Source: "ci", Status: StatusPlanned, Tau: 190}}
		}
	}
	conflicted := func(s *State) { s.Conditions = []string{ConditionConflicted} }
	newer := &Start{Deployment: "3", Attempt: 1, Began: 110, Started: 120}
	back := &PutBack{Deployment: "1", Version: "1.0", Tau: 130}
	pays := Dependency{Region: "eu", Component: "pay", Deployment: "7", Status: StatusInProgress}
	unseen := Dependency{Region: "eu", Component: "mail"}
	verified := Dependency{Region: "eu", Component: "pay", Deployment: "7", Status: StatusVerified, Verified: 55}
	late := Dependency{Region: "eu", Component: "pay", Deployment: "7", Status: StatusFailed, Verified: 70, PutBack: true}
	silent, overdue := Stall{ReasonSilent, 140}, Stall{ReasonOverdue, 150}
	const waitsAnew = " verified:waits for passing evidence from after the landing"
	const waitsForPay = "waits for pay 7 in eu (in_progress) to be verified"

	for name, c := range map[string]struct {
		base *State
		near Neighbours
		want string
	}{
		"alone":                             {base(StatusInProgress, started, conflicted), Neighbours{}, "in_progress@100 [conflicted]"},
		"nobody spoke":                      {NewState(), Neighbours{Newer: newer, PutBack: back}, "unknown@0"},
		"a newer one started":               {base(StatusInProgress, started), Neighbours{Newer: newer}, "superseded@120 newer_start by 3"},
		"a newer one, and we only waited":   {base(StatusPlanned), Neighbours{Newer: newer, Waits: []Dependency{pays}}, "superseded@120 newer_start by 3"},
		"a newer one, and we had landed":    {base(StatusDeployed, landed), Neighbours{Newer: newer}, "deployed@100"},
		"a newer one while we roll back":    {base(StatusRollingBack, landed), Neighbours{Newer: newer}, "rolling_back@100"},
		"a newer one while a person fixes":  {base(StatusManualIntervention, started), Neighbours{Newer: newer}, "manual_intervention@100"},
		"cancelled stays cancelled":         {base(StatusCancelled, started), Neighbours{Newer: newer, Stall: silent, PutBack: back}, "cancelled@100"},
		"failed stays failed":               {base(StatusFailed, started), Neighbours{Newer: newer, Stall: silent}, "failed@100"},
		"failed yields to reverted":         {base(StatusFailed, started), Neighbours{Newer: newer, PutBack: back}, "reverted@130 put_back by 1"},
		"only failed yields":                {base(StatusInProgress, started), Neighbours{PutBack: back}, "in_progress@100"},
		"blocked by a dependency":           {base(StatusPlanned), Neighbours{Waits: []Dependency{pays, verified, unseen}, Stall: silent}, "blocked@100 dependency [blocked_by] in_progress:" + waitsForPay + " in_progress:waits for mail in eu (not seen) to be verified"},
		"blocked by a window, too":          {base(StatusBlocked, func(s *State) { s.Reason = "window" }), Neighbours{Waits: []Dependency{pays}}, "blocked@100 window [blocked_by] in_progress:" + waitsForPay},
		"a dependency once verified":        {base(StatusPlanned), Neighbours{Waits: []Dependency{verified}}, "planned@100"},
		"started all the same":              {base(StatusInProgress, started), Neighbours{Waits: []Dependency{pays}}, "in_progress@100 [violation] !dependency:started before pay 7 in eu was verified"},
		"started before it was, and known":  {base(StatusDeployed, landed), Neighbours{Waits: []Dependency{late}}, "deployed@100 [upstream_reverted violation] !dependency:started before pay 7 in eu was verified"},
		"waits again after it had started":  {base(StatusPendingApproval, started), Neighbours{Waits: []Dependency{verified}}, "pending_approval@100"},
		"verified is held until it is":      {base(StatusVerified, landed, passed(90)), Neighbours{Waits: []Dependency{pays}}, "deployed@80 dependency [blocked_by violation] verified:" + waitsForPay + " !dependency:started before pay 7 in eu was verified"},
		"started in a freeze":               {base(StatusInProgress, started), Neighbours{Frozen: []Freeze{{"xmas", "go home"}, {"audit", ""}}}, "in_progress@100 [violation] !freeze:started in the change freeze xmas: go home !freeze:started in the change freeze audit"},
		"landed out of the blue in one":     {base(StatusDeployed, func(s *State) { s.Landed = 80 }), Neighbours{Frozen: []Freeze{{"xmas", ""}}}, "deployed@100 [violation] !freeze:started in the change freeze xmas"},
		"planned in a freeze":               {base(StatusPlanned), Neighbours{Frozen: []Freeze{{"xmas", ""}}}, "planned@100"},
		"silent":                            {base(StatusInProgress, started), Neighbours{Stall: silent}, "stalled@140 silent"},
		"overdue while it rolls back":       {base(StatusRollingBack, landed), Neighbours{Stall: overdue}, "stalled@150 overdue"},
		"superseded goes before stalled":    {base(StatusInProgress, started), Neighbours{Stall: silent, Newer: newer}, "superseded@120 newer_start by 3"},
		"a tool says stalled":               {base(StatusInProgress, started, says(StatusStalled)), Neighbours{}, "stalled@170 said"},
		"a tool says superseded":            {base(StatusInProgress, started, says(StatusSuperseded)), Neighbours{Stall: silent}, "superseded@170 said"},
		"we saw the stall before the tool":  {base(StatusInProgress, started, says(StatusStalled)), Neighbours{Stall: silent}, "stalled@140 silent"},
		"verified, and it landed again":     {base(StatusVerified, landed, passed(90)), Neighbours{Landed: 200}, "deployed@200 relanded" + waitsAnew},
		"verified anew since":               {base(StatusVerified, landed, passed(90), passed(200)), Neighbours{Landed: 200}, "verified@100"},
		"verified anew, but one fails":      {base(StatusVerified, landed, passed(201), failed), Neighbours{Landed: 200}, "deployed@200 relanded" + waitsAnew},
		"an approval verifies nothing":      {base(StatusVerified, landed, approved), Neighbours{Landed: 200}, "deployed@200 relanded" + waitsAnew},
		"verified after its only landing":   {base(StatusVerified, landed, passed(90)), Neighbours{Landed: 80}, "verified@100"},
		"a landed one does not lose itself": {base(StatusVerifying, landed), Neighbours{Landed: 200}, "verifying@100"},
		"something else runs":               {base(StatusDeployed, landed), Neighbours{Observed: &Observed{Version: "0.9"}}, "deployed@100 [drift]"},
		"what nobody reported runs":         {base(StatusDeployed, landed), Neighbours{Observed: &Observed{Version: "6.6", Unreported: true}}, "deployed@100 [violation] !unreported:runs 6.6, which nobody reported"},
	} {
		before := c.base.Clone()
		got := Standard().Overlay(events.Key{}, c.base, &c.near)
		if got.text(c.base) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got.text(c.base), c.want)
		}
		if got.Status != c.base.Status && got.Previous != c.base.Status {
			t.Errorf("%s: the base %s is not what was before", name, c.base.Status)
		}
		if fmt.Sprint(before) != fmt.Sprint(c.base) {
			t.Errorf("%s: the base has changed", name)
		}
	}
}

// Nothing that Overlay adds reaches the base, even where slices have room.
func TestOverlayLeavesTheBase(t *testing.T) {
	s := NewState()
	s.Status, s.Started = StatusInProgress, 1
	s.Conditions = append(make([]string, 0, 8), "a", "z")
	s.Violations = append(make([]Violation, 0, 8), Violation{Policy: "own"})
	got := Standard().Overlay(events.Key{}, s, &Neighbours{Frozen: []Freeze{{Name: "x"}}})
	if want := []string{"a", ConditionViolation, "z"}; !slices.Equal(got.Conditions, want) {
		t.Errorf("conditions are %v, want %v", got.Conditions, want)
	}
	if kept := s.Conditions[:8]; kept[1] != "z" || kept[2] != "" || s.Violations[:2][1].Policy != "" {
		t.Errorf("the base's own memory was written: %q, %v", kept, s.Violations[:2])
	}
}

func TestStallAt(t *testing.T) {
	for _, c := range []struct {
		d    Deadline
		w    int64
		want Stall
	}{
		{Deadline{}, 100, Stall{}},
		{Deadline{Silent: 50}, 49, Stall{}},
		{Deadline{Silent: 50}, 50, Stall{ReasonSilent, 50}},
		{Deadline{Overdue: 50}, 51, Stall{ReasonOverdue, 50}},
		{Deadline{Silent: 60, Overdue: 50}, 55, Stall{ReasonOverdue, 50}},
		{Deadline{Silent: 60, Overdue: 50}, 70, Stall{ReasonOverdue, 50}},
		{Deadline{Silent: 50, Overdue: 60}, 70, Stall{ReasonSilent, 50}},
		{Deadline{Silent: 50, Overdue: 50}, 50, Stall{ReasonSilent, 50}},
		{Deadline{Silent: 50}, 0, Stall{}},
	} {
		if got := StallAt(c.d, c.w); got != c.want {
			t.Errorf("StallAt(%+v, %d) = %+v, want %+v", c.d, c.w, got, c.want)
		}
	}
}

func TestUnlanded(t *testing.T) {
	l := Standard()
	var got []string
	for _, s := range append(l.Statuses(), StatusUnknown, StatusStalled) {
		if l.Unlanded(s) {
			got = append(got, s)
		}
	}
	want := []string{StatusPlanned, StatusPendingApproval, StatusQueued, StatusBlocked, StatusInProgress, StatusPartiallyDeployed}
	if !slices.Equal(got, want) {
		t.Errorf("unlanded are %v, want %v", got, want)
	}
}

// What a tool itself says is laid over as long as nothing landed, and ends with
// the next word of a status.
func TestOverlayOfWhatAToolSays(t *testing.T) {
	for words, want := range map[string]string{
		"ci 2.0 in_progress @0; argo 2.0 stalled @60":                                "stalled said 60",
		"ci 2.0 in_progress @0; argo 2.0 stalled @60; argo 2.0 … @90":                "stalled said 60",
		"ci 2.0 in_progress @0; argo 2.0 stalled @60; ci 2.0 partially_deployed @90": "partially_deployed  90",
		"ci 2.0 queued @0; argo 2.0 superseded @60":                                  "superseded said 60",
		"ci 2.0 in_progress @0; ci 2.0 deployed @30; argo 2.0 superseded @60":        "deployed  30",
		"ci 2.0 in_progress @0; argo 2.0 stalled @60; ci 2.0 failed @90":             "failed  90",
	} {
		s, _ := Standard().Fold(events.Key{}, parseWords(t, words)["2.0"])
		shown := Standard().Overlay(events.Key{}, s, &Neighbours{})
		if got := fmt.Sprintf("%s %s %d", shown.Status, shown.Reason, (shown.Since-t0.UnixNano())/1e9); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}
