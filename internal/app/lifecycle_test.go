package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

// diary notes what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// steady is a service that runs until it is told to stop.
func (d *diary) steady(name string) service {
	return service{name, func(ctx context.Context) error {
		<-ctx.Done()
		d.note(name + " stops")
		return nil
	}}
}

func TestServicesStopInOppositeOrder(t *testing.T) {
	var d diary
	ctx, cancel := context.WithCancel(t.Context())
	err := supervise(ctx, quiet, time.Minute, []service{d.steady("a"), d.steady("b"), d.steady("c")}, func() {
		d.note("started")
		cancel()
	})
	if err != nil {
		t.Errorf("an orderly end returns %v", err)
	}
	if want := []string{"started", "c stops", "b stops", "a stops"}; !slices.Equal(d.lines, want) {
		t.Errorf("happened %q, want %q", d.lines, want)
	}
}

func TestAServiceThatEndsEndsAll(t *testing.T) {
	boom := errors.New("boom")
	for name, end := range map[string]error{"with an error": boom, "without one": nil} {
		t.Run(name, func(t *testing.T) {
			var d diary
			services := []service{d.steady("a"), {"b", func(context.Context) error { return end }}, d.steady("c")}
			err := supervise(t.Context(), quiet, time.Minute, services, func() {})
			want := end
			if want == nil {
				want = errEnded
			}
			if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "b: ") {
				t.Errorf("supervise returns %v, want b: %v", err, want)
			}
			if want := []string{"c stops", "a stops"}; !slices.Equal(d.lines, want) {
				t.Errorf("happened %q, want %q", d.lines, want)
			}
		})
	}
}

// TestTheFirstErrorIsTheCause: what goes wrong because of it is for the log.
func TestTheFirstErrorIsTheCause(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, nil))
	err := supervise(t.Context(), log, time.Minute, []service{
		{"a", func(ctx context.Context) error { <-ctx.Done(); return errors.New("no server") }},
		{"b", func(context.Context) error { return errors.New("disk full") }},
	}, func() {})
	if err == nil || err.Error() != "b: disk full" || !strings.Contains(text.String(), "a: no server") {
		t.Errorf("supervise returns %v and logs\n%s", err, text.String())
	}
}

func TestErrorsOfTheStopAreAllReported(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	bad := func(name string) service {
		return service{name, func(ctx context.Context) error { <-ctx.Done(); return errors.New("no room") }}
	}
	err := supervise(ctx, quiet, time.Minute, []service{bad("a"), bad("b")}, cancel)
	if err == nil || err.Error() != "b: no room\na: no room" {
		t.Errorf("supervise returns %v", err)
	}
}

func TestTheStopHasOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		stuck := func(name string) service {
			return service{name, func(context.Context) error { <-release; return nil }}
		}
		began := time.Now()
		err := supervise(ctx, quiet, time.Minute, []service{stuck("a"), stuck("b")}, func() {
			d.note("started")
			cancel()
		})
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the stop took %v, want the one deadline of %v", took, time.Minute)
		}
		if err == nil || err.Error() != "b did not stop within 1m0s\na did not stop within 1m0s" {
			t.Errorf("supervise returns %v", err)
		}
		close(release)
	})
}

func TestCleanupsRunNewestFirstAndOnce(t *testing.T) {
	var d diary
	c := cleanups{log: quiet}
	c.add("store", func() error { d.note("store"); return nil })
	c.add("lock", func() error { d.note("lock"); return errors.New("gone") })
	c.add("server", func() error { d.note("server"); return nil })
	if err := c.run(); err == nil || err.Error() != "lock: gone" {
		t.Errorf("run returns %v", err)
	}
	if want := []string{"server", "lock", "store"}; !slices.Equal(d.lines, want) {
		t.Errorf("ran %q, want %q", d.lines, want)
	}
	if err := c.run(); err != nil || len(d.lines) != 3 {
		t.Errorf("a second run returns %v and ran %q", err, d.lines)
	}
}
