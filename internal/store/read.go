package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// What the read methods return may be kept: it shares no memory with the store.

// Position returns how far the store has followed EVENTS; zero when it has seen
// nothing.
func (r *Reader) Position() (p Position, err error) {
	err = r.get(keyPosition(), p.decode)
	return p, ignoreNotFound(err)
}

// Published returns the id of the last change that TT_CHANGES and TT_CURRENT
// are known to have; zero when that is none. They may have more.
func (r *Reader) Published() (id events.ChangeID, err error) {
	err = r.get(keyPublished(), func(v []byte) (err error) {
		id, err = changeIDOf(v)
		return err
	})
	return id, ignoreNotFound(err)
}

// Forgiven returns the incarnation of EVENTS whose loss was accepted when this
// store was built, "" for none.
func (r *Reader) Forgiven() (incarnation string, err error) {
	err = r.get(keyForgiven(), func(v []byte) error {
		incarnation = string(v)
		return nil
	})
	return incarnation, ignoreNotFound(err)
}

// Dirty calls fn for each slot that TT_CURRENT has to be told of, with the
// position of the cause.
func (r *Reader) Dirty(fn func(seq uint64, slot string) error) error {
	return r.Scan(keyDirties(nil), nil, func(k, _ []byte) (bool, error) {
		if len(k) < 9 {
			return false, ErrCodec
		}
		return true, fn(binary.BigEndian.Uint64(k[1:]), string(k[9:]))
	})
}

// Counts returns how many deployments have each status.
func (r *Reader) Counts() (c Counts, err error) {
	err = r.get(keyCounts(), func(v []byte) (err error) {
		c, err = decodeCounts(v)
		return err
	})
	return c, ignoreNotFound(err)
}

// Deployment returns what is believed of a deployment, or [ErrNotFound].
func (r *Reader) Deployment(key events.Key) (d *Deployment, err error) {
	return r.deployment(key.String())
}

func (r *Reader) deployment(key string) (d *Deployment, err error) {
	err = r.get(keyDeployment(nil, key), func(v []byte) (err error) {
		d, err = decodeDeployment(v)
		return err
	})
	return d, err
}

// Deployments calls fn for each deployment whose key begins with prefix and
// sorts behind after, in key order, until fn answers more=false or an error.
func (r *Reader) Deployments(prefix, after string, fn func(key string, d *Deployment) (more bool, err error)) error {
	return r.Scan(keyDeployment(nil, prefix), behind(keyDeployment(nil, after), after), func(k, v []byte) (bool, error) {
		d, err := decodeDeployment(v)
		if err != nil {
			return false, err
		}
		return fn(string(k[1:]), d)
	})
}

// Heads calls fn with the head of the state of each deployment whose key begins
// with prefix, in key order. fn may not keep the head.
func (r *Reader) Heads(prefix string, fn func(key string, h *statemachine.Head) error) error {
	return r.Scan(keyDeployment(nil, prefix), nil, func(k, v []byte) (bool, error) {
		h, err := decodeHead(v)
		if err != nil {
			return false, err
		}
		return true, fn(string(k[1:]), h)
	})
}

// Event returns one stored copy, or [ErrNotFound].
func (r *Reader) Event(ref Ref) (e Event, err error) {
	err = r.get(keyPage(nil, ref.page()), func(v []byte) (err error) {
		e, err = decodeEventAt(v, ref.index())
		return err
	})
	return e, err
}

// Words returns the words of a deployment that count, by position in EVENTS, or
// [ErrNotFound].
func (r *Reader) Words(deployment string) ([]statemachine.Word, error) {
	d, err := r.deployment(deployment)
	if err != nil {
		return nil, err
	}
	return WordsOf(r, d)
}

// Lookup is where events and identities are found: in the store, or in that and
// in what is on its way into it.
type Lookup interface {
	Event(Ref) (Event, error)
	Identity(IdentityHash) (Identity, error)
}

// WordsOf returns the words of a deployment that count, by position in EVENTS.
func WordsOf(l Lookup, d *Deployment) (words []statemachine.Word, err error) {
	for ref := d.Words; ref != 0; {
		e, err := l.Event(ref)
		if err != nil {
			return nil, fmt.Errorf("read a word: %w", must(err))
		}
		if e.Word == nil {
			return nil, ErrCodec
		}
		word, counts := *e.Word, true
		if d.Contested {
			if counts, word.Twins, err = judge(l, ref, &e); err != nil {
				return nil, err
			}
		}
		if counts {
			words = append(words, word)
		}
		ref = e.Before
	}
	slices.Reverse(words)
	return words, nil
}

// judge says whether a copy is the one that counts, and how many other contents
// were heard under its identity.
func judge(l Lookup, ref Ref, e *Event) (counts bool, twins uint32, err error) {
	heard, err := l.Identity(e.identity())
	if err != nil {
		return false, 0, fmt.Errorf("read what was heard under an identity: %w", must(err))
	}
	return heard[0] == ref, uint32(len(heard) - 1), nil
}

// Identity returns what was heard under an identity, or [ErrNotFound].
func (r *Reader) Identity(h IdentityHash) (id Identity, err error) {
	err = r.get(keyIdentity(nil, h), func(v []byte) (err error) {
		id, err = decodeIdentity(v)
		return err
	})
	return id, err
}

// Known calls fn for each identity that was heard of: what a filter has to know
// to say that something is new. It reads keys only.
func (r *Reader) Known(fn func(IdentityHash)) error {
	return r.keys([]byte{kindIdentity}, func(k []byte) error {
		if len(k) != 1+len(IdentityHash{}) {
			return ErrCodec
		}
		fn(IdentityHash(k[1:]))
		return nil
	})
}

// Slot returns what a slot runs, or [ErrNotFound].
func (r *Reader) Slot(slot events.Slot) (s view.Slot, err error) {
	name := slot.String()
	err = r.get(keySlot(nil, name), func(v []byte) (err error) {
		s, err = decodeSlot(v)
		return err
	})
	if err == nil {
		err = r.joinLatest(name, &s)
	}
	return s, err
}

// Slots calls fn for each slot whose name begins with prefix and sorts behind
// after, in order, until fn answers more=false or an error.
func (r *Reader) Slots(prefix, after string, fn func(slot string, s view.Slot) (more bool, err error)) error {
	return r.Scan(keySlot(nil, prefix), behind(keySlot(nil, after), after), func(k, v []byte) (bool, error) {
		s, err := decodeSlot(v)
		name := string(k[1:])
		if err == nil {
			err = r.joinLatest(name, &s)
		}
		if err != nil {
			return false, err
		}
		return fn(name, s)
	})
}

// SlotNames calls fn with the name of each slot that sorts behind after, in
// order, until fn answers more=false or an error.
func (r *Reader) SlotNames(after string, fn func(slot string) (more bool, err error)) error {
	return r.Scan(keySlot(nil, ""), behind(keySlot(nil, after), after), func(k, _ []byte) (bool, error) {
		return fn(string(k[1:]))
	})
}

// joinLatest fills in what a slot shows of its latest deployment. That may have
// changed after the slot's row was written.
func (r *Reader) joinLatest(slot string, s *view.Slot) error {
	name := s.Latest.Deployment
	if name == "" {
		return nil
	}
	d, err := r.deployment(slot + "/" + name)
	if err != nil {
		return fmt.Errorf("read the latest deployment of slot %s: %w", slot, must(err))
	}
	s.Latest = LatestOf(name, d)
	s.Revision = max(s.Revision, d.Moved)
	return nil
}

// SlotWords returns the words of a slot, for [view.FoldSlot].
func (r *Reader) SlotWords(slot string) (words []statemachine.SlotWord, err error) {
	err = r.Scan(keySlotWords(nil, slot), nil, func(_, v []byte) (bool, error) {
		w, err := decodeSlotWord(v)
		words = append(words, w)
		return true, err
	})
	return words, err
}

// Landings returns the landings of a slot that count, oldest first.
func (r *Reader) Landings(slot events.Slot) ([]view.Landing, error) {
	words, err := r.SlotWords(slot.String())
	if err != nil {
		return nil, err
	}
	return view.FoldSlot(words).Landings(), nil
}

// ReleaseMembers returns the keys of the deployments that were named in a
// release, sorted.
func (r *Reader) ReleaseMembers(release events.Release) (keys []string, err error) {
	prefix := keyMembers(nil, release)
	err = r.Scan(prefix, nil, func(k, _ []byte) (bool, error) {
		keys = append(keys, string(k[len(prefix):]))
		return true, nil
	})
	return keys, err
}

// Change returns one change, or [ErrNotFound].
func (r *Reader) Change(id events.ChangeID) (view.Change, error) {
	it := r.changePages()
	defer it.Close()
	return changeIn(it, id)
}

// changePages returns an iterator that finds the page in which a change is: Seek
// goes to the last page that does not begin behind a key.
func (r *Reader) changePages() *badger.Iterator {
	return r.txn.NewIterator(badger.IteratorOptions{Prefix: keyChanges(), Reverse: true})
}

func changeIn(pages *badger.Iterator, id events.ChangeID) (c view.Change, err error) {
	pages.Seek(keyChange(nil, id))
	if !pages.ValidForPrefix(keyChanges()) {
		return c, ErrNotFound
	}
	first, err := changeIDOf(pages.Item().Key()[1:])
	if err != nil {
		return c, err
	}
	err = pages.Item().Value(func(v []byte) error {
		more, err := decodeChanges(first, v, func(one view.Change) (bool, error) {
			c = one
			return one.ID != id, nil
		})
		if err == nil && more {
			return ErrNotFound
		}
		return err
	})
	return c, err
}

// Changes calls fn for each change behind after (zero: all), in order, until fn
// answers more=false or an error.
func (r *Reader) Changes(after events.ChangeID, fn func(view.Change) (more bool, err error)) error {
	return r.Scan(keyChanges(), r.pageOf(after), func(k, v []byte) (bool, error) {
		first, err := changeIDOf(k[1:])
		if err != nil {
			return false, err
		}
		return decodeChanges(first, v, func(c view.Change) (bool, error) {
			if c.ID.Compare(after) <= 0 {
				return true, nil
			}
			return fn(c)
		})
	})
}

// pageOf returns the key of the page in which a change is or would be, nil when
// it would be before all.
func (r *Reader) pageOf(id events.ChangeID) []byte {
	if id == (events.ChangeID{}) {
		return nil
	}
	it := r.changePages()
	defer it.Close()
	it.Seek(keyChange(nil, id))
	if !it.ValidForPrefix(keyChanges()) {
		return nil
	}
	return it.Item().KeyCopy(nil)
}

// ChangesOf calls fn for each change of one deployment behind after (zero: all),
// in order, until fn answers more=false or an error. It reads the chain from its
// end: the cost is that of all changes behind after, however few fn takes.
func (r *Reader) ChangesOf(deployment string, after events.ChangeID, fn func(view.Change) (more bool, err error)) error {
	row, err := r.deployment(deployment)
	if err != nil {
		return ignoreNotFound(err)
	}
	chain, err := r.chain(row.Last, after)
	if err != nil {
		return err
	}
	for _, c := range slices.Backward(chain) {
		if more, err := fn(c); err != nil || !more {
			return err
		}
	}
	return nil
}

// chain returns the changes from last back to the one behind after.
func (r *Reader) chain(last, after events.ChangeID) (chain []view.Change, err error) {
	pages := r.changePages()
	defer pages.Close()
	for id := last; id.Compare(after) > 0; {
		c, err := changeIn(pages, id)
		if err != nil {
			return nil, fmt.Errorf("read change %s: %w", id, must(err))
		}
		chain = append(chain, c)
		id = c.Before
	}
	return chain, nil
}

// Ticks returns the last tick of each recorder, by name.
func (r *Reader) Ticks() (ticks []Tick, err error) {
	err = r.Scan(keyTick(""), nil, func(k, v []byte) (bool, error) {
		t, err := decodeTick(string(k[1:]), v)
		ticks = append(ticks, t)
		return true, err
	})
	return ticks, err
}

// Definitions returns the activated documents of a kind, by name.
func (r *Reader) Definitions(kind string) (defs []Definition, err error) {
	err = r.Scan(keyDefinitions(kind), nil, func(_, v []byte) (bool, error) {
		f, err := decodeDefinition(v)
		defs = append(defs, f)
		return true, err
	})
	return defs, err
}

// behind returns the first key after k, nil when there is no text to be behind.
func behind(k []byte, text string) []byte {
	if text == "" {
		return nil
	}
	return append(k, 0)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// must says of a row that another one names that it cannot be missing.
func must(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrCodec
	}
	return err
}
