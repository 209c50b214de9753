package projector

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// apply does what one message means. Definitions are not among them: they may
// be much work, see define.go.
func (b *batch) apply(m *message) error {
	b.begin(m.seq)
	switch m.kind {
	case kindTick:
		return b.applyTick(m)
	case kindUnusable:
		return nil // in quarantine by now
	}
	if err := b.hear(m); err != nil {
		return err
	}
	return b.settle(m.cause())
}

// hear stores an event and folds whatever it is about.
func (b *batch) hear(m *message) error {
	b.hearSource(m)
	heard, err := b.heardAs(m.identity)
	if err != nil {
		return err
	}
	if heard != nil {
		return b.applyAgain(m, heard)
	}
	switch m.kind {
	case kindWord:
		return b.applyWord(m)
	case kindFollow:
		return b.applyFollower(m)
	}
	b.metrics.applied(appliedNote)
	_, err = b.storeFirst(m)
	return err
}

// storeFirst stores the first copy of an event.
func (b *batch) storeFirst(m *message) (store.Ref, error) {
	ref, err := b.store(m)
	if err != nil {
		return 0, err
	}
	return ref, b.putFirst(m.identity, ref)
}

// applyWord stores a lead word that was not heard before and folds its
// deployment, after it has moved what follows it.
func (b *batch) applyWord(m *message) error {
	d, err := b.deployment(m.key, m.subject)
	if err != nil {
		return err
	}
	s, err := b.slot(m.key.Slot)
	if err != nil {
		return err
	}
	if s.row.Follows { // loaded before the word is in it
		if _, err := b.placingOf(s, m.key.Slot); err != nil {
			return err
		}
	}
	if _, err := b.storeFirst(m); err != nil {
		return err
	}
	w, c := m.row.Word, m.cause()
	if s.row.Follows {
		refolded, err := b.addLead(s, d, w, c)
		if err != nil || refolded {
			return err
		}
		if s.placing.Observes(d.key.Deployment) {
			c.late = d.row.State != nil && w.Tau < d.row.State.LastTau
			return b.refold(d, c)
		}
	}
	return b.fold(d, w, c)
}

// fold puts a word on top of the state of its deployment if it sorts last, else
// all words are folded again.
func (b *batch) fold(d *deployment, w *statemachine.Word, cause cause) error {
	state := d.row.State
	lifecycle := b.lifecycles.at(d.key.Env, w.Tau)
	switch {
	case state == nil:
		state = statemachine.NewState()
	case w.Tau >= state.FirstTau:
		lifecycle = b.lifecycles.at(d.key.Env, state.FirstTau)
	}
	b.mark(d)
	release := state.Release
	env := b.environments.of(d.key.Env)
	switch {
	case state.Words == 0 && len(env.words) > 0 && len(env.planned[d.name]) > 0,
		w.Release != "" && w.Release != release && (release != "" || len(env.words[w.Release]) > 0):
		// What was said of a release counts for it now, or it may be named in it for
		// a second time.
		return b.refold(d, cause)
	}
	step, ok := lifecycle.Apply(d.key, state, w)
	if !ok {
		cause.late = true
		return b.refold(d, cause)
	}
	d.row.State, d.folded = state, true
	b.metrics.applied(appliedWord)
	if step.Slot != nil {
		if err := b.addSlotWord(d, *step.Slot); err != nil {
			return err
		}
	}
	if w.Release != "" && w.Release != release {
		if err := b.nameIn(w.Release, d, w.Tau); err != nil {
			return err
		}
	}
	return b.relane(d)
}

// refold folds all words of a deployment.
func (b *batch) refold(d *deployment, c cause) error {
	words, err := b.words(d)
	if err != nil {
		return err
	}
	b.metrics.applied(appliedRefold)
	b.mark(d)
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	// With d as it was: what its change means for others is seen against that.
	if _, err := b.laneOf(s, d.key.Slot); err != nil {
		return err
	}
	d.folded = true
	d.late = d.late || c.late
	var slotWords []statemachine.SlotWord
	if len(words) == 0 {
		d.row.State = nil
	} else {
		var steps []statemachine.Step
		d.row.State, steps = b.lifecycles.at(d.key.Env, firstTau(words)).Fold(d.key, words)
		for i := range steps {
			if steps[i].Slot != nil {
				slotWords = append(slotWords, *steps[i].Slot)
			}
		}
	}
	if err := b.replaceSlotWords(d, slotWords); err != nil {
		return err
	}
	first := make(map[string]int64)
	for i := range words {
		if r := words[i].Release; r != "" {
			if tau, ok := first[r]; !ok || words[i].Tau < tau {
				first[r] = words[i].Tau
			}
		}
	}
	also := d.row.Also
	d.row.Also = nil
	for _, r := range slices.Sorted(maps.Keys(first)) {
		if err := b.nameIn(r, d, first[r]); err != nil {
			return err
		}
		if r != d.row.State.Release {
			d.row.Also = append(d.row.Also, r)
		}
	}
	if err := b.unsettleAll(d.key.Env, "", also); err != nil { // it may have left them
		return err
	}
	return b.relane(d)
}

// copyOf is one content that was heard under an identity, by the copy of it that
// was recorded first.
type copyOf struct {
	store.Event
	ref store.Ref
}

// applyAgain handles an identity that was heard before. Equal content is one
// event, of which the copy recorded first counts. Of different contents the one
// recorded first counts, ties by hash; the others are kept and counted as
// anomalies on whatever the one that counts is about.
func (b *batch) applyAgain(m *message, heard store.Identity) error {
	if err := b.loadPlacing(m.subject); err != nil {
		return err
	}
	copies := make([]copyOf, len(heard), len(heard)+1)
	for i, ref := range heard {
		e, err := b.Event(ref)
		if err != nil {
			return err
		}
		copies[i] = copyOf{e, ref}
		if err := b.loadPlacing(e.Subject); err != nil {
			return err
		}
	}
	counted := copies[0]
	same := slices.IndexFunc(copies, func(c copyOf) bool { return c.Hash() == m.row.Hash() })
	if same >= 0 {
		if m.recorded >= copies[same].Recorded() {
			b.metrics.applied(appliedDuplicate)
			return nil
		}
	}
	if !b.reusing && reuses(m, copies) {
		return errReused // before anything is written
	}
	if same >= 0 {
		b.metrics.applied(appliedDuplicate)
		copies = slices.Delete(copies, same, same+1)
	} else {
		b.metrics.applied(appliedConflict)
	}
	ref, err := b.store(m)
	if err != nil {
		return err
	}
	copies = append(copies, copyOf{m.row, ref})
	slices.SortFunc(copies, func(a, b copyOf) int {
		return cmp.Or(cmp.Compare(a.Recorded(), b.Recorded()), strings.Compare(a.Hash(), b.Hash()))
	})
	now := make(store.Identity, len(copies))
	for i := range copies {
		now[i] = copies[i].ref
	}
	if err := b.putIdentity(m.identity, now); err != nil {
		return err
	}
	c := m.cause()
	c.late = true
	contested, err := b.contest(copies)
	if err != nil {
		return err
	}
	// How many copies there are counts too, and of a follower its placing says so.
	_, follows := followSlot(counted.Subject)
	if counted.ref != copies[0].ref || follows {
		if err := b.replaced(&counted, &copies[0], c); err != nil {
			return err
		}
	}
	for _, d := range contested {
		if err := b.refold(d, c); err != nil {
			return err
		}
	}
	return nil
}

// contest returns the deployments that one of the copies is about, by key. From
// now on each takes the identities to know which of its words count.
func (b *batch) contest(copies []copyOf) (out []*deployment, err error) {
	subjects := make([]string, 0, len(copies))
	for i := range copies {
		subjects = append(subjects, copies[i].Subject)
	}
	slices.Sort(subjects)
	for _, subject := range slices.Compact(subjects) {
		key, ok := deploymentKey(subject)
		if !ok {
			continue
		}
		d, err := b.deployment(key, subject)
		if err != nil {
			return nil, err
		}
		d.row.Contested = true
		b.touch(d) // what is in the store is not so any more
		out = append(out, d)
	}
	return out, nil
}
