package ingest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestBatchInPart(t *testing.T) {
	w := newWorld(t, nil)
	first, bad, last := event("first"), event("bad", "subject", `"nowhere"`), event("last")
	a := w.post("/v1/events", batch(first, bad, last, first), "Content-Type", typeBatch)
	want := `{"accepted":2,"duplicates":1,"quarantined":[{"index":1,"id":"bad","code":"E_BAD_ID","detail":"subject is not env/region/component/deployment"}]}`
	if a.Status != http.StatusAccepted || a.Text != want {
		t.Errorf("answer %d\n%s, want\n%s", a.Status, a.Text, want)
	}
	if s := w.stored(); len(s) != 2 || s[0].ID != "first" || s[1].ID != "last" {
		t.Errorf("stored %v", s)
	}
	if a := w.post("/v1/events", batch(first, last), "Content-Type", typeBatch); a.Duplicates != 2 || a.Accepted != 0 {
		t.Errorf("sent again: %s", a.Text)
	}
}

func TestStrictBatchIsAllOrNothing(t *testing.T) {
	w := newWorld(t, nil)
	bad := event("bad", "subject", `"nowhere"`)
	a := w.post("/v1/events?strict=true", batch(event("good"), bad), "Content-Type", typeBatch)
	if a.Status != http.StatusBadRequest || a.Code != events.CodeBadID || !strings.Contains(a.Text, "1 of 2") {
		t.Errorf("answer %d %s", a.Status, a.Text)
	}
	if n := len(w.stored()); n != 0 {
		t.Errorf("%d events stored of a batch that was refused", n)
	}
	w.mustHold(t, 0, hostile{"", bad, events.CodeBadID}, "local", "http")
	if a := w.post("/v1/events?strict=true", batch(event("good")), "Content-Type", typeBatch); a.Accepted != 1 {
		t.Errorf("a good strict batch: %d %s", a.Status, a.Text)
	}
}

// One identity with different content is two messages: the projector decides.
func TestSameIdentityOtherContent(t *testing.T) {
	w := newWorld(t, nil)
	for i, version := range []string{"1", "2", "1"} {
		a := w.post("/v1/events", event("same", "data", `{"status":"deployed","version":"`+version+`"}`))
		if want := i == 2; a.Status != http.StatusAccepted || a.Duplicates == 1 != want {
			t.Errorf("send %d: %d %s", i, a.Status, a.Text)
		}
	}
	if n := len(w.stored()); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

func TestForgedStampsAreOverwritten(t *testing.T) {
	w := newWorld(t, nil)
	forged := []string{
		"recordedtime", `"2031-01-01T00:00:00Z"`, "recorder", `"evil"`, "emitter", `"admin"`, "originalid", `"x"`, "team", `"shop"`,
	}
	before := time.Now()
	if a := w.post("/v1/events", event("http", forged...)); a.Accepted != 1 {
		t.Fatal(a.Text)
	}
	w.publishRaw("tt.v1.raw.em-a", nats.Header{
		"Nats-Msg-Id": {"mine"}, "Nats-Expected-Stream": {events.StreamRaw}, "X-Other": {"1"},
	}, event("raw", forged...))
	w.rawEmpty()
	after := time.Now()
	list := w.stored()
	if len(list) != 2 {
		t.Fatalf("%d events", len(list))
	}
	for i, emitter := range []string{"local", "em-a"} {
		e := list[i]
		if e.Emitter != emitter || e.Recorder != "rec-1" || e.OriginalID != "" || e.RecordedTime.Before(before) || e.RecordedTime.After(after) {
			t.Errorf("stamps %q %q %q %v", e.Emitter, e.Recorder, e.OriginalID, e.RecordedTime)
		}
		if team := e.Extensions["team"]; team != "shop" {
			t.Errorf("the emitter's own extension is %s", team)
		}
		var names []string
		for name := range e.Header {
			switch name { // what the answer to a direct get adds
			case "Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp":
			default:
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"Content-Type", "Nats-Msg-Id"}) || e.Header.Get("Nats-Msg-Id") == "mine" {
			t.Errorf("headers %v", e.Header)
		}
		if e.RawStreamMsg.Subject != "tt.v1.events.prod.eu-west-1.checkout" {
			t.Errorf("subject %s", e.RawStreamMsg.Subject)
		}
	}
	if !list[1].RecordedTime.After(list[0].RecordedTime) {
		t.Error("recordedtime does not grow")
	}
}

func TestBinaryMode(t *testing.T) {
	w := newWorld(t, nil)
	headers := func(id string, more ...string) []string {
		return append([]string{
			"Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", id, "ce-source", "/ci/shop",
			"ce-type", events.TypeReported, "ce-subject", "prod/eu-west-1/checkout/2.14.0", "ce-time", "2026-01-02T03:04:05Z",
		}, more...)
	}
	data := []byte(`{"status":"deployed"}`)
	if a := w.post("/v1/events", data, headers("http")...); a.Accepted != 1 {
		t.Errorf("HTTP: %d %s", a.Status, a.Text)
	}
	natsHeader := func(h []string) nats.Header {
		out := nats.Header{}
		for i := 0; i < len(h); i += 2 {
			out[h[i]] = []string{h[i+1]}
		}
		return out
	}
	w.publishRaw("tt.v1.raw.em-a", natsHeader(headers("raw")), data)
	w.rawEmpty()
	if s := w.stored(); len(s) != 2 || s[0].ID != "http" || s[1].ID != "raw" || s[1].Emitter != "em-a" {
		t.Errorf("stored %v, quarantined %+v", s, w.quarantine(0))
	}

	for name, tc := range map[string]struct {
		headers []string
		data    string
		code    events.Code
	}{
		"duplicate key": {headers("a"), `{"status":"failed","status":"deployed"}`, events.CodeMalformed},
		"bad subject":   {headers("b", "ce-subject", "prod/*/checkout/1"), string(data), events.CodeBadID},
		"no JSON":       {headers("c", "Content-Type", "text/plain"), "deployed", events.CodeSchema},
		"bad encoding":  {headers("d%zz"), string(data), events.CodeSchema},
		"old version":   {headers("e", "ce-specversion", "0.3"), string(data), events.CodeSchema},
	} {
		after := len(w.quarantine(0))
		a := w.post("/v1/events", []byte(tc.data), append(tc.headers, "Authorization", "Bearer s3cret")...)
		w.publishRaw("tt.v1.raw.em-a", natsHeader(tc.headers), []byte(tc.data))
		w.rawEmpty()
		q := w.quarantine(0)[after:]
		if a.Code != tc.code || a.Status >= 500 || len(q) != 2 {
			t.Errorf("%s: answer %d %s, %d quarantined", name, a.Status, a.Text, len(q))
			continue
		}
		for _, entry := range q {
			kept := http.Header{}
			for k, v := range entry.Headers {
				kept[http.CanonicalHeaderKey(k)] = v
			}
			if entry.Code != tc.code || string(entry.Raw) != tc.data || kept.Get("Ce-Id") == "" || kept.Get("Authorization") != "" {
				t.Errorf("%s: quarantined %+v", name, entry)
			}
		}
	}
}

// A stream that does not take events makes the door say so, and loses nothing.
func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.CommitTimeout = 300 * time.Millisecond })
	ctx := t.Context()
	s, err := w.conn.JS.Stream(ctx, events.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	if err := w.conn.JS.DeleteStream(ctx, events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	a := w.post("/v1/events", event("http"))
	if a.Status != http.StatusServiceUnavailable || a.Code != events.CodeUnavailable || a.RetryAfter == "" {
		t.Errorf("answer %d %s, Retry-After %q", a.Status, a.Text, a.RetryAfter)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, event("raw"))
	w.until("the RAW door has tried", func() bool {
		c, err := w.conn.JS.Consumer(ctx, events.StreamRaw, rawConsumer)
		return err == nil && c.CachedInfo().NumRedelivered > 0
	})
	if state, _, err := w.in.rawState(ctx); err != nil || state.Msgs != 1 {
		t.Fatalf("TT_RAW holds %d messages, %v", state.Msgs, err)
	}
	if _, err := w.conn.JS.CreateStream(ctx, config); err != nil {
		t.Fatal(err)
	}
	w.rawEmpty()
	if a := w.post("/v1/events", event("http")); a.Status != http.StatusAccepted {
		t.Errorf("sent again: %d %s", a.Status, a.Text)
	}
	var ids []string
	for _, e := range w.stored() {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); !slices.Equal(ids, []string{"http", "raw"}) {
		t.Errorf("stored %v", ids)
	}
}

func TestPoisonDoesNotBlockTheQueue(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		w.publishRaw("tt.v1.raw.em-a", nil, []byte{'{', byte(i)})
	}
	w.publishRaw("tt.v1.raw.em-b", nil, event("good"))
	w.run(nil)
	w.rawEmpty()
	if s, q := w.stored(), w.quarantine(0); len(s) != 1 || len(q) != 100 {
		t.Errorf("%d stored and %d quarantined, want 1 and 100", len(s), len(q))
	}
}
