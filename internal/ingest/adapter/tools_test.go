package adapter

import (
	"bytes"
	"errors"
	"io/fs"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// toolMapping reads the document of one tool, so that a fault in another's does
// not stand in the way.
func toolMapping(t testing.TB, tool string) *Mapping {
	t.Helper()
	file := tool + ".yaml"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(file, doc)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if m.Name != tool {
		t.Fatalf("%s is the mapping of %s", file, m.Name)
	}
	return m
}

// toolRequest makes a request of a body. Headers may be in any case.
func toolRequest(t testing.TB, headers map[string]string, query string, body []byte) *Request {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Header: map[string][]string{"Content-Type": {"application/json"}}, Query: values, Body: body}
	for name, value := range headers {
		r.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	return r
}

// mapTwice maps a request twice, and checks what holds of every result: the events
// are valid, and a second delivery gives the same content.
func mapTwice(t testing.TB, m *Mapping, r *Request) (*Result, error) {
	t.Helper()
	first, err := m.Map(r)
	if err != nil {
		if code := events.CodeOf(err); code != events.CodeMalformed && code != events.CodeTooLarge {
			t.Errorf("the error is %v, without a code of the contract", err)
		}
		return nil, err
	}
	if len(first.Events)+len(first.Ignored)+len(first.Unmapped) == 0 {
		t.Error("the result says nothing")
	}
	for _, e := range first.Events {
		if err := e.Event.Validate(); err != nil {
			t.Errorf("rule %s: %v", e.Rule, err)
		}
	}
	again, err := m.Map(r)
	if err != nil {
		t.Fatalf("mapped again: %v", err)
	}
	if a, b := shown(t, first), shown(t, again); !bytes.Equal(a, b) {
		t.Errorf("mapped again, the result is\n%s\nfirst it was\n%s", b, a)
	}
	return first, nil
}

// shown is a result as the golden files have it.
func shown(t testing.TB, res *Result) []byte {
	t.Helper()
	doc, err := res.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatal(err)
	}
	return append(doc, '\n')
}

// fixture is what stands beside a body, in made-up-NAME.request.json.
type fixture struct {
	Header map[string]string `json:"header"`
	Query  string            `json:"query"`
	Hook   struct {
		Env       string   `json:"env"`
		Regions   []string `json:"regions"`
		Component string   `json:"component"`
		Follow    bool     `json:"follow"`
		Deploys   []string `json:"deploys"`
		Patterns  []string `json:"patterns"`
	} `json:"hook"`
}

// request returns the request that a fixture describes.
func readFixture(t testing.TB, path string) *Request {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	raw, err := os.ReadFile(strings.TrimSuffix(path, ".json") + ".request.json")
	if err == nil {
		err = json.Unmarshal(raw, &f, json.RejectUnknownMembers(true))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	r := toolRequest(t, f.Header, f.Query, body)
	r.Hook = Hook{
		Env: f.Hook.Env, Regions: f.Hook.Regions, Component: f.Hook.Component, Follow: f.Hook.Follow,
		Deploys: f.Hook.Deploys, Patterns: f.Hook.Patterns,
	}
	return r
}

// fixtures returns the bodies of a tool's folder.
func fixtures(t testing.TB, tool string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", tool, "made-up-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, path := range all {
		if !strings.HasSuffix(path, ".request.json") && !strings.HasSuffix(path, ".want.json") {
			bodies = append(bodies, path)
		}
	}
	return bodies
}

func tools(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".yaml")
	}
	return files
}

// TestTool maps the made-up requests of every tool and compares with what is
// wanted, in made-up-NAME.want.json. -update writes that anew.
func TestTool(t *testing.T) {
	for _, tool := range tools(t) {
		t.Run(tool, func(t *testing.T) {
			m := toolMapping(t, tool)
			bodies := fixtures(t, tool)
			if len(bodies) == 0 {
				t.Errorf("testdata/%s holds no made-up-*.json", tool)
			}
			for _, path := range bodies {
				t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
					res, err := mapTwice(t, m, readFixture(t, path))
					if err != nil {
						t.Fatal(err)
					}
					got, file := shown(t, res), strings.TrimSuffix(path, ".json")+".want.json"
					if *update {
						if err := os.WriteFile(file, got, 0o600); err != nil {
							t.Fatal(err)
						}
						return
					}
					want, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, want) {
						t.Errorf("got\n%swant\n%s", got, want)
					}
				})
			}
		})
	}
}
