package view

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

var anyChange = rapid.Custom(func(t *rapid.T) Change {
	text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,20}`), rapid.String())
	texts := rapid.SliceOfN(text, 0, 3)
	at := rapid.Int64Range(0, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	c := Change{
		ID:   events.ChangeID{Incarnation: "c8m2k4q7x1ab", Seq: rapid.Uint64().Draw(t, "seq"), Index: rapid.Uint32().Draw(t, "index")},
		Key:  text.Draw(t, "key"),
		From: text.Draw(t, "from"),
		Facts: Facts{
			Status: text.Draw(t, "status"), Attempt: rapid.Uint32().Draw(t, "attempt"), Conditions: texts.Draw(t, "conditions"),
			Version: text.Draw(t, "version"), Release: text.Draw(t, "release"), Owner: text.Draw(t, "owner"),
			Percent: rapid.SampledFrom([]float64{-1, -1, 0, 12.5, 100}).Draw(t, "percent"), Message: text.Draw(t, "message"),
		},
		At: at.Draw(t, "at"), Recorded: at.Draw(t, "recorded"), Reason: text.Draw(t, "reason"), Late: rapid.Bool().Draw(t, "late"),
		Cause: Cause{text.Draw(t, "source"), text.Draw(t, "id")}, Marks: texts.Draw(t, "marks"),
	}
	if c.Late {
		c.Amends = events.ChangeID{Incarnation: "c8m2k4q7x1ab", Seq: rapid.Uint64().Draw(t, "amends")}
	}
	copy(c.Digest[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
	return c
})

// sameAsJSON fails when a message that is read as written is something else to
// package json. It reports whether it was read as written.
func sameAsJSON(t interface{ Fatalf(string, ...any) }, raw []byte) bool {
	var got, want changeEvent
	if !got.readAsWritten(raw) {
		return false
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%s was read and is no change: %v", raw, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s was read as\n%+v, want\n%+v", raw, got, want)
	}
	return true
}

func TestReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyChange.Draw(t, "change")
		raw := c.AppendJSON(nil)
		sameAsJSON(t, raw)
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "where")] = rapid.SampledFrom([]byte("\x00\"\\{}[],:019-.eTtzZ \x7f\xff")).Draw(t, "what")
		sameAsJSON(t, raw)
		sameAsJSON(t, raw[:rapid.IntRange(0, len(raw)).Draw(t, "cut")])
	})
	// What projectors write all day takes the short way.
	usual := usualChange()
	if raw := usual.AppendJSON(nil); !sameAsJSON(t, raw) {
		t.Errorf("%s was not read as written", raw)
	}
}

func FuzzReadAsWritten(f *testing.F) {
	usual := usualChange()
	f.Add(usual.AppendJSON(nil))
	usual.Percent, usual.Message = 7, "é\n"
	f.Add(usual.AppendJSON(nil))
	f.Fuzz(func(t *testing.T, raw []byte) { sameAsJSON(t, raw) })
}

func usualChange() Change {
	at := time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC).UnixNano()
	return Change{
		ID: events.ChangeID{Incarnation: "c8m2k4q7x1ab", Seq: 71231, Index: 2}, Key: "prod/eu-west-1/checkout/1.0.123-abcdef",
		From: "planned", Facts: Facts{
			Status: "deployed", Attempt: 1, Conditions: []string{"clock_ahead"}, Version: "1.0.123-abcdef", Release: "2026-03",
			Owner: "payments", Percent: -1, Message: "all instances answer",
		},
		At: at, Recorded: at + 1, Late: true, Amends: events.ChangeID{Incarnation: "c8m2k4q7x1ab", Seq: 5},
		Cause: Cause{"/ci/gitlab/payments/checkout", "0123456789-deployed"}, Digest: [32]byte{1, 2, 31: 9},
	}
}

func BenchmarkChange(b *testing.B) {
	c := usualChange()
	raw := c.AppendJSON(nil)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for range b.N {
			buf = c.AppendJSON(buf[:0])
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, ok, err := ParseChange(raw); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	c.Percent = 50
	raw = c.AppendJSON(nil)
	b.Run("parse any JSON", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, ok, err := ParseChange(raw); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}
