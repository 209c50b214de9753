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
	OccurredAt time.Time `json:"occurred_at"` // as it was said, and never later than it was recorded
	At         time.Time `json:"at"`          // the time that counts: that, lifted along the source's sequence
	RecordedAt time.Time `json:"recorded_at"` // when ingest had it
	Sequence   string    `json:"sequence,omitzero"`
	Emitter    string    `json:"emitter,omitzero"`
	Position   uint64    `json:"position"` // sequence in TT_EVENTS
	Arrival    int       `json:"arrival"`  // 1 came first
	Late       bool      `json:"late"`     // one that counts later came before it
	ClockAhead bool      `json:"clock_ahead,omitzero"`

	// DelaySeconds is how long after it occurred it was recorded.
	DelaySeconds float64 `json:"delay_seconds"`

	// OfRelease is the release of which it was said as a whole, "" for a word about
	// this deployment.
	OfRelease string `json:"of_release,omitzero"`

	// Follows says that the event named no deployment, and PlacedBy by what it is
	// one of this: a ref, a version or a name that they share, "under_way" when it
	// means what was rolling out then.
	Follows  bool   `json:"follows,omitzero"`
	PlacedBy string `json:"placed_by,omitzero"`

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

// Placed says how an event that does not name the deployment came to be one of
// its own.
type Placed struct {
	Release  string // it was said of that release, and so of each member
	By       string // else: a ref, a version, a name, or "under_way"
	Observed bool   // it is an observation, and no word of a tool
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
// them. placed says by what the words were placed that named no deployment, by
// their position in EVENTS.
func History(steps []statemachine.Step, placed map[uint64]Placed) []Heard {
	arrivals := make([]uint64, len(steps))
	for i := range steps {
		arrivals[i] = steps[i].Word.Stream
	}
	slices.Sort(arrivals)
	out := make([]Heard, len(steps))
	for i := range steps {
		out[i] = heard(&steps[i])
		if p, ok := placed[out[i].Position]; ok {
			out[i].OfRelease, out[i].Follows, out[i].PlacedBy = p.Release, p.Release == "", p.By
			if p.Observed {
				out[i].Type = events.TypeObserved
			}
		}
		n, _ := slices.BinarySearch(arrivals, out[i].Position)
		out[i].Arrival = n + 1
	}
	first := len(steps) // the least arrival among those that count later
	for i := range slices.Backward(out) {
		out[i].Late = out[i].Arrival > first
		first = min(first, out[i].Arrival)
	}
	return out
}

func heard(s *statemachine.Step) Heard {
	w := s.Word
	h := Heard{
		Source: w.Source, ID: w.ID, Type: kindTypes[w.Kind],
		OccurredAt: instant(w.Tau), At: instant(s.Mark.Tau), RecordedAt: instant(w.Recorded),
		DelaySeconds: time.Duration(w.Recorded - w.Tau).Seconds(),
		Sequence:     string(w.Sequence), Emitter: w.Emitter, Position: w.Stream, ClockAhead: w.Ahead,
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
