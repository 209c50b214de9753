package rehearse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// told writes changes as "message: key status (reason)".
func told(h *History, l Lifecycles) string {
	var out []string
	for c := range h.Walk(l) {
		out = append(out, fmt.Sprintf("%d: %s %s (%s)", c.Seq, c.Key().Deployment, c.To.Shown.Status, c.To.Shown.Reason))
	}
	return strings.Join(out, "\n")
}

// A walk tells when silence got its name and when it ended, why something was
// superseded, and of what is cut off nothing at all.
func TestWalkTellsTheStory(t *testing.T) {
	report := func(id, deployment string, second int, status string) *events.Event {
		return say(events.TypeReported, "prod/eu/api/"+deployment, "/ci", id, second, second, events.Reported{Status: status})
	}
	h := Read(stored([]*events.Event{
		report("1", "1.0", 0, "in_progress"),
		tick("r1", 100, "eu"),
		tick("r1", 910, "eu"), // nothing was said for 15 minutes
		say(events.TypeProgressed, "prod/eu/api/1.0", "/ci", "2", 920, 920, events.Progressed{}),
		say(events.TypeProgressed, "prod/eu/api/1.0", "/ci", "2", 920, 920, events.Progressed{}), // again
		report("3", "1.1", 930, "in_progress"),
		tick("r2", 9000, "us"), // of another region
		tick("r1", 1840, "eu"), // 1.1 is silent now, 1.0 is out of it
	}), view.Watermarks{})
	want := `1: 1.0 in_progress ()
3: 1.0 stalled (silent)
4: 1.0 in_progress ()
6: 1.0 superseded (newer_start)
6: 1.1 in_progress ()
8: 1.1 stalled (silent)`
	if got := told(h, nil); got != want {
		t.Errorf("it tells\n%s\nwant\n%s", got, want)
	}
	for range h.Walk(nil) {
		break // a caller may have heard enough
	}
	patient := Always(compiled(t, strings.ReplaceAll(hasty("patient"), "silent_after: 2m, ", "")))
	if got := told(h, patient); strings.Contains(got, "stalled (silent)") || !strings.Contains(got, "3: 1.0 stalled (overdue)") {
		t.Errorf("under another lifecycle it tells\n%s", got)
	}
}

// What cannot be used counts for nothing and is named; a lifecycle counts for
// what began when it was in force, and goes when its event gives way to a twin.
func TestHistory(t *testing.T) {
	activate := func(recorded int, doc string) *events.Event {
		return say(events.TypeDefinitionActivated, "hasty", "/apply", "d", 100, recorded, events.DefinitionActivated{
			Kind: "Lifecycle", Name: "hasty", Version: "1", Document: doc, Envs: []string{"prod"}, Actor: "user:1",
		})
	}
	report := func(key string, second int) *events.Event {
		return say(events.TypeReported, key, "/ci", key, second, second, events.Reported{Status: "in_progress"})
	}
	list := []*events.Event{
		activate(100, hasty("hasty")),
		report("prod/eu/api/before", 50),
		report("prod/eu/api/after", 150),
		report("test/eu/api/after", 150),
		say(events.TypeReported, "prod/eu", "/ci", "of a release", 0, 0, events.Reported{Status: "deployed"}),
		say(events.TypeDefinitionActivated, "bad", "/apply", "bad", 0, 0, events.DefinitionActivated{Kind: "Lifecycle", Document: "kind: Lifecycle"}),
		say(events.TypeDefinitionActivated, "checkout", "/apply", "other", 0, 0, events.DefinitionActivated{Kind: "Component"}),
		{ID: "1", Source: "/ci", Type: events.TypeReported, Subject: "prod/eu/api/never"},
	}
	h := Read(stored(list), view.Watermarks{})
	var bad []uint64
	for _, u := range h.Unusable() {
		bad = append(bad, u.Seq)
	}
	if fmt.Sprint(bad) != "[5 6 8]" {
		t.Errorf("unusable are %v, want 5, 6 and 8", h.Unusable())
	}
	follows := func(h *History) string {
		w := h.World(h.Len(), nil)
		var out []string
		for _, key := range []string{"prod/eu/api/before", "prod/eu/api/after", "test/eu/api/after"} {
			k, err := events.ParseKey(key)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, w.Deployments[k].Lifecycle.Ref().Name)
		}
		return strings.Join(out, " ")
	}
	if got := follows(h); got != "standard hasty standard" {
		t.Errorf("they follow %s", got)
	}
	if l := h.Recorded(0)("prod", at(150).UnixNano()); l.Ref().Name != "standard" {
		t.Errorf("before any activation %v is in force", l.Ref())
	}
	if got := follows(Read(stored(append(list, activate(99, hasty("twin")))), view.Watermarks{})); got != "standard twin standard" {
		t.Errorf("with the twin that counts they follow %s", got)
	}
}
