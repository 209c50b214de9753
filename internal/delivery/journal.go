package delivery

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Fold brings the cache up to date with one record of the journal. It sees
// every record once in the journal's order, and may see one a second time under
// another sequence: it is written so that the second time changes nothing. It
// depends on the record and the cache only, on no configuration and no clock,
// so that every rebuild comes to the same rows. A record whose data it cannot
// read it refuses with an error of package events, before it writes anything.
type Fold func(t *Tx, e *events.Event) error

// Entry is a record to be written: the event and its subject in TT_ALERTS. The
// event's id is deterministic and is its Nats-Msg-Id.
type Entry struct {
	Subject string
	Event   *events.Event
}

// Journal is TT_ALERTS and the cache of it. It is safe for concurrent use.
type Journal struct {
	conn  *stream.Conn
	db    *store.DB
	folds map[string]Fold
	clock Clock
	log   *slog.Logger
	fail  FailPoint

	committer *stream.Committer

	ready    chan struct{} // closed once the cache has what the stream had at the start
	getReady sync.Once
	stopped  chan struct{} // closed when Run returns

	// mu guards folded and moved: all records up to folded are in the cache, and
	// moved is closed and renewed whenever folded is set.
	mu     sync.Mutex
	folded uint64
	moved  chan struct{}
}

// JournalOptions configure a [Journal]. Conn and DB are required; the database
// belongs to the journal's folds alone and syncs its writes.
type JournalOptions struct {
	Conn      *stream.Conn
	DB        *store.DB
	Folds     map[string]Fold // by event type; a type without one is passed over
	Clock     Clock           // default the machine's
	Logger    *slog.Logger    // default none
	FailPoint FailPoint       // tests only
}

// OtherJournalError says that the cache was made from another TT_ALERTS than
// the one there is.
type OtherJournalError struct{ Err error }

// Error says what to do about it.
func (e *OtherJournalError) Error() string {
	return "the notifier's data directory does not belong to this " + events.StreamAlerts +
		": if the stream was replaced on purpose, move the directory away and start again; " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *OtherJournalError) Unwrap() error { return e.Err }

// NewJournal returns a journal that [Journal.Run] opens.
func NewJournal(o JournalOptions) *Journal {
	if o.Clock == nil {
		o.Clock = WallClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Journal{
		conn: o.Conn, db: o.DB, folds: o.Folds, clock: o.Clock, log: o.Logger, fail: o.FailPoint,
		committer: stream.NewCommitter(o.Conn, events.StreamAlerts, stream.CommitterOptions{}),
		ready:     make(chan struct{}),
		stopped:   make(chan struct{}),
		moved:     make(chan struct{}),
	}
}

// maxFold bounds the records that are folded in one transaction.
const maxFold = 256

// Run folds the stream into the cache and writes what is appended, until ctx
// ends; then it returns nil. It returns an [*OtherJournalError] when the cache
// belongs to another stream. It is called once.
func (j *Journal) Run(ctx context.Context) error {
	defer close(j.stopped)
	identity, err := stream.Identify(ctx, j.conn.JS, events.StreamAlerts)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("identify %s: %w", events.StreamAlerts, err)
	}
	at, from := journalPosition{Incarnation: identity.Incarnation()}, uint64(0)
	err = j.db.View(func(r *store.Reader) error {
		stored, err := readPosition(r)
		if err == nil && stored.Incarnation != "" {
			at, from = stored, stored.Seq+1
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the journal's position: %w", err)
	}
	// The reader checks this, too, but nobody may take the cache for the truth
	// before that.
	if at.Incarnation != identity.Incarnation() || at.Seq > identity.Last {
		return &OtherJournalError{Err: fmt.Errorf("the cache is at %d of incarnation %s, the stream at %d of %s",
			at.Seq, at.Incarnation, identity.Last, identity.Incarnation())}
	}
	start := identity.Last
	if identity.First > identity.Last {
		start = at.Seq // the stream holds nothing to wait for
	}
	j.advance(at.Seq, start)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return j.committer.Run(ctx) })
	g.Go(func() error {
		reader := stream.NewReader(j.conn, stream.ReaderOptions{
			Stream: events.StreamAlerts, From: from, Incarnation: at.Incarnation, MaxBatch: maxFold, Logger: j.log,
		})
		err := reader.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
			return j.fold(at.Incarnation, batch, start)
		})
		var mismatch *stream.MismatchError
		if errors.As(err, &mismatch) {
			return &OtherJournalError{Err: err}
		}
		return err
	})
	return g.Wait()
}

// Ready is closed once the cache holds all that the stream held when Run began.
func (j *Journal) Ready() <-chan struct{} { return j.ready }

// fold applies one batch and its position in one transaction. A crash before it
// loses nothing: the batch comes again.
func (j *Journal) fold(incarnation string, batch []stream.Msg, start uint64) error {
	if err := j.fail.At(PointBeforeFold); err != nil {
		return err
	}
	last := batch[len(batch)-1].Seq
	err := Update(j.db, func(t *Tx) error {
		for _, m := range batch {
			err := j.foldOne(t, m)
			if events.CodeOf(err) != "" {
				// Only we write here, so this is a fault of ours or of the disk.
				// To stop would silence every other alert.
				j.log.Error("a record of the journal cannot be read", "stream_seq", m.Seq, "subject", m.Subject, "error", err)
				continue
			}
			if err != nil {
				return fmt.Errorf("fold %s at %d: %w", m.Subject, m.Seq, err)
			}
		}
		at := binary.BigEndian.AppendUint64(nil, last)
		t.Put(positionKey(), append(at, incarnation...))
		return nil
	})
	if err != nil {
		return err
	}
	j.advance(last, start)
	return j.fail.At(PointAfterFold)
}

func (j *Journal) foldOne(t *Tx, m stream.Msg) error {
	e, err := events.DecodeStored(m.Data)
	if err != nil {
		return err
	}
	if fold := j.folds[e.Type]; fold != nil {
		return fold(t, e)
	}
	return nil
}

// advance tells those who wait that all up to seq is in the cache; start is
// the stream's last sequence when Run began.
func (j *Journal) advance(seq, start uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.folded = seq
	close(j.moved)
	j.moved = make(chan struct{})
	if seq >= start {
		j.getReady.Do(func() { close(j.ready) })
	}
}

// Moved returns a channel that is closed when the cache next changes.
func (j *Journal) Moved() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.moved
}

// retryAppend is the pause before an append that the stream did not take is
// tried again.
const retryAppend = time.Second

// errStopped is returned to those who wait for a journal that has ended.
var errStopped = errors.New("the journal has stopped")

// Append writes entries in order and returns when they are in the stream and in
// the cache. As long as the stream does not answer or is full it tries again,
// until ctx or Run ends: an entry may have been written although Append fails.
func (j *Journal) Append(ctx context.Context, entries ...Entry) error {
	if err := j.fail.At(PointBeforeCommit); err != nil {
		return err
	}
	messages := make([]stream.Message, 0, len(entries))
	for _, e := range entries {
		data, err := e.Event.Encode()
		if err != nil {
			return fmt.Errorf("encode %s: %w", e.Event.ID, err)
		}
		messages = append(messages, stream.Message{Subject: e.Subject, ID: e.Event.ID, Data: data})
	}
	seq, err := j.commit(ctx, messages)
	for mayPass(err) {
		j.log.WarnContext(ctx, "the journal cannot be written, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-j.stopped:
		case <-j.clock.After(retryAppend):
		}
		seq, err = j.commit(ctx, messages)
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", events.StreamAlerts, err)
	}
	if err := j.fail.At(PointAfterCommit); err != nil {
		return err
	}
	return j.wait(ctx, seq)
}

// mayPass reports whether a commit that failed with err may succeed later.
func mayPass(err error) bool {
	var e *stream.Error
	return errors.As(err, &e) && (e.Kind == stream.Transient || e.Kind == stream.Full)
}

// commit writes messages and returns the sequence up to which the cache must
// come to hold them.
func (j *Journal) commit(ctx context.Context, messages []stream.Message) (uint64, error) {
	results, err := j.committer.Commit(ctx, messages)
	if err != nil {
		return 0, err
	}
	var last uint64
	for _, r := range results {
		last = max(last, r.Seq)
	}
	return last, nil
}

func (j *Journal) wait(ctx context.Context, seq uint64) error {
	for {
		j.mu.Lock()
		folded, moved := j.folded, j.moved
		j.mu.Unlock()
		if folded >= seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-j.stopped:
			return errStopped
		case <-moved:
		}
	}
}

// journalPosition says up to where the cache holds which stream.
type journalPosition struct {
	Incarnation string
	Seq         uint64
}

func readPosition(r *store.Reader) (journalPosition, error) {
	raw, err := r.Get(positionKey())
	if errors.Is(err, store.ErrNotFound) {
		return journalPosition{}, nil
	}
	if err != nil {
		return journalPosition{}, err
	}
	if len(raw) < 8 {
		return journalPosition{}, errors.New("the journal's position is damaged")
	}
	return journalPosition{Seq: binary.BigEndian.Uint64(raw), Incarnation: string(raw[8:])}, nil
}
