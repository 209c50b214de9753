package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Headers of the fence (optimistic concurrency of NATS).
const (
	headerExpectedSeq     = "Nats-Expected-Last-Subject-Sequence"
	headerExpectedSubject = "Nats-Expected-Last-Subject-Sequence-Subject"
)

// cloudEventsJSON is the content type of everything we publish.
const cloudEventsJSON = "application/cloudevents+json"

// PublisherOptions tune a [Publisher].
type PublisherOptions struct {
	// Stream is TT_CHANGES unless set.
	Stream string

	// Forgive names an earlier incarnation of TT_EVENTS whose loss a person has
	// accepted: what it caused is then no reason to stop. Optional.
	Forgive string

	AckTimeout time.Duration // for one try; default 5 s
	Metrics    *Metrics      // optional
	Logger     *slog.Logger  // optional
}

// Publisher is the outbox's way into TT_CHANGES: however often and by however
// many projectors a list of changes is published, each change is in the stream
// once, and those of one environment are in order. It is not safe for
// concurrent use.
//
// The changes of an environment are fenced: what is published there says which
// sequence it believes to be the last of the environment, and the server
// refuses it when that is wrong. Then somebody else was there: another
// projector with the same changes, or we ourselves, and the acknowledgement was
// lost. Either way the last change in the stream says how far it came; what
// lies up to it is dropped, the rest goes on from there. This needs no window
// of time, so a publisher may pause for as long as it likes, and no Nats-Msg-Id,
// which the server would look up and remember for every change.
type Publisher struct {
	c     *Conn
	w     *writer
	o     PublisherOptions
	heads map[string]head // by environment
}

// head is the last change of an environment, as far as we know.
type head struct {
	seq uint64 // in TT_CHANGES; 0: there is none
	id  events.ChangeID
}

// NewPublisher returns a publisher.
func NewPublisher(c *Conn, o PublisherOptions) *Publisher {
	if o.Stream == "" {
		o.Stream = events.StreamChanges
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Publisher{c: c, w: newWriter(c, o.Stream, o.AckTimeout), o: o, heads: make(map[string]head)}
}

// Close ends the publisher's subscription. A publisher may be dropped without
// it when the connection is closed anyway.
func (p *Publisher) Close() error { return p.w.close() }

// Publish stores the changes, which are in order within each environment, and
// returns when all are durable. What is in the stream already is left out. It
// goes on for as long as there is hope and ctx lives: a break, a restart and
// another publisher are waited out. What remains is a *[MismatchError] when the
// last change there comes from another life of TT_EVENTS, an *[Error] when the
// stream is full or refuses for good, and ctx's own error. After an error the
// same changes may be published again.
func (p *Publisher) Publish(ctx context.Context, changes []Change) error {
	for wait := retryFirst; len(changes) > 0; {
		n, err := p.some(ctx, changes)
		if err == nil {
			changes, wait = changes[n:], retryFirst
			continue
		}
		var e *Error
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("publish changes: %w", errors.Join(context.Cause(ctx), err))
		case !errors.As(err, &e):
			return err
		case e.Kind == Moved:
			p.o.Metrics.refused()
		case e.Kind == Transient:
			p.o.Metrics.retried(p.o.Stream, e.Kind)
			p.o.Logger.WarnContext(ctx, "changes could not be published, trying again", "stream", p.o.Stream, "error", e.Err)
		default:
			return err
		}
		// Whatever it was, only the stream knows now how far it came.
		clear(p.heads)
		if !sleep(ctx, wait) {
			return fmt.Errorf("publish changes: %w", context.Cause(ctx))
		}
		wait = min(2*wait, retryMost)
	}
	return nil
}

// some publishes a part of the changes, at the front, and returns how many of
// them are now in the stream.
func (p *Publisher) some(ctx context.Context, changes []Change) (int, error) {
	msgs := make([]*Message, 0, min(len(changes), maxBatch))
	plain := nats.Header{"Content-Type": {cloudEventsJSON}} // of all but the fenced
	taken, bytes := 0, 0
	ends := make(map[string]head) // by environment: index of its last message here, plus 1
	for ; taken < len(changes) && len(msgs) < maxBatch; taken++ {
		c := &changes[taken]
		if !strings.HasPrefix(c.Subject, strings.TrimSuffix(events.ChangesOf(c.Env), ">")) {
			// It would pass the fence of another environment unseen.
			return 0, &Error{Kind: Permanent, Op: "publish change " + c.ID.String(), Err: fmt.Errorf("subject %s is not of environment %s", c.Subject, c.Env)}
		}
		h, err := p.head(ctx, c)
		if err != nil {
			return 0, err
		}
		if h.seq > 0 && h.id.Incarnation == c.ID.Incarnation && c.ID.Compare(h.id) <= 0 {
			continue // it is there already
		}
		m := &Message{Subject: c.Subject, Data: c.Data, Header: plain}
		if bytes += m.size(); bytes > maxBatchBytes && len(msgs) > 0 {
			break
		}
		if _, inBatch := ends[c.Env]; !inBatch {
			m.Header = maps.Clone(plain)
			m.Header[headerExpectedSeq] = []string{strconv.FormatUint(h.seq, 10)}
			m.Header[headerExpectedSubject] = []string{events.ChangesOf(c.Env)}
		}
		msgs = append(msgs, m)
		ends[c.Env] = head{seq: uint64(len(msgs)), id: c.ID}
		if len(changes) < minBatch {
			// Few changes: one at a time is faster than a batch, and as each must
			// know the sequence of the one before, they cannot overlap: a guess
			// that is wrong for one change may be right for another behind it.
			taken++
			break
		}
	}
	if len(msgs) == 0 {
		return taken, nil
	}
	first, err := p.store(ctx, msgs)
	if err != nil {
		return 0, err
	}
	for env, end := range ends {
		p.heads[env] = head{seq: first + end.seq - 1, id: end.id}
	}
	return taken, nil
}

// store stores the messages and returns the sequence of the first.
func (p *Publisher) store(ctx context.Context, msgs []*Message) (first uint64, err error) {
	if len(msgs) > 1 {
		last, err := p.w.batch(ctx, msgs)
		return last - uint64(len(msgs)-1), err
	}
	var out [1]outcome
	p.w.singles(ctx, msgs, out[:])
	if out[0].err != nil {
		return 0, out[0].err
	}
	return out[0].seq, nil
}

// head returns the last change of c's environment, asking the stream when we do
// not know. It is checked against c whenever it was asked for.
func (p *Publisher) head(ctx context.Context, c *Change) (head, error) {
	if h, ok := p.heads[c.Env]; ok {
		return h, nil
	}
	h, err := p.last(ctx, c.Env)
	if err != nil {
		return head{}, err
	}
	if h.seq > 0 && h.id.Incarnation != c.ID.Incarnation && h.id.Incarnation != p.o.Forgive {
		return head{}, &MismatchError{
			Stream: p.o.Stream, Want: "changes caused by incarnation " + c.ID.Incarnation,
			Got: fmt.Sprintf("change %s at sequence %d", h.id, h.seq),
		}
	}
	p.heads[c.Env] = h
	return h, nil
}

// last reads the last change of an environment. It asks the leader: a replica
// may lag, and would only cost another refusal.
func (p *Publisher) last(ctx context.Context, env string) (head, error) {
	op := "read the last change of " + env
	raw, seq, err := getMessage(ctx, p.c, p.o.Stream, map[string]any{"last_by_subj": events.ChangesOf(env)})
	if errors.Is(err, ErrNotFound) {
		return head{}, nil
	}
	if err != nil {
		return head{}, classify(op, err)
	}
	var event struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		return head{}, &Error{Kind: Permanent, Op: op, Err: fmt.Errorf("sequence %d is not a change: %w", seq, err)}
	}
	id, err := events.ParseChangeID(event.ID)
	if err != nil {
		return head{}, &Error{Kind: Permanent, Op: op, Err: fmt.Errorf("sequence %d: %w", seq, err)}
	}
	return head{seq: seq, id: id}, nil
}
