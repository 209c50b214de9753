package view

import (
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// SeenOf returns a deployment as its release sees it.
func SeenOf(key events.Key, s *statemachine.State, shown statemachine.Shown) Seen {
	return Seen{
		Key: key, Version: s.Version, Shown: shown, Began: s.StartedAt() != 0, Last: s.LastTau, Owner: s.Owner,
	}
}

// Declare sets the plan in force, and the latest declaration if that does not
// count, from the plans of the release's environment as [Plans] gives them.
func (r *Release) Declare(inForce map[string]*Plan, refused []Refusal) {
	r.Plan = inForce[r.Key.Name]
	for i := range refused {
		if f := &refused[i]; f.Release == r.Key && (r.Plan == nil || compareDeclarations(&r.Plan.Declaration, &f.Declaration) < 0) {
			r.Refused = f
		}
	}
}

// Say takes a word that counts for every member: evidence, or an annotation.
// Words are to be said in the order in which they are to be shown.
func (r *Release) Say(w *statemachine.Word) {
	switch w.Kind {
	case statemachine.KindEvidence:
		r.Evidence = append(r.Evidence, EvidenceBody{w.SubKind, w.Name, string(w.Verdict), w.Source, instant(w.Tau), w.Attempt, w.URL})
	case statemachine.KindAnnotated:
		r.Annotations = append(r.Annotations, AnnotationBody{w.SubKind, w.Text, w.URL, w.Actor, instant(w.Tau)})
	}
}
