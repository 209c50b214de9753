package store

import (
	"bytes"
	"encoding/binary"
	"errors"

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
func (w *Writer) PutDeployment(name string, d *Deployment) error {
	k := w.arena.keep(keyDeployment(w.arena.next(), name))
	return w.Put(k, w.arena.keep(d.append(w.arena.next())))
}

// DeleteDeployment forgets a deployment that has no words any more.
func (w *Writer) DeleteDeployment(name string) error { return w.Delete(keyDeployment(nil, name)) }

// PutEvent stores a copy of an event and says where. Events are put in the order
// of their positions, each once.
func (w *Writer) PutEvent(e *Event) (Ref, error) {
	if w.events.full() {
		if err := w.endEvents(); err != nil {
			return 0, err
		}
	}
	if w.events.n == 0 {
		w.firstEvent = e.Seq
	}
	ref := Ref(w.firstEvent<<refBits | uint64(w.events.n))
	w.events.entry = e.append(w.events.entry[:0])
	w.events.add()
	return ref, nil
}

// PutAbout lets an event that is no word of a named deployment be found by its
// subject, see [Reader.Followers].
func (w *Writer) PutAbout(subject string, seq uint64, ref Ref) error {
	k := w.arena.keep(keyEvent(w.arena.next(), subject, seq))
	return w.Put(k, w.arena.keep(binary.AppendUvarint(w.arena.next(), uint64(ref))))
}

// PutIdentity writes what was heard under an identity.
func (w *Writer) PutIdentity(h IdentityHash, id Identity) error {
	k := w.arena.keep(keyIdentity(w.arena.next(), h))
	return w.Put(k, w.arena.keep(id.append(w.arena.next())))
}

// PutSlot writes what a slot runs and which deployment is its latest; what it
// shows of that is in the deployment's row.
func (w *Writer) PutSlot(slot string, s *view.Slot) error {
	k := w.arena.keep(keySlot(w.arena.next(), slot))
	return w.Put(k, w.arena.keep(appendSlot(w.arena.next(), s)))
}

// PutSlotWord writes a word of a slot.
func (w *Writer) PutSlotWord(slot string, word *statemachine.SlotWord) error {
	k := w.arena.keep(keySlotWord(w.arena.next(), slot, word))
	return w.Put(k, w.arena.keep(appendSlotWord(w.arena.next(), word)))
}

// DeleteSlotWord removes a word of a slot.
func (w *Writer) DeleteSlotWord(slot string, word *statemachine.SlotWord) error {
	return w.Delete(keySlotWord(nil, slot, word))
}

// PutMember notes that a deployment was named in a release, first by a word at τ,
// and lets the release be found by [Reader.NamedFrom].
func (w *Writer) PutMember(release events.Release, deployment events.Key, tau int64) error {
	k := w.arena.keep(keyMember(w.arena.next(), release, deployment.String()))
	if err := w.Put(k, w.arena.keep(binary.AppendVarint(w.arena.next(), tau))); err != nil {
		return err
	}
	of := Component{Env: release.Env, Name: deployment.Component}
	return w.Put(w.arena.keep(keyNaming(w.arena.next(), of, Naming{tau, release.Name})), nil)
}

// PutChange writes a change. Changes of one incarnation are put in their order.
// Those of a deployment are a chain: its row names the last, each change the one
// before.
func (w *Writer) PutChange(c *view.Change) error {
	if w.changes.full() || w.changes.n > 0 && (c.ID.Incarnation != w.last.ID.Incarnation || c.ID.Compare(w.last.ID) <= 0) {
		if err := w.endChanges(); err != nil {
			return err
		}
	}
	prev := &w.last
	if w.changes.n == 0 {
		w.first, prev = c.ID, beforeFirst(c.ID)
	}
	w.changes.entry = appendChange(w.changes.entry[:0], c, prev)
	w.changes.add()
	w.last = *c
	return nil
}

// PutDirty notes that a slot changed without a change of one of its deployments
// that would tell it.
func (w *Writer) PutDirty(seq uint64, slot string) error {
	return w.Put(w.arena.keep(keyDirty(w.arena.next(), seq, slot)), nil)
}

// DeleteDirty forgets [Writer.PutDirty] once TT_CURRENT has the slot.
func (w *Writer) DeleteDirty(seq uint64, slot string) error {
	return w.Delete(w.arena.keep(keyDirty(w.arena.next(), seq, slot)))
}

// PutTick writes the last tick of a recorder.
func (w *Writer) PutTick(t *Tick) error { return w.Put(keyTick(t.Recorder), t.append(nil)) }

// ForgetDefinition removes the document that the event of an identity activated,
// if there is one. It reads the keys of all documents.
func (w *Writer) ForgetDefinition(h IdentityHash) error {
	var rows [][]byte
	err := w.keys([]byte{kindDefinition}, func(k []byte) error {
		if bytes.HasSuffix(k, h[:]) {
			rows = append(rows, bytes.Clone(k))
		}
		return nil
	})
	for _, k := range rows {
		err = errors.Join(err, w.Delete(k))
	}
	return err
}

// PutDefinition writes an activated document.
func (w *Writer) PutDefinition(f *Definition) error {
	return w.Put(keyDefinition(f.Kind, f.Name, HashIdentity(f.Source, f.ID)), f.append(nil))
}
