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
	Began int64 // τ of its attempt's first word
	Last  int64 // τ of its last word

	// Of its latest attempt that started; StartedStarted 0: none ever did.
	StartedBegan, StartedStarted int64
	StartedAttempt               uint32

	Unlanded bool // its status is one of planned to partially_deployed
}

// LaneEntryOf returns the entry of a deployment by the head of its base.
func LaneEntryOf(l *statemachine.Lifecycle, h *statemachine.Head) LaneEntry {
	e := LaneEntry{
		Unlanded: l.Unlanded(h.Status), Began: h.Began, Last: h.LastTau,
		StartedBegan: h.LastBegan, StartedStarted: h.LastStarted,
	}
	if h.LastStarted != 0 && h.LastBegan == h.Began {
		e.StartedAttempt = h.Attempt
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
//
// A server keeps the lanes of all slots that are spoken of, and a late word may
// ask for any start there ever was. So an entry is a value in one slice, and the
// orders are lists of places in it: about 100 bytes a deployment, with its name,
// of which the collector looks at the name alone.
type Lane struct {
	entries []laned
	names   []place // of all entries, by name
	open    []place // unlanded and not superseded, by Began
	gone    []place // superseded, by when what superseded them started
	starts  []place // those that ever started, by when
	lead    place   // the one that was heard of last, ties by name
	free    []place // of entries that were removed
}

// place is an index into the entries of a lane plus one; 0: none.
type place int32

// laned is an entry of a lane by its name.
type laned struct {
	LaneEntry
	newer place // whose start superseded it
	name  string
}

// LaneOf returns the lane of all entries of a slot, by name.
func LaneOf(entries map[string]LaneEntry) *Lane {
	l := &Lane{entries: make([]laned, 0, len(entries)), names: make([]place, 0, len(entries))}
	for name, e := range entries {
		l.entries = append(l.entries, laned{LaneEntry: e, name: strings.Clone(name)}) // a name is a part of a key
		d := place(len(l.entries))
		l.names = append(l.names, d)
		if e.StartedStarted != 0 {
			l.starts = append(l.starts, d)
		}
	}
	slices.SortFunc(l.names, l.byName)
	slices.SortFunc(l.starts, l.byStart)
	for _, d := range l.names {
		switch own := l.at(d); {
		case !own.Unlanded:
			continue
		case l.find(d) == 0:
			l.open = append(l.open, d)
		default:
			own.newer = l.find(d)
			l.gone = append(l.gone, d)
		}
	}
	slices.SortFunc(l.open, l.byBegan)
	slices.SortFunc(l.gone, l.byEnd)
	l.findLead()
	return l
}

// Len returns how many deployments the lane has.
func (l *Lane) Len() int { return len(l.names) }

func (l *Lane) at(d place) *laned { return &l.entries[d-1] }

func (l *Lane) byName(a, b place) int { return strings.Compare(l.at(a).name, l.at(b).name) }

func (l *Lane) byBegan(a, b place) int {
	return cmp.Or(cmp.Compare(l.at(a).Began, l.at(b).Began), l.byName(a, b))
}

func (l *Lane) byStart(a, b place) int {
	return cmp.Or(cmp.Compare(l.at(a).StartedStarted, l.at(b).StartedStarted), l.byName(a, b))
}

func (l *Lane) byEnd(a, b place) int { return cmp.Or(cmp.Compare(l.end(a), l.end(b)), l.byName(a, b)) }

func (l *Lane) byLast(a, b place) int {
	return cmp.Or(cmp.Compare(l.at(a).Last, l.at(b).Last), l.byName(a, b))
}

// end returns when what superseded d started.
func (l *Lane) end(d place) int64 { return l.at(l.at(d).newer).StartedStarted }

// insert puts d where it belongs in a list, remove takes it out.
func insert(list []place, d place, order func(a, b place) int) []place {
	i, _ := slices.BinarySearchFunc(list, d, order)
	return slices.Insert(list, i, d)
}

func remove(list []place, d place, order func(a, b place) int) []place {
	i, _ := slices.BinarySearchFunc(list, d, order)
	return slices.Delete(list, i, i+1)
}

// look returns the place of a deployment, 0 when it has none, and its index in
// names.
func (l *Lane) look(deployment string) (place, int) {
	i, found := slices.BinarySearchFunc(l.names, deployment, func(d place, name string) int {
		return strings.Compare(l.at(d).name, name)
	})
	if !found {
		return 0, i
	}
	return l.names[i], i
}

// Lead returns the deployment of the slot that was heard of last, ties by name,
// "" when there is none.
func (l *Lane) Lead() string {
	if l.lead == 0 {
		return ""
	}
	return l.at(l.lead).name
}

// findLead asks all entries.
func (l *Lane) findLead() {
	l.lead = 0
	for _, d := range l.names {
		if l.lead == 0 || l.byLast(l.lead, d) < 0 {
			l.lead = d
		}
	}
}

// Set gives a deployment its entry and returns, by name, those whose
// [Lane.Newer] is another now, the deployment itself included.
func (l *Lane) Set(deployment string, e LaneEntry) (changed []string) {
	d, i := l.look(deployment)
	if d == 0 {
		d = l.add(deployment)
		l.names = slices.Insert(l.names, i, d)
	}
	led := l.lead == d && e.Last < l.at(d).Last
	changed = l.set(d, e)
	switch {
	case led:
		l.findLead()
	case l.lead == 0 || l.byLast(l.lead, d) < 0:
		l.lead = d
	}
	return changed
}

// add makes an entry that says nothing yet.
func (l *Lane) add(deployment string) place {
	deployment = strings.Clone(deployment)
	if n := len(l.free); n > 0 {
		d := l.free[n-1]
		l.free = l.free[:n-1]
		l.at(d).name = deployment
		return d
	}
	l.entries = append(l.entries, laned{name: deployment})
	return place(len(l.entries))
}

// Remove forgets a deployment and returns, by name, those whose [Lane.Newer] is
// another now, itself included when it had one.
func (l *Lane) Remove(deployment string) (changed []string) {
	d, i := l.look(deployment)
	if d == 0 {
		return nil
	}
	changed = l.set(d, LaneEntry{})
	l.names = slices.Delete(l.names, i, i+1)
	l.at(d).name = ""
	l.free = append(l.free, d)
	if l.lead == d {
		l.findLead()
	}
	return changed
}

// Newer returns what superseded a deployment, nil when nothing has.
func (l *Lane) Newer(deployment string) *statemachine.Start {
	d, _ := l.look(deployment)
	if d == 0 || l.at(d).newer == 0 {
		return nil
	}
	s := l.newer(d)
	return &s
}

// newer returns what superseded d, the zero Start when nothing has.
func (l *Lane) newer(d place) statemachine.Start {
	by := l.at(d).newer
	if by == 0 {
		return statemachine.Start{}
	}
	s := startOf(&l.at(by).LaneEntry)
	s.Deployment = l.at(by).name
	return s
}

// taken is an entry that was taken out of open or gone, and what superseded it
// until then.
type taken struct {
	place
	newer statemachine.Start
}

// set takes out of open and gone all whom it may concern that d has another
// entry, and puts them where they belong then.
func (l *Lane) set(d place, e LaneEntry) (changed []string) {
	own := l.at(d)
	if own.LaneEntry == e {
		return nil
	}
	out := l.take(nil, d)
	moves := startOf(&own.LaneEntry) != startOf(&e)
	if moves && own.StartedStarted != 0 {
		l.starts = remove(l.starts, d, l.byStart)
		out = l.take(out, l.supersededBy(d)...)
	}
	own.LaneEntry = e
	if moves && e.StartedStarted != 0 {
		l.starts = insert(l.starts, d, l.byStart)
		out = l.take(out, l.supersedes(d)...)
	}
	for _, t := range out {
		if l.enter(t.place); l.newer(t.place) != t.newer {
			changed = append(changed, l.at(t.place).name)
		}
	}
	slices.Sort(changed)
	return changed
}

// take takes deployments out of where enter put them.
func (l *Lane) take(out []taken, deployments ...place) []taken {
	for _, d := range deployments {
		out = append(out, taken{d, l.newer(d)})
		switch own := l.at(d); {
		case !own.Unlanded:
		case own.newer != 0:
			l.gone = remove(l.gone, d, l.byEnd)
			own.newer = 0
		default:
			l.open = remove(l.open, d, l.byBegan)
		}
	}
	return out
}

// enter finds what superseded a deployment and puts it where it belongs.
func (l *Lane) enter(d place) {
	own := l.at(d)
	if !own.Unlanded {
		return
	}
	if own.newer = l.find(d); own.newer != 0 {
		l.gone = insert(l.gone, d, l.byEnd)
		return
	}
	l.open = insert(l.open, d, l.byBegan)
}

// find returns the first start after d's last word of an attempt that began
// later. Most that start later began later, so it does not look far.
func (l *Lane) find(d place) place {
	own := l.at(d)
	for _, s := range l.starts[l.startsAfter(own.Last):] {
		if s != d && l.at(s).StartedBegan > own.Began {
			return s
		}
	}
	return 0
}

func (l *Lane) startsAfter(tau int64) int {
	i, _ := slices.BinarySearchFunc(l.starts, tau, func(s place, tau int64) int {
		if l.at(s).StartedStarted <= tau {
			return -1
		}
		return 1
	})
	return i
}

// supersedes returns those for whom the start of s may be the first that counts:
// open ones that began before it, and those superseded by a later start.
func (l *Lane) supersedes(s place) []place {
	own := l.at(s)
	end, _ := slices.BinarySearchFunc(l.open, own.StartedBegan, func(d place, began int64) int {
		return cmp.Compare(l.at(d).Began, began)
	})
	return slices.Concat(l.open[:end], l.gone[l.goneFrom(own.StartedStarted):])
}

// supersededBy returns those that the start of s superseded.
func (l *Lane) supersededBy(s place) (out []place) {
	started := l.at(s).StartedStarted
	for _, d := range l.gone[l.goneFrom(started):] {
		if l.end(d) != started {
			break
		}
		if l.at(d).newer == s {
			out = append(out, d)
		}
	}
	return out
}

// goneFrom returns the index of the first that a start at tau or later
// superseded.
func (l *Lane) goneFrom(tau int64) int {
	i, _ := slices.BinarySearchFunc(l.gone, tau, func(d place, tau int64) int {
		if l.end(d) < tau {
			return -1
		}
		return 1
	})
	return i
}

func startOf(e *LaneEntry) statemachine.Start {
	return statemachine.Start{Attempt: e.StartedAttempt, Began: e.StartedBegan, Started: e.StartedStarted}
}
