package adapter

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/telltale-dev/telltale/internal/document"
	"github.com/telltale-dev/telltale/schemas"
)

const mappingHead = "apiVersion: telltale.dev/v1\nkind: Mapping\nmetadata: {name: a, version: \"1\"}\nspec:\n  summary: a\n"

func TestReadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		doc  string
		want []string // a line each, file and all
	}{
		"no rules":            {mappingHead, []string{"a.yaml:5:3: spec.rules: is missing"}},
		"an unknown key":      {mappingHead + "  rules: [{name: a, ignore: b}]\n  odd: 1\n", []string{"a.yaml:7:3: spec.odd: there is no such key"}},
		"an unknown name":     {mappingHead + "  rules:\n    - {name: a, when: bodi.x == 1, ignore: b}\n", []string{"a.yaml:7:23: spec.rules[0].when: undeclared reference to 'bodi'"}},
		"an unknown function": {mappingHead + "  let:\n    x: 'text(body.a) + shout(body.b)'\n  rules: [{name: a, ignore: b}]\n", []string{"a.yaml:7:29: spec.let.x: undeclared reference to 'shout'"}},
		"a function of CEL":   {mappingHead + "  let:\n    x: int(body.a)\n  rules: [{name: a, ignore: b}]\n", []string{"a.yaml:7:11: spec.let.x: int is not available in a mapping"}},
		"within a block": {
			mappingHead + "  let:\n    x: |\n      text(body.a) +\n        bodi.b\n  rules: [{name: a, ignore: b}]\n",
			[]string{"a.yaml:9:9: spec.let.x: undeclared reference to 'bodi'"},
		},
		"has and null": {
			mappingHead + "  let:\n    x: has(body.a)\n    y: body.a == null\n  rules: [{name: a, ignore: b}]\n",
			[]string{"a.yaml:7:11: spec.let.x: there is no has() here", "a.yaml:8:18: spec.let.y: there is no null here"},
		},
		"no bound": {
			mappingHead + "  let:\n    x: body.a.exists(b, b.c.exists(d, d))\n  rules: [{name: a, ignore: b}]\n",
			[]string{"a.yaml:7:35: spec.let.x: a loop within a loop has no bound"},
		},
		"no condition":        {mappingHead + "  rules: [{name: a, when: '\"a\"', ignore: b}]\n", []string{"spec.rules[0].when: the expression gives a string, wanted a bool"}},
		"nothing to do":       {mappingHead + "  rules: [{name: a}]\n", []string{"a.yaml:6:11: spec.rules[0]: says neither status nor outcome nor ignore"}},
		"no id":               {mappingHead + "  rules: [{name: a, event: {source: '\"/a\"'}, outcome: deployed}]\n", []string{"spec.rules[0].event.id: is missing"}},
		"two meanings":        {mappingHead + "  rules: [{name: a, ignore: b, outcome: {status: c, ignore: d}}]\n", []string{"goes not with the others"}},
		"a guess":             {mappingHead + "  rules: [{name: a, event: {id: body.a, source: body.b}, status: {field: f, value: body.c, map: {\"*\": deployed}}}]\n", []string{"only ignore may do that"}},
		"item of no each":     {mappingHead + "  rules: [{name: a, event: {id: item.a}, ignore: b}]\n", []string{"undeclared reference to 'item'"}},
		"another kind":        {strings.Replace(mappingHead, "Mapping", "Source", 1) + "  rules: [{name: a, ignore: b}]\n", []string{"a.yaml:2:7: kind: is not Mapping"}},
		"no tool":             {strings.Replace(mappingHead, "name: a", "name: A", 1) + "  rules: [{name: a, ignore: b}]\n", []string{"metadata.name: is not the name of a tool"}},
		"an alias of nothing": {mappingHead + "  rules: *odd\n", []string{"there is no anchor &odd"}},
		"aliases in aliases":  {mappingHead + "  let: &a {x: body.a}\n  event: &b {labels: *a}\n  rules: [{name: a, ignore: b}]\n", []string{"an alias stands within"}},
	} {
		_, err := Read("a.yaml", []byte(tc.doc))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if _, ok := err.(*document.Error); !ok {
			t.Errorf("%s: the error is a %T", name, err)
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
	}
}

type schemaFiles struct{}

func (schemaFiles) Load(uri string) (any, error) {
	name, _ := strings.CutPrefix(uri, schemas.BaseURI)
	raw, err := schemas.Schema(strings.TrimSuffix(name, ".json"))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(raw))
}

// TestSchema holds the JSON Schema to the documents: the example and every tool's
// are valid by it, and what it does not know is refused by it too.
func TestSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.UseLoader(schemaFiles{})
	schema, err := c.Compile(schemas.BaseURI + "documents/" + Kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	decoded := func(text []byte) any {
		raw, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := schema.Validate(decoded(shipit(t).Document())); err != nil {
		t.Errorf("the example: %v", err)
	}
	for _, tool := range tools(t) {
		if err := schema.Validate(decoded(toolMapping(t, tool).Document())); err != nil {
			t.Errorf("%s: %v", tool, err)
		}
	}
	for _, wrong := range []string{
		"  odd: 1\n  rules: [{name: a, ignore: b}]\n", "  rules: []\n", "  rules: [{name: a}]\n",
		"  rules: [{name: a, ignore: b, outcome: deployed}]\n", "  rules: [{name: a, outcome: {status: a, observed: true}}]\n",
		"  event: {odd: body.a}\n  rules: [{name: a, ignore: b}]\n", "  let: {item: body.a}\n  rules: [{name: a, ignore: b}]\n",
	} {
		doc := []byte(mappingHead + wrong)
		if schema.Validate(decoded(doc)) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
		if _, err := Read("", doc); err == nil {
			t.Errorf("the reader takes %s", wrong)
		}
	}
}
