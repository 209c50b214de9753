package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits of a reader.
const (
	defaultReadBatch = 1000
	defaultHeartbeat = 5 * time.Second
	inactiveAfter    = 30 * time.Second // then the server forgets our consumer
	retryRead        = 100 * time.Millisecond
	retryReadMost    = 5 * time.Second
)

// Msg is one message of a stream. Its data are the receiver's to keep.
type Msg struct {
	Seq     uint64
	Time    time.Time // when the stream stored it
	Subject string
	MsgID   string // Nats-Msg-Id, "" when it has none
	Data    []byte
}

// ReaderOptions say what to read, from where.
type ReaderOptions struct {
	Stream  string
	Filters []string // subjects; none: all

	// From is the sequence of the first message to deliver: the position plus
	// one. It must still be in the stream, or be the next one. 0: from the
	// first message there is, whichever that is.
	From uint64

	// Incarnation that From belongs to. Empty: that of the stream as it is when
	// Run starts, which is then held to.
	Incarnation string

	MaxBatch  int           // messages per call of the handler; default 1000
	Heartbeat time.Duration // of an idle server; twice without any, the consumer is made anew; default 5 s
	Metrics   *Metrics      // optional
	Logger    *slog.Logger  // optional
}

// Reader delivers a stream in order, each message once, from a position, for
// as long as the stream stays the same one.
//
// It acknowledges nothing and leaves nothing durable at the server: the
// position is the handler's to keep, in the same transaction as what it does
// with the messages. Under it lies an ephemeral pull consumer that is made anew
// after every trouble (a gap, a missed heartbeat, a deleted consumer, a restart
// of the server, a change of leader) just behind the last delivered message.
// At the start and at each of those resets the stream must be the one the
// position belongs to, or Run ends with a *[MismatchError].
type Reader struct {
	c *Conn
	o ReaderOptions
}

// NewReader returns a reader. Nothing happens before Run.
func NewReader(c *Conn, o ReaderOptions) *Reader {
	if o.MaxBatch <= 0 {
		o.MaxBatch = defaultReadBatch
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = defaultHeartbeat
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Reader{c: c, o: o}
}

// Run calls handle with what there is, up to MaxBatch messages and never none,
// waiting only when there is nothing. While the handler works the next messages
// are on their way. The slice is reused; the messages in it are not.
//
// Run returns nil when ctx ends, the handler's error as it is, or a
// *[MismatchError]. It retries everything else for ever and logs it. It may run
// once at a time.
func (r *Reader) Run(ctx context.Context, handle func(ctx context.Context, batch []Msg) error) error {
	next, incarnation := r.o.From, r.o.Incarnation
	for wait := retryRead; ; {
		s := &session{r: r, next: next, incarnation: incarnation, handle: handle}
		err := s.run(ctx)
		next, incarnation = s.next, s.incarnation
		var again *resetError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && (errors.As(err, &again) || errors.Is(err, ctx.Err())):
			return nil
		case !errors.As(err, &again):
			return err
		}
		r.o.Metrics.reset(r.o.Stream, again.reason)
		r.o.Logger.WarnContext(ctx, "reader starts a new consumer", "stream", r.o.Stream, "reason", again.reason, "error", again.err, "stream_seq", next)
		if s.delivered {
			wait = retryRead
		}
		if !sleep(ctx, wait) {
			return nil
		}
		wait = min(2*wait, retryReadMost)
	}
}

// resetError says that a consumer is of no use any more. It never leaves the
// reader. reason is one of a closed list, for the metrics.
type resetError struct {
	reason string
	err    error
}

func (e *resetError) Error() string { return e.reason }

// consumer makes the consumer of a session and checks the identity of the
// stream it is on. The check comes after: a consumer dies with its stream, so
// the stream that is identified now is the one the consumer is on, or an older
// one did not survive until now.
func (r *Reader) consumer(ctx context.Context, next uint64, incarnation string) (name string, id Identity, err error) {
	ctx, cancel := r.c.wait(ctx, apiTimeout)
	defer cancel()
	cfg := jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: inactiveAfter,
		FilterSubjects:    r.o.Filters,
	}
	if len(r.o.Filters) == 1 {
		cfg.FilterSubjects, cfg.FilterSubject = nil, r.o.Filters[0]
	}
	if next > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, next
	}
	con, err := r.c.JS.CreateConsumer(ctx, r.o.Stream, cfg)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		want := fmt.Sprintf("sequence %d", next)
		if incarnation != "" {
			want += " of incarnation " + incarnation
		}
		return "", id, &MismatchError{Stream: r.o.Stream, Want: want, Got: "no such stream"}
	}
	if err != nil {
		return "", id, &resetError{"no_consumer", err}
	}
	name = con.CachedInfo().Name
	if id, err = Identify(ctx, r.c.JS, r.o.Stream); err != nil {
		return name, id, &resetError{"no_identity", err}
	}
	return name, id, id.continues(r.o.Stream, incarnation, next)
}

// forget deletes a consumer that nobody reads any more. When it cannot, the
// server does so after inactiveAfter.
func (r *Reader) forget(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // also when ours has ended
	defer cancel()
	if r.c.NC.Status() != nats.CONNECTED {
		return
	}
	err := r.c.JS.DeleteConsumer(ctx, r.o.Stream, name)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		r.o.Logger.DebugContext(ctx, "reader could not delete its consumer", "stream", r.o.Stream, "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
