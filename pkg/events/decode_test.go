package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// envelope is a whole event around the members given, JSON text.
func envelope(members string) string {
	return `{"specversion":"1.0","id":"1","source":"/ci","type":"dev.telltale.deployment.reported.v1",` +
		`"subject":"prod/eu-west-1/checkout/2.14.0",` + members + `}`
}

func withData(data string) string { return envelope(`"data":` + data) }

func TestDecodeRefuses(t *testing.T) {
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return b.String()
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, tc := range map[string]struct {
		raw  string
		want events.Code
	}{
		"64 KiB":                       {withData(`"` + strings.Repeat("a", 64<<10-len(withData(`""`))) + `"`), ""},
		"64 KiB and a byte":            {withData(`"` + strings.Repeat("a", 64<<10-len(withData(`""`))+1) + `"`), events.CodeTooLarge},
		"depth 32":                     {withData(nested(31)), ""},
		"depth 33":                     {withData(nested(32)), events.CodeMalformed},
		"1,000 keys":                   {withData(`{` + keys(993) + `"l":1}`), ""},
		"1,001 keys":                   {withData(`{` + keys(994) + `"l":1}`), events.CodeMalformed},
		"brackets in a string":         {withData(`"` + strings.Repeat(`[{\":`, 2000) + `"`), ""},
		"duplicate key":                {withData(`{"status":"failed","status":"deployed"}`), events.CodeMalformed},
		"duplicate key, escaped":       {withData(`{"status":"failed","st\u0061tus":"deployed"}`), events.CodeMalformed},
		"duplicate attribute":          {envelope(`"id":"2"`), events.CodeMalformed},
		"trailing data":                {withData(`{}`) + `{}`, events.CodeMalformed},
		"trailing space":               {withData(`{}`) + "\n", ""},
		"byte-order mark":              {"\xef\xbb\xbf" + withData(`{}`), events.CodeMalformed},
		"NaN":                          {withData(`{"percent":NaN}`), events.CodeMalformed},
		"Infinity":                     {withData(`{"percent":-Infinity}`), events.CodeMalformed},
		"1e400":                        {withData(`{"percent":1e400}`), events.CodeMalformed},
		"-1E+400":                      {withData(`[-1E+400]`), events.CodeMalformed},
		"1e-400":                       {withData(`[1e-400]`), ""},
		"2^53":                         {withData(`[9007199254740992,-9007199254740992]`), ""},
		"2^53+1":                       {withData(`[9007199254740993]`), events.CodeMalformed},
		"-2^53-1":                      {withData(`[-9007199254740993]`), events.CodeMalformed},
		"thirty digits":                {withData(`[100000000000000000000000000000]`), events.CodeMalformed},
		"invalid UTF-8 in data":        {withData("\"\xff\""), events.CodeMalformed},
		"invalid UTF-8 in an id":       {strings.Replace(withData(`{}`), `"id":"1"`, "\"id\":\"\xc3\x28\"", 1), events.CodeMalformed},
		"half a surrogate":             {withData(`"\ud800"`), events.CodeMalformed},
		"raw NUL":                      {withData("\"\x00\""), events.CodeMalformed},
		"single quotes":                {`{'id':1}`, events.CodeMalformed},
		"comment":                      {withData(`{} /* x */`), events.CodeMalformed},
		"nothing":                      {``, events.CodeMalformed},
		"null":                         {`null`, events.CodeMalformed},
		"array":                        {`[` + withData(`{}`) + `]`, events.CodeMalformed},
		"cut off":                      {withData(`{}`)[:40], events.CodeMalformed},
		"no specversion":               {`{"id":"1"}`, events.CodeSchema},
		"specversion 0.3":              {strings.Replace(withData(`{}`), `"1.0"`, `"0.3"`, 1), events.CodeSchema},
		"specversion a number":         {strings.Replace(withData(`{}`), `"1.0"`, `1.0`, 1), events.CodeSchema},
		"id a number":                  {strings.Replace(withData(`{}`), `"id":"1"`, `"id":1`, 1), events.CodeSchema},
		"both data":                    {envelope(`"data":{},"data_base64":"e30="`), events.CodeSchema},
		"time not RFC 3339":            {envelope(`"time":"20 Nov 2026"`), events.CodeSchema},
		"time with a comma":            {envelope(`"time":"2026-11-20T10:15:00,5Z"`), events.CodeSchema},
		"time with a short hour":       {envelope(`"time":"2026-11-20T1:15:00.0Z"`), events.CodeSchema},
		"time at +14:00":               {envelope(`"time":"2026-11-20T10:15:00+14:00"`), ""},
		"time at +24:00":               {envelope(`"time":"2026-11-20T10:15:00+24:00"`), events.CodeSchema},
		"time in 9999":                 {envelope(`"time":"9999-12-31T23:59:59Z"`), ""}, // CheckTime's to refuse
		"contiguous maybe":             {envelope(`"contiguous":"maybe"`), events.CodeSchema},
		"attribute in upper case":      {envelope(`"traceId":"1"`), events.CodeSchema},
		"attribute with no name":       {envelope(`"":"1"`), events.CodeSchema},
		"attribute an object":          {envelope(`"extra":{}`), events.CodeSchema},
		"attribute a fraction":         {envelope(`"extra":1.5`), events.CodeSchema},
		"attribute beyond 32 bits":     {envelope(`"extra":2147483648`), events.CodeSchema},
		"attribute null is absent":     {envelope(`"time":null,"extra":null`), ""},
		"recordedtime not RFC 3339":    {envelope(`"recordedtime":"now"`), events.CodeSchema},
		"attribute longer than 64":     {envelope(`"` + strings.Repeat("a", 65) + `":"x"`), events.CodeSchema},
		"attribute of 21 letters (ok)": {envelope(`"customdatacontenttype":"x"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := events.Decode([]byte(tc.raw), events.Limits{})
			if events.CodeOf(err) != tc.want || (err == nil) != (tc.want == "") {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if (e == nil) != (err != nil) {
				t.Errorf("event %v beside error %v", e, err)
			}
		})
	}
}

func TestDecodeQuotesNothing(t *testing.T) {
	for _, raw := range []string{
		withData(`{"hunter2":1,"hunter2":2}`), withData(`hunter2`), envelope(`"hunter2_":1`),
		envelope(`"time":"hunter2"`), envelope(`"Hunter2":{}`), envelope(`"contiguous":"hunter2"`),
	} {
		if _, err := events.Decode([]byte(raw), events.Limits{}); err == nil {
			t.Errorf("%s: no error", raw)
		} else if strings.Contains(strings.ToLower(err.Error()), "hunter2") {
			t.Errorf("the error quotes the payload: %v", err)
		}
	}
}

func TestDecodeReadsEverything(t *testing.T) {
	e, err := events.Decode([]byte(envelope(`"time":"2026-11-20T10:15:00.5+01:00","datacontenttype":"application/json",`+
		`"dataschema":"https://example.com/s","sequence":"007","contiguous":true,"traceparent":"00-a","tracestate":"k=v",`+
		`"recordedtime":"2026-11-20T09:16:00.000000001Z","recorder":"r1","emitter":"ci","originalid":"x","flag":true,"count":-3,"extra":"é",`+
		`"data":{"status":"x","attempt":1e2}`)), events.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := *e; got.ID != "1" || got.Source != "/ci" || got.Type != events.TypeReported || got.Sequence != "007" ||
		!got.Contiguous || got.DataSchema != "https://example.com/s" || got.TraceParent != "00-a" || got.TraceState != "k=v" ||
		got.Recorder != "r1" || got.Emitter != "ci" || got.OriginalID != "x" || got.DataContentType != "application/json" {
		t.Errorf("attributes are not what was sent: %+v", got)
	}
	if want := time.Date(2026, 11, 20, 9, 15, 0, 5e8, time.UTC); !e.Time.Equal(want) {
		t.Errorf("time is %v, want %v", e.Time, want)
	}
	if want := time.Date(2026, 11, 20, 9, 16, 0, 1, time.UTC); !e.RecordedTime.Equal(want) {
		t.Errorf("recordedtime is %v, want %v", e.RecordedTime, want)
	}
	for name, want := range map[string]string{"flag": "true", "count": "-3", "extra": "é"} {
		if got := e.Extensions[name]; got != want {
			t.Errorf("extension %s is %q, want %q", name, got, want)
		}
	}
	var data events.Reported
	if err := e.DataAs(&data); err != nil || data.Status != "x" || data.Attempt != 100 {
		t.Errorf("data is %+v, %v", data, err)
	}
}

func TestDecodeKeepsNothingOfItsInput(t *testing.T) {
	raw := []byte(withData(`{"status":"failed"}`))
	e, err := events.Decode(raw, events.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] = 'x'
	}
	if e.ID != "1" || string(e.Data) != `{"status":"failed"}` {
		t.Errorf("the event changed with its input: %q %s", e.ID, e.Data)
	}
}

func TestParseBatch(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  string
		want []string
		code events.Code
	}{
		"empty":                   {raw: ` [ ] `},
		"elements stay as sent":   {raw: "[ {\"a\" : 1} ,\n2,null]", want: []string{`{"a" : 1}`, `2`, `null`}},
		"bad ones stay inside":    {raw: "[{\"a\":1,\"a\":2},\"\xff\",{\"b\":1}]", want: []string{`{"a":1,"a":2}`, "\"\xff\"", `{"b":1}`}},
		"three of three":          {raw: `[1,2,3]`, want: []string{"1", "2", "3"}},
		"four of three":           {raw: `[1,2,3,4]`, code: events.CodeTooLarge},
		"not an array":            {raw: `{"a":1}`, code: events.CodeMalformed},
		"nothing":                 {raw: ``, code: events.CodeMalformed},
		"cut off":                 {raw: `[1,2`, code: events.CodeMalformed},
		"cut off in an element":   {raw: `[1,{"a":`, code: events.CodeMalformed},
		"comma at the end":        {raw: `[1,]`, code: events.CodeMalformed},
		"no comma":                {raw: `[1 2]`, code: events.CodeMalformed},
		"data behind":             {raw: `[1] 2`, code: events.CodeMalformed},
		"byte-order mark":         {raw: "\xef\xbb\xbf[]", code: events.CodeMalformed},
		"an element that is none": {raw: `[1,nope]`, code: events.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := events.ParseBatch([]byte(tc.raw), 3)
			if events.CodeOf(err) != tc.code || len(got) != len(tc.want) {
				t.Fatalf("got %q, %v; want %q, %q", got, err, tc.want, tc.code)
			}
			for i := range got {
				if string(got[i]) != tc.want[i] {
					t.Errorf("element %d is %q, want %q", i, got[i], tc.want[i])
				}
			}
		})
	}
}
