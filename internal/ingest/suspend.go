package ingest

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	// suspendWindow is how long a run of refused requests may have taken to count
	// as one: a trickle over days is for people to look at, not a flood.
	suspendWindow = time.Hour

	// suspendMost is the longest suspension. Each one that follows on another
	// without a good request in between is twice as long.
	suspendMost = time.Hour
)

// A hook that sends only rubbish would fill the quarantine, and hide in it what
// others sent by mistake. So after a run of requests that could not be used it
// is suspended: turned away unread, with 429. It returns by itself on
// probation: its next request, if it cannot be used either, suspends it again at
// once. What of it stays in quarantine is thereby bounded: the first run, then at
// most one for each hour.

// sending is who sends to a hook. A suspension holds for one sender, so that
// nobody can have another's hook suspended.
type sending struct{ tool, hook, emitter string }

// Suspension is a hook that is turned away for a while.
type Suspension struct {
	Tool    string
	Hook    string // its name, "" for the tool's own
	Emitter string // who sends to it
	Since   time.Time
	Until   time.Time
	Because events.Code // why the last request could not be used
}

// suspensions remembers how requests to hooks went. It has one record for each
// sender and hook, of which the configuration bounds both.
type suspensions struct {
	mu sync.Mutex // guards of, and all records in it
	of map[sending]*record
}

// record is how the last requests of one sender to one hook went.
type record struct {
	run       int       // requests in a row that could not be used
	began     time.Time // when the run did
	times     int       // suspensions since the last good request
	suspended Suspension
}

func newSuspensions() *suspensions { return &suspensions{of: make(map[sending]*record)} }

// until returns the end of a suspension that holds now.
func (s *suspensions) until(who sending, now time.Time) (end time.Time, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.of[who]
	if r == nil || !now.Before(r.suspended.Until) {
		return time.Time{}, false
	}
	return r.suspended.Until, true
}

// good notes a request that could be used, or that means nothing here: the hook
// is what it should be.
func (s *suspensions) good(who sending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, who)
}

// bad notes a request that could not be used, and returns the suspension that it
// brings about, if it does: after a run of after, for the length given and
// longer the more often. after 0 never suspends.
func (s *suspensions) bad(who sending, why events.Code, now time.Time, after int, length time.Duration) (Suspension, bool) {
	if after == 0 {
		return Suspension{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.of[who]
	if r == nil {
		r = &record{began: now}
		s.of[who] = r
	}
	if now.Before(r.suspended.Until) { // was under way when another suspended it
		return Suspension{}, false
	}
	if r.times == 0 && now.Sub(r.began) > suspendWindow {
		r.run, r.began = 0, now
	}
	if r.run++; r.run < after && r.times == 0 {
		return Suspension{}, false
	}
	for range min(r.times, 16) {
		length = min(2*length, max(length, suspendMost))
	}
	r.times++
	r.suspended = Suspension{
		Tool: who.tool, Hook: who.hook, Emitter: who.emitter, Since: now, Until: now.Add(length), Because: why,
	}
	return r.suspended, true
}

// all returns the suspensions that hold now, by tool, hook and emitter.
func (s *suspensions) all(now time.Time) []Suspension {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Suspension
	for _, r := range s.of {
		if now.Before(r.suspended.Until) {
			list = append(list, r.suspended)
		}
	}
	slices.SortFunc(list, func(a, b Suspension) int {
		return cmp.Or(cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Hook, b.Hook), cmp.Compare(a.Emitter, b.Emitter))
	})
	return list
}

// Suspended returns the hooks that are turned away now because they sent only
// what could not be used, by tool, hook and emitter.
func (i *Ingest) Suspended() []Suspension { return i.suspensions.all(i.pipeline.gate.clock()) }
