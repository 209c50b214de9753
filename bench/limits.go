package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The raw limits: the least that could do the same work on the same server.
// They know nothing of events, identity, validation or restarts.

// bareBatches stores n messages and returns messages per second.
func (r *rig) bareBatches(ctx context.Context, n int) (float64, error) {
	body := make([]byte, eventBytes)
	took, err := r.bareStore(ctx, n, func(int) []byte { return body })
	return float64(n) / took.Seconds(), err
}

// bareStore stores n messages in atomic batches of 1,000 on a stream of its own
// and returns how long that took.
func (r *rig) bareStore(ctx context.Context, n int, body func(i int) []byte) (time.Duration, error) {
	const name, batch = "BARE", 1000
	_, err := r.conn.JS.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{"bare.>"}, Storage: jetstream.FileStorage, AllowAtomicPublish: true,
	})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for sent := 0; sent < n; sent += batch {
		id, size := strconv.Itoa(sent), min(batch, n-sent)
		for i := 1; i <= size; i++ {
			m := &nats.Msg{Subject: "bare.x", Data: body(sent + i - 1), Header: nats.Header{
				"Nats-Msg-Id":         {"0123456789abcdef0123" + strconv.Itoa(1e11+sent+i)},
				"Nats-Batch-Id":       {id},
				"Nats-Batch-Sequence": {strconv.Itoa(i)},
			}}
			if i < size {
				err = r.conn.NC.PublishMsg(m)
			} else {
				m.Header.Set("Nats-Batch-Commit", "1")
				_, err = r.conn.NC.RequestMsgWithContext(ctx, m)
			}
			if err != nil {
				return 0, err
			}
		}
	}
	took := time.Since(start)
	s, err := r.conn.JS.Stream(ctx, name)
	if err != nil {
		return 0, err
	}
	if have := s.CachedInfo().State.Msgs; have != uint64(n) {
		return 0, fmt.Errorf("the bare stream holds %d of %d messages", have, n)
	}
	return took, r.conn.JS.DeleteStream(ctx, name)
}

// bareRead reads a stream from its first to its last message with the client
// library's ordered consumer and returns messages per second.
func (r *rig) bareRead(ctx context.Context, name string) (float64, error) {
	n, err := r.messages(ctx, name)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	c, err := r.conn.JS.OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, err
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		return 0, err
	}
	defer msgs.Stop()
	for range n {
		if _, err := msgs.Next(jetstream.NextContext(ctx)); err != nil {
			return 0, err
		}
	}
	return perSecond(int(n), start), nil
}

// bareLatency publishes n messages at rate per second, each acknowledged, and
// returns the 99th percentile, in milliseconds, from before the publish to the
// delivery at a subscriber of the stream.
func (r *rig) bareLatency(ctx context.Context, n, rate int) (float64, error) {
	const name = "BARE"
	if _, err := r.conn.JS.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{"bare.>"}, Storage: jetstream.FileStorage,
	}); err != nil {
		return 0, err
	}
	c, err := r.conn.JS.OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, err
	}
	msgs, err := c.Messages()
	if err != nil {
		return 0, err
	}
	defer msgs.Stop()
	p99, err := latency(ctx, n, rate,
		func(i int) error {
			body := make([]byte, eventBytes)
			copy(body, strconv.Itoa(i)+" ")
			_, err := r.conn.JS.Publish(ctx, "bare.x", body)
			return err
		},
		func(ctx context.Context) (int, error) {
			m, err := msgs.Next(jetstream.NextContext(ctx))
			if err != nil {
				return 0, err
			}
			var i int
			_, err = fmt.Sscanf(string(m.Data()[:16]), "%d ", &i)
			return i, err
		})
	if err != nil {
		return 0, err
	}
	return p99, r.conn.JS.DeleteStream(ctx, name)
}
