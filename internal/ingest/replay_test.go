package ingest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestReplay mends a mapping and brings back what it could not use before.
func TestReplay(t *testing.T) {
	w := newWorld(t, hooked(t))
	body := []byte(`{"project":"checkout","jobs":[
		{"id":1,"state":"ok","env":"prod","region":"eu-west-1","version":"1","at":"2026-01-02T03:04:05Z"},
		{"id":2,"state":"weird","env":"prod","region":"eu-west-1","version":"2","at":"2026-01-02T03:04:05Z"}]}`)
	first := w.hook("/v1/hooks/made-up/shop?deploys=x", body, "X-Other", "1")
	if first.Accepted != 1 || len(first.Quarantined) != 1 {
		t.Fatal(first.Text)
	}
	path := fmt.Sprintf("/v1/quarantine/%d/replay", first.Quarantined[0].Seq)
	still := w.ask(http.MethodPost, path, nil)
	if still.Status != 202 || still.Duplicates != 1 || len(still.Quarantined) != 1 || len(w.quarantine(0)) != 1 {
		t.Errorf("before it was mended: %d %s", still.Status, still.Text)
	}
	if _, _, err := w.in.quarantines[doorHook].Conclusion(t.Context(), first.Quarantined[0].Seq); err == nil {
		t.Error("what still cannot be used is concluded")
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.run(func(o *Options) { o.Mappings = madeUp(t, "          weird: failed\n") })
	for i, want := range []string{"1 1", "0 2"} {
		a := w.ask(http.MethodPost, path, nil)
		if got := fmt.Sprintf("%d %d", a.Accepted, a.Duplicates); a.Status != 202 || got != want || len(a.Quarantined) != 0 {
			t.Errorf("replay %d: %d %s", i+1, a.Status, a.Text)
		}
	}
	c, _, err := w.in.quarantines[doorHook].Conclusion(t.Context(), first.Quarantined[0].Seq)
	if err != nil || c.What != stream.Replayed || c.By != access.Local || c.Duplicates != 2 {
		t.Errorf("the record: %+v, %v", c, err)
	}
	if n := len(w.stored()); n != 2 {
		t.Errorf("%d events stored", n)
	}
}

// TestReplayOfEvents brings events back through the doors for events, after what
// kept them out was mended: here a type that nobody had registered.
func TestReplayOfEvents(t *testing.T) {
	w := newWorld(t, nil)
	const typ = "dev.cdevents.service.deployed.0.2.0"
	timeless := event("timeless", "type", `"`+typ+`"`, "time", "null", "data", `{}`)
	if a := w.post("/v1/events", timeless); a.Code != events.CodeUnmapped {
		t.Fatalf("%d %s", a.Status, a.Text)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, event("clock", "time", `"1990-01-01T00:00:00Z"`))
	w.rawEmpty()
	for _, q := range w.quarantine(0) {
		a := w.ask(http.MethodPost, fmt.Sprintf("/v1/quarantine/%d/replay", q.Seq), nil)
		if a.Status != 202 || len(a.Quarantined) != 1 || a.Quarantined[0].Code != q.Code {
			t.Errorf("%s again: %d %s", q.Code, a.Status, a.Text)
		}
	}
	if n := len(w.quarantine(0)); n != 2 {
		t.Errorf("%d entries, want the two that were there", n)
	}
}

func TestReplayedEventsAreOfWhenTheyCame(t *testing.T) {
	w := newWorld(t, nil)
	came := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
	seq, err := w.in.quarantines[doorHTTP].Put(t.Context(), stream.Quarantined{
		Stage: "ingest", Code: events.CodeForbidden, Detail: "may not", From: "ci", Door: "http", Subject: "/v1/events",
		Headers: map[string][]string{"content-type": {contentTypeEvent}}, At: came, Raw: event("late", "time", "null"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if a := w.ask(http.MethodPost, fmt.Sprintf("/v1/quarantine/%d/replay", seq), nil); a.Accepted+a.Duplicates != 1 || a.Duplicates != i {
			t.Errorf("replay %d: %d %s", i+1, a.Status, a.Text)
		}
	}
	if s := w.stored(); len(s) != 1 || !s[0].Event.Time.Equal(came) || s[0].Emitter != "ci" {
		t.Errorf("stored %+v", s)
	}
}

func TestDrop(t *testing.T) {
	w := newWorld(t, hooked(t))
	seq := w.hook("/v1/hooks/made-up", one("a", "weird")).Quarantined[0].Seq
	path := fmt.Sprintf("/v1/quarantine/%d", seq)
	for query, status := range map[string]int{"": 400, "?reason=%20": 400, "?reason=" + strings.Repeat("x", 501): 400} {
		if a := w.ask(http.MethodDelete, path+query, nil); a.Status != status {
			t.Errorf("%q: %d %s", query, a.Status, a.Text)
		}
	}
	if a := w.ask(http.MethodDelete, path+"?reason=a+test", nil); a.Status != 200 || !strings.Contains(a.Text, `"reason":"a test"`) {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	for _, method := range []string{http.MethodDelete + " " + path + "?reason=again", http.MethodPost + " " + path + "/replay", http.MethodPost + " /v1/quarantine/99/replay"} {
		verb, to, _ := strings.Cut(method, " ")
		if a := w.ask(verb, to, nil); a.Status != 404 {
			t.Errorf("%s: %d %s", method, a.Status, a.Text)
		}
	}
	if n := len(w.quarantine(0)); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}
