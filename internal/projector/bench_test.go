package projector

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// load puts n events of about 665 bytes into TT_EVENTS: three words for each
// deployment, 10,000 deployments in flight.
func load(b *testing.B, c *stream.Conn, n int) {
	b.Helper()
	const inFlight = 10_000
	statuses := []string{"planned", "in_progress", "deployed"}
	pad := strings.Repeat("x", 180)
	var acks []nats.PubAckFuture
	js, err := c.NC.JetStream(nats.PublishAsyncMaxPending(4000))
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		wave, within := i/(3*inFlight), i%(3*inFlight)
		d := wave*inFlight + within%inFlight
		key := fmt.Sprintf("prod/region-%d/component-%d/1.%d.0", d%5, d%200, d)
		w := word(b, i, "/ci/org/repo", key, statuses[within/inFlight], i/50, func(e *events.Event, r *events.Reported) {
			e.RecordedTime = epoch.Add(24*time.Hour + time.Duration(i)*time.Millisecond)
			r.URL, r.Message = "https://ci.example.com/run/4711", pad
		})
		m := &nats.Msg{Subject: w.subject, Data: w.data, Header: nats.Header{"Nats-Msg-Id": {w.msgID}}}
		f, err := js.PublishMsgAsync(m)
		if err != nil {
			b.Fatal(err)
		}
		acks = append(acks, f)
	}
	for _, f := range acks {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	c := testkit.NATS(b)
	n := 150_000
	load(b, c, n)
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		r := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamEvents, From: 1, MaxBatch: maxBatch})
		err := r.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
			if batch[len(batch)-1].Seq == uint64(n) {
				cancel()
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkLive(b *testing.B) {
	c := testkit.NATS(b)
	n := 150_000
	load(b, c, n)
	for b.Loop() {
		b.StopTimer()
		if err := c.JS.DeleteStream(b.Context(), events.StreamChanges); err != nil {
			b.Fatal(err)
		}
		testkit.Ensure(b, c, stream.Settings{AllowSingleReplica: true})
		dir := b.TempDir()
		b.StartTimer()
		if err := run(b, c, dir, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRebuild(b *testing.B) {
	c := testkit.NATS(b)
	n := 150_000
	load(b, c, n)
	dir := b.TempDir() + "/store"
	if err := run(b, c, dir, nil); err != nil {
		b.Fatal(err)
	}
	for _, verify := range []bool{true, false} {
		b.Run(fmt.Sprintf("verify=%v", verify), func(b *testing.B) {
			for b.Loop() {
				_, err := rebuilt(b, c, dir, func(o *RebuildOptions) { o.Verify, o.Store = verify, store.Options{} })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
