package store

import (
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// SetPosition says how far the store has followed EVENTS.
func (w *Writer) SetPosition(p Position) error { return w.Put(keyPosition(), p.append(nil)) }

// SetPublished says that all changes up to id have left.
func (w *Writer) SetPublished(id events.ChangeID) error {
	return w.Put(keyPublished(), appendChangeID(nil, id))
}

// SetForgiven names the incarnation of EVENTS whose loss was accepted.
func (w *Writer) SetForgiven(incarnation string) error {
	return w.Put(keyForgiven(), []byte(incarnation))
}

// SetCounts replaces the counts by status.
func (w *Writer) SetCounts(c Counts) error { return w.Put(keyCounts(), c.append(nil)) }

// PutDeployment writes what is believed of a deployment.
func (w *Writer) PutDeployment(key string, d *Deployment) error {
	return w.Put(keyDeployment(key), d.append(make([]byte, 0, 512)))
}

// DeleteDeployment forgets a deployment that has no words any more.
func (w *Writer) DeleteDeployment(key string) error { return w.Delete(keyDeployment(key)) }

// PutEvent writes one stored copy of an event under its subject.
func (w *Writer) PutEvent(subject string, e *Event) error {
	return w.Put(keyEvent(subject, e.Seq), e.append(make([]byte, 0, 256)))
}

// DeleteEvent removes a copy that another one replaces.
func (w *Writer) DeleteEvent(subject string, seq uint64) error {
	return w.Delete(keyEvent(subject, seq))
}

// PutIdentity writes what was heard under an identity.
func (w *Writer) PutIdentity(h IdentityHash, id Identity) error {
	return w.Put(keyIdentity(h), id.append(make([]byte, 0, 128)))
}

// PutSlot writes what a slot runs.
func (w *Writer) PutSlot(slot string, s *view.Slot) error {
	return w.Put(keySlot(slot), appendSlot(make([]byte, 0, 128), s))
}

// PutSlotWord writes a word of a slot.
func (w *Writer) PutSlotWord(slot string, word *statemachine.SlotWord) error {
	return w.Put(keySlotWord(slot, word.Tau, word.Source, word.ID), appendSlotWord(make([]byte, 0, 128), word))
}

// DeleteSlotWord removes a word of a slot.
func (w *Writer) DeleteSlotWord(slot string, word *statemachine.SlotWord) error {
	return w.Delete(keySlotWord(slot, word.Tau, word.Source, word.ID))
}

// PutMember notes that a deployment was named in a release.
func (w *Writer) PutMember(release events.Release, deployment string) error {
	return w.Put(keyMember(release, deployment), nil)
}

// PutChange writes a change. The changes of a deployment are a chain: its row
// names the last, each change the one before.
func (w *Writer) PutChange(c *view.Change) error {
	return w.Put(keyChange(c.ID), appendChange(make([]byte, 0, 256), c))
}

// PutDirty notes that a slot changed without a change of one of its deployments
// that would tell it.
func (w *Writer) PutDirty(seq uint64, slot string) error { return w.Put(keyDirty(seq, slot), nil) }

// DeleteDirty forgets [Writer.PutDirty] once TT_CURRENT has the slot.
func (w *Writer) DeleteDirty(seq uint64, slot string) error { return w.Delete(keyDirty(seq, slot)) }

// PutTick writes the last tick of a recorder.
func (w *Writer) PutTick(t *Tick) error { return w.Put(keyTick(t.Recorder), t.append(nil)) }

// PutDefinition writes an activated document.
func (w *Writer) PutDefinition(f *Definition) error {
	return w.Put(keyDefinition(f.Kind, f.Name, HashIdentity(f.Source, f.ID)), f.append(nil))
}
