package view

import (
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestBelief(t *testing.T) {
	start := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	key, err := events.ParseKey("prod/eu-west-1/checkout/2.0")
	if err != nil {
		t.Fatal(err)
	}
	change := func(seq uint64, from, to string, at, recorded int, late bool) Change {
		return Change{
			ID: events.ChangeID{Incarnation: "i", Seq: seq}, Key: key.String(), From: from,
			Facts: Facts{Status: to, Percent: -1, Attempt: 1},
			At:    minute(at).UnixNano(), Recorded: minute(recorded).UnixNano(), Late: late,
		}
	}
	// It failed at 3, and we heard so at 20 only.
	changes := []Change{
		change(1, "unknown", "in_progress", 0, 0, false),
		change(5, "in_progress", "deployed", 5, 5, false),
		change(9, "deployed", "failed", 3, 20, true),
	}
	for _, tt := range []struct {
		name      string
		asOf      int
		status    string // "": nothing was believed yet
		corrected bool
	}{
		{"before the first word", -1, "", false},
		{"at the first word", 0, "in_progress", false},
		{"between two", 4, "in_progress", true},
		{"after the second", 10, "deployed", true},
		{"after the correction", 21, "failed", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, ok := Belief(key, changes, minute(tt.asOf))
			if ok != (tt.status != "") || body.Status != tt.status || body.Corrected != tt.corrected {
				t.Errorf("at minute %d: %q, known %v, corrected %v; want %q, corrected %v",
					tt.asOf, body.Status, ok, body.Corrected, tt.status, tt.corrected)
			}
		})
	}
}
