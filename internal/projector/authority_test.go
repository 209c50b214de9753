package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// trust puts a Source document in force, said long after all other words.
func trust(t testing.TB, id, document string, from time.Time, envs ...string) said {
	t.Helper()
	d, err := definition.ParseSource([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return event(t, events.TypeDefinitionActivated, d.Name, "/config", id, 90000, 90000, events.DefinitionActivated{
		Kind: definition.KindSource, Name: d.Name, Version: d.Version, EffectiveFrom: from, Envs: envs, Document: document, Actor: "user:1",
	})
}

// redefined returns the keys of the deployments that were told to follow other
// definitions now.
func redefined(told []outgoing) (keys []string) {
	for _, c := range changesIn(told) {
		if c.Reason == view.ReasonRedefined {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// TestSourcesThatKnowBest: two sources contradict each other, and the documents
// in force at the first word say which of them is to be believed, whether they
// come before the words or after them.
func TestSourcesThatKnowBest(t *testing.T) {
	const key = "prod/eu/web/1.0"
	claims := []said{word(t, 1, "/argo/prod", key, "in_progress", 100), word(t, 2, "/ci", key, "deployed", 200)}
	landing := []said{word(t, 1, "/ci", key, "failed", 100), word(t, 2, "/cli", key, "deployed", 130), word(t, 3, "/argo/prod", key, "deployed", 150)}
	argo := trusted("argo", "1", "/argo/*", "deployed")
	for name, tc := range map[string]struct {
		words     []said
		documents []said
		against   string
		redefined int
	}{
		"none knows best":                {claims, nil, "", 0},
		"one knows best and disagrees":   {claims, []said{trust(t, "1", argo, epoch)}, "/argo/prod", 1},
		"it is in force by itself later": {claims, []said{trust(t, "1", argo, time.Time{})}, "", 0},
		"from the second of the word":    {claims, []said{trust(t, "1", argo, second(100))}, "/argo/prod", 1},
		"from a second after it":         {claims, []said{trust(t, "1", argo, second(101))}, "", 0},
		"in its environment":             {claims, []said{trust(t, "1", argo, epoch, "prod")}, "/argo/prod", 1},
		"in another environment":         {claims, []said{trust(t, "1", argo, epoch, "stage")}, "", 0},
		"over another status":            {claims, []said{trust(t, "1", trusted("argo", "1", "/argo/*", "failed"), epoch)}, "", 0},
		"it contradicts nobody":          {claims, []said{trust(t, "1", trusted("ci", "1", "/ci", "deployed"), epoch)}, "", 0},
		"a more specific one gives none": {claims, []said{
			trust(t, "1", argo, epoch), trust(t, "2", trusted("prod", "1", "/argo/prod"), epoch),
		}, "", 2},
		"a later version gives none": {claims, []said{
			trust(t, "1", argo, epoch), trust(t, "2", trusted("argo", "2", "/argo/*"), second(50)),
		}, "", 2},
		"a version from before it gives some": {claims, []said{
			trust(t, "1", trusted("argo", "2", "/argo/*"), second(50)), trust(t, "2", argo, epoch),
		}, "", 0},
		"a landing after the end is contradicted": {landing, nil, "/ci", 0},
		"until one that knows best agrees":        {landing, []said{trust(t, "1", argo, epoch)}, "", 1},
	} {
		after, told := folded(t, slices.Concat(tc.words, tc.documents), 100)
		before, _ := folded(t, slices.Concat(tc.documents, tc.words), 2)
		if a, b := digestOf(t, after), digestOf(t, before); a.Digest != b.Digest {
			t.Errorf("%s: the digest depends on when the documents came", name)
		}
		s := stateOf(t, after, key)
		if s.Status != statemachine.StatusDeployed || s.Against() != tc.against || slices.Contains(s.Conditions, statemachine.ConditionConflicted) != (tc.against != "") {
			t.Errorf("%s: %s against %q, want %q; conditions %v", name, s.Status, s.Against(), tc.against, s.Conditions)
		}
		if got := redefined(told); len(got) != tc.redefined {
			t.Errorf("%s: redefined %v, want %d", name, got, tc.redefined)
		}
	}
}

// TestOnlyAuthorityFoldsAgain: a Source document that changes nobody's authority
// looks at no deployment again, and one that does only at those that it is for.
func TestOnlyAuthorityFoldsAgain(t *testing.T) {
	words := []said{
		word(t, 1, "/ci", "prod/eu/web/1.0", "in_progress", 10), word(t, 2, "/ci", "prod/eu/web/2.0", "in_progress", 1000),
		word(t, 3, "/ci", "stage/eu/web/1.0", "in_progress", 1000),
	}
	argo := trusted("argo", "1", "/argo/*", "deployed")
	for name, tc := range map[string]struct {
		before, document said
		refolds          float64
	}{
		"it gives none":               {trust(t, "0", argo, epoch), trust(t, "1", trusted("ci", "1", "/ci"), epoch), 0},
		"it gives none to many":       {trust(t, "0", argo, epoch), trust(t, "1", trusted("all", "1", "*"), epoch), 0},
		"another version of the same": {trust(t, "0", argo, epoch), trust(t, "1", trusted("argo", "2", "/argo/*", "deployed"), second(500)), 0},
		"it gives some":               {words[0], trust(t, "1", argo, epoch), 3},
		"it gives some from then on":  {words[0], trust(t, "1", argo, second(500)), 2},
		"in one environment":          {words[0], trust(t, "1", argo, second(500), "stage"), 1},
	} {
		if got := refoldsBy(t, append([]said{tc.before}, words...), tc.document); got != tc.refolds {
			t.Errorf("%s: %v deployments are folded again, want %v", name, got, tc.refolds)
		}
	}
}

// refoldsBy returns how many deployments a document folds again after words.
func refoldsBy(t *testing.T, words []said, document said) (refolds float64) {
	t.Helper()
	db, _ := folded(t, words, 100)
	registry := prometheus.NewRegistry()
	metrics, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	e := testEngine(db)
	e.metrics, e.emit = metrics, func(context.Context, outgoing) error { return nil }
	if err := errors.Join(e.load(), e.run(t.Context(), decodeAll(toMsgs(append(words, document)))[len(words):]), e.sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == appliedRefold {
				refolds += m.GetCounter().GetValue()
			}
		}
	}
	return refolds
}

// stateOf reads the base of a deployment.
func stateOf(t *testing.T, db *store.DB, name string) *statemachine.State {
	t.Helper()
	key, err := events.ParseKey(name)
	if err != nil {
		t.Fatal(err)
	}
	var row *store.Deployment
	err = db.View(func(r *store.Reader) error {
		row, err = r.Deployment(key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row.State
}

// TestAuthorityInParts: a run that is killed between two parts of what a Source
// document changes goes on where it was, and tells each deployment once.
func TestAuthorityInParts(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir()
	var words []said
	const deployments = maxRedefined + 50
	for i := range deployments {
		key := fmt.Sprintf("prod/eu/web/1.%d", i)
		words = append(words, word(t, 2*i, "/argo", key, "in_progress", 10), word(t, 2*i+1, "/ci", key, "deployed", 20))
	}
	words = append(words, trust(t, "1", trusted("argo", "1", "/argo", "deployed"), epoch))
	publish(t, c, words)
	if err := run(t, c, dir, nil, killedIn(1)); !errors.Is(err, errKilled) {
		t.Fatalf("the run ended with %v, not in part 1", err)
	}
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	checkRedefinedOnce(t, changesOf(t, c), deployments)
}

// TestAuthorityInAnyOrder: whatever Source documents say of authority, from
// whenever on, whether their identities are clean or not, and wherever a run
// ends.
func TestAuthorityInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var words []said
		for i := range rapid.IntRange(2, 8).Draw(rt, "words") {
			key := rapid.SampledFrom([]string{"prod/eu/web/1.0", "prod/eu/web/2.0", "stage/eu/web/1.0"}).Draw(rt, "key")
			status := rapid.SampledFrom([]string{"in_progress", "deployed", "failed"}).Draw(rt, "status")
			source := rapid.SampledFrom([]string{"/argo", "/argo/prod", "/ci"}).Draw(rt, "source")
			words = append(words, word(t, i, source, key, status, 60*rapid.IntRange(0, 20).Draw(rt, "minute")))
		}
		for range rapid.IntRange(1, 5).Draw(rt, "documents") {
			name := rapid.SampledFrom([]string{"argo", "all", "prod"}).Draw(rt, "name")
			pattern := rapid.SampledFrom([]string{"/argo", "/argo/prod", "/argo*", "*"}).Draw(rt, "pattern")
			statuses := rapid.SampledFrom([][]string{nil, {"deployed"}, {"in_progress", "failed"}}).Draw(rt, "authority")
			from := second(60 * rapid.IntRange(0, 20).Draw(rt, "from"))
			envs := rapid.SampledFrom([][]string{nil, nil, {"prod"}, {"stage"}}).Draw(rt, "envs")
			id := fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "identity"))
			words = append(words, trust(t, id, trusted(name, "1", pattern, statuses...), from, envs...))
		}
		order := rapid.Permutation(words).Draw(rt, "order")
		db, _ := interrupted(t, rt, order, rapid.Bool().Draw(rt, "restarts"))
		if got, want := shownIn(rt, db, order), rehearsed(t, order); got != want {
			rt.Fatalf("the projector believes\n%s\nthe definitions say\n%s\nof%s", got, want, text(order))
		}
	})
}
