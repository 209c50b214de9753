package notifier

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Bounds of what tools may put into a message, in runes.
const (
	maxWord     = 128
	maxSentence = 600
)

// timeFormat is how messages write times: no reader has to guess the zone.
const timeFormat = "2006-01-02 15:04:05 UTC"

// firingMessage says what is wrong: what, where, since when, why, and who says
// so. It is a function of the change alone.
func firingMessage(rule *Rule, c *change, id, link string) receiver.Message {
	var text strings.Builder
	if rule.Condition == "" {
		fmt.Fprintf(&text, "Status %s since %s", c.To, stamp(c.At))
		if c.From != "" && c.From != c.To {
			fmt.Fprintf(&text, ", before that %s", clean(c.From, maxWord))
		}
	} else {
		fmt.Fprintf(&text, "%s since %s, with status %s", upperFirst(rule.Condition), stamp(c.At), clean(c.To, maxWord))
	}
	if c.Attempt > 1 {
		fmt.Fprintf(&text, ", attempt %d", c.Attempt)
	}
	text.WriteString(".\n")
	text.WriteString(rule.lasted())
	if why := cmp.Or(rule.Why, because(c)); why != "" {
		fmt.Fprintf(&text, "Why: %s\n", why)
	}
	if c.Late {
		text.WriteString("This came to be known late.\n")
	}
	if c.To != statemachine.StatusStalled { // that nobody said
		fmt.Fprintf(&text, "Said by %s.\n", clean(c.Cause.Source, maxSentence))
	}
	var facts []string
	for _, f := range [...]struct{ name, value string }{
		{"Version", c.Version}, {"release", c.Release}, {"owner", c.Owner}, {"deployment", c.Key},
	} {
		if f.value != "" {
			facts = append(facts, f.name+" "+clean(f.value, maxSentence))
		}
	}
	text.WriteString(upperFirst(strings.Join(facts, ", ")) + ".")

	return receiver.Message{
		Alert:    id,
		Status:   receiver.StatusFiring,
		Severity: rule.Severity,
		Title:    fmt.Sprintf("%s %s in %s", name(c.key, c.Version), rule.Verb, place(c.key)),
		Text:     text.String(),
		Since:    c.At.UTC(),
		At:       c.At.UTC(),
		Link:     link,
		Labels:   labels(rule, c),
	}
}

// lasted is the sentence of a rule that waits: when it is read, the time has
// passed.
func (r *Rule) lasted() string {
	if r.HoldFor == 0 {
		return ""
	}
	return "That has lasted for " + short(r.HoldFor) + " or longer.\n"
}

// labels name the problem to machines: nothing in them changes while it stands.
func labels(rule *Rule, c *change) map[string]string {
	l := map[string]string{
		"alertname":  rule.Name,
		"severity":   rule.Severity,
		"env":        c.key.Env,
		"region":     c.key.Region,
		"component":  c.key.Component,
		"deployment": c.key.Deployment,
	}
	for name, value := range map[string]string{"version": c.Version, "release": c.Release, "owner": c.Owner} {
		if value != "" {
			l[name] = clean(value, maxWord)
		}
	}
	return l
}

// resolution says how a problem ended.
type resolution struct {
	what   string // ends a sentence that begins with the deployment
	at     time.Time
	source string // who says so; "" when the change does not name it
	late   bool
}

// howChanged is a resolution by the deployment's own change.
func howChanged(rule *Rule, c *change) resolution {
	r := resolution{at: c.At, source: c.Cause.Source, late: c.Late}
	if rule.Over != "" {
		r.what = rule.Over
		return r
	}
	switch c.To {
	case statemachine.StatusDeployed, statemachine.StatusVerifying:
		r.what = "is deployed"
	case statemachine.StatusVerified:
		r.what = "is verified"
	case statemachine.StatusReverted:
		r.what = "was put back"
	case statemachine.StatusRecovered:
		r.what = "was put back and is well"
	case statemachine.StatusCancelled:
		r.what = "was cancelled"
	case statemachine.StatusRemoved:
		r.what = "was removed"
	default:
		r.what = "is " + clean(c.To, maxWord)
		if !rule.Passing {
			r.what += " after all"
		}
	}
	return r
}

// howReplaced is a resolution by another deployment in the slot.
func howReplaced(l *landing) resolution {
	verb := "was replaced by "
	if l.Landing == "rollback" {
		verb = "was put back to "
	}
	return resolution{what: verb + clean(l.name(), maxWord), at: l.Since, source: l.source}
}

// howFailedAgain is a resolution by a later attempt that went no better.
func howFailedAgain(c *change, alert string) resolution {
	return resolution{
		what: fmt.Sprintf("went wrong again as attempt %d, see %s", c.Attempt, alert),
		at:   c.At, source: c.Cause.Source, late: c.Late,
	}
}

// resolvedMessage says how the problem of open ended.
func resolvedMessage(open *Alert, how resolution) receiver.Message {
	m := open.Message
	m.Status = receiver.StatusResolved
	m.At = how.at.UTC()
	kind, called, in := open.about()
	m.Title = fmt.Sprintf("Resolved: %s in %s %s", called, in, how.what)

	var text strings.Builder
	fmt.Fprintf(&text, "It %s at %s.\n", how.what, stamp(how.at))
	fmt.Fprintf(&text, "The problem began at %s", stamp(open.Since))
	if lasted := how.at.Sub(open.Since).Round(time.Second); lasted > 0 {
		fmt.Fprintf(&text, ", %s before", short(lasted))
	}
	text.WriteString(".\n")
	if how.late {
		text.WriteString("The word for it came late: had it come in time, there had been no alert, or a shorter one.\n")
	}
	if how.source != "" {
		fmt.Fprintf(&text, "Said by %s.\n", clean(how.source, maxSentence))
	}
	fmt.Fprintf(&text, "%s %s.", upperFirst(kind), open.Key)
	m.Text = text.String()
	return m
}

// about returns what the alert is about: the kind of thing, what people call it,
// and where it is.
func (a *Alert) about() (kind, called, in string) {
	if slot, deployment := a.slot(); deployment != "" {
		k := events.Key{Slot: slot, Deployment: deployment}
		return "deployment", name(k, a.Version), place(k)
	}
	for _, kind := range [...]string{labelRelease, labelRegion} {
		if called := a.Labels[kind]; called != "" {
			return kind, kind + " " + called, a.Labels["env"]
		}
	}
	return "alert", a.Alert, a.Labels["env"]
}

// because joins what the tool gave as reason and as message.
func because(c *change) string {
	reason, message := clean(c.Reason, maxWord), clean(c.Message, maxSentence)
	if c.To == statemachine.StatusStalled {
		switch c.Reason {
		case statemachine.ReasonSilent:
			return "no word of any kind came in time (silent)"
		case statemachine.ReasonOverdue:
			return "words came, but it stayed " + clean(c.From, maxWord) + " for too long (overdue)"
		}
	}
	switch {
	case message == "":
		return reason
	case reason == "" || reason == message:
		return message
	default:
		return message + " (" + reason + ")"
	}
}

func name(k events.Key, version string) string {
	if version == "" {
		version = k.Deployment
	}
	return k.Component + " " + clean(version, maxWord)
}

func place(k events.Key) string { return k.Env + "/" + k.Region }

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }

// short writes a duration without the zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// clean makes one line of a text from outside: no control or formatting
// characters, which could hide or reorder what follows, and at most limit runes.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
