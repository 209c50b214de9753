package view

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		heard []string
		want  string
	}{
		{nil, "[] true"},
		{[]string{"", "x", "99999999999999999999"}, "[] true"},
		{[]string{"7"}, "[] true"},
		{[]string{"7", "8", "9"}, "[] true"},
		{[]string{"9", "7", "8", "8"}, "[] true"},
		{[]string{"7", "9"}, "[{8 8}] false"},
		{[]string{"1", "9", "5"}, "[{2 4} {6 8}] false"},
		{[]string{"1", "9", "5", "4", "2", "3"}, "[{6 8}] false"},
		{[]string{"0", "18446744073709551615"}, "[{1 18446744073709551614}] false"},
		{[]string{"18446744073709551614", "18446744073709551615"}, "[] true"},
	} {
		var n Numbers
		for _, s := range c.heard {
			n.Add(events.Sequence(s))
		}
		if got := fmt.Sprint(n.Missing(), n.Complete()); got != c.want {
			t.Errorf("heard %v: %s, want %s", c.heard, got, c.want)
		}
	}
}

// What is missing follows from the set of numbers, and is exactly what was not
// heard in between.
func TestNumbersAreOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		heard := rapid.SliceOfN(rapid.Uint64Range(0, 30), 0, 25).Draw(t, "heard")
		var n Numbers
		seen := map[uint64]bool{}
		for _, number := range heard {
			if isNew := n.Add(events.Sequence(fmt.Sprint(number))); isNew == seen[number] {
				t.Fatalf("%d is new: %v", number, isNew)
			}
			seen[number] = true
		}
		var missing []uint64
		if len(heard) > 0 {
			for i := slices.Min(heard); i < slices.Max(heard); i++ {
				if !seen[i] {
					missing = append(missing, i)
				}
			}
		}
		var got []uint64
		for _, r := range n.Missing() {
			for i := r.From; i <= r.To; i++ {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, missing) || n.Complete() != (len(missing) == 0) {
			t.Fatalf("missing are %v, want %v", got, missing)
		}
	})
}

func TestNumbersAreBounded(t *testing.T) {
	var n Numbers
	for i := range 10 * maxGaps {
		n.Add(events.Sequence(fmt.Sprint(3 * i)))
	}
	if len(n.Missing()) != maxGaps || n.Lost != 2*uint64(9*maxGaps-1) {
		t.Errorf("%d gaps are open and %d numbers lost", len(n.Missing()), n.Lost)
	}
	for i := range 30 * maxGaps {
		n.Add(events.Sequence(fmt.Sprint(i)))
	}
	if n.Complete() || len(n.Missing()) > 0 {
		t.Error("what was given up came back")
	}
}

func TestSourceBody(t *testing.T) {
	s := SourceHeard{Source: "/argo", Owner: "platform", Last: 100e9, ExpectedEvery: time.Minute}
	for _, n := range []events.Sequence{"1", "3"} {
		s.Numbers.Add(n)
	}
	if since := s.OfflineSince(160e9 - 1); since != 0 {
		t.Errorf("offline too early, since %d", since)
	}
	b := s.Body(160e9)
	if !b.Offline || !b.OfflineSince.Equal(time.Unix(160, 0)) || b.ExpectedEvery != "1m0s" {
		t.Errorf("a quiet source is %+v", b)
	}
	if b.Incomplete || len(b.Missing) > 0 {
		t.Error("a source that never said it numbers without gaps has one")
	}
	s.Contiguous, s.ExpectedEvery = true, 0
	if b = s.Body(1e18); b.Offline || !b.Incomplete || !slices.Equal(b.Missing, []Range{{2, 2}}) {
		t.Errorf("a source with a gap is %+v", b)
	}
}
