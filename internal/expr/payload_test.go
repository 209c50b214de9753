package expr

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// FuzzReadPayload holds the scanner to jsontext: it takes the same texts, but for
// the bounds, and finds the same values in them.
func FuzzReadPayload(f *testing.F) {
	for _, text := range []string{
		``, `null`, ` {"a":[1,-0.5e+3,"\u00e4\n",true,false,null,{}]} `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `"\ud83d\ude00"`, `"\ud83d"`,
		`[01]`, `[1.]`, `[-]`, `[1e]`, `{"a"}`, `{"a":}`, `[,]`, `[1,]`, `{,}`, `tru`, "\"\x01\"", "\"\xff\"", `"\x"`, "\ufeff1", `1 2`, `"a`, `[`, `{"a":[`, `"12345678\"`, made,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"i":10}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadPayload(text)
		if events.CodeOf(err) == events.CodeTooLarge {
			return
		}
		valid := jsontext.Value(text).IsValid()
		if valid != (err == nil) {
			t.Fatalf("jsontext says %v, the scanner %v", valid, err)
		}
		if err == nil {
			same(t, p, 0, jsontext.Value(text))
		}
	})
}

// same compares a node with a value that jsontext reads, down to the leaves.
func same(t *testing.T, p *Payload, at int32, raw jsontext.Value) {
	t.Helper()
	d := jsontext.NewDecoder(strings.NewReader(string(raw)))
	token, err := d.ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	switch n := &p.nodes[at]; n.kind {
	case kindObject, kindList:
		for i := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; i++ {
			child, found := int32(0), false
			if n.kind == kindObject {
				name, err := d.ReadToken()
				if err != nil {
					t.Fatal(err)
				}
				child, found = p.member(at, name.String())
			} else {
				child, found = p.element(at, int64(i))
			}
			value, err := d.ReadValue()
			if err != nil || !found {
				t.Fatalf("%v is not found: %v", value, err)
			}
			same(t, p, child, value)
		}
	case kindText:
		if p.string(at) != token.String() {
			t.Errorf("%q, want %q", p.string(at), token.String())
		}
	default:
		if got := p.text[n.start:n.end]; got != strings.TrimSpace(string(raw)) {
			t.Errorf("%q, want %q", got, raw)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2016, 8, 12, 15, 23, 28, 0, time.UTC)
	for _, text := range []string{
		"2016-08-12T15:23:28Z", "2016-08-12T17:23:28+02:00", "2016-08-12T15:23:28.000+0000", "2016-08-12 15:23:28 UTC", "2016-08-12 17:23:28 +0200",
		"2016-08-12 15:23:28", "2016-08-12T15:23:28", "Fri, 12 Aug 2016 15:23:28 GMT", "2016-08-12 15:23:28 +0000 UTC",
		"1471015408", "1471015408000", "1471015408000000", "1471015408000000000", "1471015408.0",
	} {
		if got, ok := TextValue(text).Time(); !ok || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "0", "0001-01-01T00:00:00Z", "soon", "2016-08-12 15:23:28 CEST", "-5", "2016-13-40T00:00:00Z"} {
		if got, ok := TextValue(text).Time(); ok {
			t.Errorf("%q is the time %v", text, got)
		}
	}
}
