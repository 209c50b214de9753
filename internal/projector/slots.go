package projector

import (
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// addSlotWord adds a word that a deployment says of its slot.
func (b *batch) addSlotWord(d *deployment, w statemachine.SlotWord) error {
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	fold, err := b.foldOf(s)
	if err != nil {
		return err
	}
	fold.Add(w)
	b.slotCache.grew(1)
	if err := b.w.PutSlotWord(s.name, &w); err != nil {
		return err
	}
	b.showSlot(s)
	return nil
}

// replaceSlotWords makes words the only ones that a deployment says of its slot.
func (b *batch) replaceSlotWords(d *deployment, words []statemachine.SlotWord) error {
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	fold, err := b.foldOf(s)
	if err != nil {
		return err
	}
	removed, added := fold.Replace(d.key.Deployment, words)
	b.slotCache.grew(len(added) - len(removed))
	for i := range removed {
		if err := b.w.DeleteSlotWord(s.name, &removed[i]); err != nil {
			return err
		}
	}
	for i := range added {
		if err := b.w.PutSlotWord(s.name, &added[i]); err != nil {
			return err
		}
	}
	if len(removed)+len(added) > 0 {
		b.showSlot(s)
	}
	return nil
}

// showSlot brings the row of a slot in line with its words.
func (b *batch) showSlot(s *slot) {
	current, _ := s.fold.Current()
	landings := uint32(s.fold.LandingCount())
	if current != s.row.Current || landings != s.row.Landings {
		s.row.Current, s.row.Landings = current, landings
		b.touchSlot(s)
	}
}

// noteLatest keeps the slot's latest deployment: the one whose attempt began
// last. Only when that one's beginning moves back, or it is gone, must the
// others be asked.
func (b *batch) noteLatest(d *deployment) error {
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	latest := s.row.Latest
	state := d.row.State
	began := state != nil && state.Attempt > 0
	switch {
	case latest.Deployment == d.key.Deployment && (!began || state.Began < latest.Began):
		if latest, err = b.findLatest(s, d); err != nil {
			return err
		}
	case began && (latest.Deployment == d.key.Deployment || latest.Deployment == "" || latest.Before(state.Began, d.key.Deployment)):
		latest = latestOf(d.key.Deployment, state)
	}
	if latest != s.row.Latest {
		s.row.Latest = latest
		b.touchSlot(s)
	}
	return nil
}

// findLatest asks all deployments of a slot; those that w does not see as they
// are go by what they are now.
func (b *batch) findLatest(s *slot, d *deployment) (view.Latest, error) {
	var best view.Latest
	look := func(name string, state *statemachine.State) {
		if state != nil && state.Attempt > 0 && (best.Deployment == "" || best.Before(state.Began, name)) {
			best = latestOf(name, state)
		}
	}
	fresh := b.dirty
	if b.behind != nil {
		fresh = slices.Concat(fresh, b.behind.dirty)
	}
	known := map[string]bool{}
	for _, other := range fresh {
		if other.key.Slot == d.key.Slot {
			known[other.name] = true
			look(other.key.Deployment, other.row.State)
		}
	}
	prefix := s.name + "/"
	err := b.w.Deployments(prefix, "", func(name string, row *store.Deployment) (bool, error) {
		if !known[name] {
			look(name[len(prefix):], row.State)
		}
		return true, nil
	})
	return best, err
}

func latestOf(name string, s *statemachine.State) view.Latest {
	return view.Latest{Deployment: name, Version: s.Version, Status: s.Status, Began: s.Began, Since: s.Since}
}
