package projector

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// TestActivationPlacesAgain: under a lifecycle whose queue is under way, what
// follows in a slot follows another deployment, or one at all, in whatever order
// they come and wherever a run ends.
func TestActivationPlacesAgain(t *testing.T) {
	const before, after = "queued, rank: 2, category: waiting", "queued, rank: 2, category: active"
	document := strings.Replace(string(statemachine.StandardDocument()), before, after, 1)
	if !strings.Contains(document, after) {
		t.Fatal("the standard document has no queue that waits")
	}
	follow := func(n, second int) said {
		return event(t, events.TypeReported, "prod/eu/web/"+events.Missing, "/argo", string(rune('a'+n)), second, 5000+n,
			events.Reported{Status: "in_progress"})
	}
	words := []said{
		follow(0, 150), word(t, 1, "/ci", "prod/eu/web/1.0", "queued", 100),
		word(t, 2, "/ci", "prod/eu/web/2.0", "in_progress", 200), word(t, 3, "/ci", "prod/eu/web/3.0", "queued", 300), follow(1, 350),
		event(t, events.TypeObserved, "prod/eu/web", "/argo", "seen", 400, 5010, events.Observed{Version: "3.0"}),
	}
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(words).Draw(rt, "order")
		if rapid.Bool().Draw(rt, "activated last") {
			order = append(order, activate(t, 1, document))
		} else {
			order = append(append(order[:3:3], activate(t, 1, document)), order[3:]...)
		}
		db, _ := interrupted(t, rt, order, false)
		if got, want := shownIn(rt, db, order), rehearsed(t, order); got != want {
			rt.Fatalf("the projector believes\n%s\nthe definitions say\n%s\nof%s", got, want, text(order))
		}
	})
}
