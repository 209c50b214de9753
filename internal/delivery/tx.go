package delivery

import "github.com/telltale-dev/telltale/internal/store"

// Getter is what both a snapshot and a [Tx] can do. Get returns a copy of the
// value at key, or [store.ErrNotFound].
type Getter interface {
	Get(key []byte) ([]byte, error)
}

// Tx is one transaction of the cache. Unlike a [store.Writer] it reads what it
// wrote: a fold has to see what the record before it did. It belongs to the
// fold it was given to.
type Tx struct {
	before *store.Reader
	wrote  map[string][]byte // nil: deleted
}

// Get returns what the transaction wrote at key, else what was there before.
func (t *Tx) Get(key []byte) ([]byte, error) {
	if v, ok := t.wrote[string(key)]; ok {
		if v == nil {
			return nil, store.ErrNotFound
		}
		return v, nil
	}
	return t.before.Get(key)
}

// Put writes a row. The transaction keeps value.
func (t *Tx) Put(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	t.wrote[string(key)] = value
}

// Delete removes a row, if it is there.
func (t *Tx) Delete(key []byte) { t.wrote[string(key)] = nil }

// Update runs fn in one transaction: all that fn wrote, or nothing. Transactions
// that run beside the journal's folds write other keys than those do.
func Update(db *store.DB, fn func(*Tx) error) error {
	return db.Update(func(w *store.Writer) error {
		t := &Tx{before: &w.Reader, wrote: make(map[string][]byte)}
		if err := fn(t); err != nil {
			return err
		}
		for key, value := range t.wrote {
			var err error
			if value == nil {
				err = w.Delete([]byte(key))
			} else {
				err = w.Put([]byte(key), value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
