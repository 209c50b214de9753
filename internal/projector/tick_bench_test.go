package projector

import (
	"context"
	"fmt"
	"testing"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// BenchmarkTick is one tick in which the deadlines of 100,000 deployments pass:
// until all are decided and their changes are rendered for TT_CHANGES.
func BenchmarkTick(b *testing.B) {
	const many = 100_000
	db := open(b, b.TempDir())
	defer func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	}()
	e := testEngine(db)
	told := 0
	e.emit = func(_ context.Context, o outgoing) error {
		rendered, err := render(o.changes)
		told += len(rendered)
		return err
	}
	if err := e.load(); err != nil {
		b.Fatal(err)
	}
	e.position.Incarnation = "b"
	seq := uint64(0)
	apply := func(words []said) {
		messages := make([]stream.Msg, len(words))
		for i, m := range toMsgs(words) {
			seq++
			m.Seq, m.Time = seq, second(1e6) // no clock ran ahead
			messages[i] = m
		}
		decoded := decodeAll(messages)
		for len(decoded) > 0 {
			n := min(len(decoded), maxBatch)
			if err := e.run(b.Context(), decoded[:n]); err != nil {
				b.Fatal(err)
			}
			decoded = decoded[n:]
		}
		if err := e.sync(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	round := 0
	for b.Loop() {
		b.StopTimer()
		words, start := make([]said, many), round*48*3600
		for i := range words {
			key := fmt.Sprintf("prod/eu/component-%d/1.%d", i%10_000, round*many+i)
			words[i] = word(b, i, "/ci/org/repo", key, "planned", start, func(e *events.Event, _ *events.Reported) {
				e.ID, e.RecordedTime = fmt.Sprintf("%d-%d", round, i), second(start)
			})
		}
		apply(words)
		told = 0
		due := tick(b, "r1", start+24*3600+grace, "eu")
		b.StartTimer()
		apply([]said{due})
		b.StopTimer()
		if told != many {
			b.Fatalf("%d changes, want %d", told, many)
		}
		round++
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/tick")
	b.ReportMetric(float64(many)*float64(b.N)/b.Elapsed().Seconds(), "deadlines/s")
}
