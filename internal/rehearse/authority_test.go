package rehearse

import (
	"fmt"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Source documents give authority under the recorded lifecycles and under a given
// one, to what began when they were in force, whenever they came.
func TestSourcesGiveAuthority(t *testing.T) {
	key, err := events.ParseKey("prod/eu/api/1.0")
	if err != nil {
		t.Fatal(err)
	}
	activate := func(id, document string, from int) *events.Event {
		return say(events.TypeDefinitionActivated, "trusted", "/apply", id, 500, 500, events.DefinitionActivated{
			Kind: "Source", Name: "trusted", Version: "1", EffectiveFrom: at(from), Document: document, Actor: "user:1",
		})
	}
	h := Read(stored([]*events.Event{
		say(events.TypeReported, key.String(), "/argo", "1", 100, 100, events.Reported{Status: "in_progress"}),
		say(events.TypeReported, key.String(), "/ci", "2", 200, 200, events.Reported{Status: "deployed"}),
		activate("late", trusted("/*", "deployed"), 101),
		activate("bad", "kind: Source", 0),
		activate("in time", trusted("/argo", "deployed"), 100),
		activate("in its place", trusted("/argo", ""), 50), // of before
		activate("in its place", trusted("/argo", ""), 50), // again
	}), view.Watermarks{})
	if u := h.Unusable(); len(u) != 1 || u[0].Seq != 4 {
		t.Errorf("unusable are %v, want message 4", u)
	}
	for name, l := range map[string]Lifecycles{"recorded": nil, "given": Always(compiled(t, hasty("given")))} {
		got, walked := "", ""
		w := newWalk(h, l)
		for n := range h.Len() {
			w.step(n)
			walked += fmt.Sprintf("%q ", w.shown[key].State.Against())
			got += fmt.Sprintf("%q ", h.World(n+1, l).Deployments[key].State.Against())
		}
		if want := `"" "" "" "" "/argo" "/argo" "/argo" `; got != want || walked != want {
			t.Errorf("%s: contradicted by %s, in a walk by %s, want %s", name, got, walked, want)
		}
	}
}
