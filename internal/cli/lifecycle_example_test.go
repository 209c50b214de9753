package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/telltale-dev/telltale/schemas"
)

// The schema of examples and the reader of examples take and refuse the same.
func TestExamplesFitTheirSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	for _, kind := range []string{"Component", kindExamples} {
		raw, err := schemas.Schema("documents/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(schemas.BaseURI+"documents/"+kind+".json", doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(schemas.BaseURI + "documents/" + kindExamples + ".json")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := schemas.Document(kindExamples)
	if err != nil {
		t.Fatal(err)
	}
	const small = `apiVersion: telltale.dev/v1
kind: LifecycleExamples
metadata: {name: a, version: "1"}
spec:
  examples:
    - {name: one, events: [{at: 1m, heard: 2m, say: planned, of: p/e/a/1}], until: 1h, expect: {p/e/a/1: planned, p/e/a: {runs: ""}}}
`
	for _, tc := range []struct {
		name, doc string
		good      bool
	}{
		{"the embedded one", string(whole), true},
		{"a small one", small, true},
		{"another kind", strings.Replace(small, "Examples", "", 1), false},
		{"another version of the API", strings.Replace(small, "v1", "v2", 1), false},
		{"without a name", strings.Replace(small, "name: a, ", "", 1), false},
		{"no examples", small[:strings.Index(small, "  examples")] + "  examples: []\n", false},
		{"an example without a name", strings.Replace(small, "name: one, ", "", 1), false},
		{"an example without events", strings.Replace(small, "{at: 1m, heard: 2m, say: planned, of: p/e/a/1}", "", 1), false},
		{"nothing expected", strings.Replace(small, `p/e/a/1: planned, p/e/a: {runs: ""}`, "", 1), false},
		{"an unknown key", strings.Replace(small, "until", "untill", 1), false},
		{"an unknown expectation", strings.Replace(small, "runs", "run", 1), false},
		{"a time that is none", strings.Replace(small, "at: 1m", "at: soon", 1), false},
		{"a fraction of a time", strings.Replace(small, "heard: 2m", "heard: 2.5m", 1), false},
		{"an event that says nothing", strings.Replace(small, "say: planned, ", "", 1), false},
		{"an event of nothing", strings.Replace(small, ", of: p/e/a/1", "", 1), false},
		{"an event without a time", strings.Replace(small, "at: 1m, ", "", 1), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw, err := yaml.YAMLToJSON([]byte(tc.doc))
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			bySchema := schema.Validate(v)
			if _, err := readExamples([]byte(tc.doc)); (err == nil) != tc.good || (bySchema == nil) != tc.good {
				t.Errorf("the reader says %v, the schema %v", err, bySchema)
			}
		})
	}
}
