package schema

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// known returns the types that may come in.
func known() []string {
	return slices.DeleteFunc(schemas.Types(), func(typ string) bool { return !events.Known(typ) })
}

func builtin(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := newCompiler().Compile(schemas.BaseURI + name + ".json")
	if err != nil {
		t.Fatalf("compile %s: %v", name, err)
	}
	return s
}

// subjectOf returns the schema of a type, its example, and the example's data.
func subjectOf(t *testing.T, typ string) (*jsonschema.Schema, events.Event, any) {
	t.Helper()
	raw, err := schemas.Example(typ)
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Decode(raw, events.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatalf("example of %s: %v", typ, err)
	}
	return builtin(t, typ), *e, decoded(t, e.Data)
}

func decoded(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, raw []byte,
) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return v
}

// paths returns the place of every value inside v, as member names and indexes.
func paths(v any) (all [][]any) {
	var walk func(v any, at []any)
	visit := func(v any, at []any, step any) {
		at = append(slices.Clone(at), step)
		all = append(all, at)
		walk(v, at)
	}
	walk = func(v any, at []any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				visit(v[name], at, name)
			}
		case []any:
			for i := range min(len(v), 3) {
				visit(v[i], at, i)
			}
		}
	}
	walk(v, nil)
	return all
}

// mutated returns a copy of v with the value at the path replaced or dropped.
func mutated(v any, at []any, value any, drop bool) any {
	if len(at) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		name := at[0].(string)
		out := maps.Clone(v)
		if drop && len(at) == 1 {
			delete(out, name)
			out["unknown_"+name] = v[name]
			return out
		}
		out[name] = mutated(v[name], at[1:], value, drop)
		return out
	case []any:
		i := at[0].(int)
		out := slices.Clone(v)
		if drop && len(at) == 1 {
			return slices.Delete(out, i, i+1)
		}
		out[i] = mutated(v[i], at[1:], value, drop)
		return out
	}
	return v
}

// hostile returns values around every bound and alphabet of the vocabulary, in
// ASCII: beyond it, lengths may differ, see TestLengthsAreBytes.
func hostile() []any {
	values := []any{
		nil, true, false, -1.0, 0.0, 1.0, 1.5, 100.0, 100.5, 1e3, 2147483647.0, 2147483648.0, 4294967296.0, 1e300,
		map[string]any{},
		[]any{},
		[]any{nil},
		[]any{1.0},
		[]any{""},
		[]any{"eu-west-1"},
		[]any{"a\tb"},
		map[string]any{"": "x"},
		map[string]any{"a": 1.0},
		map[string]any{"a": "x"},
		map[string]any{"a": nil},
		"", " ", "x", "X", "in_progress", "In_Progress", "0a", "_a", "a-b", "eu-west-1", "2.14.0", "run.1", "run-1", "Run.1",
		"a b", "a/b", "a*", "a>", "a.b", "tab\there", "nul\x00", "del\x7f", "line\nbreak",
		"transient", "pass", "comment", "healthy", "Transient",
		"user:7f3a", "a@example.com", "two words",
		"http://a", "https://a/b?c#d", "https://", "https:///a", "https://?", "HTTP://a", "ftp://a", "javascript:alert(1)", "https://a b",
		"2026-11-20T10:15:00Z", "2026-11-20T10:15:00.123456789012Z", "2026-11-20T10:15:00+14:00", "2026-11-20T10:15:00+23:59", "2026-11-20T10:15:00+24:00", "2026-11-20T10:15:00+10:60", "2026-11-20T10:15:00+1000",
		"2026-11-20t10:15:00z", "2026-11-20T1:15:00Z", "2026-11-20T10:15:00,5Z", "2026-11-20T10:15:60Z", "2026-12-31T23:59:60Z",
		"2026-02-29T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20 10:15:00Z", "2026-11-20T10:15:00", "2026-11-20", "1999-12-31T23:59:59Z",
		"2000-01-01T00:00:00Z", "2199-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-20T10:15:00.Z", "2026-11-20T10:15:00-00:00",
		"sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("a", 63),
	}
	for _, n := range []int{63, 64, 65, 128, 129, 256, 257, 512, 513, 1024, 1025, 8192, 8193} {
		values = append(values, strings.Repeat("a", n))
	}
	for _, n := range []int{2048, 2049} {
		values = append(values, "https://a/"+strings.Repeat("a", n-10))
	}
	for _, n := range []int{16, 17, 64, 65, 256, 257} {
		names, labels := make([]any, n), make(map[string]any, n)
		for i := range n {
			names[i] = "n" + strconv.Itoa(i)
			labels[names[i].(string)] = "x"
		}
		values = append(values, names, labels)
	}
	for _, n := range []int{128, 129} {
		values = append(values, map[string]any{strings.Repeat("a", n): "x"})
	}
	return values
}
