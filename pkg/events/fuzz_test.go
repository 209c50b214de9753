package events_test

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// FuzzDecode holds for any bytes: no panic, a code on every refusal, and a
// content that stays the same when it is read and written again.
func FuzzDecode(f *testing.F) {
	for _, typ := range schemas.Types() {
		raw, err := schemas.Example(typ)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(envelope(`"data":[1e2,-0,"\ud83d\ude00\u0000",{"":null}],"extra":7,"time":"2026-11-20T10:15:00.50+14:00"`)))
	f.Add([]byte(envelope(`"data_base64":"AP8=","recordedtime":"2026-11-20T10:15:00Z","emitter":"\u2028"`)))
	f.Add([]byte(`[{"specversion":"1.0"}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := events.ParseBatch(raw, 10); err != nil && events.CodeOf(err) == "" {
			t.Fatalf("a batch is refused without a code: %v", err)
		}
		e, err := events.Decode(raw, events.Limits{})
		if err != nil {
			if events.CodeOf(err) == "" {
				t.Fatalf("refused without a code: %v", err)
			}
			return
		}
		if err := e.Validate(); err != nil && events.CodeOf(err) == "" {
			t.Fatalf("invalid without a code: %v", err)
		}
		first := content(t, e)
		second, err := events.DecodeStored(e.Stamped([]byte(first)))
		if err != nil {
			t.Fatalf("what was stored does not decode: %v\n%s", err, first)
		}
		if again := content(t, second); again != first {
			t.Fatalf("content changed:\n%s\n%s", first, again)
		}
	})
}

// FuzzSubject holds for any subject and type: what the event is published on is
// a subject of ours with six tokens (four for ticks), none of them a wildcard.
func FuzzSubject(f *testing.F) {
	for _, subject := range []string{
		"prod/eu-west-1/checkout/2.14.0", "prod/eu-west-1/checkout/_", "prod/eu-west-1/checkout", "prod/2026.47", "prod", "al_1",
		"*/>/$JS/x", "a.b/c.d/e.f/g.h", "tt.v1.raw.a.>", "\u0430/b/c/d", "a\x00/b/c/d", "////",
	} {
		f.Add(events.TypeReported, subject)
		f.Add(events.TypeTick, subject)
		f.Add("com.example.x", subject)
	}
	f.Fuzz(func(t *testing.T, typ, subject string) {
		e := events.Event{Type: typ, Subject: subject}
		got, err := e.EventsSubject()
		if err != nil {
			if events.CodeOf(err) != events.CodeBadID {
				t.Fatalf("%q: %v", subject, err)
			}
			return
		}
		if strings.ContainsAny(got, "*> \t\r\n\x00$") || strings.Contains(got, "..") {
			t.Fatalf("%q is published on %q", subject, got)
		}
		place, ok := events.ParseEventsSubject(got)
		if _, tick := events.ParseTickSubject(got); tick {
			if typ != events.TypeTick {
				t.Fatalf("%q of %q is published as a tick", subject, typ)
			}
			return
		}
		if !ok || place.EventsSubject() != got {
			t.Fatalf("%q is published on %q, which reads back as %+v, %v", subject, got, place, ok)
		}
		if want, err := e.Place(); err != nil || place != want {
			t.Fatalf("%q belongs to %+v, and is published for %+v (%v)", subject, want, place, err)
		}
	})
}
