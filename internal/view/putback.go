package view

import (
	"math"
	"slices"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// PutBack returns the landing by which what a failed attempt had replaced runs
// again, nil when there is none: the slot's next landing has the version that
// another deployment ran there before the attempt. For an attempt that landed,
// before and next are seen from its last landing; for one that never did, from
// started, when it started (Unix nanoseconds). An absent version equals nothing.
//
// Only a landing that counts can put back: while the old attempt never stopped
// running, a word that it runs is no landing, and the failed one stays failed.
func (f *SlotFold) PutBack(deployment string, number uint32, started int64) *statemachine.PutBack {
	own := int(f.latest(deployment, number)) // plus one
	before, next, until := own-2, own, int64(math.MaxInt64)
	if own == 0 {
		next = f.after(started)
		before, until = next-1, started
	}
	if next >= len(f.landings) {
		return nil
	}
	for ; before >= 0; before-- {
		l := &f.landings[before]
		if l.emptied != 0 && f.words[l.emptied].Tau < until {
			return nil // nothing ran before
		}
		if f.original(before).Deployment != deployment {
			break
		}
	}
	if before < 0 {
		return nil
	}
	now := f.landing(next)
	if order, ok := CompareVersions(f.original(before).Version, now.Version); !ok || order != 0 {
		return nil
	}
	return &statemachine.PutBack{Deployment: now.Deployment, Version: now.Version, Tau: now.Tau}
}

// original returns the word that says what a landing runs.
func (f *SlotFold) original(i int) *statemachine.SlotWord {
	return &f.words[f.landings[f.landings[i].of].word]
}

// PresentLanding returns τ of the landing by which the slot runs this attempt
// now, 0 when it runs something else or nothing. Evidence from before it says
// nothing about what runs now.
func (f *SlotFold) PresentLanding(deployment string, number uint32) int64 {
	if l, ok := f.Current(); ok && l.Deployment == deployment && l.Attempt == number {
		return l.Tau
	}
	return 0
}

// RunningAt returns the landing of what the slot ran at an instant, landings of
// that instant included. ok is false when it ran nothing, or nothing is known.
func (f *SlotFold) RunningAt(tau int64) (l Landing, ok bool) {
	i := f.after(tau) - 1
	if i < 0 {
		return Landing{}, false
	}
	if m := f.moment(i); m.emptied > tau {
		return m.Landing, true
	}
	return Landing{}, false
}

// after returns the index of the first landing after an instant.
func (f *SlotFold) after(tau int64) int {
	i, _ := slices.BinarySearchFunc(f.landings, tau, func(l landing, tau int64) int {
		if f.words[l.word].Tau <= tau {
			return -1
		}
		return 1
	})
	return i
}

// Shift is what a word changed in the landings of a slot. The zero value is
// nothing: then no answer of the slot is another one.
type Shift struct {
	Changed     bool
	Deployments []string // those whose landings, or what is beside them, changed; sorted
	From, To    int64    // around when, Unix nanoseconds, both included

	gaps gapShift
}

// Concerns reports whether [SlotFold.PutBack] or [SlotFold.PresentLanding] may
// have another answer for an attempt of a deployment that started then.
func (s *Shift) Concerns(deployment string, started int64) bool {
	if !s.Changed {
		return false
	}
	_, named := slices.BinarySearch(s.Deployments, deployment)
	return named || s.From <= started && started <= s.To
}

// moment is a landing and its end, to compare two histories of a slot by.
type moment struct {
	Landing
	emptied int64 // τ of what left the slot empty, math.MaxInt64: nothing did
}

func (f *SlotFold) moment(i int) moment {
	m := moment{Landing: f.landing(i), emptied: math.MaxInt64}
	if e := f.landings[i].emptied; e != 0 {
		m.emptied = f.words[e].Tau
	}
	return m
}

// moments returns the slot's history from the landing at an index on.
func (f *SlotFold) moments(from int) []moment {
	out := make([]moment, 0, len(f.landings)-from)
	for i := from; i < len(f.landings); i++ {
		out = append(out, f.moment(i))
	}
	return out
}

// shiftBetween compares two histories. What differs lies between a common
// beginning and a common end; the last landing of the one and the first of the
// other have a new neighbour.
func shiftBetween(before, after []moment) Shift {
	shorter := min(len(before), len(after))
	head := 0
	for head < shorter && before[head] == after[head] {
		head++
	}
	tail := 0
	for tail < shorter-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	if len(before) == len(after) && head == len(before) {
		return Shift{}
	}
	s := Shift{Changed: true, From: math.MinInt64, To: math.MinInt64}
	if head > 0 {
		s.From = before[head-1].Tau
	}
	for _, history := range [][]moment{before, after} {
		end := min(len(history)-tail+1, len(history))
		for _, m := range history[max(head-1, 0):end] {
			s.Deployments = append(s.Deployments, m.Deployment)
			s.To = max(s.To, m.Tau)
		}
	}
	slices.Sort(s.Deployments)
	s.Deployments = slices.Compact(s.Deployments)
	s.gaps = gapShiftBetween(gapsIn(before[max(head-1, 0):]), gapsIn(after[max(head-1, 0):]))
	return s
}

// Expected reports from which τ on a release may have another answer of
// [SlotFold.Expects] after a shift that was the slot's last; ok is false when none
// has. A landing in order, where something runs, is expected as what ran before
// it was.
func (f *SlotFold) Expected(s Shift) (first int64, ok bool) {
	if !s.gaps.changed {
		return 0, false
	}
	first = s.gaps.from
	if s.gaps.ended && len(f.landings) > 0 {
		first = min(first, f.landing(0).Tau)
	}
	return first + 1, true // Expects asks for the instant before
}

// gap is a time in which a slot ran nothing, or nothing is known, without its
// end.
type gap struct{ from, to int64 }

// gapsIn returns the gaps of a history, in order, as if nothing was before it.
func gapsIn(history []moment) []gap {
	var out []gap
	add := func(from, to int64) {
		last := len(out) - 1
		switch {
		case from >= to:
		case last >= 0 && out[last].to == from: // what landed in between was gone at once
			out[last].to = to
		default:
			out = append(out, gap{from, to})
		}
	}
	from := int64(math.MinInt64)
	for _, m := range history {
		add(from, m.Tau)
		from = m.emptied
	}
	add(from, math.MaxInt64)
	return out
}

// gapShift is what changed in the gaps of a slot.
type gapShift struct {
	changed bool
	from    int64 // when they begin to differ
	ended   bool  // it runs something now where it ran nothing, or the other way round
}

// gapShiftBetween compares the gaps of two histories that begin alike. Of a slot
// that runs nothing, before and now, nobody expects anything.
func gapShiftBetween(before, after []gap) gapShift {
	empty := func(gaps []gap) bool { return len(gaps) > 0 && gaps[len(gaps)-1].to == math.MaxInt64 }
	if slices.Equal(before, after) || empty(before) && empty(after) {
		return gapShift{}
	}
	s := gapShift{changed: true, ended: empty(before) != empty(after)}
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	switch {
	case same == len(before):
		s.from = after[same].from
	case same == len(after):
		s.from = before[same].from
	case before[same].from == after[same].from:
		s.from = min(before[same].to, after[same].to)
	default:
		s.from = min(before[same].from, after[same].from)
	}
	return s
}
