package statemachine

import (
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Names of anomalies: why a word could not be followed.
const (
	AnomalyNoTransition  = "no_transition"  // the lifecycle has no way there
	AnomalyUnknownStatus = "unknown_status" // the lifecycle has no such state
	AnomalyConflict      = "conflict"       // one identity, two contents
	AnomalySequence      = "bad_sequence"   // a sequence that is no decimal
)

// Names of conditions that the fold itself lays over a status.
const (
	ConditionClockAhead = "clock_ahead"
	ConditionConflicted = "conflicted"
	ConditionOverridden = "overridden"
	ConditionViolation  = "violation"
)

// describe takes over what a word says of the deployment itself, whatever
// becomes of its status: the last one to say it is believed.
func (l *Lifecycle) describe(s *State, w *Word) {
	if w.Version != "" {
		s.Version = w.Version
	}
	if w.Release != "" {
		s.Release = w.Release
	}
	if w.Owner != "" {
		s.Owner = w.Owner
	}
	if w.Artifact != (events.Artifact{}) {
		s.Artifact = w.Artifact
	}
	for _, label := range w.Labels {
		name, alias := l.aliases[label.Name]
		if !alias {
			name = label.Name
		} else if _, plain := findLabel(w.Labels, name); plain {
			continue // it says the canonical name too
		}
		switch i, found := findLabel(s.Labels, name); {
		case found:
			s.Labels[i].Value = label.Value
		case len(s.Labels) < MaxKept:
			s.Labels = slices.Insert(s.Labels, i, Label{name, label.Value})
		}
	}
	for _, r := range w.Refs {
		if i, found := slices.BinarySearch(s.Refs, r); !found && len(s.Refs) < MaxRefs {
			s.Refs = slices.Insert(s.Refs, i, r)
		}
	}
	s.memory.ahead = s.memory.ahead || w.Ahead
}

// findLabel finds a label among sorted ones, or where it would stand.
func findLabel(labels []Label, name string) (int, bool) {
	return slices.BinarySearchFunc(labels, name, func(a Label, name string) int { return strings.Compare(a.Name, name) })
}

// tell takes over what a word says about the status that it brought.
func (s *State) tell(w *Word) {
	s.Reason, s.Class, s.Message, s.URL, s.Native = w.Reason, w.Class, w.Message, w.URL, w.Native
}

func (s *State) progress(w *Word) {
	if w.Percent >= 0 {
		s.Percent = w.Percent
	}
	if w.Message != "" {
		s.Message = w.Message
	}
	s.NextBy = w.NextBy
}

func (s *State) annotate(w *placed) {
	if len(s.Annotations) < MaxKept {
		s.Annotations = append(s.Annotations, Annotation{
			Kind: w.SubKind, Text: w.Text, URL: w.URL, Actor: w.Actor, Tau: w.Tau,
		})
	}
}

func (s *State) setClaim(c Claim) {
	i, found := slices.BinarySearchFunc(s.Claims, c.Source, func(a Claim, source string) int {
		return strings.Compare(a.Source, source)
	})
	if found {
		s.Claims[i] = c
	} else {
		s.Claims = slices.Insert(s.Claims, i, c)
	}
}

// refuse leaves the status as it is and says why.
func (s *State) refuse(w *placed, st *Step, reason, detail string) {
	st.Verdict, st.Reason = VerdictRefused, reason
	s.anomaly(w, reason, detail)
}

func (s *State) anomaly(w *placed, reason, detail string) {
	s.AnomalyN++
	if len(s.Anomalies) < MaxKept {
		s.Anomalies = append(s.Anomalies, Anomaly{
			Reason: reason, Source: w.Source, ID: w.ID, Tau: w.Tau, Detail: detail,
		})
	}
}

// conditions lists what holds now, sorted by name.
func (s *State) conditions() {
	s.Conditions = nil
	if s.memory.ahead {
		s.Conditions = append(s.Conditions, ConditionClockAhead)
	}
	if s.Against() != "" {
		s.Conditions = append(s.Conditions, ConditionConflicted)
	}
	if s.memory.override {
		s.Conditions = append(s.Conditions, ConditionOverridden)
	}
	if len(s.Violations) > 0 {
		s.Conditions = append(s.Conditions, ConditionViolation)
	}
}

// Against returns the source whose claim the status contradicts, "" for none.
// What it says is in Claims.
func (s *State) Against() string {
	if s.memory.against != "" {
		return s.memory.against
	}
	return s.memory.dissent
}

// Clone returns a copy that shares nothing that the fold changes.
func (s *State) Clone() *State {
	c := *s
	c.Labels = slices.Clone(s.Labels)
	c.Refs = slices.Clone(s.Refs)
	c.Conditions = slices.Clone(s.Conditions)
	c.Held = slices.Clone(s.Held)
	c.Violations = slices.Clone(s.Violations)
	c.Evidence = slices.Clone(s.Evidence)
	c.Annotations = slices.Clone(s.Annotations)
	c.Claims = slices.Clone(s.Claims)
	c.Anomalies = slices.Clone(s.Anomalies)
	c.memory = s.memory.clone()
	return &c
}
