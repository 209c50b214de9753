package statemachine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestStandardIsClean(t *testing.T) {
	for _, f := range Lint(StandardDocument()) {
		t.Errorf("standard.yaml:%d:%d: %s: %s", f.Line, f.Column, f.Rule, f.Message)
	}
}

func TestLint(t *testing.T) {
	doc := `apiVersion: telltale.dev/v1
kind: Lifecycle
metadata: {name: x, version: "1"}
spec:
  states:
    - {name: waits, rank: 0, category: waiting, start: true}
    - {name: works, rank: 1, category: active}
    - {name: loops, rank: 2, category: active}
    - {name: stuck, rank: 3, category: held}
    - {name: island, rank: 4, category: final-bad}
    - {name: done, rank: 5, category: final-good}
  transitions:
    - {from: [waits], to: [works, loops, stuck]}
    - {from: [works], to: [done]}
    - {from: [loops], to: [loops]}
  guards:
    - {name: never, when: "1 == 2", message: waits for ever}
    - {name: once, when: "attempt == 1", message: waits for the first}
  auto:
    - {from: [works], to: done, when: once}
    - {from: [works, waits], to: stuck, when: once}
  deadlines: {waits: {overdue_after: 1h}, works: {silent_after: 0s}}
  authority: [{source: "*", statuses: [waits, works, loops, done]}]
`
	var got []string
	for _, f := range Lint([]byte(doc)) {
		if f.Severity != SeverityWarning || f.Message == "" {
			t.Errorf("finding %+v", f)
		}
		got = append(got, fmt.Sprintf("%d %s", f.Line, f.Rule))
	}
	want := []string{"7 no_deadline", "8 deadlock", "8 no_deadline", "9 no_exit", "9 no_owner", "10 unreachable", "17 unused", "21 shadowed"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	broken := Lint([]byte(strings.Replace(doc, "1 == 2", "one == 2", 1)))
	if len(broken) != 1 || broken[0].Severity != SeverityError || broken[0].Rule != RuleCompile || broken[0].Line != 17 || broken[0].Column != 28 {
		t.Errorf("a document that does not compile: %+v", broken)
	}
}
