package projector

import (
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
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
	shift := fold.Add(w)
	b.slotCache.weigh(s)
	if err := b.w.PutSlotWord(s.name, &w); err != nil {
		return err
	}
	b.showSlot(s)
	return b.shifted(s, d.key.Slot, shift)
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
	removed, added, shift := fold.Replace(d.key.Deployment, words)
	b.slotCache.weigh(s)
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
	return b.shifted(s, d.key.Slot, shift)
}

// shifted notes for whom other landings make a difference.
func (b *batch) shifted(s *slot, at events.Slot, shift view.Shift) error {
	if err := b.markShifted(s, at, shift); err != nil {
		return err
	}
	return b.expectAnew(s, at, shift)
}

// showSlot brings the row of a slot in line with its words.
func (b *batch) showSlot(s *slot) {
	current, _ := s.fold.Current()
	landings := uint32(s.fold.LandingCount())
	if current != s.row.Current || landings != s.row.Landings {
		if current != s.row.Current && !slices.Contains(b.landed, s) {
			b.landed = append(b.landed, s)
		}
		s.row.Current, s.row.Landings = current, landings
		b.touchSlot(s, true)
	}
}

// noteLatest keeps the slot's latest deployment: the one whose attempt began
// last. Only when that one's beginning moves back, or it is gone, must the
// others be asked. moved: what is told of d changed.
func (b *batch) noteLatest(d *deployment, moved bool) error {
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	if moved {
		s.told = b.number
	}
	latest := s.row.Latest
	state := d.row.State
	began := state != nil && state.Attempt > 0
	switch {
	case latest.Deployment == d.key.Deployment && (!began || state.Began < latest.Began):
		if latest, err = b.findLatest(d.key.Slot); err != nil {
			return err
		}
	case began && (latest.Deployment == d.key.Deployment || latest.Deployment == "" || latest.Before(state.Began, d.key.Deployment)):
		latest = store.LatestOf(d.key.Deployment, &d.row)
	}
	if latest != s.row.Latest {
		// The rest of latest, and that it moved, are in the row of d.
		changed := !moved || latest.Deployment != s.row.Latest.Deployment
		s.row.Latest = latest
		b.touchSlot(s, changed)
	}
	return nil
}

// findLatest asks all deployments of a slot.
func (b *batch) findLatest(at events.Slot) (best view.Latest, err error) {
	err = b.eachOf(at, func(name string, row *store.Deployment) error {
		if s := row.State; s.Attempt > 0 && (best.Deployment == "" || best.Before(s.Began, name)) {
			best = store.LatestOf(name, row)
		}
		return nil
	})
	return best, err
}
