package projector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestKilledInEachPart: a message with much work is done in parts. A run that
// ends before or behind the commit of any of them, and each that comes after it,
// leaves what an undisturbed one leaves.
func TestKilledInEachPart(t *testing.T) {
	const many = max(maxDue, maxRedefined) + 50
	var words []said
	for i := range many {
		key := fmt.Sprintf("prod/%s/web-%d/1.0", []string{"eu", "us"}[i%2], i)
		words = append(words, word(t, i, "/ci", key, "in_progress", i/10, func(_ *events.Event, r *events.Reported) { r.Release = "r1" }))
	}
	// Planned deployments of one slot, each of a release of its own; and long before
	// them something landed in another region.
	var releases []said
	for i := range many {
		key := fmt.Sprintf("prod/eu/web/1.%d", i)
		releases = append(releases, word(t, i, "/ci", key, "planned", i/10, func(_ *events.Event, r *events.Reported) { r.Release = fmt.Sprintf("r-%d", i) }))
	}
	releases = append(releases, tick(t, "r1", 600, "eu", "us"))
	plan := func(n int, of ...string) said {
		var members []events.Member
		for _, component := range of {
			members = append(members, events.Member{Region: "eu", Component: component})
		}
		members[len(members)-1].DependsOn = of[:1]
		return event(t, events.TypeReleaseDeclared, "prod/r1", "/release", fmt.Sprint("plan-", n), n, 24*3600, events.ReleaseDeclared{Members: members})
	}
	// One identity for different contents, of which that counts which was recorded
	// first: here the last.
	one := func(recorded int, typ, subject string, data any) said {
		return event(t, typ, subject, "/people", "one", 1, 24*3600+recorded, data)
	}
	refused := one(9, events.TypeEvidence, "prod/r1", events.Evidence{Kind: "approval", Verdict: events.VerdictFail})
	for _, tt := range []struct {
		name  string
		words []said
		then  []said
		told  int // more than the words told
		parts int // transactions of the last message
	}{
		// Both ticks tell of the release too.
		{"tick", words, []said{tick(t, "r1", 600, "eu", "us"), tick(t, "r2", 3*3600, "eu", "us")}, many + 2, 2},
		{"dark", words, []said{tick(t, "r1", 600, "eu", "us"), tick(t, "r2", 3*3600, "asia")}, 3, 1},
		{"freeze", words, []said{event(t, events.TypeFreezeDeclared, "prod", "/people", "freeze", 0, 24*3600, events.Freeze{
			Name: "sale", From: epoch, To: second(3600),
		})}, many, 3},
		{"word about a release", words, []said{event(t, events.TypeEvidence, "prod/r1", "/people", "refused", 1, 24*3600, events.Evidence{
			Kind: "approval", Verdict: events.VerdictFail,
		})}, many - 20, 3}, // which had not started by then
		{"plan", words, []said{plan(1, "web-0", "web-2"), plan(2, "web-4", "web-6")}, 3, 3},
		{"word about a release again", words, []said{
			refused, one(8, events.TypeEvidence, "prod/r1", events.Evidence{Kind: "approval", Verdict: events.VerdictPass}),
		}, 2 * (many - 20), 3},
		{"twin of a word about a release", words, []said{
			refused, one(10, events.TypeEvidence, "prod/r2", events.Evidence{Kind: "approval", Verdict: events.VerdictPass}),
		}, many - 20, 3},
		{"word in place of a word about a release", words, []said{
			refused, one(8, events.TypeReported, "prod/eu/web-0/1.0", events.Reported{Status: "deployed"}),
		}, 2 * (many - 20), 3},
		{"freeze in place of a lifecycle", words, []said{
			one(9, events.TypeDefinitionActivated, "hasty", events.DefinitionActivated{
				Kind: kindLifecycle, Name: "hasty", Version: "1", EffectiveFrom: epoch, Document: hasty(t), Actor: "user:1",
			}),
			one(8, events.TypeFreezeDeclared, "prod", events.Freeze{Name: "sale", From: epoch, To: second(3600)}),
		}, many - 10, 3}, // which had started by the time that it was declared
		// Of the landing, and twice of each release.
		{"landing elsewhere", releases, []said{word(t, many, "/ci", "prod/us/web/0.9", "deployed", -600), tick(t, "r1", 700, "eu", "us")}, 2 + 2*many, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := append(slices.Clone(tt.words), tt.then...)
			want, _ := killed(t, all, func(string, store.Position) bool { return false })
			told := storedChanges(t, want)
			if len(told) != many+tt.told {
				t.Errorf("%d changes, want %d and %d", len(told), many, tt.told)
			}
			before := make(map[string]bool)
			parts := 0
			got, kills := killed(t, all, func(point string, at store.Position) bool {
				name := fmt.Sprint(point, at.Seq, " ", at.Part)
				first := !before[name]
				if before[name] = true; first && point == pointCommitted && (at.Part > 0 || at.Seq == uint64(len(all))) {
					parts++
				}
				return first
			})
			if kills < 2*tt.parts || parts < tt.parts {
				t.Errorf("the run was ended %d times, and behind %d parts of the last message, want %d", kills, parts, tt.parts)
			}
			if a, b := digestOf(t, got), digestOf(t, want); a != b {
				t.Errorf("after kills %+v, without %+v", a, b)
			}
			sameViews(t, want, got)
			sameChanges(t, storedChanges(t, got), told)
			for _, region := range []string{"eu", "us"} {
				if a, b := dues(t, got, region), dues(t, want, region); !slices.Equal(a, b) {
					t.Errorf("%s has %d deadlines, want %d", region, len(a), len(b))
				}
			}
		})
	}
}

// killed applies words as long as kill says no. Before a commit a kill loses the
// transaction, behind it what was to be told; the store has it.
func killed(t *testing.T, words []said, kill func(point string, at store.Position) bool) (db *store.DB, kills int) {
	t.Helper()
	db = open(t, t.TempDir())
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	messages := decodeAll(toMsgs(words))
	for {
		e := testEngine(db)
		e.emit = func(context.Context, outgoing) error { return nil }
		e.fail = func(point string) error {
			if kill(point, e.position) {
				return errKilled
			}
			return nil
		}
		if err := e.load(); err != nil {
			t.Fatal(err)
		}
		e.position.Incarnation = cmp.Or(e.position.Incarnation, "t")
		var err error
		for rest := messages[e.position.Seq:]; err == nil && len(rest) > 0; rest = rest[min(len(rest), maxBatch):] {
			err = e.run(t.Context(), rest[:min(len(rest), maxBatch)])
		}
		if err == nil {
			err = e.sync(t.Context())
		}
		e.close()
		if err == nil {
			return db, kills
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		kills++
	}
}

// storedChanges returns what is told, as the outbox would after a restart.
func storedChanges(t testing.TB, db *store.DB) (out []view.Change) {
	t.Helper()
	err := db.View(func(r *store.Reader) error {
		return r.Changes(events.ChangeID{}, func(c view.Change) (bool, error) {
			out = append(out, c)
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
