package statemachine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// GuardEvidence is the guard of every judgement: a passing evidence that came
// after what it judges, and no failing one since.
const GuardEvidence = "evidence"

// EvidenceApproval is the kind of evidence that lets a deployment go ahead. It
// says nothing about how the deployment went.
const EvidenceApproval = "approval"

const guardEvidenceMessage = "waits for passing evidence from after the landing"

// hold keeps a judgement until its guard holds, once per status and source.
func (s *State) hold(w *placed, status string) {
	for _, h := range s.Held {
		if h.Status == status && h.Source == w.Source {
			return
		}
	}
	if len(s.Held) < MaxKept {
		s.Held = append(s.Held, Held{
			Status: status, Guard: GuardEvidence, Message: guardEvidenceMessage, Source: w.Source, ID: w.ID,
		})
	}
}

// judge takes the judgement that the evidence now allows. Evidence alone is
// enough: a probe that passed needs no tool to draw the conclusion.
func (l *Lifecycle) judge(s *State, w *placed, st *Step) {
	if !s.evidenced(l) {
		return
	}
	for i := range l.states {
		if !l.states[i].judged.has(s.memory.status) {
			continue
		}
		if st.Verdict == VerdictNoted || st.Verdict == VerdictHeld {
			st.Verdict = VerdictTaken
		}
		slot := st.Slot // a judgement lands nothing
		reason, class, message, url, native := s.Reason, s.Class, s.Message, s.URL, s.Native
		l.enter(s, w, index(i), st)
		if w.Kind != KindReported {
			s.Reason, s.Class, s.Message, s.URL, s.Native = reason, class, message, url, native
		}
		st.Slot = slot
		return
	}
}

// evidenced reports whether what is shown now has been confirmed: for each
// (kind, name) the latest verdict counts, one passes and none fails.
func (s *State) evidenced(l *Lifecycle) bool {
	after := s.Since
	if l.states[s.memory.status].runs {
		after = s.memory.landTau
	}
	passed := false
	for _, e := range s.Evidence {
		if e.Tau < after || e.Kind == EvidenceApproval {
			continue
		}
		switch e.Verdict {
		case events.VerdictPass:
			passed = true
		case events.VerdictFail:
			return false
		case events.VerdictUnknown:
		}
	}
	return passed
}

// addEvidence keeps the latest verdict of each (kind, name).
func (s *State) addEvidence(w *placed) {
	e := Evidence{
		Kind: w.SubKind, Name: w.Name, Verdict: w.Verdict, Source: w.Source, Tau: w.Tau,
		Attempt: w.Attempt, URL: w.URL,
	}
	i, found := slices.BinarySearchFunc(s.Evidence, e, func(a, b Evidence) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	switch {
	case found:
		s.Evidence[i] = e
	case len(s.Evidence) < MaxKept:
		s.Evidence = slices.Insert(s.Evidence, i, e)
	}
}
