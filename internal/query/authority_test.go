package query_test

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// An explanation goes by the Source documents that were in force at the first
// word, as the projector did.
func TestExplanationSaysWhoKnowsBest(t *testing.T) {
	const argo = `apiVersion: telltale.dev/v1
kind: Source
metadata: {name: argo, version: "1"}
spec: {match: {source: ["/argo/*"]}, authority: [deployed]}
`
	for name, tc := range map[string]struct {
		minute int
		env    string
		best   bool
	}{
		"from before the first word": {-1, "prod", true},
		"from after it":              {1, "prod", false},
		"of another environment":     {-1, "stage", false},
	} {
		f := newFixture(t, nil)
		f.authority = []statemachine.AuthoritySpec{{Source: "/argo/*", Statuses: []string{"deployed"}}}
		f.tell("prod/eu/web/1.0", word{minute: 0, status: "in_progress", source: "/argo/prod"}, word{minute: 2, status: "deployed"})
		f.apply(tc.minute, argo, tc.env)
		var e view.Explanation
		f.into(&e, "/v1/deployments/prod/eu/web/1.0/explain")
		const best = "Sources contradict each other: /argo/prod says in_progress since 2026-03-01T10:00:00Z, " +
			"/ci/checkout says deployed since 2026-03-01T10:02:00Z. Whether it is deployed is best known to /argo/prod."
		if !strings.Contains(e.Answer, "Sources contradict each other") || strings.Contains(e.Answer, best) != tc.best {
			t.Errorf("%s: %s", name, e.Answer)
		}
	}
}
