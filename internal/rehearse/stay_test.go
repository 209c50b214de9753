package rehearse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// A stay is counted when it ended in its attempt; signs of life cut its silence,
// and what goes on, or was begun anew, teaches nothing.
func TestStays(t *testing.T) {
	const key = "prod/eu/api/1.0"
	report := func(id string, second int, status string) *events.Event {
		return say(events.TypeReported, key, "/ci", id, second, second, events.Reported{Status: status})
	}
	h := Read(stored([]*events.Event{
		report("1", 0, "planned"),
		report("2", 60, "in_progress"),
		say(events.TypeProgressed, key, "/ci", "3", 100, 100, events.Progressed{}),
		say(events.TypeProgressed, key, "/ci", "4", 300, 300, events.Progressed{}),
		report("5", 360, "deployed"),
		report("6", 5000, "in_progress"), // a new attempt
		report("7", 5600, "failed"),
	}), view.Watermarks{})
	var got []string
	for _, s := range h.World(h.Len(), nil).Stays() {
		got = append(got, fmt.Sprintf("%s %v, silent %v", s.Status, s.Lasted, s.Silent))
	}
	want := "planned 1m0s, silent 1m0s; in_progress 5m0s, silent 3m20s; in_progress 10m0s, silent 10m0s"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("stays\n%s\nwant\n%s", text, want)
	}
}
