package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// statements are what a document says, as text by what it is about.
type statements struct {
	order []string
	says  map[string]string
}

func (s *statements) say(text, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if _, said := s.says[what]; !said {
		s.order = append(s.order, what)
	}
	s.says[what] = text
}

// also adds to what was said about a thing, where the order counts.
func (s *statements) also(between, text, format string, args ...any) {
	if before, said := s.says[fmt.Sprintf(format, args...)]; said {
		text = before + between + text
	}
	s.say(text, format, args...)
}

func statementsOf(d *statemachine.Spec) *statements {
	s := &statements{says: make(map[string]string)}
	s.times(d)
	for i := range d.States {
		s.state(&d.States[i])
	}
	for _, row := range d.Transitions {
		for _, from := range row.From {
			for _, to := range row.To {
				s.say("a fact", "The transition from %s to %s", from, to)
			}
			for _, j := range row.Judged {
				s.say("judged by the guard "+cmp.Or(j.Guard, statemachine.GuardEvidence), "The transition from %s to %s", from, j.To)
			}
		}
	}
	for _, name := range d.Implied {
		s.say("yes", "That %s is filled in", name)
	}
	for _, name := range d.Says {
		s.say("yes", "That a tool may say %s", name)
	}
	for _, g := range d.Guards {
		s.say(expression(g.When)+", which "+g.Message, "The guard %s", g.Name)
	}
	for _, a := range d.Auto {
		for _, from := range a.From {
			s.also(", else ", a.To+" by the guard "+a.When+because(a.Reason), "What %s goes to by itself", from)
		}
	}
	for _, p := range d.Policies {
		s.say(fmt.Sprintf("on %s, %s, else: %s", strings.Join(p.On, ", "), expression(p.When), p.Message), "The policy %s", p.Name)
	}
	s.deadlines("", d.Deadlines)
	for i := range d.Overrides {
		o := &d.Overrides[i]
		s.deadlines(" of "+matching(&o.Match), o.Deadlines)
		s.also(", then ", matching(&o.Match), "The order of the overrides")
	}
	for _, a := range d.Authority {
		s.say(strings.Join(slices.Sorted(slices.Values(a.Statuses)), ", "), "The authority of %s", a.Source)
	}
	for _, label := range slices.Sorted(maps.Keys(d.Aliases)) {
		s.say(d.Aliases[label], "The alias %s", label)
	}
	return s
}

// times says the three settings with what they are when they are not written.
func (s *statements) times(d *statemachine.Spec) {
	for _, t := range []struct {
		what  string
		value *statemachine.Duration
		or    time.Duration
	}{{"skew", d.Skew, time.Minute}, {"settle", d.Settle, 10 * time.Minute}, {"alert_horizon", d.AlertHorizon, 6 * time.Hour}} {
		value := t.or
		if t.value != nil {
			value = time.Duration(*t.value)
		}
		s.say(wholeTime(value), "The time %s", t.what)
	}
}

func (s *statements) state(st *statemachine.StateSpec) {
	text := fmt.Sprintf("%s of rank %d", st.Category, st.Rank)
	for _, f := range []struct {
		is   bool
		what string
	}{
		{st.Start, "start"},
		{st.Announces, "announces"},
		{st.Runs, "runs"},
		{st.Lands, "lands"},
		{st.Fails, "fails"},
		{st.Restores, "restores"},
		{st.Empties, "empties"},
	} {
		if f.is {
			text += ", " + f.what
		}
	}
	if st.Anywhere != nil {
		text += ", from anywhere"
		if len(st.Anywhere.Except) > 0 {
			text += " but " + strings.Join(slices.Sorted(slices.Values(st.Anywhere.Except)), ", ")
		}
	}
	if len(st.Marks) > 0 {
		text += ", marked " + strings.Join(slices.Sorted(slices.Values(st.Marks)), ", ")
	}
	s.say(text, "The state %s", st.Name)
}

func (s *statements) deadlines(whose string, specs map[string]statemachine.DeadlineSpec) {
	for _, status := range slices.Sorted(maps.Keys(specs)) {
		var texts []string
		if d := specs[status].SilentAfter; d != nil {
			texts = append(texts, "silent after "+wholeTime(time.Duration(*d)))
		}
		if d := specs[status].OverdueAfter; d != nil {
			texts = append(texts, "overdue after "+wholeTime(time.Duration(*d)))
		}
		s.also(", else ", cmp.Or(strings.Join(texts, ", "), "none"), "The deadline of %s%s", status, whose)
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", reason " + reason
}

func matching(m *statemachine.MatchSpec) string {
	var texts []string
	for _, p := range []struct {
		what     string
		patterns statemachine.Patterns
	}{{"env", m.Env}, {"region", m.Region}, {"component", m.Component}} {
		if len(p.patterns) > 0 {
			texts = append(texts, p.what+" "+strings.Join(p.patterns, ", "))
		}
	}
	return cmp.Or(strings.Join(texts, ", "), "everything")
}

// expression writes a condition on one line.
func expression(when string) string { return strings.Join(strings.Fields(when), " ") }

// wholeTime writes a duration as documents do: 15m, not 15m0s.
func wholeTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-2]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-2]
	}
	return text
}
