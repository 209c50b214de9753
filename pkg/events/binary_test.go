package events_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// headers returns the headers of a valid event, changed.
func headers(change map[string][]string) map[string][]string {
	h := map[string][]string{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/ci"}, "Ce-Type": {events.TypeReported},
		"Ce-Subject": {"prod/eu-west-1/checkout/2.14.0"}, "Content-Type": {"application/json"},
		"Host": {"127.0.0.1"}, "Accept": {"a", "b"},
	}
	for name, values := range change {
		delete(h, name)
		if values != nil {
			h[name] = values
		}
	}
	return h
}

func TestBinaryEqualsStructured(t *testing.T) {
	structured := decode(t, envelope(`"time":"2026-11-20T10:15:00Z","sequence":"7","contiguous":true,"extra":"5","data":{"status":"failed","attempt":1}`))
	binary, err := events.DecodeBinary(headers(map[string][]string{
		"ce-time": {"2026-11-20T10:15:00Z"}, "CE-SEQUENCE": {"7"}, "Ce-Contiguous": {"true"}, "Ce-Extra": {"5"},
	}), []byte(`{ "attempt":1.0, "status":"failed" }`), events.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := binary.Validate(); err != nil {
		t.Fatal(err)
	}
	if a, b := content(t, structured), content(t, binary); a != b {
		t.Errorf("structured\n%s, binary\n%s", a, b)
	}
}

func TestDecodeBinary(t *testing.T) {
	for name, tc := range map[string]struct {
		change map[string][]string
		body   string
		want   events.Code
	}{
		"as it is":                 {nil, `{"status":"failed"}`, ""},
		"no body":                  {nil, ``, ""},
		"no content type":          {map[string][]string{"Content-Type": nil}, `{"status":"failed"}`, ""},
		"no content type, no JSON": {map[string][]string{"Content-Type": nil}, `status=failed`, events.CodeMalformed},
		"no specversion":           {map[string][]string{"Ce-Specversion": nil}, `{}`, events.CodeSchema},
		"specversion 0.3":          {map[string][]string{"Ce-Specversion": {"0.3"}}, `{}`, events.CodeSchema},
		"header twice":             {map[string][]string{"Ce-Id": {"1", "2"}}, `{}`, events.CodeSchema},
		"header in two spellings":  {map[string][]string{"ce-id": {"1"}}, `{}`, events.CodeSchema},
		"header without a value":   {map[string][]string{"Ce-Id": {}}, `{}`, events.CodeSchema},
		"two content types":        {map[string][]string{"Content-Type": {"application/json", "text/plain"}}, `{}`, events.CodeSchema},
		"content type as ce-":      {map[string][]string{"Ce-Datacontenttype": {"application/json"}}, `{}`, events.CodeSchema},
		"data as ce-":              {map[string][]string{"Ce-Data": {"{}"}}, `{}`, events.CodeSchema},
		"data_base64 as ce-":       {map[string][]string{"Ce-Data_base64": {"e30="}}, `{}`, events.CodeSchema},
		"time not RFC 3339":        {map[string][]string{"Ce-Time": {"today"}}, `{}`, events.CodeSchema},
		"bad escape":               {map[string][]string{"Ce-Source": {"/a%2"}}, `{}`, events.CodeSchema},
		"escape that is no UTF-8":  {map[string][]string{"Ce-Source": {"/%ff"}}, `{}`, events.CodeSchema},
		"quote that does not end":  {map[string][]string{"Ce-Source": {`"/ci`}}, `{}`, events.CodeSchema},
		"quote that ends early":    {map[string][]string{"Ce-Source": {`"/c"i`}}, `{}`, events.CodeSchema},
		"duplicate key":            {nil, `{"a":1,"a":2}`, events.CodeMalformed},
		"trailing data":            {nil, `{} {}`, events.CodeMalformed},
		"byte-order mark":          {nil, "\xef\xbb\xbf{}", events.CodeMalformed},
		"1e400":                    {nil, `[1e400]`, events.CodeMalformed},
		"2^53+1":                   {nil, `[9007199254740993]`, events.CodeMalformed},
		"depth 31 in the envelope": {nil, strings.Repeat("[", 31) + strings.Repeat("]", 31), ""},
		"depth 32 in the envelope": {nil, strings.Repeat("[", 32) + strings.Repeat("]", 32), events.CodeMalformed},
		"too large":                {nil, `"` + strings.Repeat("a", 64<<10) + `"`, events.CodeTooLarge},
		"too large with headers":   {map[string][]string{"Ce-Extra": {strings.Repeat("a", 200)}}, `"` + strings.Repeat("a", 64<<10-200) + `"`, events.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := events.DecodeBinary(headers(tc.change), []byte(tc.body), events.Limits{})
			if events.CodeOf(err) != tc.want || (err == nil) != (tc.want == "") {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if (e == nil) != (err != nil) {
				t.Errorf("event %v beside error %v", e, err)
			}
		})
	}
}

// TestHeaderEncoding follows section 3.1.3.2 of the HTTP binding.
func TestHeaderEncoding(t *testing.T) {
	for header, want := range map[string]string{
		"plain":                           "plain",
		"Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro € 😀",
		"a%25b":                           "a%b",
		"a%2525b":                         "a%25b", // one round only
		"%22quoted%22":                    `"quoted"`,
		`"old \"style\" \\ %41"`:          `old "style" \ A`,
		"raw é":                           "raw é",
		"a+b":                             "a+b",
		"":                                "",
	} {
		h := maps.Clone(headers(nil))
		h["Ce-Extra"] = []string{header}
		e, err := events.DecodeBinary(h, nil, events.Limits{})
		if err != nil {
			t.Errorf("%q: %v", header, err)
		} else if got := e.Extensions["extra"]; got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func TestBinaryBodyThatIsNoJSON(t *testing.T) {
	e, err := events.DecodeBinary(headers(map[string][]string{"Content-Type": {"text/plain"}}), []byte("ok\xff"), events.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Data != nil || e.DataBase64 != "b2v/" || e.DataContentType != "text/plain" {
		t.Errorf("got data %q, data_base64 %q of %q", e.Data, e.DataBase64, e.DataContentType)
	}
}
