package events

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// RankNone is the rank of an event that carries no status: last within its
// instant.
const RankNone uint8 = 15

// ClockTolerance is how far an emitter's clock may run ahead of the recorder
// before its event is marked clock_ahead. Its effective time is clamped either
// way.
const ClockTolerance = 5 * time.Second

// EffectiveTime returns τ in Unix nanoseconds: the time of occurrence, but
// never later than the time of recording; without a time, the time of
// recording. ahead reports a clock that ran ahead by more than
// [ClockTolerance]. Zero occurred means that the event has no time.
func EffectiveTime(occurred, recorded time.Time) (tau int64, ahead bool) {
	if occurred.IsZero() {
		return recorded.UnixNano(), false
	}
	if occurred.After(recorded) {
		return recorded.UnixNano(), occurred.Sub(recorded) > ClockTolerance
	}
	return occurred.UnixNano(), false
}

// Sequence is a source's own count: a decimal without leading zeros, of any
// length. The zero value means absent and sorts first.
type Sequence string

// ParseSequence reads the CloudEvents extension sequence. ok is false, and the
// sequence absent, for anything that is not a decimal.
func ParseSequence(s string) (seq Sequence, ok bool) {
	if s == "" {
		return "", true
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	if s = strings.TrimLeft(s, "0"); s == "" {
		s = "0"
	}
	return Sequence(s), true
}

// Compare orders sequences by value, absent first.
func (s Sequence) Compare(o Sequence) int {
	return cmp.Or(cmp.Compare(len(s), len(o)), strings.Compare(string(s), string(o)))
}

// Mark is what the canonical order is made of. Attempt is the given attempt
// that the event belongs to, 0 before the first; Tau is in Unix nanoseconds.
type Mark struct {
	Attempt  uint32
	Tau      int64
	Rank     uint8
	Source   string
	Sequence Sequence
	ID       string
}

// Compare is the canonical order of a deployment's events: total, since no two
// events share (source, id).
func (m *Mark) Compare(o *Mark) int {
	return cmp.Or(
		cmp.Compare(m.Attempt, o.Attempt),
		cmp.Compare(m.Tau, o.Tau),
		cmp.Compare(m.Rank, o.Rank),
		strings.Compare(m.Source, o.Source),
		m.Sequence.Compare(o.Sequence),
		strings.Compare(m.ID, o.ID),
	)
}

// Lift makes marks respect each source's own sequence: along one source's
// sequence within one attempt τ never goes back, and among equal τ neither does
// the rank. Marks without a sequence stay as they are. The order of marks does
// not matter and is kept.
func Lift(marks []*Mark) {
	chain := make([]*Mark, 0, len(marks))
	for _, m := range marks {
		if m.Sequence != "" {
			chain = append(chain, m)
		}
	}
	if len(chain) < 2 {
		return
	}
	slices.SortFunc(chain, func(a, b *Mark) int {
		return cmp.Or(cmp.Compare(a.Attempt, b.Attempt), strings.Compare(a.Source, b.Source),
			a.Sequence.Compare(b.Sequence))
	})
	same := func(a, b *Mark) bool { return a.Attempt == b.Attempt && a.Source == b.Source }
	// floor is the greatest (τ, rank) among strictly smaller numbers of the run;
	// equal numbers do not lift each other, so their order cannot matter.
	for i := 0; i < len(chain); {
		var floor, next struct {
			tau  int64
			rank uint8
			set  bool
		}
		start := chain[i]
		for i < len(chain) && same(start, chain[i]) {
			number := chain[i].Sequence
			for ; i < len(chain) && same(start, chain[i]) && chain[i].Sequence == number; i++ {
				m := chain[i]
				if floor.set && m.Tau < floor.tau {
					m.Tau = floor.tau
				}
				if floor.set && m.Tau == floor.tau && m.Rank < floor.rank {
					m.Rank = floor.rank
				}
				if !next.set || m.Tau > next.tau || m.Tau == next.tau && m.Rank > next.rank {
					next.tau, next.rank, next.set = m.Tau, m.Rank, true
				}
			}
			floor = next
		}
	}
}
