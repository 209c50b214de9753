package projector

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// expect folds words one by one and wants a deployment to be shown as said after
// each, "" for not at all.
func expect(t *testing.T, key string, steps ...struct {
	says said
	want string
},
) statemachine.Shown {
	t.Helper()
	var words []said
	var want []string
	for _, s := range steps {
		words, want = append(words, s.says), append(want, s.want)
	}
	db, told := folded(t, words, 1)
	status, changes := "", changesTo(told, key)
	for i, s := range want {
		for len(changes) > 0 && changes[0].ID.Seq == uint64(i+1) {
			status, changes = changes[0].Status, changes[1:]
		}
		if status != s {
			t.Errorf("after message %d %s is told as %q, want %q", i+1, key, status, s)
		}
	}
	return shownOf(t, db, key)
}

type step = struct {
	says said
	want string
}

func TestSupersededUntilItSpeaks(t *testing.T) {
	const old, young = "prod/eu/web/1.0", "prod/eu/web/2.0"
	shown := expect(t, old,
		step{word(t, 1, "/ci", old, "planned", 0), "planned"},
		step{word(t, 2, "/ci", young, "planned", 50), "planned"},
		step{word(t, 3, "/ci", young, "in_progress", 100), "superseded"},
	)
	if shown.Reason != statemachine.ReasonNewerStart || shown.By != "2.0" || shown.Since != second(100).UnixNano() {
		t.Errorf("shown = %+v, want superseded by 2.0 at second 100", shown)
	}
	expect(t, old,
		step{word(t, 1, "/ci", old, "planned", 0), "planned"},
		step{word(t, 3, "/ci", young, "in_progress", 100), "superseded"},
		step{word(t, 4, "/ci", old, "in_progress", 200), "in_progress"},
	)
}

// TestSupersededByNobodyAnyMore: whose only word gave way to another content of
// its identity supersedes nobody, also when nothing of the slot is in memory.
func TestSupersededByNobodyAnyMore(t *testing.T) {
	const old, young = "prod/eu/web/1.0", "prod/eu/web/1.1"
	words := []said{
		word(t, 1, "/argo", old, "in_progress", 0), word(t, 2, "/ci", young, "in_progress", 60),
		event(t, events.TypeReported, "prod/us/web/1.0", "/ci", "in_progress-2", 60, 60, events.Reported{Status: "blocked"}),
	}
	db, _ := folded(t, words[:2], 1)
	if got := shownOf(t, db, old).Status; got != statemachine.StatusSuperseded {
		t.Fatalf("%s is %s, want superseded", old, got)
	}
	e := testEngine(db)
	e.emit = func(context.Context, outgoing) error { return nil }
	if err := e.load(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.run(t.Context(), decodeAll(toMsgs(words)[2:])), e.sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := shownOf(t, db, old).Status; got != statemachine.StatusInProgress {
		t.Errorf("%s is %s, want in_progress", old, got)
	}
}

// TestPutBack: the landing that restores what ran before says that a failed one
// was reverted; one in between, heard of late, says that it was not.
func TestPutBack(t *testing.T) {
	const first, bad, between = "prod/eu/web/1.0", "prod/eu/web/2.0", "prod/eu/web/1.5"
	shown := expect(t, bad,
		step{word(t, 1, "/ci", first, "deployed", 0), ""},
		step{word(t, 2, "/ci", bad, "in_progress", 100), "in_progress"},
		step{word(t, 3, "/ci", bad, "deployed", 160), "deployed"},
		step{word(t, 4, "/ci", bad, "failed", 200), "failed"},
		step{word(t, 5, "/rb", first, "in_progress", 1300), "failed"},
		step{word(t, 6, "/rb", first, "deployed", 1400), "reverted"},
		step{word(t, 7, "/ci", between, "deployed", 1000), "failed"},
	)
	if shown.Reason == statemachine.ReasonPutBack || shown.By != "" {
		t.Errorf("shown = %+v, want it failed by its own word", shown)
	}
}

func TestDependencies(t *testing.T) {
	const api, web = "prod/eu/api/1.0", "prod/eu/web/1.0"
	in := func(_ *events.Event, r *events.Reported) { r.Release = "r1" }
	pass := func(n int, key string, at int) said {
		return event(t, events.TypeEvidence, key, "/tests", string(rune('a'+n)), at, 24*3600+n, events.Evidence{Kind: "tests", Verdict: events.VerdictPass})
	}
	plan := event(t, events.TypeReleaseDeclared, "prod/r1", "/release", "plan", 0, 24*3600, events.ReleaseDeclared{Members: []events.Member{
		{Region: "eu", Component: "api"}, {Region: "eu", Component: "web", DependsOn: []string{"api"}},
	}})
	queued, started := word(t, 1, "/ci", web, "queued", 10, in), word(t, 2, "/ci", web, "in_progress", 20, in)
	t.Run("declared early", func(t *testing.T) {
		shown := expect(t, web,
			step{plan, ""},
			step{queued, "blocked"},
			step{plan, "blocked"}, // twice
			step{started, "in_progress"},
		)
		if !slices.Contains(shown.Conditions, statemachine.ConditionViolation) || len(shown.Violations) != 1 || shown.Violations[0].Policy != statemachine.PolicyDependency {
			t.Errorf("shown = %+v, want a violation", shown)
		}
	})
	t.Run("declared late", func(t *testing.T) {
		shown := expect(t, web,
			step{queued, "queued"},
			step{plan, "blocked"},
		)
		if shown.Reason != statemachine.ReasonDependency || len(shown.WaitingFor) != 1 {
			t.Errorf("shown = %+v, want it to wait for api", shown)
		}
	})
	t.Run("named by the plan alone", func(t *testing.T) {
		// Whom the plan names stands for the member, though it never speaks of the
		// release: what it says is for those that wait.
		named := event(t, events.TypeReleaseDeclared, "prod/r1", "/release", "plan", 0, 24*3600, events.ReleaseDeclared{Members: []events.Member{
			{Region: "eu", Component: "api", Deployment: "1.0"}, {Region: "eu", Component: "web", DependsOn: []string{"api"}},
		}})
		steps := []step{{named, ""}, {queued, "blocked"}, {word(t, 3, "/ci", api, "in_progress", 15), "blocked"}}
		shown := expect(t, web, steps...)
		if len(shown.WaitingFor) != 1 || !strings.Contains(shown.WaitingFor[0].Message, "api 1.0 in eu (in_progress)") {
			t.Errorf("shown = %+v, want it to wait for api as that is now", shown)
		}
		expect(t, web, append(steps,
			step{word(t, 4, "/ci", api, "deployed", 50), "blocked"},
			step{pass(1, api, 60), "queued"},
		)...)
	})
	t.Run("verified waits", func(t *testing.T) {
		shown := expect(t, web,
			step{plan, ""},
			step{word(t, 3, "/ci", api, "in_progress", 15, in), ""},
			step{started, "in_progress"},
			step{word(t, 4, "/ci", web, "deployed", 30, in), "deployed"},
			step{pass(1, web, 40), "deployed"},
			step{word(t, 5, "/ci", api, "deployed", 50, in), "deployed"},
			step{pass(2, api, 60), "verified"},
		)
		if len(shown.Violations) != 1 || len(shown.WaitingFor) != 0 {
			t.Errorf("shown = %+v, want nothing to wait for, and the violation to stay", shown)
		}
	})
}

// TestFreeze: who starts in a change freeze breaks it, as far as it had been
// declared, and not been lifted, by then.
func TestFreeze(t *testing.T) {
	const key = "prod/eu/web/1.0"
	freeze := func(typ, id string, at int) said {
		return event(t, typ, "prod", "/people", id, at, 24*3600+at, events.Freeze{Name: "sale", From: second(600), To: second(1200)})
	}
	declared, start := freeze(events.TypeFreezeDeclared, "declared", 0), word(t, 1, "/ci", key, "in_progress", 700)
	for _, tt := range []struct {
		name  string
		words []said
		broke bool
	}{
		{"in force", []said{declared, start}, true},
		{"declared late", []said{start, declared}, true},
		{"before it begins", []said{declared, word(t, 1, "/ci", key, "in_progress", 599)}, false},
		{"made after the start", []said{start, freeze(events.TypeFreezeDeclared, "declared", 701)}, false},
		{"lifted earlier", []said{declared, freeze(events.TypeFreezeLifted, "lifted", 650), start}, false},
		{"lifted earlier, heard late", []said{declared, start, freeze(events.TypeFreezeLifted, "lifted", 650)}, false},
		{"lifted later", []said{declared, start, freeze(events.TypeFreezeLifted, "lifted", 750)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, told := folded(t, tt.words, 1)
			shown := shownOf(t, db, key)
			if broke := len(shown.Violations) == 1 && shown.Violations[0].Policy == statemachine.PolicyFreeze; broke != tt.broke || shown.Status != "in_progress" {
				t.Errorf("shown = %+v, want a violation: %v", shown, tt.broke)
			}
			changes := changesTo(told, key)
			if last := changes[len(changes)-1]; slices.Contains(last.Conditions, statemachine.ConditionViolation) != tt.broke {
				t.Errorf("told = %+v, want a violation: %v", changes, tt.broke)
			}
		})
	}
}
