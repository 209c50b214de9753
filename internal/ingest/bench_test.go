package ingest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// benchEvent returns an event of 665 bytes, as most tools send them.
func benchEvent(n uint64) []byte {
	status := [...]string{"planned", "in_progress", "deployed"}[n%3]
	head := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":"/github/shop/deploy","type":"dev.telltale.deployment.reported.v1",`+
		`"subject":"prod/eu-west-1/checkout-%d/2.%d.0","time":"2026-01-02T03:04:05.678Z","datacontenttype":"application/json","sequence":"%d",`+
		`"data":{"status":%q,"attempt":1,"version":"2.%d.0","release":"2026.1","url":"https://ci.example.com/runs/%d","actor":"github:12345",`+
		`"owner":"team-shop","artifact":{"name":"checkout","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},`+
		`"labels":{"pipeline":"deploy"},"message":"`, status, n, n%50, n/3%10000, n, status, n/3%10000, n)
	return append([]byte(head), strings.Repeat("x", max(0, 665-4-len(head)))+`"}}`...)
}

// BenchmarkAccept is the HTTP door without a network, until the stream has
// synced: 256 requests under way of one event each, and 64 of 100.
func BenchmarkAccept(b *testing.B) {
	for _, tc := range []struct{ size, clients int }{{1, 256}, {100, 64}} {
		size := tc.size
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			_, conn := testkit.NATSServer(b, func(c *natsd.Config) { c.RelaxedSync = false })
			in, err := New(Options{Conn: conn, Recorder: "bench", Auth: access.Open(), Clock: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- in.Run(ctx) }()
			for in.pipeline.gate.doors() != doorsOpen {
				runtime.Gosched()
			}
			handler := in.Handler()
			var next atomic.Uint64
			b.SetParallelism(tc.clients / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var body bytes.Buffer
				for pb.Next() {
					body.Reset()
					last := next.Add(uint64(size))
					for n := last - uint64(size); n < last; n++ {
						body.WriteByte(",["[b2i(n == last-uint64(size))])
						body.Write(benchEvent(n))
					}
					body.WriteByte(']')
					r := httptest.NewRequest(http.MethodPost, "/v1/events", &body)
					r.Header.Set("Content-Type", typeBatch)
					w := httptest.NewRecorder()
					if handler.ServeHTTP(w, r); w.Code != http.StatusAccepted {
						b.Errorf("answer %d %s", w.Code, w.Body)
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// BenchmarkPipeline is what one event costs before the stream: decode, validate,
// authorise, stamp, encode.
func BenchmarkPipeline(b *testing.B) {
	sender, err := access.Open().Emitter("bench")
	if err != nil {
		b.Fatal(err)
	}
	p := &pipeline{recorder: "bench", limits: events.DefaultLimits(), gate: newGate(time.Now)}
	raw := benchEvent(7)
	msgs := make([]stream.Message, 0, 1)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		a := arrival{raw: raw, sender: sender}
		var o outcome
		if p.accept(&a, &o, msgs); o.refusal != nil {
			b.Fatal(o.refusal)
		}
	}
}
