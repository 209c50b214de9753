package ingest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// doorState says whether the HTTP door takes events.
type doorState uint8

const (
	doorsStarting doorState = iota
	doorsOpen
	doorsDraining
)

// gate is where time is given out: to events as recordedtime, to ticks as the
// time that they promise. It knows which stamps are still on their way to the
// stream, in generations: a tick ends one, and waits until all that entered it
// have left.
type gate struct {
	clock func() time.Time

	mu    sync.Mutex // guards all below; never held over I/O
	state doorState
	last  int64       // the greatest stamp given, Unix nanoseconds
	now   *generation // whoever enters, enters here
	older []*generation
}

// generation is what entered between two ticks. Its fields are guarded by
// gate.mu.
type generation struct {
	inside int
	ended  bool          // no one enters any more
	empty  chan struct{} // closed when ended and all have left
}

func newGate(clock func() time.Time) *gate {
	return &gate{clock: clock, now: &generation{empty: make(chan struct{})}}
}

// seed makes every later stamp greater than t: what a former process of this
// recorder has given out.
func (g *gate) seed(t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !t.IsZero() {
		g.last = max(g.last, t.UnixNano())
	}
}

func (g *gate) setState(s doorState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = s
}

func (g *gate) doors() doorState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// enterOpen enters unless the HTTP door is shut. Whoever entered calls leave
// once, when all that it stamped is stored or given up.
func (g *gate) enterOpen() (*generation, doorState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != doorsOpen {
		return nil, g.state
	}
	g.now.inside++
	return g.now, g.state
}

// enter enters whatever the state of the HTTP door: TT_RAW is emptied before
// the doors open and after they have shut.
func (g *gate) enter() *generation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now.inside++
	return g.now
}

func (g *gate) leave(gen *generation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen.inside--
	gen.closeIfEmpty()
}

func (gen *generation) closeIfEmpty() {
	if gen.ended && gen.inside == 0 {
		close(gen.empty)
	}
}

// stamp returns a time later than every one before: the clock's, or a
// nanosecond more than the last when the clock has not moved, or was set back.
func (g *gate) stamp() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next()
}

func (g *gate) next() time.Time {
	g.last = max(g.last+1, g.clock().UnixNano())
	return time.Unix(0, g.last).UTC()
}

// turn returns a time t and what may still carry a stamp before t: whoever
// enters from now on gets later ones only.
func (g *gate) turn() (t time.Time, before []*generation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t = g.next()
	g.now.ended = true
	g.now.closeIfEmpty()
	// Generations whose tick was given up may still be under way.
	g.older = slices.DeleteFunc(append(g.older, g.now), func(gen *generation) bool {
		return gen.inside == 0
	})
	g.now = &generation{empty: make(chan struct{})}
	return t, slices.Clone(g.older)
}

// await waits until everyone has left the given generations.
func await(ctx context.Context, gens []*generation) error {
	for _, gen := range gens {
		select {
		case <-gen.empty:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
