package ingest

import (
	"context"
	"testing"
	"time"
)

func TestStampsGrowWhateverTheClockDoes(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	g := newGate(func() time.Time { return now })
	last := g.stamp()
	for _, step := range []time.Duration{0, 0, time.Second, -time.Hour, 0, 2 * time.Hour} {
		now = now.Add(step)
		s := g.stamp()
		if !s.After(last) {
			t.Errorf("after a step of %v: %v is not after %v", step, s, last)
		}
		last = s
	}
	if !last.Equal(now) {
		t.Errorf("stamp %v, want the clock's %v once it has caught up", last, now)
	}
	g.seed(now.Add(time.Minute))
	if s := g.stamp(); !s.After(now.Add(time.Minute)) {
		t.Errorf("stamp %v is not after what a former process gave out", s)
	}
}

func TestTurnWaitsForAllThatMayCarryAnEarlierStamp(t *testing.T) {
	g := newGate(time.Now)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	done := func(gens []*generation) bool { return await(ended, gens) == nil || allEmpty(gens) }

	first := g.enter()
	early := g.stamp()
	tick, before := g.turn()
	if !tick.After(early) {
		t.Errorf("tick %v is not after the stamp %v of one who entered before it", tick, early)
	}
	second := g.enter()
	if late := g.stamp(); !late.After(tick) {
		t.Errorf("stamp %v of one who entered after the tick is not after it (%v)", late, tick)
	}
	if done(before) {
		t.Error("the tick does not wait for who entered before it")
	}

	// The first tick is given up; the next one has to wait for both.
	_, both := g.turn()
	g.leave(second)
	if done(both) {
		t.Error("the second tick forgot who entered before the first")
	}
	g.leave(first)
	if !allEmpty(before) || !allEmpty(both) {
		t.Error("all have left, and still a tick waits")
	}
	if _, none := g.turn(); await(t.Context(), none) != nil {
		t.Error("a tick waits for nobody")
	}
	if len(g.older) != 0 {
		t.Errorf("%d generations are kept for nothing", len(g.older))
	}
}

func allEmpty(gens []*generation) bool {
	for _, gen := range gens {
		select {
		case <-gen.empty:
		default:
			return false
		}
	}
	return true
}

func TestGateIsShutUntilOpened(t *testing.T) {
	g := newGate(time.Now)
	for _, s := range []doorState{doorsStarting, doorsDraining} {
		g.setState(s)
		if gen, doors := g.enterOpen(); gen != nil || doors != s {
			t.Errorf("entered while %v", s)
		}
	}
	g.setState(doorsOpen)
	gen, _ := g.enterOpen()
	if gen == nil {
		t.Fatal("the open gate is shut")
	}
	g.leave(gen)
}
