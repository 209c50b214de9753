package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// The consumer of TT_RAW. It is shared by all ingest processes: each takes what
// no other has.
const (
	rawConsumer = "ingest"

	// rawBatch is the most that is taken at once: enough for the group
	// committer to fill a batch, and no more than one process should hold.
	rawBatch = 500

	// rawMaxAckPending bounds what all processes hold together.
	rawMaxAckPending = 5000

	// rawAckWait is how long a message stays with a process that died, at least:
	// it is twice what a commit may take.
	rawAckWait = 20 * time.Second

	// rawFetchWait is how long one request for messages stands at the server.
	rawFetchWait = 5 * time.Second
)

// serveRaw moves messages from TT_RAW to TT_EVENTS or TT_QUARANTINE until ctx
// ends. Whatever fails is tried again: messages stay in TT_RAW meanwhile.
func (i *Ingest) serveRaw(ctx context.Context) {
	if err := i.retry(ctx, "take from "+events.StreamRaw, i.consumeRaw); err != nil {
		i.log.DebugContext(ctx, "the end came before another try", "door", doorRaw, "error", err)
	}
}

// consumeRaw returns nil when ctx ends, an error when the consumer has to be
// looked up again.
func (i *Ingest) consumeRaw(ctx context.Context) error {
	consumer, err := i.opts.Conn.JS.CreateOrUpdateConsumer(ctx, events.StreamRaw, jetstream.ConsumerConfig{
		Durable:       rawConsumer,
		Description:   "The doors: moves words of NATS emitters to " + events.StreamEvents,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       max(rawAckWait, 2*i.opts.CommitTimeout),
		MaxDeliver:    -1, // what cannot be used is quarantined, the rest is tried until it is stored
		MaxAckPending: rawMaxAckPending,
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", rawConsumer, err)
	}
	for ctx.Err() == nil {
		if err := i.fetchRaw(ctx, consumer); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// fetchRaw takes one request's worth of messages, in batches of what is there:
// under load full ones, else single messages without delay.
func (i *Ingest) fetchRaw(ctx context.Context, consumer jetstream.Consumer) error {
	fetch, cancel := context.WithTimeout(ctx, rawFetchWait)
	defer cancel()
	batch, err := consumer.Fetch(rawBatch, jetstream.FetchContext(fetch))
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	for first := range batch.Messages() {
		msgs := append(make([]jetstream.Msg, 0, rawBatch), first)
		for more := true; more; {
			select {
			case msg, ok := <-batch.Messages():
				if more = ok; ok {
					msgs = append(msgs, msg)
				}
			default:
				more = false
			}
		}
		i.takeRaw(ctx, msgs)
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// takeRaw brings one batch to where it belongs, and only then acknowledges it.
// If we died between the two, the messages would come again and be found to be
// there already.
func (i *Ingest) takeRaw(ctx context.Context, msgs []jetstream.Msg) {
	if ctx.Err() != nil { // the door is shutting: leave them to the next
		i.handBack(ctx, msgs, 0)
		return
	}
	l := lot{door: doorRaw, arrivals: make([]arrival, len(msgs))}
	for n, msg := range msgs {
		l.arrivals[n] = i.arrivalOf(msg)
	}
	outcomes := i.take(ctx, i.pipeline.gate.enter(), l)

	stored := msgs[:0:0]
	for n, o := range outcomes {
		if o.err == nil {
			stored = append(stored, msgs[n])
			continue
		}
		i.log.WarnContext(ctx, "message left in "+events.StreamRaw, "emitter", l.arrivals[n].from, "error", o.err)
		i.handBack(ctx, msgs[n:n+1], redeliverAfter(msgs[n]))
	}
	i.acknowledge(ctx, stored)
}

// arrivalOf reads what a message is and who it is from. The NATS server lets an
// emitter publish on its own subject only, so the subject is the identity; a
// subject that no emitter can have (the server stores a literal "*" or ">")
// makes the message one that cannot be used.
func (i *Ingest) arrivalOf(msg jetstream.Msg) arrival {
	a := arrival{
		raw: msg.Data(), headers: msg.Headers(), binary: isBinary(msg.Headers()), subject: msg.Subject(),
		from: "unknown",
	}
	emitter, ok := events.ParseRawSubject(msg.Subject())
	if !ok {
		a.refused = events.Errorf(events.CodeBadID, "the subject does not name one emitter").
			WithHint("publish on tt.v1.raw.<emitter>")
		return a
	}
	a.from = emitter
	a.sender, a.refused = i.opts.Auth.Emitter(emitter)
	return a
}

// isBinary reports whether a message is in binary mode (CloudEvents NATS
// binding, section 3): it has ce- headers, and its content type is not that of
// structured mode.
func isBinary(headers map[string][]string) bool {
	binary := false
	for name, values := range headers {
		lower := strings.ToLower(name)
		if lower == "content-type" && len(values) > 0 && strings.HasPrefix(strings.ToLower(values[0]), "application/cloudevents") {
			return false
		}
		binary = binary || strings.HasPrefix(lower, "ce-")
	}
	return binary
}

// acknowledge takes stored messages out of TT_RAW. The server handles the acks
// of a connection in order, so that its answer to the last one speaks for all.
func (i *Ingest) acknowledge(ctx context.Context, msgs []jetstream.Msg) {
	if len(msgs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.opts.CommitTimeout)
	defer cancel()
	var errs []error
	for _, msg := range msgs[:len(msgs)-1] {
		errs = append(errs, msg.Ack())
	}
	errs = append(errs, msgs[len(msgs)-1].DoubleAck(ctx))
	if err := errors.Join(errs...); err != nil {
		i.log.WarnContext(ctx, "acknowledgement lost, messages will come again", "door", doorRaw, "error", err)
	}
}

// handBack asks the server to deliver messages again after some time.
func (i *Ingest) handBack(ctx context.Context, msgs []jetstream.Msg, after time.Duration) {
	for _, msg := range msgs {
		if err := msg.NakWithDelay(after); err != nil {
			i.log.DebugContext(ctx, "message not handed back, it will come again by itself", "error", err)
		}
	}
}

// Bounds of the delay before a message that could not be stored comes again.
const (
	redeliverMin = 250 * time.Millisecond
	redeliverMax = 10 * time.Second
)

// redeliverAfter doubles with every delivery.
func redeliverAfter(msg jetstream.Msg) time.Duration {
	meta, err := msg.Metadata()
	if err != nil || meta.NumDelivered == 0 {
		return redeliverMin
	}
	return min(redeliverMax, redeliverMin<<min(meta.NumDelivered-1, 8))
}
