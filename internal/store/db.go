package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// format is the version of keys and rows together. A store of another format is
// refused; the stream has everything to make a new one.
const format = 4

// Sizes in bytes.
const (
	defaultCache = 128 << 20
	memTables    = 3

	// To write a table Badger takes memory for it from a pool, in pieces of twice
	// the size before, and gives it back to the pool: in the end eight pieces are
	// there, each as large as a memtable needed. With blocks that a page fits into,
	// and no other table larger than a memtable, that is 28 MiB each; of memtables
	// of 32 MiB it was 124.
	memTable  = 12 << 20
	blockSize = 8 << 10
	tableSize = 2 << 20

	// levelSize is the most that the first level behind memtables holds: a larger
	// one saves a level, and so one writing of most rows.
	levelSize = 64 << 20

	// So many tables of memtables wait until they are merged into that level, which
	// is then written anew; at twice as many the writer waits.
	waitingTables = 10

	// maxTx is where a transaction asks to be ended: Badger refuses one at 15 %
	// of a memtable, and its own overhead per row is not in our count.
	maxTx      = memTable / 100 * 5
	maxTxRows  = 7_000 // it refuses 19,000, too
	defaultGap = 256 << 20
)

// Options of a store. The zero value is a store with defaults.
type Options struct {
	// CacheBytes bounds the caches of blocks and indexes; default 128 MiB. The
	// memtables and what they are written with take 300 MiB more.
	CacheBytes int64

	// Sync makes every transaction wait for the disk. Without it a power cut
	// takes the store back to an earlier, consistent position; a killed process
	// loses nothing either way.
	Sync bool

	// ReadOnly opens an existing store that no process has open for writing.
	ReadOnly bool

	// KeepFree refuses to write, with [KindFull], when less than this many bytes
	// are left on the disk; default 256 MiB, negative: no limit. Badger writes
	// through memory maps, where a full disk is a crash and not an error.
	KeepFree int64

	Logger *slog.Logger // nil: silent
}

// DB is an open store. It is safe for concurrent use, but see [DB.Update] and [DB.Begin].
type DB struct {
	dir      string
	badger   *badger.DB
	keepFree int64
}

// Open opens the store in dir and makes it when there is none. The directory is
// locked against other processes until [DB.Close]. It fails with an
// [*OpenError]. An unfinished [Swap] of the directory is finished first.
func Open(dir string, opt Options) (db *DB, err error) {
	if opt.CacheBytes == 0 {
		opt.CacheBytes = defaultCache
	}
	if opt.KeepFree == 0 {
		opt.KeepFree = defaultGap
	}
	if !opt.ReadOnly {
		if err := prepare(dir, opt.KeepFree); err != nil {
			return nil, classifyOpen(dir, err)
		}
	}
	if err := checkTables(dir); err != nil {
		return nil, classifyOpen(dir, err)
	}
	// Badger panics on some damaged files; to us they are damaged either way.
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, newOpenError(KindDamaged, dir, fmt.Errorf("%v", p))
		}
	}()
	o := badger.DefaultOptions(dir).
		WithReadOnly(opt.ReadOnly).
		WithSyncWrites(opt.Sync).
		WithDetectConflicts(false). // one writer, see the package comment
		WithNumVersionsToKeep(1).
		WithCompression(options.Snappy).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithBlockCacheSize(opt.CacheBytes / 2).
		WithIndexCacheSize(opt.CacheBytes / 2).
		WithMemTableSize(memTable).
		WithBlockSize(blockSize).
		WithBaseTableSize(tableSize).
		WithBaseLevelSize(levelSize).
		WithNumLevelZeroTables(waitingTables).
		WithNumLevelZeroTablesStall(2 * waitingTables).
		WithNumMemtables(memTables).
		WithNumCompactors(2).           // each keeps buffers of the largest table it has built
		WithValueLogFileSize(memTable). // rows are small: the value log stays empty
		WithMetricsEnabled(false).
		WithLogger(newLogger(opt.Logger))
	o.TableSizeMultiplier = 1
	b, err := badger.Open(o)
	if err != nil {
		return nil, classifyOpen(dir, err)
	}
	db = &DB{dir: dir, badger: b, keepFree: opt.KeepFree}
	if err := db.checkFormat(opt.ReadOnly); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return db, nil
}

// prepare makes the directory of a store ready to be opened. Badger begins with
// writing out what a killed process has left in its log, so room is looked for
// before.
func prepare(dir string, keepFree int64) error {
	if err := finishSwap(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	return checkSpace(dir, keepFree)
}

// Close flushes and unlocks the store. Nothing may use it any more.
//
// On a disk that is full or gone it does neither and says so: Badger would crash
// or try for ever. That loses nothing, since all that was committed is in
// Badger's log, from which the next Open takes it; the lock ends with the
// process.
func (db *DB) Close() error {
	if err := checkSpace(db.dir, db.keepFree); err != nil {
		return err
	}
	if err := db.badger.Close(); err != nil {
		return classify(db.dir, fmt.Errorf("close store: %w", err))
	}
	return nil
}

// Sync makes everything committed so far survive a power cut.
func (db *DB) Sync() error {
	if err := db.badger.Sync(); err != nil {
		return classify(db.dir, fmt.Errorf("sync store: %w", err))
	}
	return nil
}

func (db *DB) checkFormat(readOnly bool) error {
	var have []byte
	err := db.View(func(r *Reader) (err error) {
		have, err = r.Get(keyFormat())
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound) && !readOnly:
		return db.Update(func(w *Writer) error { return w.Put(keyFormat(), []byte{format}) })
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case !bytes.Equal(have, []byte{format}):
		return newOpenError(KindFormat, db.dir, nil)
	}
	return nil
}

// View runs fn on one consistent snapshot. Nothing that fn gets from the Reader
// may be used after fn returns, unless the method says otherwise.
func (db *DB) View(fn func(*Reader) error) error {
	txn := db.badger.NewTransaction(false)
	defer txn.Discard()
	return classify(db.dir, fn(&Reader{txn: txn}))
}

// Update runs fn and commits what it wrote, all or nothing; an error of fn
// discards it. Updates that run at the same time must write different keys: the
// last one wins silently. Reads of the Writer see the store as it was before.
func (db *DB) Update(fn func(*Writer) error) error {
	tx := db.Begin()
	if err := fn(&tx.Writer); err != nil {
		tx.Discard()
		return classify(db.dir, err)
	}
	return <-tx.Commit()
}

// Begin begins a transaction by hand, for a writer that prepares one while the
// one before is being committed: that one must be begun before, and committed
// after, the commit of the other. It waits for commits that are under way. Each
// transaction ends with Commit or Discard.
func (db *DB) Begin() *Tx {
	return &Tx{
		Writer: Writer{Reader: Reader{txn: db.badger.NewTransaction(false)}, txn: db.badger.NewTransaction(true)},
		db:     db,
	}
}

// Tx is a transaction. Its reads see the store as it was at Begin.
type Tx struct {
	Writer
	db *DB
}

// Discard forgets the transaction.
func (tx *Tx) Discard() {
	tx.Reader.txn.Discard()
	tx.txn.Discard()
}

// Commit ends the transaction and begins to commit it. The channel gets one
// value: nil once all of it is in the store, else the reason why none of it is.
func (tx *Tx) Commit() <-chan error {
	done := make(chan error, 1)
	err := checkSpace(tx.db.dir, tx.db.keepFree)
	if err == nil {
		err = classify(tx.db.dir, tx.endPages())
	}
	tx.Reader.txn.Discard()
	if err != nil {
		tx.txn.Discard()
		done <- err
		return done
	}
	tx.txn.CommitWith(func(err error) {
		if err != nil {
			err = classify(tx.db.dir, fmt.Errorf("commit to store: %w", err))
		}
		done <- err
	})
	return done
}

// checkSpace fails when less than keepFree bytes are left on the disk of dir; a
// negative keepFree never does.
func checkSpace(dir string, keepFree int64) error {
	if keepFree < 0 {
		return nil
	}
	free, err := freeBytes(dir)
	if err != nil {
		return classify(dir, fmt.Errorf("look for free space: %w", err))
	}
	if free < uint64(keepFree) {
		return newOpenError(KindFull, dir, fmt.Errorf("only %d MiB are left on the disk", free>>20))
	}
	return nil
}
