package view

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Heard is one event of a deployment as the fold saw it: what it said, when it
// counts, when it came, and what became of it.
type Heard struct {
	Source     string    `json:"source"`
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`          // the time that counts, lifted along the source's sequence
	RecordedAt time.Time `json:"recorded_at"` // when ingest had it
	Sequence   string    `json:"sequence,omitzero"`
	Emitter    string    `json:"emitter,omitzero"`
	Position   uint64    `json:"position"` // sequence in TT_EVENTS
	Arrival    int       `json:"arrival"`  // 1 came first; out of line with the order here: it came late
	ClockAhead bool      `json:"clock_ahead,omitzero"`

	Said     string         `json:"said,omitzero"` // the status of a report or an override
	Version  string         `json:"version,omitzero"`
	Release  string         `json:"release,omitzero"`
	Class    events.Class   `json:"class,omitzero"`
	Why      string         `json:"reason,omitzero"`
	Message  string         `json:"message,omitzero"`
	URL      string         `json:"url,omitzero"`
	Actor    string         `json:"actor,omitzero"`
	Native   jsontext.Value `json:"native,omitzero"`
	Percent  *float64       `json:"percent,omitzero"`
	Kind     string         `json:"kind,omitzero"` // of an evidence or an annotation
	Evidence events.Verdict `json:"evidence,omitzero"`
	Name     string         `json:"name,omitzero"`
	Text     string         `json:"text,omitzero"`

	Verdict statemachine.Verdict `json:"verdict"`            // what the fold did with it
	Because string               `json:"because,omitzero"`   // the name of the anomaly or the guard
	From    string               `json:"from"`               // status before
	To      string               `json:"to"`                 // status after
	Attempt uint32               `json:"attempt"`            // after
	Twins   uint32               `json:"conflicts,omitzero"` // other contents under the same identity
}

// kindTypes are the event types of the kinds of words.
var kindTypes = [...]string{
	statemachine.KindReported:   events.TypeReported,
	statemachine.KindProgressed: events.TypeProgressed,
	statemachine.KindEvidence:   events.TypeEvidence,
	statemachine.KindAnnotated:  events.TypeAnnotated,
	statemachine.KindOverridden: events.TypeOverridden,
}

// History renders the steps of a fold, in canonical order as the fold gives
// them.
func History(steps []statemachine.Step) []Heard {
	arrivals := make([]uint64, len(steps))
	for i := range steps {
		arrivals[i] = steps[i].Word.Stream
	}
	slices.Sort(arrivals)
	out := make([]Heard, len(steps))
	for i := range steps {
		out[i] = heard(&steps[i])
		n, _ := slices.BinarySearch(arrivals, out[i].Position)
		out[i].Arrival = n + 1
	}
	return out
}

func heard(s *statemachine.Step) Heard {
	w := s.Word
	h := Heard{
		Source: w.Source, ID: w.ID, Type: kindTypes[w.Kind],
		At: instant(s.Mark.Tau), RecordedAt: instant(w.Recorded),
		Sequence: string(w.Sequence), Emitter: w.Emitter, Position: w.Stream, ClockAhead: w.Ahead,
		Said: w.Status, Version: w.Version, Release: w.Release,
		Class: w.Class, Why: w.Reason, Message: w.Message, URL: w.URL, Actor: w.Actor, Native: w.Native,
		Kind: w.SubKind, Evidence: w.Verdict, Name: w.Name, Text: w.Text,
		Verdict: s.Verdict, Because: s.Reason, From: s.From, To: s.To, Attempt: s.Attempt, Twins: w.Twins,
	}
	if w.Percent >= 0 {
		h.Percent = &w.Percent
	}
	return h
}

// decides reports whether a step gave the deployment the status, or the attempt,
// that it had from then on.
func decides(s *statemachine.Step) bool {
	switch s.Verdict {
	case statemachine.VerdictTaken, statemachine.VerdictImplied,
		statemachine.VerdictNewAttempt, statemachine.VerdictReLanded:
		return true
	}
	return s.From != s.To
}

// lastDeciding returns the index of the step that gave the present status, -1
// when none did.
func lastDeciding(steps []statemachine.Step) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if decides(&steps[i]) {
			return i
		}
	}
	return -1
}

// instant converts Unix nanoseconds; 0, not yet, becomes the zero time.
func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
