package ingest

import (
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestSuspension follows a hook that sends only rubbish, and one beside it.
func TestSuspension(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, who, other := newSuspensions(), sending{"made-up", "shop", "ci"}, sending{"made-up", "shop", "other"}
	at := start
	bad := func(n int) (suspended bool) { // says whether the last of n requests suspends
		for range n {
			_, suspended = s.bad(who, events.CodeUnmapped, at, 3, 5*time.Minute)
		}
		return suspended
	}
	turnedAway := func(who sending) bool {
		_, suspended := s.until(who, at)
		return suspended
	}
	if bad(2) {
		t.Error("suspended before its time")
	}
	s.good(who)
	if bad(2) {
		t.Error("a good request did not end the run")
	}
	at = at.Add(suspendWindow + time.Second)
	if bad(2) {
		t.Error("a run of more than an hour counts")
	}
	if !bad(1) || !turnedAway(who) || turnedAway(other) || len(s.all(at)) != 1 {
		t.Errorf("suspended: %v", s.all(at))
	}
	for _, length := range []time.Duration{5, 10, 20, 40, 60, 60} {
		at = at.Add(length*time.Minute - time.Second)
		if !turnedAway(who) {
			t.Errorf("returned before %v minutes", int64(length))
		}
		at = at.Add(time.Second)
		if turnedAway(who) || len(s.all(at)) != 0 {
			t.Errorf("still turned away after %v minutes", int64(length))
		}
		if !bad(1) { // on probation
			t.Error("back with more of the same, and not suspended")
		}
	}
	at = at.Add(time.Hour)
	s.good(who)
	if !bad(3) {
		t.Error("a good request does not begin anew")
	}
	if _, suspended := s.bad(other, events.CodeUnmapped, at, 0, time.Minute); suspended {
		t.Error("0 suspends")
	}
}

func TestHookThatSendsOnlyRubbishIsSuspended(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	w := newWorld(t, func(o *Options) {
		hooked(t, Hook{Hook: adapter.Hook{Tool: "made-up", Name: "shop"}, SuspendAfter: 5, SuspendFor: time.Minute})(o)
		o.Clock = clock
	})
	const path = "/v1/hooks/made-up/shop"
	for i := range 20 {
		a := w.hook(path, []byte{byte(i)})
		if want := 202 + b2i(i >= 5)*(429-202); a.Status != want {
			t.Fatalf("request %d: %d %s", i, a.Status, a.Text)
		}
		if a.Status == 429 && (a.Header.Get("Retry-After") != "61" || a.Code != events.CodeQuota) {
			t.Errorf("%s, Retry-After %s", a.Text, a.Header.Get("Retry-After"))
		}
	}
	if list := w.in.Suspended(); len(list) != 1 || list[0].Hook != "shop" || list[0].Emitter != access.Local || list[0].Because != events.CodeMalformed {
		t.Errorf("suspended %+v", list)
	}
	if n := len(w.quarantine(0)); n != 5 {
		t.Errorf("%d entries, want 5", n)
	}
	if a := w.hook("/v1/hooks/made-up", one("a", "ok")); a.Accepted != 1 {
		t.Errorf("the hook beside it: %d %s", a.Status, a.Text)
	}
	now = now.Add(time.Minute + time.Second)
	if a := w.hook(path, one("a", "ok")); a.Duplicates != 1 {
		t.Errorf("after its time: %d %s", a.Status, a.Text)
	}
	if list := w.in.Suspended(); len(list) != 0 {
		t.Errorf("suspended %+v", list)
	}
}
