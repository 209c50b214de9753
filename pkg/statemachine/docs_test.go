package statemachine

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
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

// diagram draws a lifecycle for Mermaid: facts as solid arrows, judgements and
// what goes by itself as dotted ones with the guard, final statuses with round
// ends; and lists what the document says besides.
func diagram(d *Document) string {
	var b strings.Builder
	b.WriteString("\n```mermaid\nflowchart LR\n")
	for _, s := range d.Spec.States {
		if strings.HasPrefix(s.Category, "final") {
			fmt.Fprintf(&b, "  %s([%s])\n", s.Name, s.Name)
		}
	}
	drawn := map[string]bool{}
	dotted := func(from, guard, to string) {
		arrow := fmt.Sprintf("  %s -. %s .-> %s\n", from, guard, to)
		if !drawn[arrow] {
			drawn[arrow] = true
			b.WriteString(arrow)
		}
	}
	for _, row := range d.Spec.Transitions {
		if len(row.To) > 0 {
			fmt.Fprintf(&b, "  %s --> %s\n", strings.Join(row.From, " & "), strings.Join(row.To, " & "))
		}
		for _, j := range row.Judged {
			for _, from := range row.From {
				dotted(from, cmp.Or(j.Guard, GuardEvidence), j.To)
			}
		}
	}
	for _, a := range d.Spec.Auto {
		for _, from := range a.From {
			dotted(from, a.When, a.To)
		}
	}
	b.WriteString("```\n\n| guard | for people | condition |\n|---|---|---|\n")
	for _, g := range d.Spec.Guards {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", g.Name, g.Message, inTable(g.When))
	}
	b.WriteString("\n| from | goes by itself to | once | reason |\n|---|---|---|---|\n")
	for _, a := range d.Spec.Auto {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", code(a.From), code([]string{a.To}), a.When, a.Reason)
	}
	b.WriteString("\n| policy | entering | must hold | else |\n|---|---|---|---|\n")
	for _, p := range d.Spec.Policies {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", p.Name, code(p.On), inTable(p.When), p.Message)
	}
	b.WriteString("\n| status | silent after | overdue after |\n|---|---|---|\n")
	for _, s := range d.Spec.States {
		if row, ok := d.Spec.Deadlines[s.Name]; ok {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, span(row.SilentAfter), span(row.OverdueAfter))
		}
	}
	b.WriteString("\n")
	return b.String()
}

func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// inTable writes a condition on one line; a bar would end its cell.
func inTable(when string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(when), " "), "|", "\\|")
}

func span(d *Duration) string {
	if d == nil || *d == 0 {
		return "–"
	}
	text := strings.TrimSuffix(time.Duration(*d).String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
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
				states[name], _ = Standard().Fold(events.Key{Deployment: name}, words)
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
