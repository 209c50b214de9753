package e2e

import (
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// deadline is what a lifecycle says of one status.
type deadline struct {
	Silent  time.Duration // no word of any kind
	Overdue time.Duration // since the status was entered
}

// withDeadlines is the standard lifecycle under a version of its own, with these
// deadlines by status and no others.
func withDeadlines(t testing.TB, version string, by map[string]deadline) string {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(statemachine.StandardDocument(), &doc); err != nil {
		t.Fatal(err)
	}
	said := map[string]any{}
	for status, d := range by {
		row := map[string]string{}
		if d.Silent > 0 {
			row["silent_after"] = d.Silent.String()
		}
		if d.Overdue > 0 {
			row["overdue_after"] = d.Overdue.String()
		}
		said[status] = row
	}
	doc["metadata"].(map[string]any)["version"] = version
	spec := doc["spec"].(map[string]any)
	spec["deadlines"] = said
	delete(spec, "overrides")
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// compile is the lifecycle of a document.
func compile(t testing.TB, document string) *statemachine.Lifecycle {
	t.Helper()
	l, err := statemachine.Compile([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// stallAt is why a deployment has stalled by some time, "" when it has not: read
// off its deadlines, the earlier one first.
func stallAt(d statemachine.Deadline, at int64) string {
	silent, overdue := d.Silent != 0 && d.Silent <= at, d.Overdue != 0 && d.Overdue <= at
	switch {
	case silent && (!overdue || d.Silent <= d.Overdue):
		return "silent"
	case overdue:
		return "overdue"
	}
	return ""
}
