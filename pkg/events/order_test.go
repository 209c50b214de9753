package events_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestMarkOrder has a pair for each field: the fields behind it say the
// opposite, so that a field that is dropped or moved turns the answer round.
func TestMarkOrder(t *testing.T) {
	for _, tc := range []struct {
		field         string
		first, second events.Mark
	}{
		{"attempt", events.Mark{Attempt: 1, Tau: 9, Rank: 9, Source: "z", Sequence: "9", ID: "z"}, events.Mark{Attempt: 2}},
		{"tau", events.Mark{Tau: 1, Rank: 9, Source: "z", Sequence: "9", ID: "z"}, events.Mark{Tau: 2}},
		{"tau before 1970", events.Mark{Tau: -1, Rank: 9}, events.Mark{}},
		{"rank", events.Mark{Rank: 1, Source: "z", Sequence: "9", ID: "z"}, events.Mark{Rank: 2}},
		{"no status is last", events.Mark{Rank: 14, Source: "z"}, events.Mark{Rank: events.RankNone}},
		{"source", events.Mark{Source: "/a", Sequence: "9", ID: "z"}, events.Mark{Source: "/b"}},
		{"sequence by value", events.Mark{Sequence: "9", ID: "z"}, events.Mark{Sequence: "10"}},
		{"absent sequence first", events.Mark{ID: "z"}, events.Mark{Sequence: "0"}},
		{"id", events.Mark{ID: "a"}, events.Mark{ID: "b"}},
	} {
		t.Run(tc.field, func(t *testing.T) {
			if got := tc.first.Compare(&tc.second); got != -1 {
				t.Errorf("first against second: %d, want -1", got)
			}
			if got := tc.second.Compare(&tc.first); got != 1 {
				t.Errorf("second against first: %d, want 1", got)
			}
			if got := tc.first.Compare(&tc.first); got != 0 {
				t.Errorf("first against itself: %d", got)
			}
		})
	}
}

func TestLift(t *testing.T) {
	type m = events.Mark
	for name, tc := range map[string]struct{ in, want []m }{
		"a later number is lifted to its predecessor": {
			[]m{{Sequence: "1", Tau: 50, Rank: 3}, {Sequence: "2", Tau: 40, Rank: 6}},
			[]m{{Sequence: "1", Tau: 50, Rank: 3}, {Sequence: "2", Tau: 50, Rank: 6}},
		},
		"and its rank with it": {
			[]m{{Sequence: "1", Tau: 50, Rank: 6}, {Sequence: "2", Tau: 40, Rank: 3}},
			[]m{{Sequence: "1", Tau: 50, Rank: 6}, {Sequence: "2", Tau: 50, Rank: 6}},
		},
		"rank among equal times": {
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "2", Tau: 50, Rank: 4}},
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "2", Tau: 50, Rank: 8}},
		},
		"rank stays when time goes on": {
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "2", Tau: 51, Rank: 4}},
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "2", Tau: 51, Rank: 4}},
		},
		"over more than one number": {
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "5", Tau: 10}, {Sequence: "9", Tau: 20}, {Sequence: "10", Tau: 60}},
			[]m{{Sequence: "1", Tau: 50, Rank: 8}, {Sequence: "5", Tau: 50, Rank: 8}, {Sequence: "9", Tau: 50, Rank: 8}, {Sequence: "10", Tau: 60}},
		},
		"another source is another run": {
			[]m{{Source: "/a", Sequence: "1", Tau: 50}, {Source: "/b", Sequence: "2", Tau: 40}},
			[]m{{Source: "/a", Sequence: "1", Tau: 50}, {Source: "/b", Sequence: "2", Tau: 40}},
		},
		"another attempt is another run": {
			[]m{{Attempt: 1, Sequence: "1", Tau: 50}, {Attempt: 2, Sequence: "2", Tau: 40}},
			[]m{{Attempt: 1, Sequence: "1", Tau: 50}, {Attempt: 2, Sequence: "2", Tau: 40}},
		},
		"without a sequence nothing moves": {
			[]m{{Sequence: "1", Tau: 50}, {Tau: 40}, {Tau: 60}, {Sequence: "2", Tau: 45}},
			[]m{{Sequence: "1", Tau: 50}, {Tau: 40}, {Tau: 60}, {Sequence: "2", Tau: 50}},
		},
		"equal numbers do not lift each other": {
			[]m{{Sequence: "1", Tau: 50}, {Sequence: "1", Tau: 40}, {Sequence: "2", Tau: 45}},
			[]m{{Sequence: "1", Tau: 50}, {Sequence: "1", Tau: 40}, {Sequence: "2", Tau: 50}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // the order of the marks does not matter
				order := rand.Perm(len(tc.in))
				marks, shuffled := slices.Clone(tc.in), make([]*m, len(tc.in))
				for i, j := range order {
					shuffled[i] = &marks[j]
				}
				events.Lift(shuffled)
				if !slices.Equal(marks, tc.want) {
					t.Fatalf("lifted in the order %v:\n%+v, want\n%+v", order, marks, tc.want)
				}
			}
		})
	}
}

// TestLiftRespectsSequences: afterwards each source's own numbers stand in
// their order within an attempt, nothing went back in time, and lifting again
// changes nothing.
func TestLiftRespectsSequences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) events.Mark {
			return events.Mark{
				Attempt:  rapid.Uint32Range(0, 2).Draw(t, "attempt"),
				Tau:      rapid.Int64Range(0, 5).Draw(t, "tau"),
				Rank:     rapid.Uint8Range(0, events.RankNone).Draw(t, "rank"),
				Source:   rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "source"),
				Sequence: events.Sequence(rapid.SampledFrom([]string{"", "1", "2", "3", "9", "10"}).Draw(t, "sequence")),
				ID:       rapid.StringMatching(`[a-z]{8}`).Draw(t, "id"),
			}
		}), 0, 12).Draw(t, "marks")
		lifted := slices.Clone(before)
		events.Lift(pointers(lifted))
		again := slices.Clone(lifted)
		events.Lift(pointers(again))
		if !slices.Equal(again, lifted) {
			t.Fatalf("lifted twice:\n%+v\n%+v", lifted, again)
		}
		for i := range lifted {
			a := &lifted[i]
			if a.Tau < before[i].Tau || a.Sequence == "" && *a != before[i] {
				t.Fatalf("%+v became %+v", before[i], *a)
			}
			for j := range lifted {
				b := &lifted[j]
				if a.Source == b.Source && a.Attempt == b.Attempt && a.Sequence != "" && b.Sequence != "" &&
					a.Sequence.Compare(b.Sequence) < 0 && a.Compare(b) >= 0 {
					t.Fatalf("%+v stands behind %+v", *a, *b)
				}
			}
		}
	})
}

func pointers(marks []events.Mark) []*events.Mark {
	out := make([]*events.Mark, len(marks))
	for i := range marks {
		out[i] = &marks[i]
	}
	return out
}

func TestParseSequence(t *testing.T) {
	for s, want := range map[string]events.Sequence{"": "", "0": "0", "000": "0", "7": "7", "007": "7", "18446744073709551616": "18446744073709551616"} {
		if got, ok := events.ParseSequence(s); !ok || got != want {
			t.Errorf("%q: got %q, %v", s, got, ok)
		}
	}
	for _, s := range []string{"-1", "+1", "1.0", "1e3", " 1", "1 ", "0x1", "a", "\u0661"} {
		if got, ok := events.ParseSequence(s); ok || got != "" {
			t.Errorf("%q: got %q, %v", s, got, ok)
		}
	}
}

func TestEffectiveTime(t *testing.T) {
	recorded := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		occurred time.Time
		want     time.Time
		ahead    bool
	}{
		"none":                  {time.Time{}, recorded, false},
		"before":                {recorded.Add(-time.Hour), recorded.Add(-time.Hour), false},
		"another zone":          {recorded.Add(-time.Hour).In(time.FixedZone("", 14*3600)), recorded.Add(-time.Hour), false},
		"the same":              {recorded, recorded, false},
		"a little ahead":        {recorded.Add(events.ClockTolerance), recorded, false},
		"ahead":                 {recorded.Add(events.ClockTolerance + 1), recorded, true},
		"further than int64 ns": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), recorded, true},
	} {
		t.Run(name, func(t *testing.T) {
			if tau, ahead := events.EffectiveTime(tc.occurred, recorded); tau != tc.want.UnixNano() || ahead != tc.ahead {
				t.Errorf("got %d, %v; want %d, %v", tau, ahead, tc.want.UnixNano(), tc.ahead)
			}
		})
	}
}
