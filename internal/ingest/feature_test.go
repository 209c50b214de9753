package ingest

import (
	"bufio"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// scenario is one example of a scenario outline of a feature file, with its
// placeholders filled in.
type scenario struct {
	name       string
	request    string            // what is sent
	attributes map[string]string // what it says, and nothing else
	data       string
}

// scenarios reads the outlines of a feature file: Gherkin, as far as the
// conformance tests of CloudEvents use it.
func scenarios(t *testing.T, path string) []scenario {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	for _, outline := range strings.Split(string(raw), "Scenario Outline: ")[1:] {
		steps, examples, ok := strings.Cut(outline, "Examples:")
		texts := strings.Split(steps, `"""`)
		rows := table(examples)
		if !ok || len(texts) != 5 || len(rows) < 2 {
			t.Fatalf("an outline is not what is expected:\n%s", outline)
		}
		for _, example := range rows[1:] {
			fill := func(s string) string {
				for i, name := range rows[0] {
					s = strings.ReplaceAll(s, "<"+name+">", example[i])
				}
				return s
			}
			s := scenario{request: fill(texts[1]), data: texts[3], attributes: make(map[string]string)}
			s.name, _, _ = strings.Cut(fill(steps), "\n")
			for _, row := range table(texts[2])[1:] {
				s.attributes[row[0]] = fill(row[1])
			}
			all = append(all, s)
		}
	}
	return all
}

// table returns the cells of the lines that are rows of a table.
func table(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 3 {
			continue
		}
		row := cells[1 : len(cells)-1]
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
	return rows
}

// received is a request of a feature file as the door sees it.
func received(t *testing.T, text string) (http.Header, []byte) {
	t.Helper()
	head, body, ok := strings.Cut(strings.TrimSpace(text), "\n\n")
	if !ok {
		t.Fatalf("a request without a body:\n%s", text)
	}
	var lines []string
	for line := range strings.Lines(head) {
		lines = append(lines, strings.TrimSpace(line))
	}
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(strings.Join(lines[1:], "\r\n") + "\r\n\r\n")))
	header, err := r.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return http.Header(header), []byte(body)
}

// The conformance tests of CloudEvents for the HTTP binding: our door reads the
// same attributes and the same data.
func TestHTTPBindingFeature(t *testing.T) {
	all := scenarios(t, testkit.RealInputs(t, "cloudevents", "cloudevents+conformance", "features", "http-protocol-binding.feature"))
	if len(all) == 0 {
		t.Fatal("the feature file has no scenarios")
	}
	p := &pipeline{limits: events.DefaultLimits()}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			header, body := received(t, s.request)
			mode, err := contentMode(header)
			if err != nil {
				t.Fatal(err)
			}
			e, err := p.decode(&arrival{raw: body, headers: header, binary: mode == modeBinary})
			if err != nil {
				t.Fatal(err)
			}
			said := map[string]string{
				"id": e.ID, "specversion": "1.0", "type": e.Type, "source": e.Source,
				"time": e.Time.Format("2006-01-02T15:04:05Z07:00"), "datacontenttype": e.DataContentType,
			}
			for name, want := range s.attributes {
				if said[name] != want {
					t.Errorf("%s is %q, want %q", name, said[name], want)
				}
			}
			want := jsontext.Value(s.data)
			if err := want.Canonicalize(); err != nil {
				t.Fatal(err)
			}
			if string(e.Data) != string(want) {
				t.Errorf("the data are %s, want %s", e.Data, want)
			}
			if e.Subject != "" || e.Sequence != "" || len(e.Extensions) > 0 {
				t.Errorf("it says more than was sent: %+v", e)
			}
		})
	}
}
