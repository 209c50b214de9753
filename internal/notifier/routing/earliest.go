package routing

import (
	"strings"
	"time"
)

// farthest is how far ahead a time is looked for at which somebody may be told:
// what is muted for longer is muted for good.
const farthest = 366 * 24 * time.Hour

// Earliest returns the first instant, not before from, at which nothing mutes the
// leaf: no mute interval holds, and an active one does if there are any. mutedBy
// says what does at from, "" when nothing: then the instant is from itself. ok is
// false when nobody may be told within a year.
func (l *Leaf) Earliest(from time.Time) (at time.Time, mutedBy string, ok bool) {
	mutedBy = l.mutedBy(from)
	for at = from; l.mutedBy(at) != ""; {
		at = l.nextEdge(at)
		if at.Sub(from) > farthest {
			return time.Time{}, mutedBy, false
		}
	}
	return at, mutedBy, true
}

// mutedBy names what mutes the leaf at t.
func (l *Leaf) mutedBy(t time.Time) string {
	for i := range l.mute {
		if l.mute[i].contains(t) {
			return l.mute[i].name
		}
	}
	if len(l.active) == 0 {
		return ""
	}
	names := make([]string, len(l.active))
	for i := range l.active {
		if l.active[i].contains(t) {
			return ""
		}
		names[i] = l.active[i].name
	}
	return "not " + strings.Join(names, ", not ")
}

// nextEdge returns an instant after t up to which none of the leaf's intervals
// begins or ends.
func (l *Leaf) nextEdge(t time.Time) time.Time {
	next := t.Add(24 * time.Hour)
	for _, list := range [...][]named{l.mute, l.active} {
		for i := range list {
			for j := range list[i].any {
				in := &list[i].any[j]
				zone := time.UTC
				if in.Location != nil {
					zone = in.Location.Location
				}
				minutes := make([]int, 0, 2*len(in.Times)+1)
				minutes = append(minutes, minutesOfDay) // days, months and years begin here
				for _, r := range in.Times {
					minutes = append(minutes, r.StartMinute, r.EndMinute)
				}
				if edge := edgeIn(t.In(zone), minutes); edge.Before(next) {
					next = edge
				}
			}
		}
	}
	return next
}

const minutesOfDay = 24 * 60

// edgeIn returns the first instant after t at which a clock on the wall shows one
// of minutes, counted from midnight, or is put forward or back.
func edgeIn(t time.Time, minutes []int) time.Time {
	hour, minute, second := t.Clock()
	shown := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute +
		time.Duration(second)*time.Second + time.Duration(t.Nanosecond())
	_, next := t.ZoneBounds() // zero: the clock is never put again
	for _, m := range minutes {
		wait := time.Duration(m)*time.Minute - shown
		if edge := t.Add(wait); wait > 0 && (next.IsZero() || edge.Before(next)) {
			next = edge
		}
	}
	return next
}
