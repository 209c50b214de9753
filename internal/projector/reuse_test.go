package projector

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestOneIdentityForDifferentKinds: when contents of different kinds have one
// identity, that which counts is in force and the others are not, in whatever
// order they come and wherever a run ends.
func TestOneIdentityForDifferentKinds(t *testing.T) {
	const web, api = "prod/eu/web/1.0", "prod/eu/api/1.0"
	named := func(_ *events.Event, r *events.Reported) { r.Release = "r1" }
	kinds := []struct {
		typ, subject string
		data         any
	}{
		{events.TypeReported, web, events.Reported{Status: "failed", Version: "1.0"}},
		{events.TypeReported, "prod/eu/web/" + events.Missing, events.Reported{Status: "failed", Version: "1.0"}},
		{events.TypeEvidence, "prod/r1", events.Evidence{Kind: "tests", Verdict: "pass"}},
		{events.TypeEvidence, "prod/r2", events.Evidence{Kind: "tests", Verdict: "fail"}},
		{events.TypeReleaseDeclared, "prod/r1", events.ReleaseDeclared{Members: []events.Member{
			{Region: "eu", Component: "web", Deployment: "1.0", DependsOn: []string{"api"}}, {Region: "eu", Component: "api"},
		}}},
		{events.TypeFreezeDeclared, "prod", events.Freeze{Name: "f", From: second(0), To: second(9000)}},
		{events.TypeDefinitionActivated, "hasty", events.DefinitionActivated{
			Kind: kindLifecycle, Name: "hasty", Version: "1", EffectiveFrom: epoch, Document: hasty(t), Actor: "user:1",
		}},
		{events.TypeDefinitionActivated, "patient", events.DefinitionActivated{
			Kind: kindLifecycle, Name: "patient", Version: "1", EffectiveFrom: epoch, Document: patient(t), Actor: "user:1",
		}},
	}
	rapid.Check(t, func(rt *rapid.T) {
		words := append(retried(t, 1, web), word(t, 10, "/ci", api, "in_progress", 30, named), word(t, 11, "/ci", web, "in_progress", 20, named))
		for range rapid.IntRange(2, 4).Draw(rt, "copies") {
			k := rapid.SampledFrom(kinds).Draw(rt, "kind")
			recorded := 4000 + rapid.IntRange(0, 9).Draw(rt, "recorded")
			words = append(words, event(t, k.typ, k.subject, "/ci", "one", 3500, recorded, k.data))
		}
		order := among(rt, rapid.Permutation(words).Draw(rt, "order"), []said{tick(t, "r1", 3600, "eu"), tick(t, "r1", 90000, "eu")})
		db, _ := interrupted(t, rt, order, rapid.Bool().Draw(rt, "restarts"))
		if got, want := shownIn(rt, db, order), rehearsed(t, order); got != want {
			rt.Fatalf("the projector believes\n%s\nthe definitions say\n%s\nof%s", got, want, text(order))
		}
	})
}
