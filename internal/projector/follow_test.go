package projector

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// refs gives a word refs and no version.
func refs(refs ...string) func(*events.Event, *events.Reported) {
	return func(_ *events.Event, r *events.Reported) { r.Version, r.Refs = "", refs }
}

func observed(t testing.TB, n int, slot, version string, at int) said {
	t.Helper()
	return event(t, events.TypeObserved, slot, "/watch", fmt.Sprint("seen-", n), at, 24*3600+n, events.Observed{Version: version})
}

func unplaced(t testing.TB, db *store.DB) (out []uint64) {
	t.Helper()
	err := db.View(func(r *store.Reader) error {
		return r.Unplaced("", "", func(_, _ string, e store.Event) (bool, error) {
			out = append(out, e.Seq)
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFollowWordWaitsForItsName(t *testing.T) {
	const key = "prod/eu/web/1.0"
	landing := word(t, 1, "/argo", "prod/eu/web/_", "deployed", 60, refs("git:gitops@def"))
	db, told := folded(t, []said{landing}, 1)
	if rows := unplaced(t, db); !slices.Equal(rows, []uint64{1}) || len(changesIn(told)) != 0 {
		t.Errorf("unplaced = %v, told = %+v, want message 1 to wait in silence", rows, told)
	}
	named := word(t, 2, "/ci", key, "in_progress", 10, func(_ *events.Event, r *events.Reported) { r.Refs = []string{"git:gitops@def"} })
	db, told = folded(t, []said{landing, named}, 1)
	if rows := unplaced(t, db); len(rows) != 0 {
		t.Errorf("unplaced = %v, want none", rows)
	}
	changes := changesTo(told, key)
	if shown := shownOf(t, db, key); shown.Status != "deployed" || len(changes) != 1 || changes[0].ID.Seq != 2 {
		t.Errorf("shown = %+v after %+v, want it landed by the word that names it", shown, changes)
	}
}

// TestSixToolsOneRollout: what six tools say of one rollout is one deployment,
// whatever the order in which it comes. Each order has a slot of its own.
func TestSixToolsOneRollout(t *testing.T) {
	const app, gitops = "git:org/app@abc", "git:org/gitops@def"
	told := func(n int, slot string) []said {
		id := func(e *events.Event, _ *events.Reported) { e.ID = fmt.Sprint(e.ID, n) }
		lead, follow := slot+"/2.14.0", slot+"/"+events.Missing
		return []said{
			word(t, 1, "/github", lead, "planned", 0, id, func(_ *events.Event, r *events.Reported) { r.Refs = []string{app, gitops} }),
			word(t, 2, "/ci", lead, "in_progress", 100, id),
			word(t, 3, "/argo", follow, "in_progress", 200, id, refs(gitops)),
			word(t, 4, "/flux", follow, "deployed", 300, id, refs(gitops)),
			word(t, 5, "/flagger", follow, "verifying", 400, id, refs()),
			event(t, events.TypeEvidence, follow, "/tests", fmt.Sprint("passed", n), 500, 25*3600, events.Evidence{
				Kind: "tests", Verdict: events.VerdictPass, Refs: []string{app},
			}),
		}
	}
	var words []said
	orders := permutations(6)
	for n, order := range orders {
		all := told(n, fmt.Sprintf("prod/eu/web-%d", n))
		for _, i := range order {
			words = append(words, all[i])
		}
		words = append(words, all[order[n%6]]) // one of them twice
	}
	db, _ := folded(t, words, 1000)
	if rows := unplaced(t, db); len(rows) != 0 {
		t.Errorf("%d words are unplaced", len(rows))
	}
	digests, count := make(map[[32]byte]string), 0
	err := db.View(func(r *store.Reader) error {
		return r.Deployments("", "", func(name string, d *store.Deployment) (bool, error) {
			count++
			shown := d.Shows()
			digests[shown.Digest(d.State)] = fmt.Sprintf("%s %+v", name, shown)
			if shown.Status != statemachine.StatusVerified {
				t.Errorf("%s is %s, want verified", name, shown.Status)
			}
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if count != len(orders) || len(digests) != 1 {
		t.Errorf("%d orders gave %d deployments of %d kinds: %v", len(orders), count, len(digests), digests)
	}
}

func permutations(n int) (out [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// TestOldSyncTurnsNothingGreen: the sync of an older revision that nobody named
// is no landing, whenever it comes.
func TestOldSyncTurnsNothingGreen(t *testing.T) {
	const key = "prod/eu/web/2.0"
	words := []said{
		word(t, 1, "/ci", key, "in_progress", 0, func(_ *events.Event, r *events.Reported) { r.Refs = []string{"git:gitops@new"} }),
		word(t, 2, "/argo", "prod/eu/web/_", "deployed", 60, refs("git:gitops@old")),
		word(t, 3, "/argo", "prod/eu/web/_", "verified", 70, refs("git:gitops@old")),
		word(t, 4, "/argo", "prod/eu/web/_", "verified", 80, refs()), // of whatever is under way
	}
	for _, order := range permutations(len(words)) {
		var mixed []said
		for _, i := range order {
			mixed = append(mixed, words[i])
		}
		db, told := folded(t, mixed, 2)
		for _, c := range changesTo(told, key) {
			if c.Status != "in_progress" {
				t.Errorf("in the order %v it was told as %s", order, c.Status)
			}
		}
		if rows := unplaced(t, db); len(rows) != 2 {
			t.Errorf("in the order %v the words %v are unplaced, want two", order, rows)
		}
	}
}

func TestObservations(t *testing.T) {
	const slot, old, key = "prod/eu/web", "prod/eu/web/1.0", "prod/eu/web/2.0"
	t.Run("land what is on its way", func(t *testing.T) {
		shown := expect(t, key,
			step{word(t, 1, "/ci", key, "in_progress", 0), "in_progress"},
			step{observed(t, 1, slot, "2.0", 100), "deployed"},
			step{observed(t, 2, slot, "2.0", 200), "deployed"},
		)
		if shown.Reason != statemachine.ReasonObserved || shown.Since != second(100).UnixNano() {
			t.Errorf("shown = %+v, want it observed at second 100", shown)
		}
	})
	t.Run("land it when its name comes later", func(t *testing.T) {
		expect(t, key,
			step{observed(t, 1, slot, "2.0", 100), ""},
			step{word(t, 1, "/ci", key, "in_progress", 0), "deployed"},
		)
	})
	for _, tt := range []struct{ name, version, condition string }{
		{"drift", "1.0", statemachine.ConditionDrift},
		{"what nobody reported", "9.9", statemachine.ConditionViolation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			words := []said{
				word(t, 1, "/ci", old, "deployed", 0), word(t, 2, "/ci", key, "deployed", 1000), observed(t, 1, slot, tt.version, 2000),
			}
			db, _ := folded(t, words, 1)
			if shown := shownOf(t, db, key); !slices.Equal(shown.Conditions, []string{tt.condition}) || shown.Status != "deployed" {
				t.Errorf("shown = %+v, want deployed with %s", shown, tt.condition)
			}
			db, told := folded(t, append(words, observed(t, 2, slot, "2.0", 3000)), 1)
			if shown := shownOf(t, db, key); len(shown.Conditions) != 0 {
				t.Errorf("shown = %+v, want nothing left of it", shown)
			}
			if changes := changesTo(told, key); len(changes) != 3 || !slices.Equal(changes[1].Conditions, []string{tt.condition}) {
				t.Errorf("told = %+v, want it told, and its end", changes)
			}
			if shown := shownOf(t, db, old); strings.Contains(strings.Join(shown.Conditions, " "), tt.condition) {
				t.Errorf("the other one is shown as %+v", shown)
			}
		})
	}
}

// TestLandingMovesWithItsWord: a follow word that lands goes to another
// deployment when that one's lead word is nearer. The slot keeps the landing, of
// the other one, in the store too.
func TestLandingMovesWithItsWord(t *testing.T) {
	const far, near = "prod/eu/web/1.2", "prod/eu/web/1.0"
	db, _ := folded(t, []said{
		word(t, 1, "/ci", far, "planned", 0),
		word(t, 2, "/argo", "prod/eu/web/_", "deployed", 600, func(_ *events.Event, r *events.Reported) {
			r.Version, r.Refs = "1.2", []string{"git:gitops@def"}
		}),
		word(t, 3, "/ci", near, "planned", 300, refs("git:gitops@def")),
	}, 1)
	err := db.View(func(r *store.Reader) error {
		landings, err := r.Landings(events.Slot{Env: "prod", Region: "eu", Component: "web"})
		if len(landings) != 1 || landings[0].Deployment != "1.0" {
			t.Errorf("landings = %+v, want that of 1.0", landings)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
