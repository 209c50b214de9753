package view

import (
	"slices"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// maxGaps bounds what is remembered of one source's numbers.
const maxGaps = 256

// Numbers are the sequence numbers heard from a source that numbers without
// gaps. What is missing lies between the least and the greatest; before the
// first that was heard nothing is. The zero value has heard none.
//
// The result depends on the set of numbers alone as long as no more than 256
// gaps are open at once. Beyond that the lowest is given up: it counts as Lost,
// and stays so when it is filled. Numbers beyond 64 bits are not followed.
type Numbers struct {
	Heard []Range // disjoint, not adjacent, ascending
	Lost  uint64  // numbers in gaps that were given up
}

// Range is a run of numbers, both ends included.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Add notes a number and reports whether it is new. An absent sequence is none.
func (n *Numbers) Add(s events.Sequence) bool {
	number, err := strconv.ParseUint(string(s), 10, 64)
	if err != nil {
		return false
	}
	// i is the first run that ends at or after the number before.
	i, _ := slices.BinarySearchFunc(n.Heard, number, func(r Range, number uint64) int {
		if r.To < number && number-r.To > 1 {
			return -1
		}
		return 1
	})
	switch {
	case i == len(n.Heard) || number < n.Heard[i].From && n.Heard[i].From-number > 1:
		n.Heard = slices.Insert(n.Heard, i, Range{number, number})
	case number < n.Heard[i].From:
		n.Heard[i].From = number
	case number <= n.Heard[i].To:
		return false
	default:
		n.Heard[i].To = number
		if next := i + 1; next < len(n.Heard) && n.Heard[next].From-number <= 1 {
			n.Heard[i].To = n.Heard[next].To
			n.Heard = slices.Delete(n.Heard, next, next+1)
		}
	}
	if len(n.Heard) > maxGaps+1 {
		n.Lost += n.Heard[1].From - n.Heard[0].To - 1
		n.Heard[1].From = n.Heard[0].From
		n.Heard = slices.Delete(n.Heard, 0, 1)
	}
	return true
}

// Complete reports whether nothing is missing.
func (n *Numbers) Complete() bool { return len(n.Heard) < 2 && n.Lost == 0 }

// Missing returns the gaps that are open, ascending.
func (n *Numbers) Missing() []Range {
	out := []Range{}
	for i := 1; i < len(n.Heard); i++ {
		out = append(out, Range{n.Heard[i-1].To + 1, n.Heard[i].From - 1})
	}
	return out
}

// SourceHeard is what was heard of one source, and what it has declared.
type SourceHeard struct {
	Source        string
	Owner         string
	Last          int64         // when its last word was recorded, Unix nanoseconds
	ExpectedEvery time.Duration // 0: it may be quiet
	Contiguous    bool          // it numbers without gaps
	Numbers       Numbers
}

// OfflineSince returns when a source should have spoken again, if all up to the
// watermark w is known and it has not; 0 when it is not offline. Times are Unix
// nanoseconds.
func (s *SourceHeard) OfflineSince(w int64) int64 {
	if due := s.Last + int64(s.ExpectedEvery); s.ExpectedEvery > 0 && due <= w {
		return due
	}
	return 0
}

// Incomplete reports whether a source that numbers without gaps has one.
func (s *SourceHeard) Incomplete() bool { return s.Contiguous && !s.Numbers.Complete() }

// SourceBody is a source as the API shows it.
type SourceBody struct {
	Source        string    `json:"source"`
	Owner         string    `json:"owner"`
	LastEventAt   time.Time `json:"last_event_at,omitzero"`
	ExpectedEvery string    `json:"expected_every"` // "" when it may be quiet
	Offline       bool      `json:"offline"`
	OfflineSince  time.Time `json:"offline_since,omitzero"`
	Contiguous    bool      `json:"contiguous"`
	Incomplete    bool      `json:"incomplete"`
	Missing       []Range   `json:"missing"`       // sequence numbers that were never heard
	Lost          uint64    `json:"lost,omitzero"` // how many more are no longer followed
}

// Body renders a source as it is when all up to the watermark w is known.
func (s *SourceHeard) Body(w int64) SourceBody {
	since := s.OfflineSince(w)
	b := SourceBody{
		Source: s.Source, Owner: s.Owner, LastEventAt: instant(s.Last), Contiguous: s.Contiguous,
		Offline: since != 0, OfflineSince: instant(since), Incomplete: s.Incomplete(), Missing: []Range{},
	}
	if s.ExpectedEvery > 0 {
		b.ExpectedEvery = s.ExpectedEvery.String()
	}
	if s.Contiguous {
		b.Missing, b.Lost = s.Numbers.Missing(), s.Numbers.Lost
	}
	return b
}
