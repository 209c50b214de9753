//go:build unix

package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// bare is the standard lifecycle without all that it judges by: guards, what goes
// by itself, policies and deadlines.
func bare(t testing.TB) string {
	t.Helper()
	head, rest, ok := strings.Cut(string(statemachine.StandardDocument()), "  # What judgements wait for.")
	if !ok || !strings.Contains(rest, "  guards:") || !strings.Contains(rest, "  deadlines:") {
		t.Fatal("the standard document has its rules elsewhere")
	}
	return head
}

// BenchmarkRules folds the same events under the standard lifecycle and under the
// same without its rules, in turn, each into a fresh store, and tells how much
// more the rules cost in processor time: the median of the ratios, and the least
// and the greatest. Reading the stream and publishing are not in it, which would
// make the difference smaller.
func BenchmarkRules(b *testing.B) {
	const many, inFlight = 60_000, 10_000
	statuses := []string{"planned", "in_progress", "deployed"}
	pad := strings.Repeat("x", 180)
	words := make([]said, many)
	for i := range words {
		wave, within := i/(3*inFlight), i%(3*inFlight)
		d := wave*inFlight + within%inFlight
		key := fmt.Sprintf("prod/region-%d/component-%d/1.%d.0", d%10, d%inFlight/10, wave)
		words[i] = word(b, i, "/ci/org/repo", key, statuses[within/inFlight], i/50, func(_ *events.Event, r *events.Reported) {
			r.Release, r.URL, r.Message = fmt.Sprint("r-", wave), "https://ci.example.com/run/4711", pad
		})
	}
	under := func(document string) []stream.Msg {
		return toMsgs(append([]said{activate(b, 1, document)}, words...))
	}
	with, without := under(string(statemachine.StandardDocument())), under(bare(b))
	var ratios []float64
	var total [2]time.Duration
	for b.Loop() {
		plain, full := foldAll(b, without), foldAll(b, with)
		total[0], total[1] = total[0]+plain, total[1]+full
		ratios = append(ratios, full.Seconds()/plain.Seconds())
	}
	slices.Sort(ratios)
	perEvent := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(b.N) / many }
	b.ReportMetric(perEvent(total[0]), "µs/event-without")
	b.ReportMetric(perEvent(total[1]), "µs/event-with")
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(ratios[0], "ratio-least")
	b.ReportMetric(ratios[len(ratios)-1], "ratio-most")
}

// foldAll folds messages into a fresh store and returns how much processor time
// that took, rendering all changes included.
func foldAll(b *testing.B, messages []stream.Msg) time.Duration {
	b.Helper()
	dir, begun := b.TempDir(), processorTime(b)
	db := open(b, dir)
	e := testEngine(db)
	e.emit = func(_ context.Context, o outgoing) error {
		_, err := render(o.changes)
		return err
	}
	if err := e.load(); err != nil {
		b.Fatal(err)
	}
	e.position.Incarnation = "b"
	for part := range slices.Chunk(messages, maxBatch) {
		if err := e.run(b.Context(), decodeAll(part)); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(e.sync(b.Context()), db.Close()); err != nil {
		b.Fatal(err)
	}
	return processorTime(b) - begun
}

// processorTime is what this process has used of all processors: who else is at
// work on the machine matters less to it than to a clock.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
