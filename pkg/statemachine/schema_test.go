package statemachine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/statemachine"
	"github.com/telltale-dev/telltale/schemas"
)

// unsayable are the faults of the compiler that no JSON Schema can express: what
// names refer to, what is said twice, what a condition means, and what follows
// from several values together.
var unsayable = regexp.MustCompile(`there is no (state|guard) |is declared twice|is a state: a tool|is no canonical name` +
	`|something happens to the slot|closes a cycle|Syntax error|undeclared reference|found no matching overload` +
	`|undefined field|the expression gives a|does not support`)

// lifecycleSchema returns the schema of the kind, and its example as JSON.
func lifecycleSchema(t *testing.T) (*jsonschema.Schema, any) {
	t.Helper()
	raw, err := schemas.Schema("documents/Lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("lifecycle.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("lifecycle.json")
	if err != nil {
		t.Fatal(err)
	}
	example, err := schemas.Document("Lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	return s, asJSON(t, example)
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// agree holds compiler and schema against each other. A document in JSON is one
// in YAML too.
func agree(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, s *jsonschema.Schema, v any,
) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	_, byGo := statemachine.Compile(raw)
	bySchema := s.Validate(v)
	if (byGo == nil) == (bySchema == nil) {
		return
	}
	var faults statemachine.Faults
	if bySchema != nil || !errors.As(byGo, &faults) {
		t.Fatalf("%.2000s\nGo: %v\nschema: %v", raw, byGo, bySchema)
	}
	for _, f := range faults {
		if !unsayable.MatchString(f.Message) {
			t.Fatalf("%.2000s\nGo: %v\nschema: %v", raw, byGo, bySchema)
		}
	}
}

func hostileValues() []any {
	return []any{
		nil, true, false, -1, 0, 14, 15, 1.5,
		map[string]any{},
		[]any{},
		[]any{nil},
		[]any{1},
		[]any{""},
		[]any{"deployed"},
		[]any{"no such"},
		map[string]any{"deployed": map[string]any{}},
		map[string]any{"deployed": nil},
		map[string]any{"a": "x"},
		map[string]any{"to": "deployed"},
		[]any{map[string]any{"to": "soaked"}},
		"", " ", "a", "A", "*", "a*", "/a", "é", "deployed",
		"waiting", "unknown", "soak", "0s", "15m", "1h30m", "1.5h", "-1m", "1d", "10000h", "1 == 1", "status", strings.Repeat("a", 63),
		strings.Repeat("a", 64), strings.Repeat("a", 512), strings.Repeat("a", 513),
	}
}

// within returns the path of every value inside v.
func within(v any) (all [][]any) {
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

// changed returns a copy of v with another value at a place, or without it; an
// earlier change may have left nothing there.
func changed(v any, at []any, value any, drop bool) any {
	if len(at) == 0 {
		return value
	}
	switch step := at[0].(type) {
	case string:
		m, ok := v.(map[string]any)
		if !ok {
			return v
		}
		out := maps.Clone(m)
		if out[step] = changed(m[step], at[1:], value, drop); drop && len(at) == 1 {
			delete(out, step)
		}
		return out
	case int:
		l, ok := v.([]any)
		if !ok || step >= len(l) {
			return v
		}
		out := slices.Clone(l)
		if out[step] = changed(l[step], at[1:], value, drop); drop && len(at) == 1 {
			return slices.Delete(out, step, step+1)
		}
		return out
	}
	return v
}

// TestSchemaAgrees drops each value of the example, and puts each hostile one in
// its place; then several at once.
func TestSchemaAgrees(t *testing.T) {
	s, whole := lifecycleSchema(t)
	agree(t, s, whole)
	agree(t, s, asJSON(t, statemachine.StandardDocument()))
	values, all := hostileValues(), within(whole)
	rapid.Check(t, func(t *rapid.T) {
		v := whole
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			at := rapid.SampledFrom(all).Draw(t, "at")
			v = changed(v, at, rapid.SampledFrom(values).Draw(t, "value"), rapid.Bool().Draw(t, "drop"))
		}
		agree(t, s, v)
	})
	for i, at := range all {
		agree(t, s, changed(whole, at, nil, true))
		for j, value := range values {
			if (i+j)%7 == 0 { // a compilation of all its conditions takes a millisecond
				agree(t, s, changed(whole, at, value, false))
			}
		}
	}
}

// The example is a document that compiles, and shows every key of the schema.
func TestExampleShowsEveryKey(t *testing.T) {
	raw, err := schemas.Document("Lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := statemachine.Compile(raw); err != nil {
		t.Error(err)
	}
	text, err := schemas.Schema("documents/Lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ +"(\w+)": \{$`).FindAllSubmatch(text, -1) {
		key := string(m[1])
		known := []string{"properties", "items", "metadata", "name", "duration", "deadline", "pattern", "patterns", "additionalProperties"}
		if !slices.Contains(known, key) && !bytes.Contains(raw, []byte(key+":")) {
			t.Errorf("the example has no %s", key)
		}
	}
}
