package projector

import (
	"errors"
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// batch is one transaction in the making. The store's reads do not see what it
// wrote, so it remembers that itself: states and slots once, at its end, event
// rows and identities as they come.
type batch struct {
	*engine
	w *store.Writer

	// behind is the transaction in flight when this one began: w does not see
	// what it wrote. Its states and slots are in the caches.
	behind *batch

	rows       map[string][]store.Event // event rows by subject; zero Word and Note: removed
	identities map[store.IdentityHash]store.Identity
	dirty      []*deployment
	slots      []*slot
	dirtySize  int // rough, of what flush will write

	// Of the message at hand.
	seq   uint64
	index uint32 // of its next change

	out outgoing
}

func newBatch(e *engine, w *store.Writer) *batch {
	b := &batch{
		engine: e, w: w,
		rows:       make(map[string][]store.Event),
		identities: make(map[store.IdentityHash]store.Identity),
	}
	if e.flying != nil {
		b.behind = e.flying.batch
	}
	return b
}

// begin turns to the next message.
func (b *batch) begin(seq uint64) { b.seq, b.index = seq, 0 }

// full reports that the transaction should end before another message.
func (b *batch) full() bool { return b.w.Full() || b.dirtySize > maxDirty }

// maxDirty bounds what flush writes in bytes: what a transaction holds beyond
// where store.Writer.Full bites.
const maxDirty = 2 << 20

// flush writes what was kept until the end.
func (b *batch) flush(p store.Position) error {
	for _, d := range b.dirty {
		d.dirty = false
		var err error
		if d.row.State == nil {
			err = b.w.DeleteDeployment(d.name)
		} else {
			err = b.w.PutDeployment(d.name, &d.row)
		}
		if err != nil {
			return err
		}
	}
	b.out.dirty = untold(b.slots, b.out.changes)
	if !b.silent {
		for _, s := range b.out.dirty {
			if err := b.w.PutDirty(s.seq, s.name); err != nil {
				return err
			}
		}
	}
	for _, s := range b.slots {
		if err := b.w.PutSlot(s.name, &s.row); err != nil {
			return err
		}
		b.out.slots = append(b.out.slots, slotRow{s.name, s.row})
		s.touched, s.exists = 0, true
	}
	if len(b.dirty) > 0 {
		if err := b.w.SetCounts(b.counts); err != nil {
			return err
		}
	}
	return b.w.SetPosition(p)
}

// deployment returns a deployment, from the cache or the store; one that
// nobody has spoken of has a nil State.
func (b *batch) deployment(key events.Key, name string) (*deployment, error) {
	if d, ok := b.deployments.get(name); ok {
		return d, nil
	}
	d := &deployment{name: name, key: key}
	if h := store.HashIdentity("", name); !b.seen.has(h) {
		b.seen.add(h)
		if b.beliefs != nil {
			d.row.Last = b.beliefs.last[name].id
		}
		b.deployments.add(name, d)
		return d, nil
	}
	row, err := b.w.Deployment(key)
	switch {
	case err == nil:
		d.row, d.counted = *row, row.State.Status
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	case b.beliefs != nil:
		d.row.Last = b.beliefs.last[name].id
	}
	b.deployments.add(name, d)
	return d, nil
}

func (b *batch) touch(d *deployment) {
	if !d.dirty {
		d.dirty = true
		b.dirty = append(b.dirty, d)
		b.dirtySize += sizeOf(d.row.State)
	}
}

// sizeOf guesses how many bytes a state takes in the store, on the high side.
func sizeOf(s *statemachine.State) int {
	if s == nil {
		return 64
	}
	n := 512 + len(s.Native) + len(s.Message) + len(s.Reason) + len(s.URL)
	n += 96 * (len(s.Labels) + len(s.Evidence) + len(s.Claims) + len(s.Anomalies) + len(s.Refs))
	for i := range s.Annotations {
		n += 64 + len(s.Annotations[i].Text) + len(s.Annotations[i].URL)
	}
	for i := range s.Evidence {
		n += len(s.Evidence[i].URL)
	}
	return n
}

// putEvent writes an event row, and remembers it.
func (b *batch) putEvent(subject string, e store.Event) error {
	b.remember(subject, e)
	return b.w.PutEvent(subject, &e)
}

func (b *batch) deleteEvent(subject string, seq uint64) error {
	b.remember(subject, store.Event{Seq: seq})
	return b.w.DeleteEvent(subject, seq)
}

func (b *batch) remember(subject string, e store.Event) {
	rows := b.rows[subject]
	for i := range rows {
		if rows[i].Seq == e.Seq {
			rows[i] = e
			return
		}
	}
	b.rows[subject] = append(rows, e)
}

// fresh returns the event rows of a subject that w does not see.
func (b *batch) fresh(subject string) []store.Event {
	rows := b.rows[subject]
	if b.behind == nil || len(b.behind.rows[subject]) == 0 {
		return rows
	}
	rows = slices.Clone(rows)
	for _, e := range b.behind.rows[subject] {
		if !slices.ContainsFunc(rows, func(r store.Event) bool { return r.Seq == e.Seq }) {
			rows = append(rows, e)
		}
	}
	return rows
}

// event returns one event row, this transaction's included.
func (b *batch) event(subject string, seq uint64) (store.Event, error) {
	for _, e := range b.fresh(subject) {
		if e.Seq == seq {
			return e, nil
		}
	}
	return b.w.Event(subject, seq)
}

// words returns the words of a deployment that count, this transaction's
// included.
func (b *batch) words(subject string) ([]statemachine.Word, error) {
	fresh := b.fresh(subject)
	var words []statemachine.Word
	err := b.w.Events(subject, func(e store.Event) (bool, error) {
		replaced := slices.ContainsFunc(fresh, func(f store.Event) bool { return f.Seq == e.Seq })
		if e.Counts && e.Word != nil && !replaced {
			words = append(words, *e.Word)
		}
		return true, nil
	})
	for _, e := range fresh {
		if e.Counts && e.Word != nil {
			words = append(words, *e.Word)
		}
	}
	return words, err
}

// heardAs returns what was heard under an identity, nil when nothing was.
func (b *batch) heardAs(h store.IdentityHash) (store.Identity, error) {
	if !b.seen.has(h) {
		b.seen.add(h)
		return nil, nil
	}
	if id, ok := b.identities[h]; ok {
		return id, nil
	}
	if b.behind != nil {
		if id, ok := b.behind.identities[h]; ok {
			return id, nil
		}
	}
	id, err := b.w.Identity(h)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return id, err
}

func (b *batch) putIdentity(h store.IdentityHash, id store.Identity) error {
	b.identities[h] = id
	return b.w.PutIdentity(h, id)
}

// slot returns a slot, from the cache or the store.
func (b *batch) slot(at events.Slot) (*slot, error) {
	name := at.String()
	if s, ok := b.slotCache.get(name); ok {
		return s, nil
	}
	s := &slot{name: name}
	row, err := b.w.Slot(at)
	switch {
	case err == nil:
		s.row, s.exists = row, true
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	b.slotCache.add(name, s)
	return s, nil
}

// foldOf returns the words of a slot. They are loaded before this transaction
// writes any of them, and stay until its end.
func (b *batch) foldOf(s *slot) (*view.SlotFold, error) {
	if s.fold == nil {
		words, err := b.w.SlotWords(s.name)
		if err != nil {
			return nil, err
		}
		s.fold = view.FoldSlot(words)
		b.slotCache.grew(s.fold.Len())
	}
	return s.fold, nil
}

func (b *batch) touchSlot(s *slot) {
	if s.touched == 0 {
		b.slots = append(b.slots, s)
		b.dirtySize += 256
	}
	s.touched, s.row.Revision = b.seq, b.seq
}
