package statemachine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Severity says how much a finding matters.
type Severity string

// The severities. A document with errors is refused; warnings are advice.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Rules of [Lint].
const (
	RuleCompile     = "compile"     // the document is refused
	RuleUnreachable = "unreachable" // no word and no judgement ever leads there
	RuleNoExit      = "no_exit"     // not final, and nothing leads away
	RuleDeadlock    = "deadlock"    // not final, and no way leads to a landing or an end
	RuleNoDeadline  = "no_deadline" // waiting or active, and silence has no name
	RuleNoOwner     = "no_owner"    // authority is given out, but nobody has it over this status
	RuleUnused      = "unused"      // a guard that nothing waits for
	RuleShadowed    = "shadowed"    // an auto transition behind one with the same guard
)

// Finding is one thing that [Lint] has to say, and where in the document.
type Finding struct {
	Severity     Severity
	Line, Column int
	Rule         string
	Message      string
}

// Lint says what is wrong with a lifecycle document, and what is probably not
// meant: by place, errors alone when the document cannot be compiled.
func Lint(doc []byte) []Finding {
	l, err := Compile(doc)
	var faults Faults
	if errors.As(err, &faults) {
		out := make([]Finding, len(faults))
		for i, f := range faults {
			out[i] = Finding{SeverityError, f.Line, f.Column, RuleCompile, f.Message}
		}
		return out
	}
	d, err := Parse(doc)
	if err != nil {
		return nil // cannot be: it was just compiled
	}
	t := linter{Lifecycle: l, doc: d, leads: l.leads()}
	t.states()
	t.deadlines()
	t.guards()
	slices.SortStableFunc(t.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return t.findings
}

type linter struct {
	*Lifecycle
	doc      *Document
	leads    []set
	findings []Finding
}

func (t *linter) warn(path, rule, format string, args ...any) {
	f := t.doc.places.fault(path, fmt.Sprintf(format, args...))
	t.findings = append(t.findings, Finding{SeverityWarning, f.Line, f.Column, rule, f.Message})
}

// leads lists for each state where declared steps lead from it, judgements and
// auto transitions among them; not what is entered from anywhere.
func (l *Lifecycle) leads() []set {
	leads := make([]set, len(l.states))
	for to := range l.states {
		for from := range l.states {
			if (l.states[to].from | l.states[to].judged).has(index(from)) {
				leads[from].add(index(to))
			}
		}
	}
	for from := range l.states {
		for _, a := range l.states[from].autos {
			leads[from].add(a.to)
		}
	}
	return leads
}

func (t *linter) states() {
	owned := set(0)
	for _, a := range t.authority {
		owned |= a.statuses
	}
	for i := 1; i < len(t.Lifecycle.states); i++ {
		s, at := &t.Lifecycle.states[i], fmt.Sprintf("spec.states[%d]", i-1)
		if !t.reachable(index(i)) {
			t.warn(at, RuleUnreachable, "nothing leads to %s: no start, no transition", s.name)
		}
		if s.category.IsFinal() {
			continue
		}
		rest := slices.ContainsFunc(t.Lifecycle.states, func(e state) bool {
			settled := e.category.IsFinal() || e.category == CategoryLanded
			return settled && reaches(t.leads, index(i), t.byName[e.name])
		})
		switch {
		case t.leads[i] == 0:
			t.warn(at, RuleNoExit, "nothing leads away from %s, and it is not final", s.name)
		case !rest:
			t.warn(at, RuleDeadlock, "no way leads from %s to a landing or an end", s.name)
		}
		if owned != 0 && !owned.has(index(i)) {
			t.warn(at, RuleNoOwner, "no source has authority over %s", s.name)
		}
	}
}

// reachable reports whether a deployment can get there from its start: over
// declared steps, or from anywhere.
func (t *linter) reachable(to index) bool {
	if s := &t.Lifecycle.states[to]; s.start || s.anywhere != 0 {
		return true
	}
	for i := range t.Lifecycle.states {
		if t.Lifecycle.states[i].start && reaches(t.leads, index(i), to) {
			return true
		}
	}
	return false
}

func (t *linter) deadlines() {
	for i := 1; i < len(t.Lifecycle.states); i++ {
		s := &t.Lifecycle.states[i]
		works := s.category == CategoryWaiting || s.category == CategoryActive
		if d := s.deadline; works && due(1, d.silent) == 0 && due(1, d.overdue) == 0 {
			t.warn(fmt.Sprintf("spec.states[%d]", i-1), RuleNoDeadline, "%s has no deadline: its silence has no name", s.name)
		}
	}
}

func (t *linter) guards() {
	used := map[string]bool{GuardEvidence: true}
	for _, row := range t.doc.Spec.Transitions {
		for _, j := range row.Judged {
			used[cmp.Or(j.Guard, GuardEvidence)] = true
		}
	}
	type step struct{ from, guard string }
	seen := make(map[step]bool)
	for i, a := range t.doc.Spec.Auto {
		used[a.When] = true
		for _, from := range a.From {
			if seen[step{from, a.When}] {
				t.warn(fmt.Sprintf("spec.auto[%d]", i), RuleShadowed, "it never goes from %s: one before it has the same guard", from)
			}
			seen[step{from, a.When}] = true
		}
	}
	for i, g := range t.doc.Spec.Guards {
		if !used[g.Name] {
			t.warn(fmt.Sprintf("spec.guards[%d]", i), RuleUnused, "nothing waits for the guard %s", g.Name)
		}
	}
}
