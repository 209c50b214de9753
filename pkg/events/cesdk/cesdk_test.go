package cesdk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/events/cesdk"
	"github.com/telltale-dev/telltale/schemas"
)

// TestTheSDKReadsWhatWeWrite sends each example through the SDK's own parser and
// back by its own writer: nothing may get lost or change.
func TestTheSDKReadsWhatWeWrite(t *testing.T) {
	for _, typ := range schemas.Types() {
		t.Run(typ, func(t *testing.T) {
			raw, err := schemas.Example(typ)
			if err != nil {
				t.Fatal(err)
			}
			e := decode(t, string(raw))
			ours, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			var theirs event.Event
			if err := json.Unmarshal(ours, &theirs); err != nil {
				t.Fatalf("the SDK does not read %s: %v", ours, err)
			}
			if err := theirs.Validate(); err != nil {
				t.Fatal(err)
			}
			back, err := cesdk.From(theirs)
			if err != nil {
				t.Fatal(err)
			}
			sameEvent(t, e, back)
			written, err := json.Marshal(theirs)
			if err != nil {
				t.Fatal(err)
			}
			sameEvent(t, e, decode(t, string(written)))
		})
	}
}

// TestThereAndBack converts without JSON in between.
func TestThereAndBack(t *testing.T) {
	e := decode(t, envelope(`"time":"2026-11-20T10:15:00.123456789Z","datacontenttype":"application/json","dataschema":"https://example.com/s","sequence":"7",`+
		`"contiguous":true,"traceparent":"00-a","tracestate":"k=v","recordedtime":"2026-11-20T10:15:01Z","recorder":"r","emitter":"ci",`+
		`"originalid":"o","extra":"é","data":{"status":"failed"}`))
	ce, err := cesdk.To(e)
	if err != nil {
		t.Fatal(err)
	}
	var data events.Reported
	if err := ce.DataAs(&data); err != nil || data.Status != "failed" {
		t.Errorf("the SDK reads the data as %+v, %v", data, err)
	}
	back, err := cesdk.From(ce)
	if err != nil {
		t.Fatal(err)
	}
	sameEvent(t, e, back)
	written, err := json.Marshal(ce)
	if err != nil {
		t.Fatal(err)
	}
	sameEvent(t, e, decode(t, string(written)))
}

func TestFrom(t *testing.T) {
	ce := event.New()
	ce.SetID("1")
	ce.SetSource("/ci")
	ce.SetType(events.TypeReported)
	ce.SetSubject("prod/eu-west-1/checkout/2.14.0")
	ce.SetTime(time.Date(2026, 11, 20, 11, 15, 0, 0, time.FixedZone("", 3600)))
	ce.SetExtension("extra", 5)
	if err := ce.SetData(event.ApplicationJSON, []byte(`{"status":"failed"}`)); err != nil { // bytes: the SDK writes base64
		t.Fatal(err)
	}
	e, err := cesdk.From(ce)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	sameEvent(t, decode(t, envelope(`"time":"2026-11-20T10:15:00Z","extra":5,"data":{"status":"failed"}`)), e)
}

func TestBinaryData(t *testing.T) {
	e := decode(t, envelope(`"datacontenttype":"application/octet-stream","data_base64":"AP8="`))
	ce, err := cesdk.To(e)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(ce.Data()); got != "\x00\xff" {
		t.Errorf("data is %q", got)
	}
	back, err := cesdk.From(ce)
	if err != nil {
		t.Fatal(err)
	}
	sameEvent(t, e, back)
}

func TestRefusals(t *testing.T) {
	for name, change := range map[string]func(*events.Event){
		"no id":                    func(e *events.Event) { e.ID = "" },
		"no source":                func(e *events.Event) { e.Source = "" },
		"source that would change": func(e *events.Event) { e.Source = "/a b" },
		"bad base64":               func(e *events.Event) { e.Data, e.DataBase64 = nil, "?" },
		"dataschema not absolute":  func(e *events.Event) { e.DataSchema = "s" },
		"content type":             func(e *events.Event) { e.DataContentType = "a b" },
		"extension name":           func(e *events.Event) { e.Extensions = map[string]string{"a_b": "x"} },
	} {
		e := sample()
		change(e)
		if _, err := cesdk.To(e); events.CodeOf(err) != events.CodeSchema {
			t.Errorf("to the SDK, %s: got %v", name, err)
		}
	}
	valid := func() event.Event {
		ce, err := cesdk.To(sample())
		if err != nil {
			t.Fatal(err)
		}
		return ce
	}
	for name, tc := range map[string]struct {
		change func(*event.Event)
		want   events.Code
	}{
		"nothing":     {func(ce *event.Event) { *ce = event.Event{} }, events.CodeSchema},
		"version 0.3": {func(ce *event.Event) { ce.SetSpecVersion("0.3") }, events.CodeSchema},
		"no id":       {func(ce *event.Event) { ce.Context = &event.EventContextV1{} }, events.CodeSchema},
		"data":        {func(ce *event.Event) { ce.DataEncoded = []byte(`{"a":1,"a":2}`) }, events.CodeMalformed},
	} {
		ce := valid()
		tc.change(&ce)
		if _, err := cesdk.From(ce); events.CodeOf(err) != tc.want {
			t.Errorf("from the SDK, %s: got %v, want %s", name, err, tc.want)
		}
	}
}

// envelope is a whole event around the members given, JSON text.
func envelope(members string) string {
	return `{"specversion":"1.0","id":"1","source":"/ci","type":"dev.telltale.deployment.reported.v1",` +
		`"subject":"prod/eu-west-1/checkout/2.14.0",` + members + `}`
}

func decode(t *testing.T, raw string) *events.Event {
	t.Helper()
	e, err := events.Decode([]byte(raw), events.Limits{})
	if err != nil {
		t.Fatalf("decode %s: %v", raw, err)
	}
	return e
}

func sample() *events.Event {
	return &events.Event{
		ID: "1", Source: "/ci/job", Type: events.TypeReported, Subject: "prod/eu-west-1/checkout/2.14.0",
		Data: []byte(`{"status":"failed"}`),
	}
}

// sameEvent compares contents and stamps.
func sameEvent(t *testing.T, want, got *events.Event) {
	t.Helper()
	w, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	g, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(w) != string(g) {
		t.Errorf("the event is\n%s, want\n%s", g, w)
	}
}
