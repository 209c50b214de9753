package adapter

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write the golden files and the tables of docs/tools anew")

const (
	tableBegins = "<!-- drawn from the mapping: go test ./internal/ingest/adapter -run Pages -update -->\n"
	tableEnds   = "<!-- end -->"
)

// TestToolPages holds the pages of docs/tools against their mapping documents:
// the table of what each native value becomes, and every reason for which
// something is ignored. With -update the tables are drawn anew.
func TestToolPages(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/tools/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		tool := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(tool, func(t *testing.T) {
			raw, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			before, rest, found := strings.Cut(string(raw), tableBegins)
			have, after, closed := strings.Cut(rest, tableEnds)
			if !found || !closed {
				return // a page of prose: its mapping has no table of values
			}
			rules := readRules(t, tool)
			for _, rule := range rules {
				if why, ok := rule["ignore"].(string); ok && !strings.Contains(before+after, why) {
					t.Errorf("the page does not say what rule %v ignores: %q", rule["name"], why)
				}
			}
			want := drawTable(rules)
			if *update {
				if err := os.WriteFile(page, []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if have != want {
				t.Error("the table is not the document's: look at the difference, then run with -update")
			}
		})
	}
}

// readRules reads the rules of a mapping document as YAML alone: the page is held
// against what stands there, not against what the engine makes of it.
func readRules(t *testing.T, tool string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(tool + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Spec struct {
			Rules []map[string]any
		}
	}
	if err := yaml.UnmarshalWithOptions(raw, &doc, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	return doc.Spec.Rules
}

// drawTable has one line for every value that a rule knows.
func drawTable(rules []map[string]any) string {
	var b strings.Builder
	b.WriteString("\n| rule | field | value | becomes |\n|---|---|---|---|\n")
	for _, rule := range rules {
		if outcome, ok := rule["outcome"]; ok {
			fmt.Fprintf(&b, "| %v | | | %s |\n", rule["name"], drawOutcome(outcome))
		}
		status, _ := rule["status"].(yaml.MapSlice)
		for _, entry := range members(member(status, "map")) {
			value := fmt.Sprintf("`%v`", entry.Key)
			if entry.Key == "" {
				value = "*(not there)*"
			}
			fmt.Fprintf(&b, "| %v | `%v` | %s | %s |\n", rule["name"], member(status, "field"), value, drawOutcome(entry.Value))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// drawOutcome says in words what becomes of a value.
func drawOutcome(outcome any) string {
	switch o := outcome.(type) {
	case string:
		if o == "heartbeat" {
			return "a sign of life"
		}
		return "`" + o + "`"
	case []any:
		var all []string
		for _, one := range o {
			drawn := drawOutcome(one)
			if member(one, "when") == nil && len(all) > 0 {
				drawn = "else: " + drawn
			}
			all = append(all, drawn)
		}
		return strings.Join(all, "<br>")
	case yaml.MapSlice:
		return drawMapping(o)
	}
	return fmt.Sprintf("%T?", outcome)
}

func drawMapping(o yaml.MapSlice) string {
	var b strings.Builder
	if when := member(o, "when"); when != nil {
		fmt.Fprintf(&b, "where `%s`: ", strings.ReplaceAll(fmt.Sprint(when), "|", "\\|"))
	}
	for _, m := range o {
		switch m.Key {
		case "status":
			fmt.Fprintf(&b, "`%v`", m.Value)
		case "class", "reason":
			fmt.Fprintf(&b, ", %v `%v`", m.Key, m.Value)
		case "heartbeat":
			b.WriteString("a sign of life")
		case "evidence":
			fmt.Fprintf(&b, "evidence `%v`: %v", member(m.Value, "kind"), member(m.Value, "verdict"))
		case "observed":
			b.WriteString("what is seen to run")
		case "annotate":
			fmt.Fprintf(&b, "a note: %v", member(m.Value, "kind"))
		case "ignore":
			fmt.Fprintf(&b, "ignored: %v", m.Value)
		case "and":
			list, _ := m.Value.([]any)
			for _, one := range list {
				b.WriteString(", then " + drawOutcome(one))
			}
		}
	}
	return b.String()
}

func members(v any) yaml.MapSlice {
	m, _ := v.(yaml.MapSlice)
	return m
}

// member returns a member of a mapping, nil without one.
func member(v any, name string) any {
	for _, m := range members(v) {
		if m.Key == name {
			return m.Value
		}
	}
	return nil
}
