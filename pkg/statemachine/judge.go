package statemachine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// GuardEvidence is the guard of the judgements that name no other.
const GuardEvidence = "evidence"

// Kinds of evidence that mean something to the fold or the standard lifecycle.
const (
	// EvidenceApproval lets a deployment go ahead. It says nothing about how the
	// deployment went.
	EvidenceApproval = "approval"
	// EvidenceHealth is the kind of what a loose follow word confirms.
	EvidenceHealth = "health"
)

// hold keeps a judgement until its guard holds, once per status and source.
func (s *State) hold(w *placed, status string, g *guard) {
	for _, h := range s.Held {
		if h.Status == status && h.Source == w.Source {
			return
		}
	}
	if len(s.Held) < MaxKept {
		s.Held = append(s.Held, Held{Status: status, Guard: g.name, Message: g.message, Source: w.Source, ID: w.ID})
	}
}

// judge takes the steps that nobody has to report any more: judgements that
// waited for their guard, and auto transitions. It ends, since a judgement goes
// once and auto transitions form no cycle.
func (l *Lifecycle) judge(key *events.Key, s *State, w *placed, st *Step) {
	for len(s.Held) > 0 || len(l.states[s.memory.status].autos) > 0 {
		to, reason, ok := l.due(key, s, w.Word)
		if !ok {
			return
		}
		if st.Verdict == VerdictNoted || st.Verdict == VerdictHeld {
			st.Verdict = VerdictTaken
		}
		slot, before := st.Slot, s.memory.status // a judgement lands nothing
		story := Word{Reason: s.Reason, Class: s.Class, Message: s.Message, URL: s.URL, Native: s.Native}
		l.enter(s, w, to, st)
		if w.Kind != KindReported || reason != "" {
			// The word brought evidence, and no story of its own.
			story.Reason = cmp.Or(reason, story.Reason)
			s.tell(&story)
		}
		st.Slot = slot
		s.memory.judged, s.memory.before = true, before
	}
}

// due finds the step that goes now: the first judgement that waited and whose
// guard holds, else the first auto transition. What could not be evaluated waits
// and says why.
func (l *Lifecycle) due(key *events.Key, s *State, w *Word) (to index, reason string, ok bool) {
	now, after := s.memory.status, s.judgedFrom(l)
	if len(s.Held) > 0 {
		s.Held = slices.DeleteFunc(s.Held, func(h Held) bool { return h.ID == "" })
		for i := range s.Held {
			h := &s.Held[i]
			to := l.byName[h.Status]
			if ok, h.Message = l.states[to].guards[l.stands(&s.memory)].holds(key, s, w, after); ok {
				return to, "", true
			}
		}
	}
	for _, a := range l.states[now].autos {
		ok, message := a.guard.holds(key, s, w, after)
		if ok {
			return a.to, a.reason, true
		}
		if message != a.guard.message && len(s.Held) < MaxKept {
			s.Held = append(s.Held, Held{Status: l.states[a.to].name, Guard: a.guard.name, Message: message})
		}
	}
	return 0, "", false
}

// judgedFrom is τ from which evidence counts for what is shown now: the landing
// of what runs, else the moment the status was entered.
func (s *State) judgedFrom(l *Lifecycle) int64 {
	if l.states[s.memory.status].runs {
		return s.memory.landTau
	}
	return s.Since
}

// Confirmed reports whether the guard "evidence" holds for s when only evidence
// not before since counts: whether a deployment that landed again at since is
// still what its evidence says.
func (l *Lifecycle) Confirmed(key events.Key, s *State, since int64) bool {
	ok, _ := l.evidence.holds(&key, s, new(Word), since)
	return ok
}

// Waiting lists what holds a deployment in its status: judgements that somebody
// said, and in a waiting status the steps that go by themselves, but for bad
// ends. Their messages say what is waited for.
func (l *Lifecycle) Waiting(s *State) []Held {
	waiting := slices.Clone(s.Held)
	now := &l.states[l.byName[s.Status]]
	if now.category != CategoryWaiting {
		return waiting
	}
	for _, a := range now.autos {
		to := &l.states[a.to]
		known := slices.ContainsFunc(waiting, func(h Held) bool { return h.Status == to.name })
		if !known && to.category != CategoryFinalBad {
			waiting = append(waiting, Held{Status: to.name, Guard: a.guard.name, Message: a.guard.message})
		}
	}
	return waiting
}

// addEvidence keeps the latest verdict of each (kind, name).
func (s *State) addEvidence(e *Evidence, w *placed) {
	e.Source, e.Tau, e.Attempt = w.Source, w.Tau, w.Attempt
	i, found := slices.BinarySearchFunc(s.Evidence, e, func(a Evidence, b *Evidence) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	switch {
	case found:
		s.Evidence[i] = *e
	case len(s.Evidence) < MaxKept:
		s.Evidence = slices.Insert(s.Evidence, i, *e)
	}
}
