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
			state, steps := statemachine.Standard().Fold("1", c.words)
			got := Explain("prod/eu/app/1", state, 7, steps)
			for _, want := range c.want {
				if !strings.Contains(got.Answer, want) {
					t.Errorf("the answer lacks %q: %s", want, got.Answer)
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
	state, steps := statemachine.Standard().Fold("1", []statemachine.Word{report(t, 1, 0, "/ci", events.Reported{Status: "deployed"})})
	state.Held = []statemachine.Held{{Status: "verified", Message: "Evidence after the landing.", Source: "/probe"}}
	state.Conditions = []string{"conflicted"}
	state.AnomalyN = 3
	got := Explain("prod/eu/app/1", state, 1, steps).Answer
	const want = "verified was said by /probe and waits: Evidence after the landing. Conditions: conflicted. 3 events could not be followed, see anomalies."
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s", got)
	}
}

func TestExplainKeepsTheLastEvents(t *testing.T) {
	var words []statemachine.Word
	for i := range maxExplained + 5 {
		words = append(words, report(t, i+1, i, "/ci", events.Reported{Status: "in_progress"}))
	}
	state, steps := statemachine.Standard().Fold("1", words)
	got := Explain("prod/eu/app/1", state, 1, steps)
	if len(got.History) != maxExplained || got.HistoryOmitted != 5 || got.History[0].ID != "e6" {
		t.Errorf("%d events, %d omitted, the first is %s", len(got.History), got.HistoryOmitted, got.History[0].ID)
	}
	if got.Event == nil || got.Event.ID != "e1" {
		t.Errorf("the deciding event is %+v, want the first, though it is omitted", got.Event)
	}
}

// Arrival tells the order in which events came, whatever order counts.
func TestHistoryArrival(t *testing.T) {
	_, steps := statemachine.Standard().Fold("1", []statemachine.Word{
		report(t, 9, 0, "/ci", events.Reported{Status: "planned"}),
		report(t, 4, 1, "/ci", events.Reported{Status: "in_progress"}),
		report(t, 6, 2, "/ci", events.Reported{Status: "deployed"}),
	})
	got := ""
	for _, h := range History(steps) {
		got += fmt.Sprintf("%s:%d ", h.Said, h.Arrival)
	}
	if got != "planned:3 in_progress:1 deployed:2 " {
		t.Error(got)
	}
}
