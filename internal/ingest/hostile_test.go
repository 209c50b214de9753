package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// hostile is one input that someone might send by mistake or with intent.
type hostile struct {
	name string
	body []byte
	code events.Code // "": it is welcome
}

// hostiles are rows of the list of hostile inputs, those that are about one
// event. In binary mode there are others, see TestBinaryMode.
func hostiles() []hostile {
	ahead := func(d time.Duration) string { return fmt.Sprintf("%q", time.Now().Add(d).Format(time.RFC3339)) }
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	keys := make([]string, 1100)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	digits := `"data":{"status":"deployed","native":{"a":[` + strings.TrimSuffix(strings.Repeat("1e20,", 10000), ",") + `]}}`
	return []hostile{
		{"no JSON", []byte("status=deployed"), events.CodeMalformed},
		{"empty", []byte{}, events.CodeMalformed},
		{"byte-order mark", append([]byte("\xef\xbb\xbf"), event("bom")...), events.CodeMalformed},
		{"trailing data", append(event("trail"), "{}"...), events.CodeMalformed},
		{"cut short", event("short")[:50], events.CodeMalformed},
		{"duplicate key", []byte(`{"id":"a","id":"b"}`), events.CodeMalformed},
		{"duplicate key in data", event("dup", "data", `{"status":"failed","status":"deployed"}`), events.CodeMalformed},
		{"nested too deep", event("deep", "data", `{"status":"deployed","native":{"a":`+deep+`}}`), events.CodeMalformed},
		{"too many keys", event("keys", "data", `{"status":"deployed","native":{`+strings.Join(keys, ",")+`}}`), events.CodeMalformed},
		{"not a number", event("nan", "data", `{"status":"deployed","native":{"a":NaN}}`), events.CodeMalformed},
		{"number too great", event("huge", "data", `{"status":"deployed","native":{"a":1e400}}`), events.CodeMalformed},
		{"integer that floats lose", event("int", "data", `{"status":"deployed","native":{"a":9007199254740993}}`), events.CodeMalformed},
		{"invalid UTF-8", event("utf8", "data", "{\"status\":\"deployed\",\"message\":\"\xff\xfe\"}"), events.CodeMalformed},
		{"array instead of event", batch(event("in-array")), events.CodeMalformed},
		{"no specversion", event("spec", "specversion", `"0.3"`), events.CodeSchema},
		{"NUL in id", event("nul", "id", `"a\u0000b"`), events.CodeBadID},
		{"id too long", event("long", "id", `"`+strings.Repeat("x", 257)+`"`), events.CodeBadID},
		{"empty id", event(""), events.CodeBadID},
		{"Cyrillic in component", event("cyr", "subject", `"prod/eu-west-1/\u0430pi/1"`), events.CodeBadID},
		{"bidi control in component", event("bidi", "subject", `"prod/eu-west-1/a\u202epi/1"`), events.CodeBadID},
		{"dot in env", event("dot", "subject", `"pr.od/eu-west-1/api/1"`), events.CodeBadID},
		{"star as region", event("star", "subject", `"prod/*/api/1"`), events.CodeBadID},
		{"> as component", event("gt", "subject", `"prod/eu-west-1/>/1"`), events.CodeBadID},
		{"$JS as env", event("js", "subject", `"$JS/eu-west-1/api/1"`), events.CodeBadID},
		{"space in deployment", event("space", "subject", `"prod/eu-west-1/api/1 2"`), events.CodeBadID},
		{"reserved run. prefix", event("run", "subject", `"prod/eu-west-1/api/run.1"`), events.CodeBadID},
		{"too few parts", event("parts", "subject", `"prod/eu-west-1/api"`), events.CodeBadID},
		{"no subject", event("nosub", "subject", `""`), events.CodeBadID},
		{"year 9999", event("9999", "time", `"9999-12-31T23:59:59Z"`), events.CodeClock},
		{"year 1", event("y1", "time", `"0001-01-02T00:00:00Z"`), events.CodeClock},
		{"before 2000", event("1999", "time", `"1999-12-31T23:59:59Z"`), events.CodeClock},
		{"two days ahead", event("ahead", "time", ahead(48*time.Hour)), events.CodeClock},
		{"not a time", event("notime", "time", `"yesterday"`), events.CodeSchema},
		{"unregistered type", event("type", "type", `"com.example.built.v1"`), events.CodeType},
		{"our own type", event("own", "type", `"dev.telltale.deployment.changed.v1"`), events.CodeType},
		{"no status", event("nostatus", "data", `{"version":"1"}`), events.CodeSchema},
		{"data of another shape", event("shape", "data", `[1,2]`), events.CodeSchema},
		{"tick from outside", event("tick", "type", `"dev.telltale.tick.v1"`, "subject", `"rec-1"`, "data", `{"regions":["eu-west-1"]}`), events.CodeForbidden},
		{"canonical form explodes", []byte(strings.Replace(string(event("boom", "data", `{}`)), `"data":{}`, digits, 1)), events.CodeTooLarge},

		{"an hour ahead", event("hour", "time", ahead(time.Hour)), ""},
		{"no time", event("timeless", "time", "null"), ""},
		{"offset +14:00", event("kiribati", "time", `"2026-01-02T17:04:05+14:00"`), ""},
		{"bidi control in text", event("text", "data", `{"status":"failed","message":"a\u202eb\u0000c"}`), ""},
		{"sequence that is no number", event("seq", "sequence", `"A-7"`), ""},
		{"follow word", event("follow", "subject", `"prod/eu-west-1/api/_"`), ""},
	}
}

func TestHostileEventsOverHTTP(t *testing.T) {
	w := newWorld(t, nil)
	for _, tc := range hostiles() {
		t.Run(tc.name, func(t *testing.T) {
			var after uint64
			for _, q := range w.quarantine(0) {
				after = q.Seq
			}
			before := len(w.stored())
			a := w.post("/v1/events", tc.body)
			if tc.code == "" {
				if a.Status != http.StatusAccepted || a.Accepted != 1 || len(w.stored()) != before+1 {
					t.Fatalf("answer %d %s, want it taken", a.Status, a.Text)
				}
				return
			}
			if a.Code != tc.code || a.Status < 400 || a.Status >= 500 {
				t.Errorf("answer %d %s, want %s", a.Status, a.Text, tc.code)
			}
			if n := len(w.stored()); n != before {
				t.Errorf("TT_EVENTS grew by %d", n-before)
			}
			w.mustHold(t, after, tc, "local", "http")
		})
	}
}

func TestHostileEventsInBatches(t *testing.T) {
	w := newWorld(t, nil)
	for _, tc := range hostiles() {
		if len(tc.body) == 0 || tc.code == "" || tc.name == "byte-order mark" || tc.name == "trailing data" ||
			tc.name == "no JSON" || tc.name == "cut short" || tc.name == "not a number" {
			continue // they spoil the array itself, see TestBrokenBatch
		}
		t.Run(tc.name, func(t *testing.T) {
			var after uint64
			for _, q := range w.quarantine(0) {
				after = q.Seq
			}
			a := w.post("/v1/events", batch(event(tc.name+"-1"), tc.body, event(tc.name+"-2")), "Content-Type", typeBatch)
			if a.Status != http.StatusAccepted || a.Accepted != 2 || len(a.Quarantined) != 1 ||
				a.Quarantined[0].Index != 1 || a.Quarantined[0].Code != tc.code || a.Quarantined[0].Detail == "" {
				t.Errorf("answer %d %s, want 2 taken and index 1 quarantined with %s", a.Status, a.Text, tc.code)
			}
			w.mustHold(t, after, tc, "local", "http")
		})
	}
}

func TestHostileEventsOverNATS(t *testing.T) {
	w := newWorld(t, nil)
	for _, tc := range hostiles() {
		t.Run(tc.name, func(t *testing.T) {
			var after uint64
			for _, q := range w.quarantine(0) {
				after = q.Seq
			}
			before := len(w.stored())
			w.publishRaw("tt.v1.raw.em-a", nats.Header{"Content-Type": {contentTypeEvent}}, tc.body)
			w.rawEmpty()
			grown := len(w.stored()) - before
			if tc.code == "" {
				if grown != 1 {
					t.Fatalf("TT_EVENTS grew by %d, want 1; quarantine %+v", grown, w.quarantine(after))
				}
				return
			}
			if grown != 0 {
				t.Errorf("TT_EVENTS grew by %d", grown)
			}
			w.mustHold(t, after, tc, "em-a", "raw")
		})
	}
}

// mustHold checks that quarantine holds the input, whole, and nothing else new.
func (w *world) mustHold(t *testing.T, after uint64, tc hostile, from, door string) {
	t.Helper()
	entries := w.quarantine(after)
	if len(entries) != 1 {
		t.Fatalf("%d new entries in quarantine, want 1", len(entries))
	}
	q := entries[0]
	if !bytes.Equal(q.Raw, tc.body) || q.Code != tc.code || q.From != from || q.Door != door || q.Stage != "ingest" || q.Detail == "" {
		t.Errorf("quarantine holds %s %s/%s/%s %q with %d bytes, want %s from %s at %s with %d bytes",
			q.Code, q.Stage, q.From, q.Door, q.Detail, len(q.Raw), tc.code, from, door, len(tc.body))
	}
}

func TestBrokenBatch(t *testing.T) {
	w := newWorld(t, nil)
	for _, body := range []string{``, `{}`, `[`, `[{"a":1},`, `[{}]x`, `[{},NaN]`, "\xef\xbb\xbf[]"} {
		after := len(w.quarantine(0))
		a := w.post("/v1/events", []byte(body), "Content-Type", typeBatch)
		if a.Status != http.StatusBadRequest || a.Code != events.CodeMalformed {
			t.Errorf("%q: answer %d %s", body, a.Status, a.Text)
		}
		if q := w.quarantine(0)[after:]; len(q) != 1 || string(q[0].Raw) != body {
			t.Errorf("%q: quarantine %+v", body, q)
		}
	}
	if a := w.post("/v1/events", []byte("[ ]"), "Content-Type", typeBatch); a.Status != http.StatusAccepted || a.Accepted != 0 {
		t.Errorf("empty batch: %d %s", a.Status, a.Text)
	}
}

func TestRefusedAtTheDoor(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.BatchEvents = 10; o.Limits.BatchBytes = 100 << 10 })
	eleven := make([][]byte, 11)
	for i := range eleven {
		eleven[i] = event(strconv.Itoa(i))
	}
	padding := `{"status":"deployed","message":"` + strings.Repeat("x", 66<<10) + `"}`
	for _, tc := range []struct {
		name    string
		body    []byte
		headers []string
		status  int
		code    events.Code
	}{
		{"event over 64 KiB", event("big", "data", padding), nil, 413, events.CodeTooLarge},
		{"batch over its bytes", bytes.Repeat([]byte(" "), 101<<10), []string{"Content-Type", typeBatch}, 413, events.CodeTooLarge},
		{"batch over its events", batch(eleven...), []string{"Content-Type", typeBatch}, 413, events.CodeTooLarge},
		{"gzip", event("zip"), []string{"Content-Encoding", "gzip"}, 415, events.CodeMalformed},
		{"plain JSON", event("plain"), []string{"Content-Type", "application/json"}, 415, events.CodeMalformed},
		{"form", event("form"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, events.CodeMalformed},
		{"no content type", event("none"), []string{"Content-Type", ""}, 415, events.CodeMalformed},
		{"XML events", event("xml"), []string{"Content-Type", "application/cloudevents+xml"}, 415, events.CodeMalformed},
		{"other charset", event("charset"), []string{"Content-Type", contentTypeEvent + "; charset=latin1"}, 415, events.CodeMalformed},
	} {
		a := w.post("/v1/events", tc.body, tc.headers...)
		if a.Status != tc.status || a.Code != tc.code {
			t.Errorf("%s: answer %d %s, want %d %s", tc.name, a.Status, a.Text, tc.status, tc.code)
		}
	}
	if n, q := len(w.stored()), len(w.quarantine(0)); n != 0 || q != 0 {
		t.Errorf("%d events stored and %d quarantined of what was turned away", n, q)
	}
	if a := w.post("/v1/events", event("utf8"), "Content-Type", contentTypeEvent+"; charset=UTF-8", "Content-Encoding", "identity"); a.Status != 202 {
		t.Errorf("utf-8 and identity: %d %s", a.Status, a.Text)
	}
}

// What is too large for HTTP is turned away; TT_RAW has acknowledged it, so it
// is kept.
func TestTooLargeOverNATSIsKept(t *testing.T) {
	w := newWorld(t, nil)
	body := event("big", "data", `{"status":"deployed","message":"`+strings.Repeat("x", 66<<10)+`"}`)
	w.publishRaw("tt.v1.raw.em-a", nil, body)
	w.rawEmpty()
	w.mustHold(t, 0, hostile{"", body, events.CodeTooLarge}, "em-a", "raw")
}

// What quarantine could not hold is refused by the server, and the publisher
// knows; what TT_RAW takes is kept, however it is spelled out.
func TestTooLargeForQuarantineOverNATS(t *testing.T) {
	w := newWorld(t, nil)
	body := event("big", "data", `{"status":"deployed","message":"`+strings.Repeat("x", 600<<10)+`"}`)
	_, err := w.conn.JS.Publish(t.Context(), "tt.v1.raw.em-a", body)
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.ErrorCode != 10054 {
		t.Errorf("600 KiB: the publisher is told %v", err)
	}
	w.rawEmpty()
	if n, q := len(w.stored()), len(w.quarantine(0)); n+q != 0 {
		t.Errorf("%d stored, %d quarantined", n, q)
	}
	const mostHeader = 60 << 10 // the server's limit is 64 KiB for all of them
	for name, tc := range map[string]struct {
		header string
		size   int
	}{
		"as large as may be":            {"", stream.MaxQuarantined},
		"with a header that JSON grows": {strings.Repeat("\x01", mostHeader), stream.MaxQuarantined - mostHeader - 1<<10},
	} {
		after := len(w.quarantine(0))
		header := nats.Header{}
		if tc.header != "" {
			header.Set("Ce-Extra", tc.header)
		}
		body := bytes.Repeat([]byte("x"), tc.size)
		w.publishRaw("tt.v1.raw.em-a", header, body)
		w.rawEmpty()
		if q := w.quarantine(0)[after:]; len(q) != 1 || !bytes.Equal(q[0].Raw, body) || strings.Join(q[0].Headers["Ce-Extra"], "") != tc.header {
			t.Errorf("%s: %d entries in quarantine", name, len(q))
		}
	}
}

func TestSubjectsThatNameNoEmitter(t *testing.T) {
	w := newWorld(t, nil)
	for _, subject := range []string{"tt.v1.raw.em-a.>", "tt.v1.raw.*", "tt.v1.raw.>", "tt.v1.raw.a.b", "tt.v1.raw.EM"} {
		after := len(w.quarantine(0))
		body := event("good")
		w.publishRaw(subject, nil, body)
		w.rawEmpty()
		q := w.quarantine(0)[after:]
		if len(q) != 1 || q[0].Code != events.CodeBadID || q[0].Subject != subject || !bytes.Equal(q[0].Raw, body) {
			t.Errorf("%s: quarantine %+v", subject, q)
		}
	}
	if n := len(w.stored()); n != 0 {
		t.Errorf("%d events stored", n)
	}
}

// Replayed bytes change nothing, at either door and across both.
func TestReplayIsADuplicate(t *testing.T) {
	w := newWorld(t, nil)
	body := event("replayed")
	w.publishRaw("tt.v1.raw.em-a", nil, body)
	w.rawEmpty()
	w.publishRaw("tt.v1.raw.em-a", nil, body)
	w.rawEmpty()
	if a := w.post("/v1/events", body); a.Status != http.StatusAccepted || a.Duplicates != 1 {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	if n := len(w.stored()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// A sender that hangs up in the middle of its body has sent nothing.
func TestBodyThatEndsEarly(t *testing.T) {
	w := newWorld(t, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events",
		io.MultiReader(bytes.NewReader(event("cut")[:40]), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.Header.Set("Content-Type", contentTypeEvent)
	rec := httptest.NewRecorder()
	w.in.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusBadRequest {
		t.Errorf("answer %d %s", rec.Code, rec.Body)
	}
	if n, q := len(w.stored()), len(w.quarantine(0)); n+q != 0 {
		t.Errorf("%d stored, %d quarantined", n, q)
	}
}

// What cannot be used is not answered with 400 before quarantine has it.
func TestQuarantineThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.CommitTimeout = 100 * time.Millisecond })
	if err := w.conn.JS.DeleteStream(t.Context(), events.StreamQuarantine); err != nil {
		t.Fatal(err)
	}
	if a := w.post("/v1/events", []byte("{}")); a.Status != http.StatusServiceUnavailable || a.Code != events.CodeUnavailable {
		t.Errorf("one: %d %s", a.Status, a.Text)
	}
	a := w.post("/v1/events", batch(event("good"), []byte("{}")), "Content-Type", typeBatch)
	if a.Status != http.StatusServiceUnavailable {
		t.Errorf("batch: %d %s", a.Status, a.Text)
	}
}

// Batches that quarantine could not hold are turned away before anything of
// them is stored.
func TestBatchTooLargeForQuarantine(t *testing.T) {
	w := newWorld(t, nil)
	huge := strings.Repeat(" ", stream.MaxQuarantined)
	for name, tc := range map[string]struct {
		body string
		code events.Code
	}{
		"not JSON":  {"[{}," + huge + "x]", events.CodeMalformed},
		"one event": {"[" + string(event("good")) + `,{"id":"` + huge + `"}]`, events.CodeTooLarge},
	} {
		if a := w.post("/v1/events", []byte(tc.body), "Content-Type", typeBatch); a.Code != tc.code || a.Status >= 500 {
			t.Errorf("%s: %d %s", name, a.Status, a.Text)
		}
	}
	if n, q := len(w.stored()), len(w.quarantine(0)); n+q != 0 {
		t.Errorf("%d stored, %d quarantined", n, q)
	}
}
