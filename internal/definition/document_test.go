package definition

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/document"
	"github.com/telltale-dev/telltale/pkg/statemachine"
	"github.com/telltale-dev/telltale/schemas"
)

func example(t *testing.T, kind string) []byte {
	t.Helper()
	doc, err := schemas.Document(kind)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParse(t *testing.T) {
	c, err := ParseComponent(example(t, KindComponent))
	want := &Component{
		Name: "checkout", Version: "3",
		Match: Match{Env: []string{"prod"}, Region: []string{"eu-*", "us-*"}, Component: []string{"checkout", "checkout-*"}},
		Owner: "team-payments", Escalation: "payments-primary", Regions: []string{"eu-west-1", "us-east-1"},
		DependsOn: []string{"payments", "stock"}, Impact: "Customers cannot pay.", Unit: "retail", Labels: map[string]string{"tier": "1"},
	}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("component %+v, %v", c, err)
	}
	s, err := ParseSource(example(t, KindSource))
	wantSource := &Source{
		Name: "argocd", Version: "1", Match: Match{Source: []string{"/argocd/*", "urn:argocd:*"}}, Owner: "team-platform",
		ExpectedEvery: 15 * time.Minute, Contiguous: true, Authority: []string{"deployed", "failed"}, Names: NamesFollow,
	}
	if err != nil || !reflect.DeepEqual(s, wantSource) {
		t.Errorf("source %+v, %v", s, err)
	}
}

const headOf = "apiVersion: telltale.dev/v1\nkind: Component\nmetadata: {name: a, version: \"1\"}\n"

// TestFaults wants every fault at once, each with its place.
func TestFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		doc  string
		want []string
	}{
		"all at once": {
			headOf + "spec:\n  match: {env: Prod}\n  owner: 7\n  ownr: x\n  regions: eu\n  labels: {tier: 1}\n",
			[]string{
				"5:10: spec.match.component: is missing",
				"5:16: spec.match.env: is not a pattern of names: ^[a-z0-9*][a-z0-9_*-]{0,62}$",
				"6:10: spec.owner: is not text: put it in quotes",
				"7:3: spec.ownr: there is no such key (there are match, owner, escalation, regions, depends_on, impact, unit, labels)",
				"8:12: spec.regions: is not a list",
				"9:18: spec.labels.tier: is not text: put it in quotes",
			},
		},
		"no YAML":     {headOf + "spec: {", []string{"4:7: "}},
		"a key twice": {headOf + "kind: Component\nspec: {match: {component: a}}\n", []string{"4:1: mapping key \"kind\" already defined at [2:1]"}},
		"empty":       {"# nothing\n", []string{"is empty"}},
		"no mapping":  {"- a\n", []string{"1:1: is not a mapping"}},
		"an anchor":   {headOf + "spec: {match: {component: &a b}, owner: *a}\n", []string{"4:27: spec.match.component: is not text", "4:41: spec.owner: is not text"}},
		"a merge":     {headOf + "spec: {match: {component: a}, <<: {owner: a}}\n", []string{"4:31: spec.<<: there is no such key"}},
		"a tag":       {headOf + "spec: {match: {component: !!str a}}\n", []string{"4:27: spec.match.component: is not text"}},
		"two":         {headOf + "spec: {match: {component: a}}\n---\na: b\n", []string{"6:1: a second document begins here"}},
		"other kind":  {strings.Replace(headOf, "Component", "Source", 1) + "spec: {match: {component: a}}\n", []string{"2:7: kind: is not Component"}},
		"too long":    {headOf + "spec: {match: {component: a}}\n#" + strings.Repeat("x", document.MaxBytes), []string{"the limit is 65536"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseComponent([]byte(tc.doc))
			if err == nil {
				t.Fatal("it is taken")
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(tc.want) {
				t.Fatalf("faults\n%s\nwant\n%s", err, strings.Join(tc.want, "\n"))
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("fault %q, want %q", got[i], want)
				}
			}
		})
	}
}

// TestManyFaults bounds what is told: a detail has to fit into an answer.
func TestManyFaults(t *testing.T) {
	_, err := ParseComponent([]byte(headOf + "spec: {match: {component: a}, regions: [" + strings.Repeat("A,", 99) + "A]}\n"))
	if n := len(document.FaultsOf(err)); n != document.MaxFaults {
		t.Errorf("%d faults, want %d", n, document.MaxFaults)
	}
}

// TestDeepNesting holds that nesting is refused before the parser sees it.
func TestDeepNesting(t *testing.T) {
	for _, open := range []string{"[", "{a: ", "a: [", "- "} {
		doc := strings.Repeat(open, (document.MaxBytes-10)/len(open))
		if err := Check([]byte(doc)); err == nil || !strings.Contains(err.Error(), "is nested deeper than 32") {
			t.Errorf("%.10q…: %v", doc, err)
		}
	}
	deep := headOf + "spec: {match: {component: a}, impact: \"" + strings.Repeat("[", 99) + "\"}\n"
	if err := Check([]byte(deep)); err != nil {
		t.Errorf("brackets in a text: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, kind := range kinds {
		if err := Check(example(t, kind)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got, name, version, err := Read(example(t, kind)); got != kind || name == "" || version == "" || err != nil {
			t.Errorf("%s: read as %q, %q, %q, %v", kind, got, name, version, err)
		}
	}
	if err := Check(statemachine.StandardDocument()); err != nil {
		t.Errorf("the standard lifecycle: %v", err)
	}
	ref := statemachine.Standard().Ref()
	if kind, name, version, err := Read(statemachine.StandardDocument()); kind != KindLifecycle || name != ref.Name || version != ref.Version || err != nil {
		t.Errorf("the standard lifecycle is read as %q, %q, %q, %v", kind, name, version, err)
	}
	lifecycle := strings.Replace(string(statemachine.StandardDocument()), "spec:", "spec:\n  stats: []", 1)
	line := 1 + strings.Count(lifecycle[:strings.Index(lifecycle, "stats")], "\n")
	for name, tc := range map[string]struct {
		doc    string
		line   int
		detail string
	}{
		"lifecycle":    {lifecycle, line, "stats"},
		"mapping":      {"kind: Mapping\nmetadata: {name: a, version: b}\n", 1, "put in force by the configuration"},
		"unknown kind": {"\nkind: Workflow\nmetadata: {name: a, version: b}\n", 2, "is none of Lifecycle, Component, Source"},
		"no kind":      {"metadata: {name: a, version: b}\n", 1, "is missing"},
		"no version":   {"kind: Component\nmetadata: {name: a}\n", 2, "is missing"},
		"no metadata":  {"kind: Component\n", 1, "is missing"},
		"odd metadata": {"kind: Component\nmetadata: a\n", 2, "is not a mapping"},
		"odd name":     {"kind: Component\nmetadata:\n  name: [a]\n  version: b\n", 3, "is not a text"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := document.FaultsOf(Check([]byte(tc.doc)))
			if len(faults) == 0 || faults[0].Line != tc.line || !strings.Contains(faults[0].Detail, tc.detail) {
				t.Errorf("faults %+v, want line %d, %q", faults, tc.line, tc.detail)
			}
		})
	}
}

func TestReadFiles(t *testing.T) {
	component, source := string(example(t, KindComponent)), string(example(t, KindSource))
	docs, err := ReadFiles(File{"all.yaml", []byte("# ours\n---\n" + component + "--- # next\n" + source + "---\n\n")})
	if err != nil || len(docs) != 2 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	lines := strings.Count(component, "\n")
	if d := docs[0]; d.Kind != KindComponent || d.Name != "checkout" || d.Version != "3" || string(d.Text) != component || d.File != "all.yaml" || d.Line != 3 {
		t.Errorf("first %+v", d)
	}
	if d := docs[1]; d.Kind != KindSource || string(d.Text) != source || d.Line != 4+lines {
		t.Errorf("second %+v", d)
	}
	// A document is the same alone and in company: so is its digest.
	alone, err := ReadFiles(File{"source.yaml", []byte(source)})
	if err != nil || alone[0].Activated().Digest != docs[1].Activated().Digest {
		t.Errorf("alone %+v, %v", alone, err)
	}

	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"none":           {[]string{"# nothing\n---\n"}, "0.yaml: holds no document"},
		"twice":          {[]string{component + "---\n" + component}, "0.yaml:20:1: metadata.name: this Component stands in 0.yaml on line 1 as well"},
		"twice in two":   {[]string{component, "---\n" + component}, "1.yaml:2:1: metadata.name: this Component stands in 0.yaml on line 1 as well"},
		"in second":      {[]string{component + "---\n" + strings.Replace(source, "names: follow", "names: both", 1)}, "0.yaml:32:10: spec.names: is neither lead nor follow"},
		"in both":        {[]string{"a: b\n---\nc: d\n"}, "0.yaml:1:1: kind: is missing\n0.yaml:1:1: metadata: is missing\n0.yaml:3:1: kind: is missing\n0.yaml:3:1: metadata: is missing"},
		"no place":       {[]string{component + "---\n" + source + "#" + strings.Repeat("x", document.MaxBytes)}, "0.yaml:20:1: has "},
		"no such marker": {[]string{component + "---- a\n"}, "0.yaml:19:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			var files []File
			for i, text := range tc.files {
				files = append(files, File{fmt.Sprintf("%d.yaml", i), []byte(text)})
			}
			docs, err := ReadFiles(files...)
			if err == nil || !strings.Contains(err.Error(), tc.want) || docs != nil {
				t.Errorf("%d documents, error %v, want %q", len(docs), err, tc.want)
			}
		})
	}
}
