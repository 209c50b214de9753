package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/schemas"
)

// documents is how schemas are found by those that refer to them.
type documents struct{}

func (documents) Load(uri string) (any, error) {
	name, _ := strings.CutPrefix(uri, schemas.BaseURI)
	raw, err := schemas.Schema(strings.TrimSuffix(name, ".json"))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(raw))
}

// described returns the schema of a kind and its example as JSON decodes it.
func described(t *testing.T, kind string) (*jsonschema.Schema, any) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseLoader(documents{})
	s, err := c.Compile(schemas.BaseURI + "documents/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := schemas.Document(kind)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return s, v
}

// hostile are values around the bounds and alphabets of documents. They are
// ASCII: beyond it lengths differ, see TestLengthsAreBytes.
func hostile() []any {
	values := []any{
		nil, true, false, -1.0, 0.0, 1.0, 1.5,
		map[string]any{},
		[]any{},
		[]any{nil},
		[]any{1.0},
		[]any{""},
		[]any{"a"},
		[]any{[]any{"a"}},
		map[string]any{"": "x"},
		map[string]any{"a": 1.0},
		map[string]any{"a": "x"},
		map[string]any{"component": "a"},
		map[string]any{"source": "/a"},
		"", " ", "a", "A", "*", "a*b", "_a", "-a", "eu-west-1", "a b", "a/b", "a.b", "/a", "true", "null", "1", "~", "- a", "a: b", "&a b", "*b", "# a",
		"lead", "follow", "Lead", "in_progress", "In_progress", "telltale.dev/v1", "Component", "Source",
		"15m", "0s", "1h30m", "1h0m", "90s", "1.5h", "-1m", "m", "1d", "10000h", "9999h", "15m1h", "line\nbreak", "tab\tthere", "del\x7f",
	}
	for _, n := range []int{63, 64, 128, 129, 256, 257, 512, 513, 1024, 1025, 8192, 8193} {
		values = append(values, strings.Repeat("a", n))
	}
	for _, n := range []int{64, 65, 256, 257} {
		list, labels := make([]any, n), make(map[string]any, n)
		for i := range n {
			list[i] = "a" + strings.Repeat("b", i%50)
			labels["k"+strings.Repeat("x", i%100)+string(rune('a'+i%26))+strings.Repeat("y", i/100)] = "x"
		}
		values = append(values, list, labels)
	}
	for _, n := range []int{128, 129} {
		values = append(values, map[string]any{strings.Repeat("k", n): "x"})
	}
	for _, n := range []int{1024, 1025} {
		values = append(values, map[string]any{"k": strings.Repeat("x", n)})
	}
	return values
}

// places returns the path of every value inside v.
func places(v any) (all [][]any) {
	var walk func(v any, at []any)
	walk = func(v any, at []any) {
		if len(at) > 0 {
			all = append(all, slices.Clone(at))
		}
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(v[name], append(at, name))
			}
		case []any:
			for i := range v {
				walk(v[i], append(at, i))
			}
		}
	}
	walk(v, nil)
	return all
}

// changed returns a copy of v with another value at a place; a dropped one
// leaves its value under a name that nobody knows, or leaves no trace.
func changed(v any, at []any, value any, drop, trace bool) any {
	if len(at) == 0 {
		return value
	}
	name, isName := at[0].(string)
	i, isIndex := at[0].(int)
	switch v := v.(type) { // an earlier change may have left something else here
	case map[string]any:
		if !isName {
			return v
		}
		out := maps.Clone(v)
		if drop && len(at) == 1 {
			delete(out, name)
			if trace {
				out["un"+name] = v[name]
			}
			return out
		}
		out[name] = changed(v[name], at[1:], value, drop, trace)
		return out
	case []any:
		if !isIndex || i >= len(v) {
			return v
		}
		out := slices.Clone(v)
		if drop && len(at) == 1 {
			return slices.Delete(out, i, i+1)
		}
		out[i] = changed(v[i], at[1:], value, drop, trace)
		return out
	}
	return v
}

// agree holds parser and schema against each other. A document in JSON is one in
// YAML too.
func agree(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, kind string, s *jsonschema.Schema, v any,
) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	bySchema := s.Validate(v)
	var byGo error
	if kind == KindComponent {
		_, byGo = ParseComponent(raw)
	} else {
		_, byGo = ParseSource(raw)
	}
	if (byGo == nil) != (bySchema == nil) {
		t.Fatalf("%s: %.400s\nGo: %v\nschema: %v", kind, raw, byGo, bySchema)
	}
	var faults *Error
	if byGo != nil && (!errors.As(byGo, &faults) || len(faults.Faults) == 0) {
		t.Fatalf("%s: %.400s\nthe error is no *Error with faults: %v", kind, raw, byGo)
	}
}

var kinds = []string{KindComponent, KindSource}

// TestSchemasAgree drops every value of each example, and puts each hostile one
// in its place.
func TestSchemasAgree(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			s, whole := described(t, kind)
			agree(t, kind, s, whole)
			for _, at := range places(whole) {
				agree(t, kind, s, changed(whole, at, nil, true, true))
				agree(t, kind, s, changed(whole, at, nil, true, false))
				for _, value := range hostile() {
					agree(t, kind, s, changed(whole, at, value, false, false))
				}
			}
		})
	}
}

// TestSchemasAgreeOnManyChanges changes several places at once.
func TestSchemasAgreeOnManyChanges(t *testing.T) {
	for _, kind := range kinds {
		s, whole := described(t, kind)
		values, all := hostile(), places(whole)
		rapid.Check(t, func(t *rapid.T) {
			v := whole
			for range rapid.IntRange(1, 4).Draw(t, "changes") {
				at := rapid.SampledFrom(all).Draw(t, "at")
				value := rapid.SampledFrom(values).Draw(t, "value")
				v = changed(v, at, value, rapid.Bool().Draw(t, "drop"), rapid.Bool().Draw(t, "trace"))
			}
			agree(t, kind, s, v)
		})
	}
}

// TestExamplesShowEveryKey holds the examples to the schemas: a key that an
// example lacks is one that no test has changed.
func TestExamplesShowEveryKey(t *testing.T) {
	for _, kind := range kinds {
		raw, err := schemas.Schema("documents/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Properties struct {
				Spec struct {
					Properties map[string]any `json:"properties"`
				} `json:"spec"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		_, whole := described(t, kind)
		spec := whole.(map[string]any)["spec"].(map[string]any)
		if got, want := slices.Sorted(maps.Keys(spec)), slices.Sorted(maps.Keys(doc.Properties.Spec.Properties)); !slices.Equal(got, want) {
			t.Errorf("the example of %s has %v, the schema %v", kind, got, want)
		}
	}
}

func TestLengthsAreBytes(t *testing.T) {
	s, whole := described(t, KindComponent)
	long := changed(whole, []any{"spec", "owner"}, strings.Repeat("é", 200), false, false)
	raw, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(long); err != nil {
		t.Errorf("200 characters are refused by the schema: %v", err)
	}
	if _, err := ParseComponent(raw); err == nil {
		t.Error("400 bytes are taken by the parser")
	}
}
