package statemachine

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const lifecyclePage = "../../docs/lifecycle.md"

// TestLifecyclePage holds the table of docs/lifecycle.md against the document
// and the diagram against what diagram draws. With -update it is drawn anew.
func TestLifecyclePage(t *testing.T) {
	doc, err := Parse(StandardDocument())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(lifecyclePage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, s := range doc.Spec.States {
		if row := fmt.Sprintf("\n| `%s` | %d | %s | ", s.Name, s.Rank, s.Category); !strings.Contains(page, row) {
			t.Errorf("the page has no row %q", strings.TrimSpace(row))
		}
	}
	const begin, end = "go generate ./pkg/statemachine -->\n", "<!-- end -->"
	head, rest, found := strings.Cut(page, begin)
	have, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("the page has no block between %q and %q", begin, end)
	}
	want := diagram(doc)
	if *update {
		if err := os.WriteFile(lifecyclePage, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("the diagram is not the document's: look at the difference, then run with -update")
	}
}

// diagram draws a lifecycle for Mermaid: facts as solid arrows, judgements as
// dotted ones, final statuses with round ends.
func diagram(d *Document) string {
	var b strings.Builder
	b.WriteString("\n```mermaid\nflowchart LR\n")
	for _, s := range d.Spec.States {
		if strings.HasPrefix(s.Category, "final") {
			fmt.Fprintf(&b, "  %s([%s])\n", s.Name, s.Name)
		}
	}
	for _, row := range d.Spec.Transitions {
		from := strings.Join(row.From, " & ")
		if len(row.To) > 0 {
			fmt.Fprintf(&b, "  %s --> %s\n", from, strings.Join(row.To, " & "))
		}
		if len(row.Judged) > 0 {
			fmt.Fprintf(&b, "  %s -. evidence .-> %s\n", from, strings.Join(row.Judged, " & "))
		}
	}
	b.WriteString("```\n\n")
	return b.String()
}

// TestLifecyclePageExamples runs the examples of docs/lifecycle.md.
func TestLifecyclePageExamples(t *testing.T) {
	ran := 0
	for _, sc := range readScenarios(t, lifecyclePage) {
		if sc.words == nil {
			continue // a line of the text that looks like the head of one
		}
		ran++
		t.Run(sc.name, func(t *testing.T) {
			states := map[string]*State{}
			for name, words := range sc.words {
				states[name], _ = Standard().Fold(name, words)
				checkOrders(t, Standard(), name, words)
			}
			if got := show(states); got != sc.base {
				t.Errorf("\n got %s\nwant %s", got, sc.base)
			}
		})
	}
	if ran < 15 {
		t.Errorf("%d examples ran: the page has more", ran)
	}
}
