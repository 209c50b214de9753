// Package publish tells an endpoint, in CDEvents, what we come to believe: it
// reads TT_CHANGES from where it stopped and posts each change of a deployment.
//
//	TT_CHANGES ─► Reader ─► cdevents.Event ─► Sink ─► position (a file)
//
// The position moves behind what was sent. A crash in between sends it again,
// under the same (source, id), which an endpoint that takes CloudEvents knows.
// Order is that of TT_CHANGES: what cannot be delivered now holds up what comes
// after it, for as long as it takes; what the endpoint refuses as such is logged
// and passed over, since it stays in TT_CHANGES.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/cdevents"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of a publisher.
const (
	maxBatch     = 100 // changes between two positions
	defaultRetry = time.Second
	maxRetry     = time.Minute
)

// Sink is where events go.
type Sink interface {
	// Send hands an event over. It fails with a [*RefusedError] when the event
	// itself is not wanted and never will be; on any other failure it is tried
	// again.
	Send(ctx context.Context, e *events.Event) error
}

// RefusedError says that an endpoint does not take an event.
type RefusedError struct{ Reason string }

// Error returns the reason.
func (e *RefusedError) Error() string { return "the endpoint refuses the event: " + e.Reason }

// Options configure a [Publisher]. Conn, Sink and Position are required.
type Options struct {
	// Conn may read TT_CHANGES.
	Conn *stream.Conn

	Sink Sink

	// Position is the file that keeps how far everything was told. Where there is
	// none, telling begins with what changes from now on. It belongs to one life
	// of TT_CHANGES; to go on with another one it is deleted.
	Position string

	// Retry is the pause after a failed call, doubled up to a minute with each
	// more. Default 1 s.
	Retry time.Duration

	Logger     *slog.Logger          // default none
	Registerer prometheus.Registerer // for the metrics; default none
}

// Publisher tells a [Sink] of changes.
type Publisher struct {
	o       Options
	metrics *metrics
}

// New returns a publisher that [Publisher.Run] starts. It fails when its metrics
// cannot be registered.
func New(o Options) (*Publisher, error) {
	if o.Retry <= 0 {
		o.Retry = defaultRetry
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Publisher{o: o, metrics: m}, nil
}

// Run works until ctx ends, and then returns nil. It returns early with a
// [*stream.MismatchError] when the position belongs to another TT_CHANGES, and
// when the position cannot be read or written. It may run once at a time.
func (p *Publisher) Run(ctx context.Context) error {
	at, found, err := readPosition(p.o.Position)
	if err != nil {
		return err
	}
	if !found {
		identity, err := stream.Identify(ctx, p.o.Conn.JS, events.StreamChanges)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		// Kept at once: what changes before the first batch is told after a crash.
		at = position{identity.Incarnation(), identity.Last}
		if err := at.write(p.o.Position); err != nil {
			return err
		}
	}
	p.metrics.position.Set(float64(at.seq))
	p.o.Logger.InfoContext(ctx, "CDEvents are published", "incarnation", at.incarnation, "stream_seq", at.seq)
	reader := stream.NewReader(p.o.Conn, stream.ReaderOptions{
		Stream: events.StreamChanges, From: at.seq + 1, Incarnation: at.incarnation, MaxBatch: maxBatch, Logger: p.o.Logger,
	})
	return reader.Run(ctx, func(ctx context.Context, batch []stream.Msg) error { return p.tell(ctx, at.incarnation, batch) })
}

// tell sends a batch and moves the position behind what was sent, also when ctx
// ends in between.
func (p *Publisher) tell(ctx context.Context, incarnation string, batch []stream.Msg) error {
	defer p.metrics.idle()
	var failed error
	var done uint64
	for _, m := range batch {
		p.metrics.telling(m.Time)
		if failed = p.tellOne(ctx, m); failed != nil {
			break
		}
		done = m.Seq
		p.metrics.position.Set(float64(done))
	}
	if done == 0 {
		return failed
	}
	return errors.Join(failed, position{incarnation, done}.write(p.o.Position))
}

// tellOne sends a change, if it is one of a deployment. It fails only when ctx
// ends.
func (p *Publisher) tellOne(ctx context.Context, m stream.Msg) error {
	log := p.o.Logger.With("stream_seq", m.Seq, "subject", m.Subject)
	c, ok, err := view.ParseChange(m.Data)
	if err == nil && !ok {
		return nil
	}
	var e *events.Event
	if err == nil {
		e, _, err = cdevents.Event(&c)
	}
	if err != nil {
		// To stop here would silence everything behind it.
		p.metrics.unusable.Inc()
		log.ErrorContext(ctx, "a change cannot be read and is not published", "error", err)
		return nil
	}
	for wait := p.o.Retry; ; wait = min(2*wait, maxRetry) {
		err := p.o.Sink.Send(ctx, e)
		var refused *RefusedError
		switch {
		case err == nil:
			p.metrics.published.Inc()
			return nil
		case errors.As(err, &refused):
			p.metrics.refused.Inc()
			log.ErrorContext(ctx, "a change is not published", "event_id", e.ID, "error", err)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		p.metrics.retries.Inc()
		log.WarnContext(ctx, "a change is not published yet", "event_id", e.ID, "again_after", wait, "error", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to publish again: %w", ctx.Err())
	}
}
