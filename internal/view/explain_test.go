package view

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// report makes a word: minute after ten o'clock, and what is said of it.
func report(t *testing.T, n, minute int, source string, data events.Reported) statemachine.Word {
	t.Helper()
	at := time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC)
	e := &events.Event{
		ID: fmt.Sprint("e", n), Source: source, Type: events.TypeReported,
		Time: at, RecordedTime: at.Add(time.Second),
	}
	e.SetData(data)
	w, ok, err := statemachine.NewWord(e, uint64(n), e.ID)
	if err != nil || !ok {
		t.Fatalf("no word: %v", err)
	}
	return w
}

// explained is a deployment that is shown as its words say.
func explained(words ...statemachine.Word) *Explained {
	key := events.Key{Slot: events.Slot{Env: "prod", Region: "eu", Component: "app"}, Deployment: "1"}
	x := &Explained{Key: key}
	x.State, x.Steps = statemachine.Standard().Fold(key, words)
	x.Shown = x.State.Bare()
	return x
}

func TestExplain(t *testing.T) {
	const ci, argo = "/ci", "/argo"
	says := func(status string) events.Reported { return events.Reported{Status: status} }
	for name, c := range map[string]struct {
		words []statemachine.Word
		want  []string // all of these stand in the answer
		event string
		rule  statemachine.Verdict
	}{
		"nothing usable": {
			[]statemachine.Word{report(t, 1, 0, ci, says("banana"))},
			[]string{"is unknown: none of its events so far (1) carried a usable status", "One event could not be followed"},
			"", "",
		},
		"a declared step": {
			[]statemachine.Word{report(t, 1, 0, ci, says("planned")), report(t, 2, 5, ci, events.Reported{Status: "in_progress", Actor: "github:1"})},
			[]string{"is in_progress since 2026-03-01T10:05:00Z, because /ci said in_progress for github:1 at 2026-03-01T10:05:00Z."},
			"e2", statemachine.VerdictTaken,
		},
		"an echo decides nothing": {
			[]statemachine.Word{report(t, 1, 0, ci, says("in_progress")), report(t, 2, 5, argo, says("in_progress"))},
			[]string{"since 2026-03-01T10:00:00Z, because /ci"},
			"e1", statemachine.VerdictTaken,
		},
		"a failure with its reason": {
			[]statemachine.Word{
				report(t, 1, 0, ci, says("in_progress")),
				report(t, 2, 1, ci, events.Reported{Status: "failed", Reason: "exit 1", Message: strings.Repeat("é", 300)}),
			},
			[]string{"(exit 1, “é", "é…”)"},
			"e2", statemachine.VerdictTaken,
		},
		"a second attempt": {
			[]statemachine.Word{report(t, 1, 0, ci, says("failed")), report(t, 2, 1, ci, events.Reported{Status: "in_progress", Attempt: 2})},
			[]string{"(attempt 2)", "began attempt 2"},
			"e2", statemachine.VerdictNewAttempt,
		},
		"a middle that never came": {
			[]statemachine.Word{report(t, 1, 0, ci, says("planned")), report(t, 2, 1, ci, says("deployed"))},
			[]string{"between planned and deployed were never reported"},
			"e2", statemachine.VerdictImplied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(explained(c.words...))
			text := got.Answer
			if got.Rule != nil {
				text += " " + got.Rule.Text
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the answer lacks %q: %s", want, text)
				}
			}
			switch {
			case c.event == "" && got.Event != nil, c.event != "" && (got.Event == nil || got.Event.ID != c.event):
				t.Errorf("deciding event %+v, want %q", got.Event, c.event)
			case c.rule != "" && got.Rule.Name != c.rule:
				t.Errorf("rule %s, want %s", got.Rule.Name, c.rule)
			}
			if len(got.History) != len(c.words) {
				t.Errorf("%d events in the history, want %d", len(got.History), len(c.words))
			}
		})
	}
}

// What is held, contradicted or odd is told after the reason.
func TestExplainMentionsWhatElseIsKnown(t *testing.T) {
	x := explained(report(t, 1, 0, "/ci", events.Reported{Status: "deployed"}))
	x.Shown.WaitingFor = []statemachine.Held{{Status: "verified", Message: "Evidence after the landing.", Source: "/probe"}}
	x.Shown.Conditions = []string{"conflicted"}
	x.State.Claims = append(x.State.Claims, statemachine.Claim{Source: "/argo", Status: "failed", Tau: x.State.Since})
	x.State.AnomalyN = 3
	got := Explain(x).Answer
	const want = "/probe said verified, which waits: Evidence after the landing. Sources contradict each other: " +
		"/ci says deployed since 2026-03-01T10:00:00Z, /argo says failed since 2026-03-01T10:00:00Z. 3 events could not be followed, see anomalies."
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s", got)
	}
	x.Best = []string{"/argo", "/flux"}
	if got := Explain(x).Answer; !strings.Contains(got, " since 2026-03-01T10:00:00Z. Whether it is deployed is best known to /argo and /flux. 3 ") {
		t.Errorf("who knows best is not told: %s", got)
	}
	x.Shown.Conditions = nil
	if got := Explain(x).Answer; strings.Contains(got, "best known") {
		t.Errorf("nobody contradicts, and yet: %s", got)
	}
}

func TestExplainKeepsTheLastEvents(t *testing.T) {
	var words []statemachine.Word
	for i := range maxExplained + 5 {
		words = append(words, report(t, i+1, i, "/ci", events.Reported{Status: "in_progress"}))
	}
	got := Explain(explained(words...))
	if len(got.History) != maxExplained || got.HistoryOmitted != 5 || got.History[0].ID != "e6" {
		t.Errorf("%d events, %d omitted, the first is %s", len(got.History), got.HistoryOmitted, got.History[0].ID)
	}
	if got.Event == nil || got.Event.ID != "e1" {
		t.Errorf("the deciding event is %+v, want the first, though it is omitted", got.Event)
	}
}

// Arrival tells the order in which events came, whatever order counts.
func TestHistoryArrival(t *testing.T) {
	x := explained(
		report(t, 9, 0, "/ci", events.Reported{Status: "planned"}),
		report(t, 4, 1, "/ci", events.Reported{Status: "in_progress"}),
		report(t, 6, 2, "/ci", events.Reported{Status: "deployed"}),
	)
	got := ""
	for _, h := range History(x.Steps, map[uint64]Placed{4: {By: "git:1"}, 6: {By: "2", Observed: true}}) {
		got += fmt.Sprintf("%s:%d late=%v follows=%v by=%q observed=%v after %gs\n",
			h.Said, h.Arrival, h.Late, h.Follows, h.PlacedBy, h.Type == events.TypeObserved, h.DelaySeconds)
	}
	const want = `planned:3 late=true follows=false by="" observed=false after 1s
in_progress:1 late=false follows=true by="git:1" observed=false after 1s
deployed:2 late=false follows=true by="2" observed=true after 1s
`
	if got != want {
		t.Error(got)
	}
}

// What is laid over a status is told first, then what is under it.
func TestExplainOverlays(t *testing.T) {
	minute := func(n int) int64 { return time.Date(2026, 3, 1, 10, n, 0, 0, time.UTC).UnixNano() }
	progress := []statemachine.Word{report(t, 1, 0, "/ci", events.Reported{Status: "in_progress", Version: "1"})}
	failed := append(progress[:1:1], report(t, 2, 5, "/ci", events.Reported{Status: "failed", Reason: "timeout"}))
	deployed := append(progress[:1:1], report(t, 2, 5, "/ci", events.Reported{Status: "deployed"}))
	for name, c := range map[string]struct {
		words []statemachine.Word
		near  statemachine.Neighbours
		want  string
	}{
		"silent": {
			progress,
			statemachine.Neighbours{Stall: statemachine.Stall{Reason: "silent", Due: minute(30)}},
			"prod/eu/app/1 is stalled (silent) since 2026-03-01T10:30:00Z: a word was due by then and none came. The last word came from /ci at 2026-03-01T10:00:01Z. " +
				"By its own words it is in_progress since 2026-03-01T10:00:00Z, because /ci said in_progress at 2026-03-01T10:00:00Z.",
		},
		"overdue": {
			progress,
			statemachine.Neighbours{Stall: statemachine.Stall{Reason: "overdue", Due: minute(40)}},
			"prod/eu/app/1 is stalled (overdue) since 2026-03-01T10:40:00Z: it was to be past in_progress by then. The last word came from /ci at",
		},
		"superseded": {
			progress,
			statemachine.Neighbours{Newer: &statemachine.Start{Deployment: "2", Started: minute(7)}},
			"prod/eu/app/1 is superseded since 2026-03-01T10:07:00Z, when the newer 2 started in its slot. By its own words it is in_progress since",
		},
		"put back": {
			failed,
			statemachine.Neighbours{PutBack: &statemachine.PutBack{Deployment: "0", Tau: minute(9)}},
			"prod/eu/app/1 is reverted since 2026-03-01T10:09:00Z, when 0 was put back in its place. " +
				"By its own words it is failed since 2026-03-01T10:05:00Z, because /ci said failed at 2026-03-01T10:05:00Z (timeout).",
		},
		"blocked": {
			[]statemachine.Word{report(t, 1, 0, "/ci", events.Reported{Status: "planned"})},
			statemachine.Neighbours{Waits: []statemachine.Dependency{{Region: "eu", Component: "pay", Deployment: "7", Status: "failed"}}},
			"prod/eu/app/1 is blocked since 2026-03-01T10:00:00Z, because what it depends on was not verified yet. " +
				"It waits for pay 7 in eu (failed) to be verified. By its own words it is planned since 2026-03-01T10:00:00Z, because /ci said planned",
		},
		"drift": {
			deployed,
			statemachine.Neighbours{Observed: &statemachine.Observed{Version: "0", Source: "/probe", Tau: minute(50)}},
			"By the record the slot runs 1 since 2026-03-01T10:05:00Z, but /probe saw 0 run at 2026-03-01T10:50:00Z.",
		},
		"a freeze": {
			deployed,
			statemachine.Neighbours{Frozen: []statemachine.Freeze{{Name: "xmas", Reason: "be quiet."}}},
			"Violation: started in the change freeze xmas: be quiet.",
		},
	} {
		x := explained(c.words...)
		x.Shown = statemachine.Standard().Overlay(x.Key, x.State, &c.near)
		got := Explain(x)
		if !strings.Contains(got.Answer, c.want) {
			t.Errorf("%s: %s\nlacks: %s", name, got.Answer, c.want)
		}
		if laid := x.Shown.Status != x.State.Status; laid != (got.Base != nil) || laid && got.Base.Status != x.State.Status {
			t.Errorf("%s: the base is %+v, shown is %s over %s", name, got.Base, x.Shown.Status, x.State.Status)
		}
	}
	x := explained(progress...)
	x.Around.Conditions = []string{ConditionDark, ConditionOffline}
	x.Watermark = time.Date(2026, 3, 1, 10, 1, 0, 0, time.UTC)
	got := Explain(x)
	if !strings.HasSuffix(got.Answer, "Its region is dark: what happened there after 2026-03-01T10:01:00Z is not known. A source of it is offline.") ||
		!got.Deadlines.Dark || strings.Join(got.Conditions, " ") != "dark offline" {
		t.Errorf("%+v", got)
	}
}
