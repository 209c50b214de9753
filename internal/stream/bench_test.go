package stream_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// reached are the two ways to a server of the same process.
var reached = []struct {
	name   string
	listen string
}{{"pipe", ""}, {"loopback", "127.0.0.1:0"}}

func benchServer(b *testing.B, listen string, sync bool) *stream.Conn {
	s, c := testkit.NATSServer(b, func(cfg *natsd.Config) { cfg.Listen, cfg.RelaxedSync = listen, !sync })
	if listen != "" {
		c = testkit.Connect(b, stream.Options{URL: s.ClientURL()})
	}
	return c
}

// perMessage reports what the n messages of each round took: their rate, and the
// processor time of all threads, the server's included. On a busy machine only
// the latter says something.
func perMessage(b *testing.B, n int) (report func()) {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	b.ResetTimer()
	return func() {
		all := float64(n) * float64(b.N)
		b.ReportMetric(all/b.Elapsed().Seconds(), "msg/s")
		b.ReportMetric(float64((spent()-before).Nanoseconds())/all, "cpu-ns/msg")
	}
}

// BenchmarkRead reads batches of 1,000 messages of 665 bytes; op is a message.
func BenchmarkRead(b *testing.B) {
	for _, way := range reached {
		c := benchServer(b, way.listen, false)
		const n = 100_000
		for i := range n / 10_000 {
			commit(b, c, fmt.Sprint(i), 10_000)
		}
		b.Run("ours/"+way.name, func(b *testing.B) {
			defer perMessage(b, n)()
			for range b.N {
				ctx, cancel := context.WithCancel(b.Context())
				seen := 0
				err := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamEvents, From: 1}).
					Run(ctx, func(_ context.Context, batch []stream.Msg) error {
						if seen += len(batch); seen == n {
							cancel()
						}
						return nil
					})
				if err != nil || seen != n {
					b.Fatalf("%d messages, %v", seen, err)
				}
			}
		})
		b.Run("nats.go/"+way.name, func(b *testing.B) {
			defer perMessage(b, n)()
			for range b.N {
				cons, err := c.JS.OrderedConsumer(b.Context(), events.StreamEvents, jetstream.OrderedConsumerConfig{})
				if err != nil {
					b.Fatal(err)
				}
				it, err := cons.Messages(jetstream.PullMaxMessages(5000))
				if err != nil {
					b.Fatal(err)
				}
				for range n {
					if _, err := it.Next(); err != nil {
						b.Fatal(err)
					}
				}
				it.Stop()
			}
		})
	}
}

// BenchmarkCommit stores messages of 665 bytes, synced before each ack.
func BenchmarkCommit(b *testing.B) {
	for _, way := range reached {
		for _, size := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%d/%s", size, way.name), func(b *testing.B) {
				c := benchServer(b, way.listen, true)
				k, _ := startCommitter(b, c, events.StreamEvents, stream.CommitterOptions{})
				defer perMessage(b, size)()
				for i := range b.N {
					if _, err := k.Commit(b.Context(), messages(fmt.Sprint(i), size)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCommitConcurrent has 64 callers of batches of 100, as the doors do.
func BenchmarkCommitConcurrent(b *testing.B) {
	c := benchServer(b, "", true)
	k, _ := startCommitter(b, c, events.StreamEvents, stream.CommitterOptions{})
	b.SetParallelism(32)
	defer perMessage(b, 100)()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := k.Commit(b.Context(), messages(fmt.Sprintf("%p-%d", pb, i), 100)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkPublish publishes fenced batches of 1,000 changes, synced.
func BenchmarkPublish(b *testing.B) {
	c := benchServer(b, "", true)
	p := stream.NewPublisher(c, stream.PublisherOptions{})
	rounds := make([][]stream.Change, b.N)
	for i := range rounds {
		rounds[i] = changes("inc", 1+500*i, 500, "prod", "dev", "qa")
		for j := range rounds[i] {
			rounds[i][j].Data = append(rounds[i][j].Data, payload...)
		}
	}
	defer perMessage(b, 1000)()
	for _, round := range rounds {
		if err := p.Publish(b.Context(), round); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublishFew publishes as few changes as wait when little happens: what
// counts is how long it takes.
func BenchmarkPublishFew(b *testing.B) {
	for _, n := range []int{1, 2, 4, 5} {
		b.Run(fmt.Sprint(2*n), func(b *testing.B) {
			c := benchServer(b, "", true)
			p := stream.NewPublisher(c, stream.PublisherOptions{})
			defer perMessage(b, 2*n)()
			for i := range b.N {
				if err := p.Publish(b.Context(), changes("inc", 1+n*i, n, "prod")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
