package view

import (
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// maxExplained is how many events an explanation carries; a longer history is
// read page by page.
const maxExplained = 200

// Explanation says why a deployment has the status it has.
type Explanation struct {
	// Answer is one paragraph for people: what, since when, why, and what it waits
	// for.
	Answer string `json:"answer"`

	Key        string    `json:"key"`
	Release    string    `json:"release"`
	Status     string    `json:"status"`
	Since      time.Time `json:"since,omitzero"`
	Previous   string    `json:"previous"`
	Reason     string    `json:"reason"`
	By         string    `json:"by,omitzero"`
	Attempt    uint32    `json:"attempt"`
	Conditions []string  `json:"conditions"`

	WhoBody

	// Base is the status that its own words give, when another is shown.
	Base *BaseBody `json:"base,omitzero"`

	// Rule is how the fold came to the deployment's own status, and Event the event
	// that decided; both are absent as long as there is no usable report.
	Rule  *Rule  `json:"rule,omitzero"`
	Event *Heard `json:"event,omitzero"`

	Deadlines DeadlineBody `json:"deadlines"`

	WaitingFor    []Waiting   `json:"waiting_for"`
	Violations    []Broken    `json:"violations"`
	Observed      *SeenToRun  `json:"observed,omitzero"`
	Claims        []Said      `json:"claims"`    // what each source said last in this attempt
	Anomalies     []Anomalous `json:"anomalies"` // the first that could not be followed
	AnomaliesSeen uint32      `json:"anomalies_seen"`

	// History holds the last events in canonical order; HistoryOmitted counts
	// those before them.
	History        []Heard `json:"history"`
	HistoryOmitted int     `json:"history_omitted"`

	Lifecycle LifecycleBody `json:"lifecycle"`
	Revision  uint64        `json:"revision"`
	Digest    string        `json:"digest"`
}

// BaseBody is what the words of a deployment say by themselves.
type BaseBody struct {
	Status string    `json:"status"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason"`
}

// DeadlineBody says when silence and delay get a name, and up to when all is
// known: a deadline has passed when the watermark has.
type DeadlineBody struct {
	SilentBy  time.Time `json:"silent_by,omitzero"`  // absent: it may be silent for ever
	OverdueBy time.Time `json:"overdue_by,omitzero"` // absent: it may stay as it is for ever
	Watermark time.Time `json:"watermark,omitzero"`  // of the region; absent: no recorder stands for it
	Dark      bool      `json:"dark"`                // the watermark stands still while others advance
}

// Rule is a rule of the fold by its name, and what it means.
type Rule struct {
	Name statemachine.Verdict `json:"name"`
	Text string               `json:"text"`
}

// Said is what a source said last.
type Said struct {
	Source string    `json:"source"`
	Status string    `json:"status"`
	At     time.Time `json:"at"`
}

// Anomalous is a word that could not be followed.
type Anomalous struct {
	Reason string    `json:"reason"`
	Source string    `json:"source"`
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Detail string    `json:"detail,omitzero"`
}

// Explained is all that an explanation is made of.
type Explained struct {
	Key       events.Key
	State     *statemachine.State
	Shown     statemachine.Shown
	Steps     []statemachine.Step // of the fold, in canonical order
	Placed    map[uint64]Placed   // see [History]
	Deadline  statemachine.Deadline
	Best      []string  // sources whose word goes before that of others in the base status
	Watermark time.Time // of the region; zero: none
	Around    Around
	Revision  uint64
}

// Explain explains a deployment.
func Explain(x *Explained) *Explanation {
	s, shown := x.State, &x.Shown
	history := History(x.Steps, x.Placed)
	body := Deployment(x.Key, s, shown, x.Revision, &x.Around)
	e := &Explanation{
		Key: body.Key, Release: body.Release, Status: body.Status, Since: body.Since, Previous: body.Previous,
		Reason: body.Reason, By: body.By, Attempt: body.Attempt, Conditions: body.Conditions,
		WhoBody: body.WhoBody,
		Deadlines: DeadlineBody{
			SilentBy: instant(x.Deadline.Silent), OverdueBy: instant(x.Deadline.Overdue), Watermark: x.Watermark,
		},
		WaitingFor: body.WaitingFor, Violations: body.Violations, Observed: body.Observed, Claims: body.Claims,
		Anomalies: make([]Anomalous, 0, len(s.Anomalies)), AnomaliesSeen: s.AnomalyN,
		Lifecycle: body.Lifecycle, Revision: body.Revision, Digest: body.Digest,
	}
	for _, c := range body.Conditions {
		e.Deadlines.Dark = e.Deadlines.Dark || c == ConditionDark
	}
	if s.Status != shown.Status {
		e.Base = &BaseBody{Status: s.Status, Since: instant(s.Since), Reason: s.Reason}
	}
	if i := lastDeciding(x.Steps); i >= 0 {
		e.Event = &history[i]
		e.Rule = &Rule{Name: x.Steps[i].Verdict, Text: ruleText(&x.Steps[i])}
	}
	for _, a := range s.Anomalies {
		e.Anomalies = append(e.Anomalies, Anomalous{a.Reason, a.Source, a.ID, instant(a.Tau), a.Detail})
	}
	e.HistoryOmitted = max(len(history)-maxExplained, 0)
	e.History = history[e.HistoryOmitted:]
	a := answer{Explanation: e, version: body.Version, landed: body.LandedAt, base: s.Status, best: x.Best}
	e.Answer = a.text()
	return e
}

// ruleText says in a sentence what the rule behind a deciding step means.
func ruleText(s *statemachine.Step) string {
	switch s.Verdict {
	case statemachine.VerdictImplied:
		return fmt.Sprintf("The steps between %s and %s were never reported; they are implied.", s.From, s.To)
	case statemachine.VerdictNewAttempt:
		return fmt.Sprintf("The event began attempt %d.", s.Attempt)
	case statemachine.VerdictReLanded:
		return fmt.Sprintf("A landing after %s is believed: what runs counts.", s.From)
	case statemachine.VerdictTaken:
		return fmt.Sprintf("The lifecycle lets %s follow %s.", s.To, s.From)
	}
	return fmt.Sprintf("The event let %s follow %s, which had waited for it.", s.To, s.From)
}
