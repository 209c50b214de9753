package projector

import (
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
		return b.applyTick(m.tick)
	case kindUnusable:
		return nil // in quarantine by now
	}
	heard, err := b.heardAs(m.identity)
	if err != nil {
		return err
	}
	if heard != nil {
		return b.applyAgain(m, heard)
	}
	if err := b.putIdentity(m.identity, store.Identity{m.copy}); err != nil {
		return err
	}
	if err := b.putEvent(m.subject, m.row); err != nil {
		return err
	}
	if m.kind != kindWord {
		b.metrics.applied(appliedNote)
		return nil
	}
	return b.applyWord(m)
}

// applyWord folds a word that was not heard before: on top of the state if it
// sorts last, else all words of its deployment again.
func (b *batch) applyWord(m *message) error {
	d, err := b.deployment(m.key, m.subject)
	if err != nil {
		return err
	}
	w := m.row.Word
	cause := cause{source: w.Source, id: w.ID, at: w.Tau, recorded: w.Recorded}
	state := d.row.State
	before := d.facts()
	lifecycle := b.lifecycles.at(d.key.Env, w.Tau)
	switch {
	case state == nil:
		state = statemachine.NewState()
	case w.Tau >= state.FirstTau:
		lifecycle = b.lifecycles.at(d.key.Env, state.FirstTau)
	}
	step, ok := lifecycle.Apply(d.key.Deployment, state, w)
	if !ok {
		cause.late = true
		return b.refold(d, cause)
	}
	d.row.State = state
	b.metrics.applied(appliedWord)
	if step.Slot != nil {
		if err := b.addSlotWord(d, *step.Slot); err != nil {
			return err
		}
	}
	if w.Release != "" && w.Release != before.Release {
		if err := b.nameIn(w.Release, d); err != nil {
			return err
		}
	}
	return b.settle(d, before, cause)
}

// refold folds all words of a deployment.
func (b *batch) refold(d *deployment, c cause) error {
	words, err := b.words(d.name)
	if err != nil {
		return err
	}
	b.metrics.applied(appliedRefold)
	before := d.facts()
	var slotWords []statemachine.SlotWord
	if len(words) == 0 {
		d.row.State = nil
	} else {
		firstTau := words[0].Tau
		for i := range words {
			firstTau = min(firstTau, words[i].Tau)
		}
		var steps []statemachine.Step
		d.row.State, steps = b.lifecycles.at(d.key.Env, firstTau).Fold(d.key.Deployment, words)
		for i := range steps {
			if steps[i].Slot != nil {
				slotWords = append(slotWords, *steps[i].Slot)
			}
		}
	}
	if err := b.replaceSlotWords(d, slotWords); err != nil {
		return err
	}
	for i := range words {
		if r := words[i].Release; r != "" {
			if err := b.nameIn(r, d); err != nil {
				return err
			}
		}
	}
	return b.settle(d, before, c)
}

// applyAgain handles an identity that was heard before. Equal content is one
// event, of which the copy recorded first counts. Of different contents the one
// recorded first counts, ties by hash; the others are kept and counted as
// anomalies on whatever the one that counts is about.
func (b *batch) applyAgain(m *message, heard store.Identity) error {
	now := slices.Clone(heard)
	same := slices.IndexFunc(now, func(c store.Copy) bool { return c.Hash == m.copy.Hash })
	switch {
	case same < 0:
		b.metrics.applied(appliedConflict)
		now = append(now, m.copy)
	case m.copy.Recorded < now[same].Recorded:
		b.metrics.applied(appliedDuplicate)
		now[same] = m.copy
	default:
		b.metrics.applied(appliedDuplicate)
		return nil
	}
	now.Sort()
	if err := b.putIdentity(m.identity, now); err != nil {
		return err
	}
	// All rows are written anew: which one counts, and what it knows of the
	// others, may have changed for each.
	rows := make(map[string]store.Event, len(now)) // by hash
	for _, c := range heard {
		row, err := b.event(c.Subject, c.Seq)
		if err != nil {
			return err
		}
		rows[c.Hash] = row
		if err := b.deleteEvent(c.Subject, c.Seq); err != nil {
			return err
		}
	}
	rows[m.copy.Hash] = m.row
	for i, c := range now {
		if err := b.putEvent(c.Subject, marked(rows[c.Hash], i == 0, len(now)-1)); err != nil {
			return err
		}
	}
	return b.refoldAll(now, cause{source: m.source, id: m.id, at: m.tau, recorded: m.recorded, late: true})
}

// marked returns a copy of an event row that knows how many other contents were
// heard under its identity, if it is the one that counts.
func marked(row store.Event, counts bool, others int) store.Event {
	if !counts {
		others = 0
	}
	row.Counts = counts
	if row.Word != nil {
		w := *row.Word
		w.Twins, row.Word = uint32(others), &w
	} else {
		n := *row.Note
		n.Twins, row.Note = uint32(others), &n
	}
	return row
}

// refoldAll folds each deployment again that one of the copies is about, by key.
func (b *batch) refoldAll(copies store.Identity, c cause) error {
	subjects := make([]string, 0, len(copies))
	for _, c := range copies {
		subjects = append(subjects, c.Subject)
	}
	slices.SortFunc(subjects, strings.Compare)
	for _, subject := range slices.Compact(subjects) {
		key, ok := deploymentKey(subject)
		if !ok {
			continue
		}
		d, err := b.deployment(key, subject)
		if err != nil {
			return err
		}
		if err := b.refold(d, c); err != nil {
			return err
		}
	}
	return nil
}

// applyTick notes a recorder's promise. A tick from a clock that runs ahead of
// the stream's moves nothing and marks the recorder; one that goes back (a
// clock that was set) takes no promise back.
func (b *batch) applyTick(t *store.Tick) error {
	b.metrics.applied(appliedTick)
	next := *t
	if last, ok := b.ticks[t.Recorder]; ok && (t.Ahead || t.At < last.At) {
		next.At = last.At
	} else if t.Ahead {
		next.At = 0
	}
	b.ticks[t.Recorder] = next
	return b.w.PutTick(&next)
}
