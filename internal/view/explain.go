package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// maxExplained is how many events an explanation carries; a longer history is
// read page by page.
const maxExplained = 200

// Explanation says why a deployment has the status it has.
type Explanation struct {
	// Answer is one paragraph for people: what, since when, and why.
	Answer string `json:"answer"`

	Key        string    `json:"key"`
	Status     string    `json:"status"`
	Since      time.Time `json:"since,omitzero"`
	Previous   string    `json:"previous"`
	Attempt    uint32    `json:"attempt"`
	Conditions []string  `json:"conditions"`

	// Rule is how the fold came to the status, and Event the event that decided;
	// both are absent as long as there is no usable report.
	Rule  *Rule  `json:"rule,omitzero"`
	Event *Heard `json:"event,omitzero"`

	WaitingFor    []Waiting   `json:"waiting_for"` // judgements that are held
	Claims        []Said      `json:"claims"`      // what each source said last in this attempt
	Anomalies     []Anomalous `json:"anomalies"`   // the first that could not be followed
	AnomaliesSeen uint32      `json:"anomalies_seen"`

	// History holds the last events in canonical order; HistoryOmitted counts
	// those before them.
	History        []Heard `json:"history"`
	HistoryOmitted int     `json:"history_omitted"`

	Lifecycle LifecycleBody `json:"lifecycle"`
	Revision  uint64        `json:"revision"`
}

// Rule is a rule of the fold by its name, and what it means.
type Rule struct {
	Name statemachine.Verdict `json:"name"`
	Text string               `json:"text"`
}

// Waiting is a judgement that was heard and is held, and what it waits for.
type Waiting struct {
	Status  string `json:"status"`
	Guard   string `json:"guard"`
	Message string `json:"message"`
	Source  string `json:"source"`
	ID      string `json:"id"`
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

// Explain explains a deployment by its state and the steps of its fold, which
// are in canonical order.
func Explain(key string, s *statemachine.State, revision uint64, steps []statemachine.Step) *Explanation {
	history := History(steps)
	e := &Explanation{
		Key: key, Status: s.Status, Since: instant(s.Since), Previous: s.Previous, Attempt: s.Attempt,
		Conditions: orEmpty(s.Conditions),
		WaitingFor: make([]Waiting, 0, len(s.Held)), Claims: make([]Said, 0, len(s.Claims)),
		Anomalies: make([]Anomalous, 0, len(s.Anomalies)), AnomaliesSeen: s.AnomalyN,
		Revision: revision,
	}
	e.Lifecycle.Name, e.Lifecycle.Version = s.Lifecycle.Name, s.Lifecycle.Version
	if i := lastDeciding(steps); i >= 0 {
		e.Event = &history[i]
		e.Rule = &Rule{Name: steps[i].Verdict, Text: ruleText(&steps[i])}
	}
	for _, h := range s.Held {
		e.WaitingFor = append(e.WaitingFor, Waiting(h))
	}
	for _, c := range s.Claims {
		e.Claims = append(e.Claims, Said{c.Source, c.Status, instant(c.Tau)})
	}
	for _, a := range s.Anomalies {
		e.Anomalies = append(e.Anomalies, Anomalous{a.Reason, a.Source, a.ID, instant(a.Tau), a.Detail})
	}
	e.HistoryOmitted = max(len(history)-maxExplained, 0)
	e.History = history[e.HistoryOmitted:]
	e.Answer = e.answer()
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

// answer writes the paragraph. Every clause stands for a field that has
// something to say.
func (e *Explanation) answer() string {
	var b strings.Builder
	if e.Event == nil {
		fmt.Fprintf(&b, "%s is %s: none of its events so far (%d) carried a usable status.", e.Key, e.Status, e.total())
	} else {
		fmt.Fprintf(&b, "%s is %s since %s", e.Key, e.Status, e.Since.Format(time.RFC3339))
		if e.Attempt > 1 {
			fmt.Fprintf(&b, " (attempt %d)", e.Attempt)
		}
		fmt.Fprintf(&b, ", because %s %s. %s", e.Event.Source, e.Event.phrase(), e.Rule.Text)
	}
	for _, w := range e.WaitingFor {
		fmt.Fprintf(&b, " %s was said by %s and waits: %s.", w.Status, w.Source, strings.TrimSuffix(w.Message, "."))
	}
	if len(e.Conditions) > 0 {
		fmt.Fprintf(&b, " Conditions: %s.", strings.Join(e.Conditions, ", "))
	}
	switch e.AnomaliesSeen {
	case 0:
	case 1:
		b.WriteString(" One event could not be followed, see anomalies.")
	default:
		fmt.Fprintf(&b, " %d events could not be followed, see anomalies.", e.AnomaliesSeen)
	}
	return b.String()
}

func (e *Explanation) total() int { return len(e.History) + e.HistoryOmitted }

// maxQuoted is how much of a message the paragraph quotes, in bytes.
const maxQuoted = 200

// clip cuts a message short without cutting a character in two.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// phrase says what the event said, as the end of a sentence that its source
// begins.
func (h *Heard) phrase() string {
	at := h.At.Format(time.RFC3339)
	said := "spoke"
	switch {
	case h.Said != "" && h.Actor != "" && h.Source != h.Actor:
		said = fmt.Sprintf("said %s for %s", h.Said, h.Actor)
	case h.Said != "":
		said = "said " + h.Said
	case h.Evidence != "":
		said = fmt.Sprintf("brought the evidence %s: %s", h.Kind, h.Evidence)
	}
	why := h.Why
	if h.Message != "" {
		if why != "" {
			why += ", "
		}
		why += "“" + clip(h.Message) + "”"
	}
	if why == "" {
		return fmt.Sprintf("%s at %s", said, at)
	}
	return fmt.Sprintf("%s at %s (%s)", said, at, why)
}
