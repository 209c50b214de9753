package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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
	return r.Scan(keyDirties(), nil, func(k, _ []byte) (bool, error) {
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
	err = r.get(keyDeployment(key), func(v []byte) (err error) {
		d, err = decodeDeployment(v)
		return err
	})
	return d, err
}

// Deployments calls fn for each deployment whose key begins with prefix and
// sorts behind after, in key order, until fn answers more=false or an error.
func (r *Reader) Deployments(prefix, after string, fn func(key string, d *Deployment) (more bool, err error)) error {
	return r.Scan(keyDeployment(prefix), behind(keyDeployment(after), after), func(k, v []byte) (bool, error) {
		d, err := decodeDeployment(v)
		if err != nil {
			return false, err
		}
		return fn(string(k[1:]), d)
	})
}

// Events calls fn for each stored copy of an event under subject, by position
// in EVENTS; copies that do not count are among them.
func (r *Reader) Events(subject string, fn func(Event) (more bool, err error)) error {
	return r.Scan(keyEvents(subject), nil, func(k, v []byte) (bool, error) {
		e, err := decodeEvent(binary.BigEndian.Uint64(k[len(k)-8:]), v)
		if err != nil {
			return false, err
		}
		return fn(e)
	})
}

// Event returns one stored copy, or [ErrNotFound].
func (r *Reader) Event(subject string, seq uint64) (e Event, err error) {
	err = r.get(keyEvent(subject, seq), func(v []byte) (err error) {
		e, err = decodeEvent(seq, v)
		return err
	})
	return e, err
}

// Words returns the words of a deployment that count, by position in EVENTS.
func (r *Reader) Words(subject string) (words []statemachine.Word, err error) {
	err = r.Events(subject, func(e Event) (bool, error) {
		if e.Counts && e.Word != nil {
			words = append(words, *e.Word)
		}
		return true, nil
	})
	return words, err
}

// Identity returns what was heard under an identity, or [ErrNotFound].
func (r *Reader) Identity(h IdentityHash) (id Identity, err error) {
	err = r.get(keyIdentity(h), func(v []byte) (err error) {
		id, err = decodeIdentity(v)
		return err
	})
	return id, err
}

// Known calls fn for each identity that was heard of, and for the hash of ("",
// key) of each deployment: what a filter has to know to say that something is
// new. It reads keys only.
func (r *Reader) Known(fn func(IdentityHash)) error {
	err := r.keys([]byte{kindIdentity}, func(k []byte) error {
		if len(k) != 1+len(IdentityHash{}) {
			return ErrCodec
		}
		fn(IdentityHash(k[1:]))
		return nil
	})
	if err != nil {
		return err
	}
	return r.keys([]byte{kindDeployment}, func(k []byte) error {
		fn(HashIdentity("", string(k[1:])))
		return nil
	})
}

// Slot returns what a slot runs, or [ErrNotFound].
func (r *Reader) Slot(slot events.Slot) (s view.Slot, err error) {
	err = r.get(keySlot(slot.String()), func(v []byte) (err error) {
		s, err = decodeSlot(v)
		return err
	})
	return s, err
}

// Slots calls fn for each slot whose name begins with prefix and sorts behind
// after, in order, until fn answers more=false or an error.
func (r *Reader) Slots(prefix, after string, fn func(slot string, s view.Slot) (more bool, err error)) error {
	return r.Scan(keySlot(prefix), behind(keySlot(after), after), func(k, v []byte) (bool, error) {
		s, err := decodeSlot(v)
		if err != nil {
			return false, err
		}
		return fn(string(k[1:]), s)
	})
}

// SlotWords returns the words of a slot, for [view.FoldSlot].
func (r *Reader) SlotWords(slot string) (words []statemachine.SlotWord, err error) {
	err = r.Scan(keySlotWords(slot), nil, func(_, v []byte) (bool, error) {
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
	prefix := keyMembers(release)
	err = r.Scan(prefix, nil, func(k, _ []byte) (bool, error) {
		keys = append(keys, string(k[len(prefix):]))
		return true, nil
	})
	return keys, err
}

// Change returns one change, or [ErrNotFound].
func (r *Reader) Change(id events.ChangeID) (c view.Change, err error) {
	err = r.get(keyChange(id), func(v []byte) (err error) {
		c, err = decodeChange(id, v)
		return err
	})
	return c, err
}

// Changes calls fn for each change behind after (zero: all), in order, until fn
// answers more=false or an error.
func (r *Reader) Changes(after events.ChangeID, fn func(view.Change) (more bool, err error)) error {
	from := keyChange(after)
	return r.Scan(keyChanges(), behind(from, after.Incarnation), func(k, v []byte) (bool, error) {
		id, err := changeIDOf(k[1:])
		if err != nil {
			return false, err
		}
		c, err := decodeChange(id, v)
		if err != nil {
			return false, err
		}
		return fn(c)
	})
}

// ChangesOf calls fn for each change of one deployment behind after (zero: all),
// in order, until fn answers more=false or an error. It reads the chain from its
// end: the cost is that of all changes behind after, however few fn takes.
func (r *Reader) ChangesOf(deployment string, after events.ChangeID, fn func(view.Change) (more bool, err error)) error {
	row, err := r.deployment(deployment)
	if err != nil {
		return ignoreNotFound(err)
	}
	var chain []view.Change
	for id := row.Last; id.Compare(after) > 0; {
		c, err := r.Change(id)
		if err != nil {
			return fmt.Errorf("read change %s: %w", id, err)
		}
		chain = append(chain, c)
		id = c.Before
	}
	for _, c := range slices.Backward(chain) {
		if more, err := fn(c); err != nil || !more {
			return err
		}
	}
	return nil
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
