package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/schema"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Limits bound what the doors take. The zero value of a field means its
// default.
type Limits struct {
	// Event bounds one event: 64 KiB, JSON depth 32.
	Event events.Limits

	// BatchEvents and BatchBytes bound one HTTP batch: 1,000 events, 4 MiB.
	BatchEvents int
	BatchBytes  int64

	// EventsPerSecond is how many events one emitter may send over HTTP, with
	// bursts of EventsBurst. Default: no bound; the burst defaults to the
	// greater of one second's worth and one full batch.
	EventsPerSecond float64
	EventsBurst     int

	// QuarantinePerSecond is how many events that cannot be used one emitter may
	// send over HTTP, with bursts of one full batch. Default 20.
	QuarantinePerSecond float64

	// HookBytes bounds the body of a webhook: 1 MiB, which is also the most.
	HookBytes int64
}

// Options of an [Ingest]. Conn, Recorder, Auth and Clock are required.
type Options struct {
	// Conn is the connection to NATS, with the streams in place. It has to be
	// open until Run returns.
	Conn *stream.Conn

	// Recorder is the name of this ingest, [a-z0-9][a-z0-9_-]{0,62}, the same
	// over restarts and no other's: stamps and ticks are counted by it.
	Recorder string

	// Regions are those that this recorder's ticks stand for.
	Regions []string

	// Auth tells callers apart.
	Auth *access.Auth

	// Clock returns the time that stamps and ticks carry.
	Clock func() time.Time

	// TickEvery is the time between ticks. Zero means no ticks at all, not even
	// a closing one: then time stands still for the projector unless ticks are
	// imported.
	TickEvery time.Duration

	// Limits of both doors.
	Limits Limits

	// Custom holds the schemas of registered types; nil means that there are
	// none.
	Custom *schema.Set

	// Mappings say what the messages of tools mean, until [Ingest.SetMappings]. Nil
	// means those that are built in.
	Mappings *adapter.Set

	// Hooks are the webhooks that have a configuration of their own. Each tool that
	// has a mapping can send without.
	Hooks []Hook

	// QuarantineKeep is how long TT_QUARANTINE keeps an entry. Zero means for ever:
	// when it is full, nothing more that cannot be used is taken.
	QuarantineKeep time.Duration

	// Digest returns the digest of a deployment's state, for expected_digest.
	// Nil means that it cannot be checked here, and such events are refused with
	// [events.CodeUnavailable].
	Digest func(events.Key) (string, bool)

	// Definitions are put in force at start, unless TT_EVENTS holds them
	// already. See [StandardLifecycle] and [Configured].
	Definitions []events.DefinitionActivated

	// CommitTimeout is how long a request, or a batch of TT_RAW, waits for the
	// streams. Default 10 s.
	CommitTimeout time.Duration

	// DrainTimeout is how long the end may take, once ctx of Run is done: to
	// finish requests under way, empty TT_RAW and write the closing tick.
	// Default 15 s.
	DrainTimeout time.Duration

	// Logger may be nil.
	Logger *slog.Logger

	// Metrics may be nil.
	Metrics prometheus.Registerer

	// StreamMetrics are those of the group committer; nil counts nothing.
	StreamMetrics *stream.Metrics
}

// Ingest is the doors of one recorder. Make it with [New]; all methods are safe
// for concurrent use.
type Ingest struct {
	opts        Options
	log         *slog.Logger
	metrics     *metrics
	pipeline    *pipeline
	committer   *stream.Committer
	quarantines map[door]*stream.Quarantine
	quota       *quota
	suspensions *suspensions
}

// New checks the options and registers the metrics. It does no I/O.
func New(opts Options) (*Ingest, error) {
	if opts.Conn == nil || opts.Auth == nil || opts.Clock == nil {
		return nil, errors.New("ingest: Conn, Auth and Clock are required")
	}
	if err := events.CheckName("recorder", opts.Recorder); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	for _, d := range opts.Definitions {
		if _, err := definition.Event(definitionSource, d); err != nil {
			return nil, fmt.Errorf("ingest: definition %s: %w", d.Name, err)
		}
	}
	for _, r := range opts.Regions {
		if err := events.CheckName("region", r); err != nil {
			return nil, fmt.Errorf("ingest: %w", err)
		}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.CommitTimeout == 0 {
		opts.CommitTimeout = 10 * time.Second
	}
	if opts.DrainTimeout == 0 {
		opts.DrainTimeout = 15 * time.Second
	}
	opts.Limits = opts.Limits.orDefault()
	if opts.Mappings == nil {
		built, err := adapter.Embedded()
		if err != nil {
			return nil, fmt.Errorf("ingest: %w", err)
		}
		opts.Mappings = built
	}
	known, err := newTools(opts.Mappings, opts.Hooks)
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	quarantine := stream.NewQuarantine(opts.Conn, stream.WithQuota(opts.Limits.QuarantinePerSecond, opts.Limits.BatchEvents))
	metrics, err := newMetrics(opts.Metrics)
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	i := &Ingest{
		opts:    opts,
		log:     opts.Logger,
		metrics: metrics,
		pipeline: &pipeline{
			recorder: opts.Recorder,
			header:   nats.Header{"Content-Type": {contentTypeEvent}},
			limits:   opts.Limits.Event,
			gate:     newGate(opts.Clock),
			custom:   opts.Custom,
			digest:   opts.Digest,
		},
		committer: stream.NewCommitter(opts.Conn, events.StreamEvents,
			stream.CommitterOptions{Logger: opts.Logger, Metrics: opts.StreamMetrics}),
		quarantines: map[door]*stream.Quarantine{
			doorHTTP: quarantine,
			doorHook: quarantine,
			// At TT_RAW there is nobody to turn away: what it has acknowledged has
			// to leave it, or it would hold back the ticks of everyone.
			doorRaw: stream.NewQuarantine(opts.Conn, stream.WithQuota(math.MaxFloat64, 1)),
		},
		quota:       newQuota(opts.Limits.EventsPerSecond, opts.Limits.EventsBurst),
		suspensions: newSuspensions(),
	}
	i.pipeline.tools.Store(known)
	return i, nil
}

func (l Limits) orDefault() Limits {
	d := events.DefaultLimits()
	if l.Event.Bytes == 0 {
		l.Event.Bytes = d.Bytes
	}
	if l.Event.Depth == 0 {
		l.Event.Depth = d.Depth
	}
	if l.Event.Keys == 0 {
		l.Event.Keys = d.Keys
	}
	if l.BatchEvents == 0 {
		l.BatchEvents = 1000
	}
	if l.BatchBytes == 0 {
		l.BatchBytes = 4 << 20
	}
	if l.EventsBurst == 0 {
		l.EventsBurst = max(l.BatchEvents, int(l.EventsPerSecond))
	}
	if l.QuarantinePerSecond == 0 {
		l.QuarantinePerSecond = 20
	}
	if l.HookBytes == 0 {
		l.HookBytes = stream.MaxKept
	}
	return l
}

// Run opens the doors and keeps them open until ctx ends, then drains: the HTTP
// door shuts, requests under way finish, TT_RAW is emptied of what came before,
// the closing tick is written. It returns nil after an orderly end and an error
// when the group committer failed or the drain did not finish in time; then,
// too, nothing acknowledged is lost, but the recorder leaves without a closing
// tick and counts as dark until it is back. Run is called once.
func (i *Ingest) Run(ctx context.Context) error {
	// Work outlives ctx: it is what the drain finishes.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error {
		if err := i.committer.Run(work); err != nil {
			return fmt.Errorf("group committer: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		defer stop()
		return i.serve(ctx, work)
	})
	return g.Wait()
}

// serve is the life of the doors, in order. ctx ends when the doors are to
// shut, work when nothing can be done any more.
func (i *Ingest) serve(ctx, work context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(work, cancel)()
	if err := i.retry(ctx, "prepare the doors", i.prepare); err != nil {
		if work.Err() == nil { // asked to stop before anything began
			return nil
		}
		return err
	}

	rawCtx, stopRaw := context.WithCancel(work)
	defer stopRaw()
	rawDone := make(chan struct{})
	go func() {
		defer close(rawDone)
		i.serveRaw(rawCtx)
	}()
	var housekeeping sync.WaitGroup
	housekeeping.Go(func() { i.serveRetention(ctx) })
	defer housekeeping.Wait() // it ends with ctx, which is done wherever this returns

	i.pipeline.gate.setState(doorsOpen)
	i.log.InfoContext(ctx, "doors open", "recorder", i.opts.Recorder, "regions", i.opts.Regions)
	i.serveTicks(ctx)
	<-ctx.Done()

	i.pipeline.gate.setState(doorsDraining)
	i.log.InfoContext(work, "doors shut, draining", "recorder", i.opts.Recorder)
	drain, done := context.WithTimeoutCause(work, i.opts.DrainTimeout, errors.New("the drain took too long"))
	defer done()
	endRaw := func() {
		stopRaw()
		<-rawDone
	}
	err := i.drain(drain, endRaw)
	endRaw()
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	i.log.InfoContext(work, "drained", "recorder", i.opts.Recorder)
	return nil
}

// prepare does what has to be done before the first event can be taken.
func (i *Ingest) prepare(ctx context.Context) error {
	if err := i.seed(ctx); err != nil {
		return err
	}
	return i.activateAll(ctx)
}

// seed makes stamps continue above those of a former process of this recorder,
// should the clock have been set back in between: above its last tick, and its
// last event if that is the last of the stream.
func (i *Ingest) seed(ctx context.Context) error {
	s, err := i.opts.Conn.JS.Stream(ctx, events.StreamEvents)
	if err != nil {
		return fmt.Errorf("look up %s: %w", events.StreamEvents, err)
	}
	read := func(msg *jetstream.RawStreamMsg, err error) error {
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the last stamp: %w", err)
		}
		e, err := events.DecodeStored(msg.Data)
		if err == nil && e.Recorder == i.opts.Recorder {
			i.pipeline.gate.seed(e.RecordedTime)
		}
		return nil
	}
	if err := read(s.GetLastMsgForSubject(ctx, events.TickSubject(i.opts.Recorder))); err != nil {
		return err
	}
	last := s.CachedInfo().State.LastSeq
	if last == 0 {
		return nil
	}
	return read(s.GetMsg(ctx, last))
}

// retryWait is the time between attempts at what cannot be done without NATS.
const retryWait = time.Second

// retry does something until it succeeds or ctx ends.
func (i *Ingest) retry(ctx context.Context, what string, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		i.log.WarnContext(ctx, "will try again", "what", what, "error", err)
		select {
		case <-time.After(retryWait):
		case <-ctx.Done():
		}
	}
}

// clockTolerance is how far our clock and the NATS server's may differ. A tick
// further ahead than this does not move the watermark.
const clockTolerance = 5 * time.Second

// Ready returns nil when the doors are open, the stream answers, and our clock
// is within 5 s of the NATS server's. It asks the server, within ctx.
func (i *Ingest) Ready(ctx context.Context) error {
	if doors := i.pipeline.gate.doors(); doors != doorsOpen {
		return errors.New(notOpen(doors).Detail)
	}
	_, offset, err := i.rawState(ctx)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", events.StreamRaw, err)
	}
	if offset.Abs() > clockTolerance {
		return fmt.Errorf("our clock is %v ahead of the NATS server's, more than %v", offset, clockTolerance)
	}
	return nil
}
