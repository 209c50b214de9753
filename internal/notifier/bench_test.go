package notifier

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// BenchmarkRead reads a change that means nothing to anybody, at a glance and
// whole.
func BenchmarkRead(b *testing.B) {
	c := status(checkout2, "planned", "in_progress", 1)
	c.ID = events.ChangeID{Incarnation: "c8m2k4q7x1ab", Seq: 71231, Index: 2}
	c.At, c.Recorded = noon.UnixNano(), noon.UnixNano()+1
	c.Owner, c.Release, c.Message = "payments", "2026-11", strings.Repeat("m", 60)
	c.Cause = view.Cause{Source: "/ci/gitlab/payments/checkout", ID: "0123456789-in_progress"}
	m := stream.Msg{Data: c.AppendJSON(nil)}
	b.Run("glance", func(b *testing.B) {
		b.ReportAllocs()
		var g glancer
		for range b.N {
			if seen, ok := g.glance(m.Data); !ok || seen.to != "in_progress" {
				b.Fatal(seen, ok)
			}
		}
	})
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := readNews(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
