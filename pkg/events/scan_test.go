package events

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// agree holds our scanner against package jsontext on any bytes: they take the
// same, and read the same.
func agree(t interface{ Fatalf(string, ...any) }, raw []byte) {
	for _, anyText := range []bool{false, true} {
		s := scan(raw)
		s.anyText = anyText
		s.value()
		want := jsontext.Value(raw).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(anyText))
		if got := s.end(); got != want {
			t.Fatalf("any text %v: valid is %v, want %v: %q", anyText, got, want, raw)
		}
	}

	want := jsontext.Value(raw).Clone()
	wantErr := want.Canonicalize()
	got, err := Canonical(raw)
	if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
		t.Fatalf("canonical is %s (%v), want %s (%v): %q", got, err, want, wantErr, raw)
	}
	if err != nil && CodeOf(err) != CodeMalformed {
		t.Fatalf("refused with %v: %q", err, raw)
	}

	s := scan(raw)
	if fast, ok := s.event(); ok {
		slow, err := decode(raw)
		if err != nil || !reflect.DeepEqual(fast, slow) {
			t.Fatalf("read as %+v, want %+v (%v): %q", fast, slow, err, raw)
		}
	}
	var fast Reported
	if fast.read(raw) && wantErr == nil { // duplicate keys are refused before

		var slow Reported
		if err := (&Event{Data: raw}).dataAs(&slow); err != nil || !reflect.DeepEqual(fast, slow) {
			t.Fatalf("data is read as %+v, want %+v (%v): %q", fast, slow, err, raw)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, raw := range hard {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}

// hard are texts at the edges of the grammar.
var hard = []string{
	"", " ", "\x00", "{}", "[]", "[ ]", "{ }\n", "[1,]", "[,1]", "[1 2]", `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{,}`, `[}`, `{]`, `{"a":1]`,
	"tru", "true", "nul", "null", "nullx", "false", "True", `"`, `"\`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d"`,
	`"\ude00\ud83d"`, "\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"aaaaaaa\xc3\xa9\"", "\"aaaaaaa\xc3\"", "\"aaaaaaaaaaaaaaaa\x1f\"", `"aaaaaaa\/\n"`,
	"0", "-0", "-", "00", "01", "-01", "1.", ".1", "1.0", "1e2", "1E+2", "1e", "+1", "--1", "1-1", "123456789012345", "1234567890123456",
	"9007199254740993", "1e400", "1e-400", "0.1e1", `{"b":1,"a":2}`, `{"a":1,"a":2}`, `{"b":1,"a":2,"b":3}`, `{"a":1,"\u0061":2}`,
	`{"aaaaaaaa2":1,"aaaaaaaa1":2,"aaaaaaaa":3}`, `{"a!":1,"a":2,"a#":3}`, `{"é":1,"a":2}`, "{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}",
	`[{"b":{"d":[{"f":1,"e":2}],"c":3}}]`, "\xef\xbb\xbf{}", "{}{}", `{"a":1}x`, "\v1", "[1\f]",
	`{"specversion":"1.0","id":"a","id":null}`, `{"specversion":"1.0","x":null,"x":"1"}`, `{"specversion":true}`, `{"specversion":"1.0","specversion":"1.0"}`,
	`{"specversion":"1.0","time":false}`, `{"specversion":"1.0","data":1,"data_base64":""}`, `{"specversion":"1.0","data":null,"data_base64":"AA=="}`,
	`{"status":1}`, `{"status":null,"attempt":-1}`, `{"attempt":4294967296}`, `{"attempt":4294967295}`, `{"refs":[null]}`, `{"refs":[],"labels":{}}`,
	`{"refs":null,"labels":null,"artifact":null,"native":null}`, `{"labels":{"a":null}}`, `{"artifact":{"name":"a","x":1}}`, `{"Status":"a"}`,
	`{"attempt":1.0}`, `{"attempt":"1"}`, `{"native":[1,2]}`, `{"native":{"b":1,"a":"\/"}}`, `{"class":"x","class":"y"}`,
}

func TestScanAtTheEdges(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, raw := range append([]string{nested(maxDepth), nested(maxDepth + 1)}, hard...) {
		agree(t, []byte(raw))
	}
}

// TestScanAgrees is the same for texts that are nearly JSON, and that nearly
// are events.
func TestScanAgrees(t *testing.T) {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"specversion", "id", "time", "data", "data_base64", "contiguous", "extra", "status", "attempt", "labels", "refs", "native", "artifact", "name"}),
		rapid.StringMatching(`[a-c]{0,10}`), rapid.String())
	atom := rapid.OneOf(
		rapid.SampledFrom([]string{"true", "false", "null", `"1.0"`, `"2026-11-20T10:15:00Z"`, "1.0", "-0", "1e3", `"\u00e9\n"`, `"\/"`, `"\ud800"`, "[]", "{}"}),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) }),
		rapid.Map(rapid.String(), func(s string) string { return string(appendString(nil, s)) }),
	)
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	var value func(rt *rapid.T, depth int) string
	value = func(rt *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 3).Draw(rt, "kind")
		if depth == 0 || kind < 2 && depth < 3 {
			return atom.Draw(rt, "atom")
		}
		var parts []string
		for range rapid.IntRange(0, 6).Draw(rt, "members") {
			part := space.Draw(rt, "space") + value(rt, depth-1) + space.Draw(rt, "space")
			if kind != 2 {
				part = string(appendString(nil, name.Draw(rt, "name"))) + space.Draw(rt, "space") + ":" + part
			}
			parts = append(parts, part)
		}
		if kind == 2 {
			return "[" + strings.Join(parts, ",") + "]"
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := value(rt, 3)
		if len(text) > 2 && text[0] == '{' && rapid.Bool().Draw(rt, "event") {
			text = `{"specversion":"1.0",` + text[1:]
		}
		raw := []byte(text)
		if rapid.Bool().Draw(rt, "damage") {
			at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
			raw[at] = rapid.SampledFrom([]byte("\"\\{}[],:0-.eu\x00\x1f \x80\xff")).Draw(rt, "byte")
		}
		agree(rt, raw)
	})
}
