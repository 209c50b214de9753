package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Reader reads one snapshot. It belongs to the function it was given to and is
// not safe for concurrent use.
type Reader struct{ txn *badger.Txn }

// Get returns a copy of the value at key, or [ErrNotFound].
func (r *Reader) Get(key []byte) ([]byte, error) {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	v, err := item.ValueCopy(nil)
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return v, nil
}

// get calls fn with the value at key, which fn may not keep.
func (r *Reader) get(key []byte, fn func(v []byte) error) error {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	return item.Value(fn)
}

// Scan calls fn for each row whose key begins with prefix, in key order,
// beginning at the first key not before from (nil: at the first), until fn
// answers more=false or an error. fn may keep neither k nor v.
func (r *Reader) Scan(prefix, from []byte, fn func(k, v []byte) (more bool, err error)) error {
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	if from == nil {
		from = prefix
	}
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		more := false
		err := it.Item().Value(func(v []byte) (err error) {
			more, err = fn(it.Item().Key(), v)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// keys calls fn with each key that begins with prefix, which fn may not keep. It
// does not touch the values.
func (r *Reader) keys(prefix []byte, fn func(k []byte) error) error {
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.ValidForPrefix(prefix); it.Next() {
		if err := fn(it.Item().Key()); err != nil {
			return err
		}
	}
	return nil
}

// Writer writes one transaction; its reads see the store as it was before. It
// belongs to the function it was given to and is not safe for concurrent use.
type Writer struct {
	Reader
	txn   *badger.Txn
	rows  int
	bytes int
	arena arena

	// Pages that are not rows yet: [Tx.Commit] ends them.
	events     page
	firstEvent uint64 // the position of the first in events
	changes    page
	first      events.ChangeID // of the first in changes
	last       view.Change     // in changes
}

// Put writes a row. The store keeps both slices until the transaction ends:
// they may not be changed.
func (w *Writer) Put(key, value []byte) error {
	w.rows++
	w.bytes += len(key) + len(value)
	if err := w.txn.Set(key, value); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// Delete removes a row, if it is there. The store keeps key until the
// transaction ends.
func (w *Writer) Delete(key []byte) error {
	w.rows++
	w.bytes += len(key)
	if err := w.txn.Delete(key); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// Full reports that the transaction should end soon: it is near a third
// of what Badger takes at once, so that what is written at its end still fits.
func (w *Writer) Full() bool {
	return w.bytes+len(w.events.entries)+len(w.changes.entries) > maxTx || w.rows > maxTxRows
}

// endPages makes rows of the pages that are open.
func (w *Writer) endPages() error {
	if err := w.endEvents(); err != nil {
		return err
	}
	return w.endChanges()
}

func (w *Writer) endEvents() error {
	if w.events.n == 0 {
		return nil
	}
	key := w.arena.keep(keyPage(w.arena.next(), w.firstEvent))
	value := w.arena.keep(append(w.arena.next(), w.events.entries...))
	w.events.reset()
	return w.Put(key, value)
}

func (w *Writer) endChanges() error {
	if w.changes.n == 0 {
		return nil
	}
	key := w.arena.keep(keyChange(w.arena.next(), w.first))
	value := w.arena.keep(append(w.arena.next(), w.changes.entries...))
	w.changes.reset()
	return w.Put(key, value)
}

// arena gives out memory for the keys and values of one transaction, which end
// together: thousands of small allocations become a few.
type arena struct{ free []byte }

const (
	arenaChunk = 128 << 10
	arenaLeast = 2 << 10 // what most rows fit into
)

// next returns an empty slice to append to.
func (a *arena) next() []byte {
	if cap(a.free) < arenaLeast {
		a.free = make([]byte, 0, arenaChunk)
	}
	return a.free
}

// keep returns b, which was appended to next, as its owner's for good.
func (a *arena) keep(b []byte) []byte {
	if cap(b) == cap(a.free) { // else it outgrew the chunk and has memory of its own
		a.free = b[len(b):]
	}
	return b[:len(b):len(b)]
}
