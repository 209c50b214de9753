package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// answer writes the paragraph of an explanation, for somebody who was woken by
// it. Every sentence stands for a field that has something to say.
type answer struct {
	*Explanation

	version string    // of the deployment
	landed  time.Time // when it did
	base    string    // its status without what neighbours and silence lay over it
	best    []string  // see Explained
	b       strings.Builder
}

func (a *answer) text() string {
	a.what()
	a.waits()
	a.under()
	a.sides()
	for _, v := range a.Violations {
		a.sentence("Violation: %s", v.Message)
	}
	a.unknowns()
	switch n := a.AnomaliesSeen; {
	case n == 1:
		a.sentence("One event could not be followed, see anomalies")
	case n > 1:
		a.sentence("%d events could not be followed, see anomalies", n)
	}
	return a.b.String()
}

// sentence adds one. Its end is ours, so that what tools say may have one too.
func (a *answer) sentence(format string, args ...any) {
	if a.b.Len() > 0 {
		a.b.WriteByte(' ')
	}
	text := strings.TrimRight(fmt.Sprintf(format, args...), ".")
	a.b.WriteString(text)
	a.b.WriteByte('.')
}

// what says the status, since when and why: what is laid over by its reason, and
// the rest by the event that decided.
func (a *answer) what() {
	if a.Event == nil {
		a.sentence("%s is %s: none of its events so far (%d) carried a usable status", a.Key, a.Status, a.total())
	}
	is := fmt.Sprintf("%s is %s", a.Key, a.Status)
	if a.Base == nil {
		if a.Event != nil {
			a.sentence("%s since %s%s, because %s %s", is, at(a.Since), a.attempt(), a.Event.Source, a.Event.phrase())
		}
		return
	}
	switch a.Reason {
	case statemachine.ReasonSilent:
		a.sentence("%s (silent) since %s: a word was due by then and none came. %s", is, at(a.Since), a.lastWord())
	case statemachine.ReasonOverdue:
		a.sentence("%s (overdue) since %s: it was to be past %s by then. %s", is, at(a.Since), a.Base.Status, a.lastWord())
	case statemachine.ReasonNewerStart:
		a.sentence("%s since %s, when the newer %s started in its slot", is, at(a.Since), a.By)
	case statemachine.ReasonPutBack:
		a.sentence("%s since %s, when %s was put back in its place", is, at(a.Since), a.By)
	case statemachine.ReasonDependency:
		a.sentence("%s since %s, because what it depends on was not verified yet", is, at(a.Since))
	case statemachine.ReasonRelanded:
		a.sentence("%s since %s, when it landed again: what verified it is older than that", is, at(a.Since))
	case statemachine.ReasonSaid:
		a.sentence("%s since %s: %s says so itself", is, at(a.Since), a.whoSays(a.Status))
	default:
		a.sentence("%s since %s (%s)", is, at(a.Since), a.Reason)
	}
}

// under says what its own words give, when another status is shown.
func (a *answer) under() {
	if a.Base == nil {
		return
	}
	because := ""
	if a.Event != nil {
		because = fmt.Sprintf(", because %s %s", a.Event.Source, a.Event.phrase())
	}
	a.sentence("By its own words it is %s since %s%s%s", a.Base.Status, at(a.Base.Since), a.attempt(), because)
}

func (a *answer) attempt() string {
	if a.Attempt > 1 {
		return fmt.Sprintf(" (attempt %d)", a.Attempt)
	}
	return ""
}

// lastWord says whose word was heard last, and when.
func (a *answer) lastWord() string {
	if len(a.History) == 0 {
		return "No word was ever heard"
	}
	last := slices.MaxFunc(a.History, func(x, y Heard) int { return x.RecordedAt.Compare(y.RecordedAt) })
	return fmt.Sprintf("The last word came from %s at %s", last.Source, at(last.RecordedAt))
}

func (a *answer) whoSays(status string) string {
	for _, c := range a.Claims {
		if c.Status == status {
			return c.Source
		}
	}
	return "a tool"
}

// waits says what holds the status, each thing once.
func (a *answer) waits() {
	told := make(map[string]bool)
	for _, w := range a.WaitingFor {
		message := strings.TrimSuffix(w.Message, ".")
		if told[message] {
			continue
		}
		told[message] = true
		switch {
		case w.Source != "":
			a.sentence("%s said %s, which waits: %s", w.Source, w.Status, message)
		case w.Guard == statemachine.GuardDependency:
			a.sentence("It %s", message)
		default:
			a.sentence("Before %s: %s", w.Status, message)
		}
	}
}

// sides says what contradicts what.
func (a *answer) sides() {
	if slices.Contains(a.Conditions, statemachine.ConditionConflicted) {
		var says []string
		for _, c := range a.Claims {
			says = append(says, fmt.Sprintf("%s says %s since %s", c.Source, c.Status, at(c.At)))
		}
		a.sentence("Sources contradict each other: %s", strings.Join(says, ", "))
		if len(a.best) > 0 {
			a.sentence("Whether it is %s is best known to %s", a.base, strings.Join(a.best, " and "))
		}
	}
	if o := a.Observed; o != nil {
		record := a.version
		if record == "" {
			record = "this deployment"
		}
		a.sentence("By the record the slot runs %s since %s, but %s saw %s run at %s", record, at(a.landed), o.Source, o.Version, at(o.At))
	}
	if slices.Contains(a.Conditions, statemachine.ConditionOverridden) {
		a.sentence("A person set this status, and tools do not agree yet")
	}
	if slices.Contains(a.Conditions, statemachine.ConditionUpstreamReverted) {
		a.sentence("What it depends on was put back")
	}
}

// unknowns says what may have happened that we cannot know.
func (a *answer) unknowns() {
	if a.Deadlines.Dark {
		a.sentence("Its region is dark: what happened there after %s is not known", at(a.Deadlines.Watermark))
	}
	if slices.Contains(a.Conditions, ConditionOffline) {
		a.sentence("A source of it is offline")
	}
	if slices.Contains(a.Conditions, ConditionIncomplete) {
		a.sentence("A source of it numbers its words, and some are missing")
	}
}

func (e *Explanation) total() int { return len(e.History) + e.HistoryOmitted }

func at(t time.Time) string { return t.Format(time.RFC3339) }

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
		return fmt.Sprintf("%s at %s", said, at(h.At))
	}
	return fmt.Sprintf("%s at %s (%s)", said, at(h.At), why)
}
