package projector

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// batch is one transaction in the making. The store's reads do not see what it
// wrote, so it remembers that itself: states and slots, which are written once,
// at its end, and events and identities, which are written as they come. It is a
// [store.Lookup] of all that was heard.
type batch struct {
	*engine
	w      *store.Writer
	number uint64 // of the transaction

	// behind is the transaction in flight when this one began: w does not see
	// what it wrote. Its states and slots are in the caches.
	behind *batch

	events     []storedEvent // in order
	identities map[store.IdentityHash]store.Identity
	refs       []store.Ref // memory of identities
	dirty      []*deployment
	slots      []*slot
	dirtySize  int // rough, of what flush will write

	named []named                     // in releases
	spoke map[string]*store.SourceRow // sources that declare something

	// Of the message at hand.
	seq     uint64
	index   uint32        // of its next change
	marked  []*deployment // see mark
	landed  []*slot       // that run something else now
	saidNew bool          // it says something new of a release or an environment

	// reusing: the identity of its one message is that of something that many
	// depend on, see engine.reuse.
	reusing bool

	out outgoing
}

// named is a deployment that was named in a release.
type named struct {
	release    events.Release
	deployment string
}

// storedEvent is an event and where it lies.
type storedEvent struct {
	ref store.Ref
	*store.Event
}

func newBatch(e *engine, w *store.Writer) *batch {
	e.transactions++
	b := &batch{
		engine: e, w: w, number: e.transactions,
		identities: make(map[store.IdentityHash]store.Identity, maxBatch), spoke: make(map[string]*store.SourceRow),
	}
	if !e.silent {
		b.out.changes = make([]view.Change, 0, maxBatch) // most messages make one
	}
	if e.flying != nil {
		b.behind = e.flying.batch
	}
	return b
}

// begin turns to the next message.
func (b *batch) begin(seq uint64) { b.seq, b.index, b.saidNew = seq, 0, false }

// full reports that the transaction should end before another message.
func (b *batch) full() bool { return b.w.Full() || b.dirtySize > maxDirty }

// maxDirty bounds what flush writes in bytes: what a transaction holds beyond
// where store.Writer.Full bites.
const maxDirty = 1 << 19

// flush writes what was kept until the end.
func (b *batch) flush(p store.Position) error {
	for _, d := range b.dirty {
		d.dirty = false
		b.deployments.weigh(d)
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
	for _, s := range b.slots {
		if err := b.flushSlot(s); err != nil {
			return err
		}
	}
	for source, row := range b.spoke {
		if err := b.w.PutSource(source, row); err != nil {
			return err
		}
	}
	if len(b.dirty) > 0 {
		if err := b.w.SetCounts(b.counts); err != nil {
			return err
		}
	}
	return b.w.SetPosition(p)
}

// flushSlot writes the row of a slot, unless all that changed is what the row of
// its latest deployment says.
func (b *batch) flushSlot(s *slot) error {
	if s.told != b.number && !b.silent {
		d := dirtySlot{s.touched, s.name}
		b.out.dirty = append(b.out.dirty, d)
		if err := b.w.PutDirty(d.seq, d.name); err != nil {
			return err
		}
	}
	if s.changed {
		if err := b.w.PutSlot(s.name, &s.row); err != nil {
			return err
		}
	}
	b.out.slots = append(b.out.slots, slotRow{s.name, s.row})
	s.touched, s.changed = 0, false
	return nil
}

// deployment returns a deployment, from the cache or the store; one that
// nobody has spoken of has a nil State.
func (b *batch) deployment(key events.Key, name string) (*deployment, error) {
	if d, ok := b.deployments.get(name); ok {
		return d, nil
	}
	d := &deployment{name: name, key: key}
	if b.isNew(name) {
		if b.beliefs != nil {
			d.row.Last = b.beliefs.last[name].id
		}
		b.deployments.add(name, d)
		return d, nil
	}
	row, err := b.w.Deployment(key)
	switch {
	case err == nil:
		d.row, d.counted = *row, row.Shows().Status
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

// store stores the event of a message. A word of a named deployment becomes the
// last of its chain, what is placed or said of many is found by its subject.
func (b *batch) store(m *message) (store.Ref, error) {
	if m.kind != kindWord {
		ref, err := b.put(&m.row)
		if err != nil || m.kind == kindNote {
			return ref, err
		}
		if m.kind == kindSaid {
			b.saidNew = true
			env, _, _ := strings.Cut(m.subject, "/")
			return ref, b.w.PutSaid(env, m.subject, m.seq, ref)
		}
		return ref, b.w.PutAbout(m.subject, m.seq, ref)
	}
	d, err := b.deployment(m.key, m.subject)
	if err != nil {
		return 0, err
	}
	m.row.Before = d.row.Words
	d.row.Words, err = b.put(&m.row)
	return d.row.Words, err
}

func (b *batch) put(e *store.Event) (store.Ref, error) {
	ref, err := b.w.PutEvent(e)
	b.events = append(b.events, storedEvent{ref, e})
	return ref, err
}

// Event returns a stored event, this transaction's included.
func (b *batch) Event(ref store.Ref) (store.Event, error) {
	for _, from := range [...]*batch{b, b.behind} {
		if from == nil {
			break
		}
		i, found := slices.BinarySearchFunc(from.events, ref, func(e storedEvent, ref store.Ref) int {
			return cmp.Compare(e.ref, ref)
		})
		if found {
			return *from.events[i].Event, nil
		}
	}
	return b.w.Event(ref)
}

// words returns all words that count for a deployment, this transaction's
// included: its own, those that are placed on it, and those about all members of
// a release that names it or that it names.
func (b *batch) words(d *deployment) ([]statemachine.Word, error) {
	words, err := store.WordsOf(b, &d.row)
	if err != nil || len(words) == 0 {
		return words, err
	}
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return nil, err
	}
	var placing *store.Placing
	if s.row.Follows {
		if placing, err = b.placingOf(s, d.key.Slot); err != nil {
			return nil, err
		}
	}
	env := b.environments.of(d.key.Env)
	return store.AllWords(b, d.key, words, placing, env.planned[d.name],
		func(release string) ([]statemachine.Word, error) { return env.words[release], nil },
		func(firstTau int64) *statemachine.Lifecycle { return b.lifecycles.at(d.key.Env, firstTau) })
}

// firstTau returns the least τ of words, of which there is one at least.
func firstTau(words []statemachine.Word) int64 {
	first := words[0].Tau
	for i := range words {
		first = min(first, words[i].Tau)
	}
	return first
}

// heardAs returns what was heard under an identity, nil when nothing was. From
// now on something is.
func (b *batch) heardAs(h store.IdentityHash) (store.Identity, error) {
	if !b.seen.has(h) {
		b.seen.add(h)
		return nil, nil
	}
	id, err := b.Identity(h)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return id, err
}

// Identity returns what was heard under an identity, in this transaction
// included, or [store.ErrNotFound].
func (b *batch) Identity(h store.IdentityHash) (store.Identity, error) {
	if id, ok := b.identities[h]; ok {
		return id, nil
	}
	if b.behind != nil {
		if id, ok := b.behind.identities[h]; ok {
			return id, nil
		}
	}
	return b.w.Identity(h)
}

// putFirst notes the first copy that was heard under an identity.
func (b *batch) putFirst(h store.IdentityHash, ref store.Ref) error {
	b.refs = append(b.refs, ref)
	n := len(b.refs)
	return b.putIdentity(h, b.refs[n-1:n:n])
}

func (b *batch) putIdentity(h store.IdentityHash, id store.Identity) error {
	b.identities[h] = id
	return b.w.PutIdentity(h, id)
}

// isNew reports whether a deployment or a slot is surely not in the store. From
// now on it may be.
func (b *batch) isNew(name string) bool {
	h := store.HashIdentity("", name)
	if b.seen.has(h) {
		return false
	}
	b.seen.add(h)
	return b.seenNames
}

// slot returns a slot, from the cache or the store.
func (b *batch) slot(at events.Slot) (*slot, error) {
	name := at.String()
	if s, ok := b.slotCache.get(name); ok {
		return s, nil
	}
	s := &slot{name: name}
	if b.isNew(name) {
		s.lane = &view.Lane{} // nobody has spoken of it yet
		b.slotCache.add(name, s)
		return s, nil
	}
	row, err := b.w.Slot(at)
	switch {
	case err == nil:
		s.row = row
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
		b.slotCache.weigh(s)
	}
	return s.fold, nil
}

// touchSlot notes that what a slot shows changed. changed: in its own row.
func (b *batch) touchSlot(s *slot, changed bool) {
	if s.touched == 0 {
		b.slots = append(b.slots, s)
		b.dirtySize += 256
	}
	s.touched, s.row.Revision = b.seq, b.seq
	s.changed = s.changed || changed
}
