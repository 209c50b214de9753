package projector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// RebuildOptions say what to rebuild. Conn and Dir are required.
type RebuildOptions struct {
	Conn  *stream.Conn
	Dir   string        // of the store; no other process may have it open
	Store store.Options // of the new store

	// Verify compares instead of replacing: the stream is folded up to where the
	// store is, both digests are returned, and the store stays as it is.
	Verify bool

	// AcceptLoss goes on although the stream has lost, for good, what the store
	// or TT_CHANGES know of.
	AcceptLoss bool

	Progress func(done, total uint64) // optional: messages folded, and to fold
	Stream   *stream.Metrics          // optional
	Logger   *slog.Logger             // nil: silent
}

// Rebuilt is what a rebuild found.
type Rebuilt struct {
	Digest    Digest // of the new fold
	Live      Digest // of the store that is there; only when it is verified
	Beliefs   int    // deployments whose last change was read back
	Redefined int    // deployments of which the new fold says something else
}

// Same reports whether the new fold and the store agree.
func (r *Rebuilt) Same() bool { return r.Digest.Digest == r.Live.Digest }

// Rebuild folds TT_EVENTS from its first message into a new store and puts that
// in the place of the old one. What was told is read back from TT_CHANGES; where
// the new fold gives another answer than the last change of a deployment, the
// next run tells one change with the reason "redefined". Changes that the old
// store had not published yet are computed again and told by the next run too.
//
// It fails with a [*MismatchError] when the stream has lost what the store or
// TT_CHANGES know of, unless AcceptLoss is set, and with a [*store.OpenError]
// when another process has the store open. A crash at any point leaves the old
// store or the new one in place.
func Rebuild(ctx context.Context, o RebuildOptions) (Rebuilt, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &rebuild{o: o}
	result, err := r.run(ctx)
	return result, withHint(err)
}

type rebuild struct {
	o        RebuildOptions
	id       stream.Identity
	live     *store.DB // nil: there is none that can be read
	liveAt   store.Position
	beliefs  *beliefs
	position uint64 // where to end
	result   Rebuilt
}

func (r *rebuild) run(ctx context.Context) (result Rebuilt, err error) {
	if err := r.openLive(ctx); err != nil {
		return Rebuilt{}, err
	}
	// The old store stays open, and so locked, until it is replaced.
	defer func() {
		if r.live != nil {
			err = errors.Join(err, r.live.Close())
		}
	}()
	if r.id, err = stream.Identify(ctx, r.o.Conn.JS, events.StreamEvents); err != nil {
		return Rebuilt{}, err
	}
	if r.position, err = lastSeq(ctx, r.o.Conn, events.StreamEvents); err != nil {
		return Rebuilt{}, err
	}
	if r.o.Verify {
		if r.live == nil {
			return Rebuilt{}, fmt.Errorf("verify store %s: there is none", r.o.Dir)
		}
		r.position = r.liveAt.Seq
	}
	if err := r.checkLoss(r.liveAt.Incarnation, r.liveAt.Seq); err != nil {
		return Rebuilt{}, err
	}
	dir, err := store.Fresh(r.o.Dir)
	if err != nil {
		return Rebuilt{}, err
	}
	db, err := store.Open(dir, r.o.Store)
	if err != nil {
		return Rebuilt{}, err
	}
	if err := errors.Join(r.fill(ctx, db), db.Close()); err != nil {
		return Rebuilt{}, errors.Join(err, os.RemoveAll(dir))
	}
	if r.o.Verify {
		return r.result, os.RemoveAll(dir)
	}
	if live := r.live; live != nil {
		r.live = nil
		if err := live.Close(); err != nil {
			return Rebuilt{}, err
		}
	}
	return r.result, store.Swap(r.o.Dir)
}

// openLive opens the store that is there. One that is damaged is no obstacle to
// replacing it, one that is in use is.
func (r *rebuild) openLive(ctx context.Context) error {
	if _, err := os.Stat(r.o.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := store.Open(r.o.Dir, store.Options{Logger: r.o.Logger})
	var broken *store.OpenError
	if errors.As(err, &broken) && !r.o.Verify && (broken.Kind == store.KindDamaged || broken.Kind == store.KindFormat) {
		r.o.Logger.WarnContext(ctx, "the old store cannot be read", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	r.live = db
	err = db.View(func(s *store.Reader) (err error) {
		r.liveAt, err = s.Position()
		return err
	})
	if err == nil && r.o.Verify {
		r.result.Live, err = DigestOf(ctx, db)
	}
	return err
}

// checkLoss fails when the stream no longer has, or never had, what was known.
func (r *rebuild) checkLoss(incarnation string, seq uint64) error {
	want := fmt.Sprintf("messages 1 to %d of incarnation %s", seq, incarnation)
	lost := incarnation != "" && (incarnation != r.id.Incarnation() || seq > r.id.Last)
	if !lost && r.id.First > 1 {
		lost, want = true, "a stream that begins at message 1"
	}
	if !lost || r.o.AcceptLoss {
		return nil
	}
	return &stream.MismatchError{
		Stream: events.StreamEvents, Want: want,
		Got: fmt.Sprintf("messages %d to %d of incarnation %s", r.id.First, r.id.Last, r.id.Incarnation()),
	}
}

// fill makes db what the streams say.
func (r *rebuild) fill(ctx context.Context, db *store.DB) error {
	p := New(Options{Conn: r.o.Conn, DB: db, Stream: r.o.Stream, Logger: r.o.Logger})
	e := p.engine()
	e.emit = func(context.Context, outgoing) error { return nil } // the next run tells
	defer e.close()
	if err := e.load(); err != nil {
		return err
	}
	e.position.Incarnation = r.id.Incarnation()
	if !r.o.Verify {
		var err error
		if r.beliefs, err = loadBeliefs(ctx, r.o.Conn, r.o.Stream, db); err != nil {
			return err
		}
		if err := r.checkLoss(r.beliefs.told.Incarnation, r.beliefs.told.Seq); err != nil {
			return err
		}
		e.beliefs = r.beliefs
		r.result.Beliefs = len(r.beliefs.last)
	}
	if err := r.fold(ctx, p, e); err != nil {
		return err
	}
	if !r.o.Verify {
		if err := r.redefine(ctx, e); err != nil {
			return err
		}
	}
	if r.o.Verify {
		var err error
		r.result.Digest, err = DigestOf(ctx, db)
		return err
	}
	return db.Sync()
}

// fold folds the stream up to r.position. Changes are computed from the cause
// of the last change in TT_CHANGES on: of those before, all are there. When that
// one was caused by another life of the stream, none are: each deployment that
// is not what it was gets one change at the end, and nobody a flood.
func (r *rebuild) fold(ctx context.Context, p *Projector, e *engine) error {
	if r.position == 0 {
		return nil
	}
	from := uint64(1)
	if r.o.AcceptLoss {
		from = 0
	}
	computed := r.position + 1
	switch {
	case r.o.Verify:
	case r.beliefs.told == events.ChangeID{}:
		computed = 1
	case r.beliefs.told.Incarnation == e.position.Incarnation:
		computed = r.beliefs.told.Seq
	}
	quarantine := e.quarantine
	e.silent = computed > 1
	e.quarantine = func(ctx context.Context, m *message) error {
		if e.silent {
			return nil // it is there since the first time
		}
		return quarantine(ctx, m)
	}
	decoded := make(chan []message, ahead)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(decoded)
		return r.read(ctx, p, from, decoded)
	})
	g.Go(func() error {
		for messages := range decoded {
			if err := r.apply(ctx, e, messages, computed); err != nil {
				return err
			}
		}
		return e.sync(ctx)
	})
	return g.Wait()
}

func (r *rebuild) read(ctx context.Context, p *Projector, from uint64, out chan<- []message) error {
	reader := stream.NewReader(p.o.Conn, stream.ReaderOptions{
		Stream: events.StreamEvents, From: from, Incarnation: r.id.Incarnation(), MaxBatch: maxBatch,
		Metrics: r.o.Stream, Logger: r.o.Logger,
	})
	err := reader.Run(ctx, func(ctx context.Context, batch []stream.Msg) error {
		end := len(batch)
		for end > 0 && batch[end-1].Seq > r.position {
			end--
		}
		if end > 0 {
			if err := send(ctx, out, decodeAll(batch[:end])); err != nil {
				return err
			}
		}
		if batch[len(batch)-1].Seq >= r.position {
			return errEnd
		}
		return nil
	})
	return atEnd(ctx, err)
}

// apply folds messages, silently those before the one from which changes are
// computed.
func (r *rebuild) apply(ctx context.Context, e *engine, messages []message, computed uint64) error {
	silent := 0
	for silent < len(messages) && messages[silent].seq < computed {
		silent++
	}
	if err := e.run(ctx, messages[:silent]); err != nil {
		return err
	}
	if silent < len(messages) {
		e.silent = false
		if err := e.run(ctx, messages[silent:]); err != nil {
			return err
		}
	}
	if r.o.Progress != nil {
		r.o.Progress(e.position.Seq, r.position)
	}
	return nil
}

// redefine writes one change for each deployment of which the fold says
// something else than what was last told, and marks what is told already. All
// slots are shown again.
func (r *rebuild) redefine(ctx context.Context, e *engine) error {
	e.silent = false
	index := e.index
	if r.beliefs.told.Seq == r.position && r.beliefs.told.Incarnation == e.position.Incarnation {
		index = max(index, r.beliefs.told.Index+1)
	}
	digest := view.NewDigest() // on the way, since each state is read anyway
	for after, more := "", true; more; {
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			b.begin(r.position)
			b.index = index
			more = false
			err := b.w.Deployments("", after, func(name string, row *store.Deployment) (bool, error) {
				if more = b.full() || len(b.dirty) >= maxRedefined; more {
					return false, nil
				}
				after = name
				addTo(digest, name, row)
				facts := factsOf(row)
				if r.beliefs.holds(name, &facts) {
					return true, nil
				}
				r.result.Redefined++
				return true, b.tellRedefined(name)
			})
			index = b.index
			return e.position, err
		})
		if err == nil {
			err = e.sync(ctx)
		}
		if err != nil {
			return err
		}
	}
	r.result.Digest = digestAt(digest, e.position.Seq)
	if err := r.mark(e); err != nil {
		return err
	}
	return showAll(e.db, r.position)
}

// mark says how far TT_CHANGES came.
func (r *rebuild) mark(e *engine) error {
	told := r.beliefs.told
	if told == (events.ChangeID{}) {
		return nil
	}
	return e.db.Update(func(w *store.Writer) error {
		if err := w.SetPublished(told); err != nil || told.Incarnation == e.position.Incarnation {
			return err
		}
		return w.SetForgiven(told.Incarnation)
	})
}

// showAll lets the next run tell TT_CURRENT of every slot.
func showAll(db *store.DB, seq uint64) error {
	for after, more := "", true; more; {
		err := db.Update(func(w *store.Writer) error {
			more = false
			return w.SlotNames(after, func(name string) (bool, error) {
				if more = w.Full(); more {
					return false, nil
				}
				after = name
				return true, w.PutDirty(seq, name)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tellRedefined writes the change that nothing but the fold caused.
func (b *batch) tellRedefined(name string) error {
	key, ok := deploymentKey(name)
	if !ok {
		return store.ErrCodec
	}
	d, err := b.deployment(key, name)
	if err != nil {
		return err
	}
	d.marked, d.before = true, view.Facts{Status: b.beliefs.status(name), Percent: -1, Attempt: ^uint32(0)} // differs in any case
	b.marked = append(b.marked, d)
	return b.settle(cause{
		source: view.SourceProjector, id: fmt.Sprintf("rebuild.%d", b.seq),
		at: d.row.State.LastTau, recorded: d.row.State.LastTau, reason: view.ReasonRedefined,
	})
}
