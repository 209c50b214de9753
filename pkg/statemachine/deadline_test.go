package statemachine

import (
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// in returns seconds after t0 of a time, 0 of none.
func in(at int64) int64 {
	if at == 0 {
		return 0
	}
	return (at - t0.UnixNano()) / 1e9
}

func TestDeadlines(t *testing.T) {
	l := strict(t)
	dev := events.Key{Slot: events.Slot{Env: "dev", Region: "eu", Component: "web"}}
	api := events.Key{Slot: events.Slot{Env: "prod", Region: "eu-1", Component: "api"}}
	far := events.Key{Slot: events.Slot{Env: "prod", Region: "us", Component: "api"}}
	late := func(w Word, by time.Duration) Word { w.Recorded = w.Tau + int64(by); return w }
	promise := func(sec, next int64) Word {
		w := say("ci", "", sec)
		w.Kind, w.NextBy = KindProgressed, t0.UnixNano()+next*1e9
		return w
	}
	start, other := say("ci", StatusInProgress, 0), say("argo", StatusInProgress, 60)
	for name, tc := range map[string]struct {
		key             events.Key
		words           []Word
		silent, overdue int64
	}{
		"from the last word, and from the status": {far, []Word{start, other}, 60 + 900, 7200},
		"any word counts":                         {far, []Word{start, proof("p", "tests", "", events.VerdictPass, 500)}, 500 + 900, 7200},
		"as they were heard":                      {far, []Word{late(start, time.Hour)}, 3600 + 900, 3600 + 7200},
		"an old story by its own time":            {far, []Word{late(start, 6*time.Hour+1)}, 900, 7200},
		"the latest heard, whatever its time":     {far, []Word{late(start, time.Hour), other}, 3600 + 900, 3600 + 7200},
		"a promise stands in for both":            {far, []Word{start, promise(10, 20000)}, 20000, 20000},
		"a short one too":                         {far, []Word{start, promise(10, 20)}, 20, 20},
		"until it has passed and a word came":     {far, []Word{start, promise(10, 20), other}, 60 + 900, 7200},
		"or the status has moved":                 {far, []Word{start, promise(10, 20000), say("ci", StatusPartiallyDeployed, 20)}, 20 + 3600, 20 + 12*3600},
		"the first override that names it":        {api, []Word{start}, 900, 8 * 3600},
		"switched off":                            {dev, []Word{start}, 0, 7200},
		"none for what waits, but too long":       {far, []Word{say("ci", StatusPlanned, 0)}, 0, 24 * 3600},
		"nor for what has landed":                 {far, []Word{say("ci", StatusDeployed, 0)}, 0, 0},
		"even if more is promised":                {far, []Word{say("ci", StatusDeployed, 0), promise(10, 20)}, 0, 0},
		"unless the document says so":             {api, []Word{say("ci", StatusDeployed, 0)}, 0, 3600},
		"nor for what is over":                    {far, []Word{say("ci", StatusFailed, 0)}, 0, 0},
		"nor for what a person holds":             {far, []Word{say("ci", StatusManualIntervention, 0)}, 0, 0},
		"nor for what nobody reported":            {far, []Word{proof("p", "tests", "", events.VerdictPass, 0)}, 0, 0},
	} {
		s, _ := l.Fold(tc.key, tc.words)
		if d := l.Deadlines(tc.key, s); in(d.Silent) != tc.silent || in(d.Overdue) != tc.overdue {
			t.Errorf("%s: silent %d, overdue %d, want %d and %d", name, in(d.Silent), in(d.Overdue), tc.silent, tc.overdue)
		}
	}
}

// What supersession and dependencies ask: the latest attempt that started, and
// when it was first verified.
func TestStartsAndVerified(t *testing.T) {
	l := Standard()
	for name, tc := range map[string]struct {
		words                 []Word
		began, start, verdict int64
	}{
		"nothing started":            {[]Word{say("ci", StatusPlanned, 5)}, 0, 0, 0},
		"an active status":           {[]Word{say("ci", StatusPlanned, 5), say("ci", StatusInProgress, 9)}, 5, 9, 0},
		"a landing out of the blue":  {[]Word{say("ci", StatusDeployed, 9), say("ci", StatusRollingBack, 12)}, 9, 9, 0},
		"a step that was filled in":  {[]Word{say("ci", StatusPlanned, 5), say("ci", StatusFailed, 9)}, 5, 9, 0},
		"a failure without a start":  {[]Word{say("ci", StatusFailed, 9)}, 0, 0, 0},
		"the attempt before":         {[]Word{say("ci", StatusInProgress, 9), say("ci", StatusFailed, 12), say("ci", StatusPlanned, 20)}, 9, 9, 0},
		"verified, and then not":     {[]Word{say("ci", StatusDeployed, 9), proof("p", "tests", "", "pass", 15), say("ci", StatusFailed, 30)}, 9, 9, 15},
		"once is for ever":           {[]Word{say("ci", StatusDeployed, 9), proof("p", "tests", "", "pass", 15), say("ci", StatusPlanned, 30)}, 9, 9, 15},
		"recovered is no such thing": {[]Word{say("ci", StatusReverted, 9), proof("p", "tests", "", "pass", 15)}, 0, 0, 0},
	} {
		s, _ := l.Fold(key2, tc.words)
		if in(s.LastBegan) != tc.began || in(s.LastStarted) != tc.start || in(s.Verified) != tc.verdict {
			t.Errorf("%s: began %d, started %d, verified %d", name, in(s.LastBegan), in(s.LastStarted), in(s.Verified))
		}
	}
}

// When words were heard is no belief.
func TestDigestLeavesOutWhenWordsWereHeard(t *testing.T) {
	w := say("ci", StatusInProgress, 5)
	one, _ := Standard().Fold(key2, []Word{w})
	w.Recorded += 1e9
	two, _ := Standard().Fold(key2, []Word{w})
	if one.Heard == two.Heard || one.SinceHeard == two.SinceHeard {
		t.Error("heard at the same time")
	}
	if one.Digest() != two.Digest() {
		t.Error("the digest depends on when a word was recorded")
	}
}

// Confirmed and Waiting answer what overlay and people ask.
func TestConfirmedAndWaiting(t *testing.T) {
	l := Standard()
	s, _ := l.Fold(key2, []Word{say("ci", StatusDeployed, 0), proof("p", "tests", "", "pass", 30)})
	if !l.Confirmed(key2, s, t0.UnixNano()+30e9) || l.Confirmed(key2, s, t0.UnixNano()+31e9) {
		t.Error("evidence counts from the given moment on")
	}
	s, _ = l.Fold(key2, []Word{say("ci", StatusPendingApproval, 0)})
	if w := l.Waiting(s); len(w) != 1 || w[0].Status != StatusQueued || w[0].Message != "waits for an approval" {
		t.Errorf("waits for %+v", w)
	}
	s, _ = l.Fold(key2, []Word{say("ci", StatusDeployed, 0), say("ci", StatusVerified, 5)})
	if w := l.Waiting(s); len(w) != 1 || w[0].Source != "ci" || w[0].Guard != GuardEvidence {
		t.Errorf("waits for %+v", w)
	}
	s, _ = l.Fold(key2, []Word{say("ci", StatusDeployed, 0)})
	if w := l.Waiting(s); len(w) != 0 {
		t.Errorf("what has landed and claims no more waits for %+v", w)
	}
}

// Another lifecycle means another fold: its states have other numbers.
func TestApplyUnderAnotherLifecycle(t *testing.T) {
	w := say("ci", StatusInProgress, 5)
	s, _ := Standard().Fold(key2, []Word{say("ci", StatusPlanned, 0)})
	if _, ok := strict(t).Apply(key2, s, &w); ok {
		t.Error("a word was put on a state of another lifecycle")
	}
}
