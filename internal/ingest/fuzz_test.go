package ingest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// fuzzed is a pipeline without the streams behind it.
func fuzzed(f *testing.F) *pipeline {
	f.Helper()
	p := &pipeline{recorder: "fuzz", limits: events.DefaultLimits(), gate: newGate(time.Now)}
	p.tools.Store(&tools{mappings: madeUp(f, "")})
	return p
}

// judged holds what a door made of an arrival to what every door promises: a
// refusal has a code of the contract, what is not refused is an event that
// TT_EVENTS can hold, or is ignored with a reason.
func judged(t *testing.T, o *outcome, msgs []stream.Message) {
	t.Helper()
	for _, msg := range msgs {
		if !strings.HasPrefix(msg.Subject, "tt.v1.events.") || strings.ContainsAny(msg.Subject, "*> \r\n") || len(msg.Data) > 65<<10 || msg.ID == "" {
			t.Errorf("message %q %q of %d bytes", msg.Subject, msg.ID, len(msg.Data))
		}
		e, err := events.DecodeStored(msg.Data)
		if err != nil {
			t.Fatalf("stored and not readable: %v", err)
		}
		if err := e.Validate(); err != nil && !strings.HasPrefix(e.Type, customCDEvents) {
			t.Errorf("stored and not valid: %v", err)
		}
	}
	if o.refusal != nil {
		if !strings.HasPrefix(string(o.refusal.Code), "E_") || o.refusal.Detail == "" {
			t.Errorf("refused with %+v", o.refusal)
		}
		return
	}
	if len(msgs) == 0 && (o.reading == nil || len(o.reading.ignored) == 0) {
		t.Error("neither taken nor ignored nor refused")
	}
}

// FuzzEvents is the door for events: structured, and in binary mode with a type
// of its own.
func FuzzEvents(f *testing.F) {
	p := fuzzed(f)
	f.Add(event("a"), "")
	f.Add([]byte(`{"status":"deployed"}`), events.TypeReported)
	f.Add([]byte(`{"context":{"id":"a"},"subject":{"id":"b","content":{}}}`), "dev.cdevents.service.deployed.0.2.0")
	for _, h := range hostiles() {
		f.Add(h.body, "")
	}
	f.Fuzz(func(t *testing.T, body []byte, typ string) {
		a := arrival{raw: body, from: "fuzz"}
		a.sender, _ = access.Open().Emitter("fuzz")
		if typ != "" {
			a.binary = true
			a.headers = map[string][]string{
				"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"a"}, "Ce-Source": {"/fuzz"},
				"Ce-Type": {typ}, "Ce-Subject": {"prod/eu-west-1/checkout/1"},
			}
		}
		var o outcome
		judged(t, &o, p.accept(&a, &o, nil))
	})
}

// FuzzHooks is the door of the tools, every one of them.
func FuzzHooks(f *testing.F) {
	p := fuzzed(f)
	tools := p.tools.Load().mappings.All()
	for n := range tools {
		f.Add(byte(n), one("a", "ok"), "application/json", "", "region=eu-west-1")
		f.Add(byte(n), []byte(`{"action":"created","deployment":{"id":1},"deployment_status":{"id":2,"state":"success"}}`), "application/json", "deployment_status", "env=prod&names=follow")
		f.Add(byte(n), []byte(`payload=%7B%7D`), "application/x-www-form-urlencoded", "", "")
		f.Add(byte(n), event("a"), contentTypeEvent, "", "env=prod&region=a,b")
	}
	f.Fuzz(func(t *testing.T, n byte, body []byte, contentType, kind, query string) {
		m := tools[int(n)%len(tools)]
		r := httptest.NewRequest(http.MethodPost, "/v1/hooks/"+m.Name, bytes.NewReader(body))
		r.URL.RawQuery = query
		h := http.Header{"Content-Type": {contentType}, "X-Github-Event": {kind}, "X-Gitlab-Event": {kind}, "X-Made-Up": {kind}}
		a := arrival{
			raw: body, headers: h, from: "fuzz", subject: keptURL(r.URL), mapping: m,
			hook: adapter.Hook{Tool: m.Name, Env: "prod", Component: "checkout"}, query: r.URL.Query(),
		}
		a.sender, _ = access.Open().Emitter("fuzz")
		var o outcome
		judged(t, &o, p.accept(&a, &o, nil))
	})
}

// FuzzRaw is the door for NATS emitters: what a message's headers and subject
// can be.
func FuzzRaw(f *testing.F) {
	p := fuzzed(f)
	f.Add("Ce-Id", "a", "Ce-Type", "dev.cdevents.x", []byte(`{}`))
	f.Add("Content-Type", contentTypeEvent, "ce-id", "a", event("a"))
	f.Add("ce-specversion", "1.0", "CE-TYPE", events.TypeReported, []byte(`{"status":"deployed"}`))
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, body []byte) {
		h := map[string][]string{name1: {value1}, name2: {value2}}
		a := arrival{raw: body, headers: h, binary: isBinary(h), subject: "tt.v1.raw.fuzz", from: "fuzz"}
		a.sender, a.refused = access.Open().Emitter("fuzz")
		var o outcome
		judged(t, &o, p.accept(&a, &o, nil))
		if kept := keptHeaders(doorRaw, h); len(kept) > 2 {
			t.Errorf("kept %v", kept)
		}
	})
}
