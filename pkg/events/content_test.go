package events_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

func decode(t testing.TB, raw string) *events.Event {
	t.Helper()
	e, err := events.Decode([]byte(raw), events.Limits{})
	if err != nil {
		t.Fatalf("decode %s: %v", raw, err)
	}
	return e
}

func content(t testing.TB, e *events.Event) string {
	t.Helper()
	c, err := e.Content()
	if err != nil {
		t.Fatal(err)
	}
	return string(c)
}

func TestContentIsCanonical(t *testing.T) {
	e := decode(t, `{ "type":"dev.telltale.deployment.reported.v1","subject":"prod/eu-west-1/checkout/1",
		"data":{"z":1.50,"a":{"\u00e9":"\u00e9\n"},"\ud83d\ude00":1,"\ufb33":2}, "source":"/c\u0069","id":"a\"b","specversion":"1.0",
		"time":"2026-11-20T10:15:00.500+01:00","zone":"x","array":7,"sequence":"7","contiguous":true,
		"recordedtime":"2026-11-20T10:15:01Z","recorder":"r","emitter":"e","originalid":"o"}`)
	// RFC 8785 sorts names by UTF-16 units: U+1F600 before U+FB33.
	want := `{"array":"7","contiguous":true,"data":{"a":{"é":"é\n"},"z":1.5,"😀":1,"` + "\ufb33" + `":2},"id":"a\"b","sequence":"7",` +
		`"source":"/ci","specversion":"1.0","subject":"prod/eu-west-1/checkout/1","time":"2026-11-20T10:15:00.500+01:00",` +
		`"type":"dev.telltale.deployment.reported.v1","zone":"x"}`
	if got := content(t, e); got != want {
		t.Errorf("content is\n%s, want\n%s", got, want)
	}
	stamped := want[:len(want)-1] + `,"emitter":"e","originalid":"o","recordedtime":"2026-11-20T10:15:01.000000000Z","recorder":"r"}`
	if got := string(e.Stamped([]byte(want))); got != stamped {
		t.Errorf("stamped is\n%s, want\n%s", got, stamped)
	}
	stored, err := events.DecodeStored([]byte(stamped))
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, stored); got != want {
		t.Errorf("content of what was stored is\n%s, want\n%s", got, want)
	}
	if !stored.RecordedTime.Equal(e.RecordedTime) || stored.Recorder != "r" || stored.Emitter != "e" || stored.OriginalID != "o" {
		t.Errorf("stamps are lost: %+v", stored)
	}
}

// TestContentTells lists what makes another content and what does not.
func TestContentTells(t *testing.T) {
	base := envelope(`"time":"2026-11-20T10:15:00Z","extra":"1","data":{"status":"failed","attempt":1}`)
	for name, tc := range map[string]struct {
		old, new string
		same     bool
	}{
		"order of members":       {`"status":"failed","attempt":1`, `"attempt":1,"status":"failed"`, true},
		"spelling of a number":   {`"attempt":1`, `"attempt":1.0`, true},
		"spelling of a string":   {`"failed"`, `"f\u0061iled"`, true},
		"JSON said or not":       {`"extra"`, `"datacontenttype":"application/json; charset=UTF-8","extra"`, true},
		"kind of an extension":   {`"extra":"1"`, `"extra":1`, true},
		"stamps from outside":    {`"extra"`, `"emitter":"root","recordedtime":"2001-01-01T00:00:00Z","extra"`, true},
		"null attribute":         {`"extra"`, `"tracestate":null,"extra"`, true},
		"other status":           {`"failed"`, `"deployed"`, false},
		"other id":               {`"id":"1"`, `"id":"2"`, false},
		"other spelling of time": {`10:15:00Z`, `10:15:00.0Z`, false},
		"other content type":     {`"extra"`, `"datacontenttype":"application/vnd.x+json","extra"`, false},
		"one more extension":     {`"extra"`, `"more":"1","extra"`, false},
		"sequence":               {`"extra"`, `"sequence":"1","extra"`, false},
		"contiguous":             {`"extra"`, `"contiguous":true,"extra"`, false},
		"not contiguous":         {`"extra"`, `"contiguous":false,"extra"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(base, tc.old, tc.new, 1)
			if changed == base {
				t.Fatal("the case changes nothing")
			}
			a, b := content(t, decode(t, base)), content(t, decode(t, changed))
			if (a == b) != tc.same {
				t.Errorf("same content: %v, want %v\n%s\n%s", a == b, tc.same, a, b)
			}
			if idA, idB := events.MsgID("/ci", "1", []byte(a)), events.MsgID("/ci", "1", []byte(b)); (idA == idB) != tc.same {
				t.Errorf("same message id: %v, want %v", idA == idB, tc.same)
			}
		})
	}
}

func TestContentOfHandMadeEvents(t *testing.T) {
	e := events.Event{ID: "1", Source: "/ci", Type: events.TypeReported, Subject: "prod/eu-west-1/checkout/1"}
	e.SetTime(time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC))
	if err := e.SetData(events.Reported{Status: "failed", Attempt: 2, Labels: map[string]string{"b": "<&>\u2028", "a": "1"}}); err != nil {
		t.Fatal(err)
	}
	want := `{"data":{"attempt":2,"labels":{"a":"1","b":"<&>` + "\u2028" + `"},"status":"failed"},"id":"1","source":"/ci","specversion":"1.0",` +
		`"subject":"prod/eu-west-1/checkout/1","time":"2026-11-20T10:15:00Z","type":"dev.telltale.deployment.reported.v1"}`
	if got := content(t, &e); got != want {
		t.Errorf("content is\n%s, want\n%s", got, want)
	}
	e.Data = []byte(`{`)
	if _, err := e.Content(); events.CodeOf(err) != events.CodeMalformed {
		t.Errorf("data that is not JSON: got %v", err)
	}
	if err := e.SetData(events.Reported{Status: "\xff"}); events.CodeOf(err) != events.CodeSchema || string(e.Data) != `{` {
		t.Errorf("data that JSON cannot say: got %v, and data %s", err, e.Data)
	}
}

// TestContentSurvivesAnyText round-trips text with every kind of escape.
func TestContentSurvivesAnyText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := events.Event{
			ID: rapid.String().Draw(rt, "id"), Source: rapid.String().Draw(rt, "source"), Type: "t",
			Extensions: map[string]string{"extra": rapid.String().Draw(rt, "extra")},
		}
		if err := e.SetData(map[string]string{rapid.String().Draw(rt, "name"): rapid.String().Draw(rt, "value")}); err != nil {
			rt.Fatal(err)
		}
		first, err := e.Content()
		if err != nil {
			rt.Fatal(err)
		}
		back, err := events.Decode(first, events.Limits{})
		if err != nil {
			rt.Fatalf("%s: %v", first, err)
		}
		second, err := back.Content()
		if err != nil || string(second) != string(first) {
			rt.Fatalf("content changed (%v):\n%s\n%s", err, first, second)
		}
		if back.ID != e.ID || back.Source != e.Source || back.Extensions["extra"] != e.Extensions["extra"] {
			rt.Fatalf("text changed: %+v", back)
		}
	})
}

func TestMsgID(t *testing.T) {
	id := events.MsgID("/ci", "1", []byte(`{}`))
	if len(id) != 32 || strings.ContainsAny(id, "+/= \r\n") {
		t.Errorf("message id %q is not 32 characters of URL-safe base64", id)
	}
	// The parts do not run into each other.
	for _, other := range []string{
		events.MsgID("/ci1", "", []byte(`{}`)), events.MsgID("/c", "i1", []byte(`{}`)), events.MsgID("/ci", "1{", []byte(`}`)),
		events.MsgID("/ci", "2", []byte(`{}`)), events.MsgID("/ci", "1", []byte(`[]`)),
	} {
		if other == id {
			t.Errorf("another event has the same message id %s", id)
		}
	}
}
