package statemachine

import (
	"slices"

	"github.com/telltale-dev/telltale/pkg/events"
)

// NewState returns the state of a deployment nobody has spoken of.
func NewState() *State {
	return &State{Status: StatusUnknown, Percent: -1}
}

// placed is a word with its place in the canonical order: Mark, lifted, stands
// before the word's own.
type placed struct {
	*Word
	events.Mark
	to index // the state that it names, 0 for none
}

// Fold folds all words of a deployment from nothing, in whatever order they
// stand: the result depends on the set alone. No two words may share an
// identity. Steps tell the story in canonical order and point into words.
func (l *Lifecycle) Fold(key events.Key, words []Word) (*State, []Step) {
	order := make([]placed, len(words))
	marks := make([]*events.Mark, len(words))
	var begun []begin
	for i := range words {
		w := &words[i]
		if given := w.given(); given != 0 {
			begun = begins(begun, given, w.Tau)
		}
		order[i] = placed{Word: w, Mark: w.Mark}
		marks[i] = &order[i].Mark
	}
	for i := range order {
		p := &order[i]
		if p.Mark.Attempt = p.given(); p.Mark.Attempt == 0 {
			p.Mark.Attempt = attemptAt(begun, p.Tau)
		}
		p.to, p.Rank = l.names(p.Word)
	}
	events.Lift(marks)
	slices.SortFunc(order, func(a, b placed) int { return a.Mark.Compare(&b.Mark) })

	s := NewState()
	s.Lifecycle = l.ref
	steps := make([]Step, len(order))
	for i := range order {
		steps[i] = l.step(&key, s, &order[i])
	}
	return s, steps
}

// Apply puts one more word on top of s. It reports false, and leaves s as it
// was, when the word does not sort last or moves where others sort, or when s
// was folded under another lifecycle: then all words must be folded again. The cost does not depend on how many words s has
// seen.
func (l *Lifecycle) Apply(key events.Key, s *State, w *Word) (Step, bool) {
	p := placed{Word: w, Mark: w.Mark}
	p.to, p.Rank = l.names(w)
	if s.Words > 0 && s.Lifecycle != l.ref || !s.memory.follows(&p) {
		return Step{}, false
	}
	s.Lifecycle = l.ref
	return l.step(&key, s, &p), true
}

// count notes one more word, by its unlifted τ.
func (s *State) count(tau int64) {
	if s.Words == 0 || tau < s.FirstTau {
		s.FirstTau = tau
	}
	s.Words++
}

// names returns the state that a word names, 0 for none, and the word's rank: the
// state's, or the last of its instant.
func (l *Lifecycle) names(w *Word) (to index, rank uint8) {
	if w.Kind == KindReported || w.Kind == KindOverridden {
		if to = l.byName[w.Status]; to != 0 {
			return to, l.states[to].rank
		}
	}
	return 0, events.RankNone
}

// step moves s by one word in canonical order. The rules and their numbers are
// those of docs/lifecycle.md.
func (l *Lifecycle) step(key *events.Key, s *State, w *placed) Step {
	st := Step{Word: w.Word, Mark: w.Mark, Verdict: VerdictNoted, From: s.Status}
	s.memory.track(w)
	s.count(w.Word.Tau)
	s.LastTau = w.Tau
	s.Heard = max(s.Heard, l.heard(w.Word))
	l.describe(s, w.Word)
	switch w.Kind {
	case KindReported:
		l.report(key, s, w, &st)
	case KindOverridden:
		l.override(key, s, w, &st)
	case KindProgressed:
		s.progress(w.Word)
	case KindEvidence:
		s.addEvidence(&Evidence{Kind: w.SubKind, Name: w.Name, Verdict: w.Verdict, URL: w.URL}, w)
	case KindAnnotated:
		s.annotate(w)
	}
	for range w.Twins {
		s.anomaly(w, AnomalyConflict, "another content was sent under this identity")
	}
	if w.BadSeq {
		s.anomaly(w, AnomalySequence, "the sequence is not a decimal")
	}
	l.judge(key, s, w, &st)
	l.settleConflict(s)
	s.conditions()
	st.To, st.Attempt = s.Status, s.Attempt
	if st.Slot != nil {
		st.Slot.Deployment, st.Slot.Attempt, st.Slot.Version = key.Deployment, s.Attempt, s.Version
		st.Slot.Tau, st.Slot.Source, st.Slot.Sequence, st.Slot.ID = w.Tau, w.Source, w.Sequence, w.ID
	}
	return st
}

// heard returns when a word was heard, for deadlines: as recorded, or at its τ
// when it is an old story.
func (l *Lifecycle) heard(w *Word) int64 {
	if late := w.Recorded - w.Tau; late < 0 || late > l.horizon {
		return w.Tau
	}
	return w.Recorded
}

// report is the step of a reported status. The order of its rules matters: a
// higher given attempt goes before the echo, since the same status of another
// attempt is no repetition (ADR 4).
func (l *Lifecycle) report(key *events.Key, s *State, w *placed, st *Step) {
	m := &s.memory
	to := w.to
	if to == 0 {
		switch {
		case slices.Contains(l.says, w.Status):
			l.say(s, w, st)
		case w.Status != StatusUnknown:
			s.refuse(w, st, AnomalyUnknownStatus, w.Status)
		}
		return
	}
	target := &l.states[to]
	s.Says = ""
	if w.Role == RoleLoose && target.runs {
		// What is under way is not surely what this tool speaks of: it can confirm
		// a landing, and never make one.
		s.addEvidence(&Evidence{Kind: EvidenceHealth, Name: w.Source, Verdict: events.VerdictPass, URL: w.URL}, w)
		l.claim(s, w, to)
		return
	}
	switch {
	case s.Attempt == 0 || w.Attempt > s.Attempt:
		l.begin(s, w, max(w.Attempt, 1))
		if st.From != StatusUnknown {
			st.Verdict = VerdictNewAttempt
		}
		l.move(key, s, w, to, st)
	case to == m.status:
		st.Verdict = VerdictEcho
	case w.Role == RoleLead && target.start && l.restarts(s, w, target):
		st.Verdict = VerdictNewAttempt
		l.begin(s, w, s.Attempt+1)
		l.move(key, s, w, to, st)
	case l.isEcho(s, w, to):
		st.Verdict = VerdictEcho
	default:
		l.move(key, s, w, to, st)
	}
	l.claim(s, w, to)
	if target.lands && st.Verdict != VerdictRefused {
		st.Slot = &SlotWord{Kind: SlotLanded}
	}
	m.override = m.override && to != m.status
}

// say is the step of a word that names no state, but something a tool may
// conclude by itself, such as "stalled". It is laid over a rollout that has not
// landed and moves nothing.
func (l *Lifecycle) say(s *State, w *placed, st *Step) {
	if s.Attempt == 0 || w.Attempt > s.Attempt {
		if s.Attempt != 0 {
			st.Verdict = VerdictNewAttempt
		}
		l.begin(s, w, max(w.Attempt, 1))
	}
	if s.memory.landTau == 0 && !l.states[s.memory.status].category.IsFinal() {
		s.Says = w.Status
	}
	s.setClaim(Claim{Source: w.Source, Status: w.Status, Tau: w.Tau})
}

// restarts is rule 3: does this start begin an attempt?
func (l *Lifecycle) restarts(s *State, w *placed, target *state) bool {
	m := &s.memory
	spoke := m.spoke(w.Source)
	if spoke != nil && spoke.ended {
		// Its own: later in (τ, sequence) than its landing or its end.
		return w.Tau > spoke.endTau || w.Tau == spoke.endTau && w.Sequence.Compare(spoke.endSeq) > 0
	}
	if spoke != nil && !target.announces {
		return false // it is still telling us about this attempt
	}
	now := &l.states[l.stands(m)]
	switch {
	case now.category.IsFinal():
		return w.Tau-s.Since > int64(l.skew)
	case now.runs:
		return w.Tau-m.landTau > int64(l.settle)
	}
	return false
}

// isEcho is rule 4: a source's own last status again, or one of lower rank
// already passed.
func (l *Lifecycle) isEcho(s *State, w *placed, to index) bool {
	m := &s.memory
	now, target := &l.states[l.stands(m)], &l.states[to]
	if now.category == CategoryHeld {
		return false
	}
	spoke := m.spoke(w.Source)
	if spoke != nil && target.lands && l.states[spoke.status].fails {
		return false
	}
	own := spoke != nil && spoke.status == to
	return own || target.rank < now.rank && m.visited.has(to)
}

// move is rules 5 to 8: a declared transition, a path of implied steps, a
// landing after a final status, or a refusal.
func (l *Lifecycle) move(key *events.Key, s *State, w *placed, to index, st *Step) {
	m := &s.memory
	from := l.stands(m)
	target := &l.states[to]
	verdict := func(v Verdict) {
		if st.Verdict != VerdictNewAttempt {
			st.Verdict = v
		}
	}
	path, implied := target.paths[from]
	switch {
	case target.from.has(from), from == 0 && target.judged == 0, target.anywhere.has(from):
		verdict(VerdictTaken)
		l.take(key, s, w, to, st)
	case target.judged.has(from):
		s.hold(w, target.name, target.guards[from])
		verdict(VerdictHeld)
	case implied:
		for _, step := range path {
			l.take(key, s, w, step, st)
		}
		if target.judged.has(m.status) {
			s.hold(w, target.name, target.guards[m.status])
			verdict(VerdictHeld)
			return
		}
		verdict(VerdictImplied)
		l.take(key, s, w, to, st)
	case target.lands && l.states[from].category.IsFinal() && (m.said != w.Source || l.states[from].fails):
		verdict(VerdictReLanded)
		against := m.said
		l.take(key, s, w, to, st)
		if against != w.Source {
			m.against = against
		}
	default:
		s.refuse(w, st, AnomalyNoTransition, w.Status)
	}
}

// begin starts an attempt: what belonged to the one before is forgotten.
func (l *Lifecycle) begin(s *State, w *placed, attempt uint32) {
	m := &s.memory
	if s.Attempt != 0 {
		m.prior = s.Since
	}
	m.status, m.visited, m.said, m.landTau, m.against, m.override, m.judged, m.before = 0, 0, "", 0, "", false, false, 0
	m.sources = nil
	s.Attempt, s.Began = attempt, w.Tau
	s.Status, s.Previous = StatusUnknown, ""
	s.Since, s.Started, s.Landed, s.Finished = w.Tau, 0, 0, 0
	s.SinceHeard = l.heard(w.Word)
	s.Percent, s.NextBy = -1, 0
	s.Says, s.Marks, s.Held, s.Violations, s.Claims = "", nil, nil, nil, nil
	s.tell(&Word{})
}

// take enters a status that somebody says is so: a fact. What breaks a policy
// is shown all the same, once for each policy and attempt.
func (l *Lifecycle) take(key *events.Key, s *State, w *placed, to index, st *Step) {
	l.enter(s, w, to, st)
	s.memory.judged, s.memory.before = false, 0
	for _, policy := range l.states[to].policies {
		ok, message := policy.holds(key, s, w.Word, s.judgedFrom(l))
		if ok || len(s.Violations) == MaxKept ||
			slices.ContainsFunc(s.Violations, func(v Violation) bool { return v.Policy == policy.name }) {
			continue
		}
		s.Violations = append(s.Violations, Violation{
			Policy: policy.name, Message: message, Source: w.Source, ID: w.ID, Tau: w.Tau,
		})
	}
}

// enter makes a status the current one. Judgements that waited for the old one
// are dropped.
func (l *Lifecycle) enter(s *State, w *placed, to index, st *Step) {
	m := &s.memory
	from, target := &l.states[m.status], &l.states[to]
	if first := s.Started == 0 && s.Landed == 0; first && (target.category == CategoryActive || target.runs) {
		s.LastBegan, s.LastStarted = s.Began, w.Tau
	}
	if target.runs && !from.runs {
		m.landTau = w.Tau
		if s.Landed == 0 {
			s.Landed = w.Tau
		}
		st.Slot = &SlotWord{Kind: SlotLanded}
	}
	switch {
	case target.restores:
		st.Slot = &SlotWord{Kind: SlotReverted}
	case target.empties:
		st.Slot = &SlotWord{Kind: SlotRemoved}
	}
	if target.category == CategoryActive && s.Started == 0 {
		s.Started = w.Tau
	}
	if target.category == CategoryFinalGood && target.runs && s.Verified == 0 {
		s.Verified = w.Tau
	}
	s.Previous, s.Status, s.Since, s.SinceHeard = s.Status, target.name, w.Tau, l.heard(w.Word)
	s.Marks, s.NextBy = target.marks, 0
	s.Finished = 0
	if target.category.IsFinal() {
		s.Finished = w.Tau
	}
	s.Held = nil
	s.tell(w.Word)
	m.status, m.said = to, w.Source
	m.visited.add(to)
}

// claim notes what a source said.
func (l *Lifecycle) claim(s *State, w *placed, to index) {
	src := s.memory.source(w.Source)
	src.status, src.tau = to, w.Tau
	if t := &l.states[to]; t.runs || t.category.IsFinal() {
		src.ended, src.endTau, src.endSeq = true, w.Tau, w.Sequence
	}
	s.setClaim(Claim{Source: w.Source, Status: w.Status, Tau: w.Tau})
}

// override takes a person's word as it stands. It is marked until automation
// says the same.
func (l *Lifecycle) override(key *events.Key, s *State, w *placed, st *Step) {
	to := w.to
	if to == 0 {
		s.refuse(w, st, AnomalyUnknownStatus, w.Status)
		return
	}
	s.Says = ""
	if s.Attempt == 0 {
		l.begin(s, w, max(w.Attempt, 1))
	}
	st.Verdict = VerdictTaken
	if to != s.memory.status {
		l.take(key, s, w, to, st)
	}
	s.memory.override = true
}
