package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// LaneEntry is what a deployment's base means for the others of its slot. Times
// are Unix nanoseconds.
type LaneEntry struct {
	Unlanded bool  // its status is one of planned to partially_deployed
	Began    int64 // τ of its attempt's first word
	Last     int64 // τ of its last word

	// Of its latest attempt that started; Started 0: none ever did.
	StartedAttempt               uint32
	StartedBegan, StartedStarted int64
}

// LaneEntryOf returns the entry of a deployment by its base.
func LaneEntryOf(l *statemachine.Lifecycle, s *statemachine.State) LaneEntry {
	e := LaneEntry{
		Unlanded: l.Unlanded(s.Status), Began: s.Began, Last: s.LastTau,
		StartedBegan: s.LastBegan, StartedStarted: s.LastStarted,
	}
	if s.LastStarted != 0 && s.LastBegan == s.Began {
		e.StartedAttempt = s.Attempt
	}
	return e
}

// Lane knows who of a slot superseded whom: an unlanded deployment is superseded
// by an attempt of another one that began later than its own and started in the
// slot after its last word (DESIGN §4 "Overlay"). Of several the one that
// started first did it. The result depends on the entries alone, not on the
// order in which they came.
//
// A start in order looks only at those that it supersedes and at unlanded ones
// that began before it and spoke after it; hundreds that wait for their turn, or
// were superseded long ago, cost nothing. The zero value is an empty lane. It is
// not safe for concurrent use.
type Lane struct {
	entries map[string]*laned
	open    []*laned // unlanded and not superseded, by Began
	gone    []*laned // superseded, by when what superseded them started
	starts  []*laned // those that ever started, by when
	lead    *laned   // the one that was heard of last, ties by name
}

// laned is an entry of a lane by its name.
type laned struct {
	LaneEntry
	name  string
	newer *statemachine.Start
}

func byBegan(a, b *laned) int {
	return cmp.Or(cmp.Compare(a.Began, b.Began), strings.Compare(a.name, b.name))
}

func byStart(a, b *laned) int {
	return cmp.Or(cmp.Compare(a.StartedStarted, b.StartedStarted), strings.Compare(a.name, b.name))
}

func byEnd(a, b *laned) int {
	return cmp.Or(cmp.Compare(a.newer.Started, b.newer.Started), strings.Compare(a.name, b.name))
}

// LaneOf returns the lane of all entries of a slot.
func LaneOf(entries map[string]LaneEntry) *Lane {
	l := &Lane{entries: make(map[string]*laned, len(entries))}
	for name, e := range entries {
		d := &laned{LaneEntry: e, name: name}
		l.entries[name] = d
		if d.StartedStarted != 0 {
			l.starts = append(l.starts, d)
		}
	}
	slices.SortFunc(l.starts, byStart)
	for _, d := range l.entries {
		l.enter(d)
	}
	l.findLead()
	return l
}

// Lead returns the deployment of the slot that was heard of last, ties by name,
// "" when there is none.
func (l *Lane) Lead() string {
	if l.lead == nil {
		return ""
	}
	return l.lead.name
}

// findLead asks all entries.
func (l *Lane) findLead() {
	l.lead = nil
	for _, d := range l.entries {
		if l.lead == nil || byLast(l.lead, d) < 0 {
			l.lead = d
		}
	}
}

func byLast(a, b *laned) int {
	return cmp.Or(cmp.Compare(a.Last, b.Last), strings.Compare(a.name, b.name))
}

// Set gives a deployment its entry and returns, by name, those whose
// [Lane.Newer] is another now, the deployment itself included.
func (l *Lane) Set(deployment string, e LaneEntry) (changed []string) {
	d := l.entries[deployment]
	if d == nil {
		if l.entries == nil {
			l.entries = make(map[string]*laned)
		}
		d = &laned{name: deployment}
		l.entries[deployment] = d
	}
	led := l.lead == d && e.Last < d.Last
	changed = l.set(d, e)
	switch {
	case led:
		l.findLead()
	case l.lead == nil || byLast(l.lead, d) < 0:
		l.lead = d
	}
	return changed
}

// Remove forgets a deployment and returns, by name, those whose [Lane.Newer] is
// another now, itself included when it had one.
func (l *Lane) Remove(deployment string) (changed []string) {
	d := l.entries[deployment]
	if d == nil {
		return nil
	}
	changed = l.set(d, LaneEntry{})
	delete(l.entries, deployment)
	if l.lead == d {
		l.findLead()
	}
	return changed
}

// Newer returns what superseded a deployment, nil when nothing has. The result
// is not to be changed.
func (l *Lane) Newer(deployment string) *statemachine.Start {
	if d := l.entries[deployment]; d != nil {
		return d.newer
	}
	return nil
}

func (l *Lane) set(d *laned, e LaneEntry) []string {
	if d.LaneEntry == e {
		return nil
	}
	before := d.newer
	l.leave(d)
	moves := startOf(&d.LaneEntry) != startOf(&e)
	var touched []*laned
	if moves && d.StartedStarted != 0 {
		i, _ := slices.BinarySearchFunc(l.starts, d, byStart)
		l.starts = slices.Delete(l.starts, i, i+1)
		touched = l.supersededBy(d)
	}
	d.LaneEntry = e
	if moves && d.StartedStarted != 0 {
		i, _ := slices.BinarySearchFunc(l.starts, d, byStart)
		l.starts = slices.Insert(l.starts, i, d)
		touched = append(touched, l.supersedes(d)...)
	}
	var changed []string
	for _, other := range touched {
		old := other.newer
		l.leave(other)
		l.enter(other)
		if !sameStart(old, other.newer) {
			changed = append(changed, other.name)
		}
	}
	if l.enter(d); !sameStart(before, d.newer) {
		changed = append(changed, d.name)
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// enter finds what superseded a deployment and puts it where it belongs.
func (l *Lane) enter(d *laned) {
	if !d.Unlanded {
		return
	}
	if d.newer = l.find(d); d.newer != nil {
		i, _ := slices.BinarySearchFunc(l.gone, d, byEnd)
		l.gone = slices.Insert(l.gone, i, d)
		return
	}
	i, _ := slices.BinarySearchFunc(l.open, d, byBegan)
	l.open = slices.Insert(l.open, i, d)
}

// leave takes a deployment out of where enter put it.
func (l *Lane) leave(d *laned) {
	if !d.Unlanded {
		return
	}
	list, order := &l.open, byBegan
	if d.newer != nil {
		list, order = &l.gone, byEnd
	}
	i, _ := slices.BinarySearchFunc(*list, d, order)
	*list = slices.Delete(*list, i, i+1)
	d.newer = nil
}

// find returns the first start after d's last word of an attempt that began
// later. Most that start later began later, so it does not look far.
func (l *Lane) find(d *laned) *statemachine.Start {
	for _, s := range l.starts[l.startsAfter(d.Last):] {
		if s.StartedBegan > d.Began && s != d {
			start := s.start()
			return &start
		}
	}
	return nil
}

func (l *Lane) startsAfter(tau int64) int {
	i, _ := slices.BinarySearchFunc(l.starts, tau, func(s *laned, tau int64) int {
		if s.StartedStarted <= tau {
			return -1
		}
		return 1
	})
	return i
}

// supersedes returns those for whom the start of s may be the first that counts:
// open ones that began before it, and those superseded by a later start.
func (l *Lane) supersedes(s *laned) []*laned {
	end, _ := slices.BinarySearchFunc(l.open, s.StartedBegan, func(d *laned, began int64) int {
		return cmp.Compare(d.Began, began)
	})
	touched := slices.Clone(l.open[:end])
	return append(touched, l.gone[l.goneFrom(s.StartedStarted):]...)
}

// supersededBy returns those that the start of s superseded.
func (l *Lane) supersededBy(s *laned) []*laned {
	var touched []*laned
	for _, d := range l.gone[l.goneFrom(s.StartedStarted):] {
		if d.newer.Started != s.StartedStarted {
			break
		}
		if d.newer.Deployment == s.name {
			touched = append(touched, d)
		}
	}
	return touched
}

// goneFrom returns the index of the first that a start at tau or later
// superseded.
func (l *Lane) goneFrom(tau int64) int {
	i, _ := slices.BinarySearchFunc(l.gone, tau, func(d *laned, tau int64) int {
		if d.newer.Started < tau {
			return -1
		}
		return 1
	})
	return i
}

func (d *laned) start() statemachine.Start {
	s := startOf(&d.LaneEntry)
	s.Deployment = d.name
	return s
}

func startOf(e *LaneEntry) statemachine.Start {
	return statemachine.Start{Attempt: e.StartedAttempt, Began: e.StartedBegan, Started: e.StartedStarted}
}

func sameStart(a, b *statemachine.Start) bool {
	return a == b || a != nil && b != nil && *a == *b
}
