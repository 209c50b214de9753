package view

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// newerOf is the definition: an attempt of another deployment that began later
// and started after our last word, the first that did.
func newerOf(entries map[string]LaneEntry, deployment string) *statemachine.Start {
	own, ok := entries[deployment]
	if !ok || !own.Unlanded {
		return nil
	}
	var first *statemachine.Start
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		if name == deployment || e.StartedStarted == 0 || e.StartedBegan <= own.Began || e.StartedStarted <= own.Last {
			continue
		}
		if first == nil || e.StartedStarted < first.Started {
			first = &statemachine.Start{Deployment: name, Attempt: e.StartedAttempt, Began: e.StartedBegan, Started: e.StartedStarted}
		}
	}
	return first
}

// A lane says what the definition says, whatever comes and goes, and names
// exactly those whose answer changed.
func TestLaneIsItsDefinition(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		var lane Lane
		entries := map[string]LaneEntry{}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			before := map[string]*statemachine.Start{}
			for _, name := range names {
				before[name] = newerOf(entries, name)
			}
			name := rapid.SampledFrom(names).Draw(t, "name")
			var changed []string
			if rapid.IntRange(0, 5).Draw(t, "remove") == 0 {
				delete(entries, name)
				changed = lane.Remove(name)
			} else {
				small := rapid.Int64Range(1, 6)
				e := LaneEntry{Unlanded: rapid.Bool().Draw(t, "unlanded"), Began: small.Draw(t, "began"), Last: small.Draw(t, "last")}
				if rapid.Bool().Draw(t, "started") {
					e.StartedAttempt, e.StartedBegan, e.StartedStarted = 1, small.Draw(t, "start began"), small.Draw(t, "start")
				}
				entries[name] = e
				changed = lane.Set(name, e)
			}
			var want []string
			fresh := LaneOf(entries)
			for _, name := range names {
				now := newerOf(entries, name)
				if !reflect.DeepEqual(now, before[name]) {
					want = append(want, name)
				}
				if got := lane.Newer(name); !reflect.DeepEqual(got, now) {
					t.Fatalf("%s is superseded by %+v, want %+v", name, got, now)
				}
				if got := fresh.Newer(name); !reflect.DeepEqual(got, now) {
					t.Fatalf("at once: %s is superseded by %+v, want %+v", name, got, now)
				}
			}
			if !slices.Equal(changed, want) {
				t.Fatalf("changed are %v, want %v", changed, want)
			}
		}
	})
}

// Of a thousand that were superseded, and a thousand that wait for their turn, a
// landing looks at those that it concerns.
func TestLaneLooksAtFew(t *testing.T) {
	var lane Lane
	for i := range int64(1000) {
		lane.Set(fmt.Sprint("hung", i), LaneEntry{
			Unlanded: true, Began: 10 * i, Last: 10*i + 1, StartedAttempt: 1, StartedBegan: 10 * i, StartedStarted: 10*i + 1,
		})
		lane.Set(fmt.Sprint("queued", i), LaneEntry{Unlanded: true, Began: 1e6 + i, Last: 1e6 + i})
	}
	if changed := lane.Set("next", LaneEntry{Began: 20_000, Last: 20_002, StartedBegan: 20_000, StartedStarted: 20_001}); !slices.Equal(changed, []string{"hung999"}) {
		t.Errorf("a start changed %v, want hung999", changed)
	}
	next, _ := lane.look("next")
	if touched := lane.supersedes(next); len(touched) != 1 {
		t.Errorf("a start looks at %d deployments, want 1", len(touched))
	}
}

func TestLaneEntryOf(t *testing.T) {
	s := statemachine.NewState()
	s.Status, s.Attempt, s.Began, s.LastTau = statemachine.StatusPlanned, 3, 30, 31
	s.LastBegan, s.LastStarted = 20, 22
	want := LaneEntry{Unlanded: true, Began: 30, Last: 31, StartedBegan: 20, StartedStarted: 22}
	if got := LaneEntryOf(statemachine.Standard(), s.Head()); got != want {
		t.Errorf("an attempt before: %+v, want %+v", got, want)
	}
	s.Status, s.LastBegan, s.LastStarted = statemachine.StatusDeployed, 30, 33
	want = LaneEntry{Began: 30, Last: 31, StartedAttempt: 3, StartedBegan: 30, StartedStarted: 33}
	if got := LaneEntryOf(statemachine.Standard(), s.Head()); got != want {
		t.Errorf("this attempt: %+v, want %+v", got, want)
	}
}
