package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Batches of the pipeline. A transaction of the store ends earlier when it gets
// large, see store.Writer.Full.
const (
	maxBatch = 2000 // messages that are read and decoded at once
	ahead    = 2    // batches between two stages: one in work, one ready
)

// Options of a projector. Conn and DB are required.
type Options struct {
	Conn *stream.Conn
	DB   *store.DB

	Metrics *Metrics        // nil: none
	Stream  *stream.Metrics // of reader and publisher; nil: none
	Logger  *slog.Logger    // nil: silent

	// FailPoint is for tests of crash safety: it is called at each named point
	// between two durable steps, and an error it returns ends Run there.
	FailPoint func(point string) error
}

// The points at which a test may end Run. Each stands between two durable
// steps; together they are all there are.
const (
	pointCommit    = "commit"    // before a transaction
	pointCommitted = "committed" // it is in the store, its changes are not published
	pointPublish   = "publish"   // before changes are published
	pointPublished = "published" // TT_CHANGES has them, TT_CURRENT not yet
	pointCurrent   = "current"   // TT_CURRENT has them, the mark not yet
	pointMarked    = "marked"    // the mark is in the store
)

// Projector is the one writer of its store, of TT_CHANGES and of TT_CURRENT.
type Projector struct {
	o Options
}

// New returns a projector. Nothing happens before [Projector.Run].
func New(o Options) *Projector {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FailPoint == nil {
		o.FailPoint = func(string) error { return nil }
	}
	return &Projector{o}
}

// MismatchError says that the store belongs to another stream, or to a part of
// one that is gone. The projector stops and leaves both as they are: what to do
// is a person's decision.
type MismatchError struct {
	Err  *stream.MismatchError
	Hint string
}

// Error returns what does not match and what to do.
func (e *MismatchError) Error() string { return e.Err.Error() + "; " + e.Hint }

// Unwrap returns the mismatch.
func (e *MismatchError) Unwrap() error { return e.Err }

const mismatchHint = "run `telltale rebuild` to fold the stream that is there into a new store, " +
	"with --accept-loss if it has lost events for good"

// withHint adds what to do to a mismatch.
func withHint(err error) error {
	var m *stream.MismatchError
	if errors.As(err, &m) {
		return &MismatchError{Err: m, Hint: mismatchHint}
	}
	return err
}

// Run follows TT_EVENTS from the store's position until ctx ends, which is no
// error. First it publishes what an earlier run left in the store. It fails with
// a [*MismatchError] when the stream is not the one the store was made from,
// with a [*store.OpenError] when the disk is full or the store damaged, and with
// what the stream package says when a stream refuses for good. After an error
// everything may be started again: what was done is not repeated, what was not
// is done.
func (p *Projector) Run(ctx context.Context) error {
	e := p.engine()
	if err := e.load(); err != nil {
		return err
	}
	incarnation, err := p.identify(ctx, e.position)
	if err != nil {
		return endOf(ctx, err)
	}
	e.position.Incarnation = incarnation
	out, err := p.outbox(ctx)
	if err != nil {
		return endOf(ctx, err)
	}
	if err := out.resume(ctx); err != nil {
		return endOf(ctx, errors.Join(withHint(err), out.close()))
	}
	p.o.Logger.InfoContext(ctx, "projector follows the stream",
		"stream", events.StreamEvents, "stream_seq", e.position.Seq, "incarnation", incarnation)

	decoded := make(chan []message, ahead)
	told := make(chan outgoing, ahead)
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(decoded)
		return withHint(p.read(running, e.position, decoded))
	})
	g.Go(func() error {
		defer close(told)
		e.emit = func(ctx context.Context, o outgoing) error {
			o.more = o.more || len(decoded) > 0
			return send(ctx, told, o)
		}
		defer e.close()
		for messages := range decoded {
			if err := e.run(running, messages); err != nil {
				return err
			}
			if len(decoded) > 0 {
				continue // the next batch is folded while this one is committed
			}
			if err := e.sync(running); err != nil {
				return err
			}
		}
		return e.sync(running)
	})
	g.Go(func() error { return errors.Join(withHint(out.run(running, told)), out.close()) })
	return endOf(ctx, g.Wait())
}

// endOf turns the error that the end of ctx made of some step into none.
func endOf(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *Projector) engine() *engine {
	quarantine := stream.NewQuarantine(p.o.Conn, stream.WithQuota(unlimited, unlimited))
	return &engine{
		db: p.o.DB, log: p.o.Logger, metrics: p.o.Metrics, fail: p.o.FailPoint,
		quarantine: func(ctx context.Context, m *message) error { return putAside(ctx, quarantine, m) },
	}
}

// unlimited: a quota is for callers, and what is in TT_EVENTS passed a door.
const unlimited = 1 << 30

// identify checks that the store and TT_EVENTS belong together, and names the
// stream's incarnation.
func (p *Projector) identify(ctx context.Context, at store.Position) (string, error) {
	id, err := stream.Identify(ctx, p.o.Conn.JS, events.StreamEvents)
	if err != nil {
		return "", err
	}
	got := id.Incarnation()
	if at.Incarnation != "" && at.Incarnation != got {
		return "", withHint(&stream.MismatchError{
			Stream: events.StreamEvents, Want: "incarnation " + at.Incarnation, Got: "incarnation " + got,
		})
	}
	return got, nil
}

// read is the first stage: messages behind a position, decoded.
func (p *Projector) read(ctx context.Context, at store.Position, out chan<- []message) error {
	r := stream.NewReader(p.o.Conn, stream.ReaderOptions{
		Stream: events.StreamEvents, From: at.Seq + 1, Incarnation: at.Incarnation,
		MaxBatch: maxBatch, Metrics: p.o.Stream, Logger: p.o.Logger,
	})
	return r.Run(ctx, func(ctx context.Context, batch []stream.Msg) error {
		return send(ctx, out, decodeAll(batch))
	})
}

func send[T any](ctx context.Context, ch chan<- T, v T) error {
	select {
	case ch <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// putAside puts a message that cannot be used into quarantine.
func putAside(ctx context.Context, q *stream.Quarantine, m *message) error {
	v := stream.Quarantined{
		Stage: "projector", Code: events.CodeMalformed, Detail: m.fault.Error(), From: m.sender, Door: "stream",
		Subject: m.place, At: m.stored, Raw: m.raw,
	}
	var known *events.Error
	if errors.As(m.fault, &known) {
		v.Code, v.Detail, v.Hint = known.Code, known.Detail, known.Hint
	}
	if len(v.Raw) > stream.MaxQuarantined {
		v.Raw, v.Hint = nil, fmt.Sprintf("the whole message is in %s at %d", events.StreamEvents, m.seq)
	}
	if _, err := q.Put(ctx, v); err != nil {
		return fmt.Errorf("put message %d into quarantine: %w", m.seq, err)
	}
	return nil
}
