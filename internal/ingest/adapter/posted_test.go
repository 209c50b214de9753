package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/pkg/events"
)

// posted is a request to a tool's mapping, as a test writes it down.
type posted struct {
	tool   string
	header map[string]string
	query  string
	body   []byte
}

// made reads a made-up fixture and replaces parts of it, old and new in turn.
func made(t *testing.T, tool, name string, replace ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", tool, "made-up-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	body := string(raw)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(body, replace[i]) {
			t.Fatalf("the fixture %s has no %s", name, replace[i])
		}
		body = strings.Replace(body, replace[i], replace[i+1], 1)
	}
	return []byte(body)
}

// readMappings has the mappings by their tools: to read one takes longer than to
// run all its tests.
var readMappings sync.Map

// result maps the request; it fails the test when the body is refused.
func (p posted) result(t *testing.T) *Result {
	t.Helper()
	m, ok := readMappings.Load(p.tool)
	if !ok {
		m, _ = readMappings.LoadOrStore(p.tool, toolMapping(t, p.tool))
	}
	res, err := mapTwice(t, m.(*Mapping), toolRequest(t, p.header, p.query, p.body))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// said writes a result on one line: what each event says, why something is
// ignored, what is missing. It is what the tables of these tests compare.
func (p posted) said(t *testing.T) string {
	t.Helper()
	res := p.result(t)
	var all []string
	for _, m := range res.Events {
		all = append(all, m.Event.Subject+" "+saidBy(t, m.Event))
	}
	for _, i := range res.Ignored {
		all = append(all, "ignored by "+i.Rule)
	}
	for _, u := range res.Unmapped {
		if len(u.Missing) > 0 {
			all = append(all, fmt.Sprintf("unmapped by %s: no %s", u.Rule, strings.Join(u.Missing, ", ")))
			continue
		}
		all = append(all, fmt.Sprintf("unmapped by %s: %s=%s", u.Rule, u.Field, u.Value))
	}
	return strings.Join(all, "; ")
}

// saidBy writes what one event says: "failed class=permanent", "evidence
// approval=pass", "progressed".
func saidBy(t *testing.T, e *events.Event) string {
	t.Helper()
	switch e.Type {
	case events.TypeReported:
		r := reported(t, e)
		s := r.Status
		if r.Class != "" {
			s += " class=" + string(r.Class)
		}
		if r.Reason != "" {
			s += " reason=" + r.Reason
		}
		return s
	case events.TypeEvidence:
		var v events.Evidence
		if err := e.DataAs(&v); err != nil {
			t.Fatal(err)
		}
		return "evidence " + v.Kind + "=" + string(v.Verdict)
	case events.TypeProgressed:
		return "progressed"
	}
	return e.Type
}

// only returns the one event of a result.
func only(t *testing.T, res *Result) *events.Event {
	t.Helper()
	if len(res.Events) != 1 {
		t.Fatalf("%d events, want 1: %+v", len(res.Events), res)
	}
	return res.Events[0].Event
}

func reported(t *testing.T, e *events.Event) events.Reported {
	t.Helper()
	var r events.Reported
	if err := e.DataAs(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// native returns the tool's own words of an event.
func native(t *testing.T, r events.Reported) map[string]string {
	t.Helper()
	words := make(map[string]string)
	if err := json.Unmarshal(r.Native, &words); err != nil {
		t.Fatal(err)
	}
	return words
}

// noPeople fails when an event has one of the names or addresses that the payload
// has of people.
func noPeople(t *testing.T, res *Result, names ...string) {
	t.Helper()
	for _, m := range res.Events {
		c, err := m.Event.Content()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.Contains(string(c), name) {
				t.Errorf("%s names a person: %q in %s", m.Event.ID, name, c)
			}
		}
	}
}
