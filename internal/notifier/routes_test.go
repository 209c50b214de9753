package notifier

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// told returns who read what, in the order of the names of the endpoints.
func told(calls []seen) []string {
	var out []string
	for _, c := range calls {
		out = append(out, c.to+": "+c.message.Title)
	}
	slices.Sort(out)
	return out
}

func TestWhoIsTold(t *testing.T) {
	const fired, over = "checkout 2.0 failed in prod/eu-west-1", "Resolved: checkout 2.0 in prod/eu-west-1 is deployed"
	receivers := []string{"on-call", "both", "nobody", "quiet"}
	below := func(routes ...routing.Route) routing.Config {
		return routing.Config{Route: routing.Route{Receiver: "on-call", Routes: routes}, Receivers: receivers}
	}
	cases := []struct {
		name   string
		routes routing.Config
		want   []string
		record []string // the routes of the first step
	}{
		{
			"the first route, when no other matches",
			below(routing.Route{Receiver: "both", Matchers: []string{`env!="prod"`}}),
			[]string{"on-call/webhook1: " + over, "on-call/webhook1: " + fired},
			[]string{"on-call on-call/webhook1 route"},
		},
		{
			"all endpoints of a receiver",
			below(routing.Route{Receiver: "both", Matchers: []string{`component="checkout"`}}),
			[]string{"both/webhook1: " + over, "both/webhook1: " + fired, "both/webhook2: " + over, "both/webhook2: " + fired},
			[]string{"both both/webhook1 route.routes[0]", "both both/webhook2 route.routes[0]"},
		},
		{
			"nobody, and that is on record",
			below(routing.Route{Receiver: "nobody", Matchers: []string{`severity="warning"`}}),
			nil,
			[]string{"nobody  route.routes[0]"},
		},
		{
			"one that hears no end",
			below(routing.Route{Receiver: "quiet"}),
			[]string{"quiet/webhook1: " + fired},
			[]string{"quiet quiet/webhook1 route.routes[0]"},
		},
		{
			"two routes to one endpoint make one message",
			below(
				routing.Route{Matchers: []string{`env="prod"`}, HoldFor: "1h", Continue: true},
				routing.Route{Matchers: []string{`severity="warning"`}},
				routing.Route{Receiver: "both"},
			),
			[]string{"on-call/webhook1: " + over, "on-call/webhook1: " + fired},
			[]string{"on-call on-call/webhook1 route.routes[1]"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.routes = c.routes
			w.change(t, status(checkout2, "in_progress", "failed", 1))
			calls := w.mustRun(t)
			w.change(t, status(checkout2, "failed", "deployed", 2))
			calls = append(calls, w.mustRun(t)...)
			if got := told(calls); !slices.Equal(got, c.want) {
				t.Errorf("people read\n%q, want\n%q", got, c.want)
			}
			var record []string
			for _, r := range w.alerts(t)[0].Routes {
				record = append(record, strings.Join([]string{r.Receiver, r.Endpoint, r.Path}, " "))
			}
			if !slices.Equal(record, c.record) {
				t.Errorf("on record is %q, want %q", record, c.record)
			}
			if calls := w.mustRun(t); len(calls) > 0 {
				t.Errorf("a restart sent %q", told(calls))
			}
		})
	}
}

// TestWhatHasToLast: who waits for a problem to last hears nothing of one that
// does not, and of any other at its time, whatever is restarted meanwhile.
func TestWhatHasToLast(t *testing.T) {
	for _, emptyDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("empty disk %t", emptyDisk), func(t *testing.T) {
			w := newWorld(t)
			w.routes.Route.HoldFor = "5m"
			cart := "prod/eu-west-1/cart/7"
			w.change(t, status(checkout2, "in_progress", "failed", 1))
			w.change(t, status(cart, "in_progress", "failed", 1))
			if calls := w.mustRun(t); len(calls) > 0 {
				t.Fatalf("people read %q at once", titles(calls))
			}
			w.change(t, status(cart, "failed", "deployed", 2))
			w.clock.Advance(5*time.Minute - 1)
			if emptyDisk {
				w.newDisk(t)
			}
			if calls := w.mustRun(t); len(calls) > 0 {
				t.Fatalf("people read %q too early", titles(calls))
			}
			w.clock.Advance(1)
			if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"checkout 2.0 failed in prod/eu-west-1"}) {
				t.Errorf("people read %q", got)
			}
		})
	}
}

// TestAMutedTime: what comes at night is told in the morning if it still stands,
// and the end of what was told is told at any time.
func TestAMutedTime(t *testing.T) {
	w := newWorld(t)
	w.routes.Route.Routes = []routing.Route{{MuteTimeIntervals: []string{"nights"}}}
	w.routes.TimeIntervals = []routing.TimeInterval{{Name: "nights", TimeIntervals: []routing.Interval{{
		Times: []routing.TimeRange{{StartTime: "20:00", EndTime: "24:00"}, {StartTime: "00:00", EndTime: "07:00"}},
	}}}}
	cart, search := "prod/eu-west-1/cart/7", "prod/eu-west-1/search/3"
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	if calls := w.mustRun(t); len(calls) != 1 {
		t.Fatalf("people read %q at noon", titles(calls))
	}
	w.clock.Advance(9 * time.Hour)
	w.change(t, status(checkout2, "failed", "deployed", 2))
	w.change(t, status(cart, "in_progress", "failed", 1))
	late := status(search, "in_progress", "failed", 1)
	late.At = noon.Add(6 * time.Hour).UnixNano() // by day, and heard of at night
	w.change(t, late)
	if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"Resolved: checkout 2.0 in prod/eu-west-1 is deployed"}) {
		t.Errorf("at night people read %q", got)
	}
	want := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	for _, a := range w.alerts(t)[2:] {
		if r := a.Routes[0]; !r.NotBefore.Equal(want) || r.MutedBy != "nights" {
			t.Errorf("%s is routed as %+v", a.Key, r)
		}
	}
	w.clock.Advance(10 * time.Hour)
	if got := told(w.mustRun(t)); !slices.Equal(got, []string{
		"on-call/webhook1: cart 7 failed in prod/eu-west-1", "on-call/webhook1: search 3 failed in prod/eu-west-1",
	}) {
		t.Errorf("in the morning people read %q", got)
	}
}

// TestAlwaysMuted: what nobody may ever be told is on record, with the reason.
func TestAlwaysMuted(t *testing.T) {
	w := newWorld(t)
	w.routes.Route.Routes = []routing.Route{{ActiveTimeIntervals: []string{"then"}}}
	w.routes.TimeIntervals = []routing.TimeInterval{{Name: "then", TimeIntervals: []routing.Interval{{Years: []string{"1999"}}}}}
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	if calls := w.mustRun(t); len(calls) > 0 {
		t.Errorf("people read %q", titles(calls))
	}
	want := Routed{Receiver: "on-call", Path: "route.routes[0]", MutedBy: "not then"}
	if got := w.alerts(t)[0].Routes; len(got) != 1 || got[0] != want {
		t.Errorf("on record is %+v", got)
	}
}

// TestTheEndGoesWhereTheBeginningWent, whatever the configuration says by then.
func TestTheEndGoesWhereTheBeginningWent(t *testing.T) {
	w := newWorld(t)
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	w.mustRun(t)
	w.routes = routing.Config{Route: routing.Route{Receiver: "both"}, Receivers: []string{"both", "on-call"}}
	w.change(t, status(checkout2, "failed", "deployed", 2))
	if got := told(w.mustRun(t)); !slices.Equal(got, []string{"on-call/webhook1: Resolved: checkout 2.0 in prod/eu-west-1 is deployed"}) {
		t.Errorf("people read %q", got)
	}
}

// TestKilledWhileAProblemHasToLast kills the notifier at every point, before and
// after the time at which people are told.
func TestKilledWhileAProblemHasToLast(t *testing.T) {
	for _, point := range points() {
		for _, emptyDisk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, empty disk %t", point, emptyDisk), func(t *testing.T) {
				w := newWorld(t)
				w.routes.Route.HoldFor = "5m"
				killed := false
				run := func() []seen {
					dying := func(name string) error {
						if name == point && !killed {
							killed = true
							return errKilled
						}
						return nil
					}
					for w.run(t, dying) != nil {
						if emptyDisk {
							w.newDisk(t)
						}
					}
					return w.endpoint.got(true)
				}
				w.change(t, status(checkout2, "in_progress", "failed", 1))
				if calls := run(); len(calls) > 0 {
					t.Errorf("people read %q at once", titles(calls))
				}
				w.clock.Advance(5 * time.Minute)
				calls := run()
				if len(calls) == 0 || len(calls) > 2 || len(calls) == 2 && calls[0].body != calls[1].body {
					t.Errorf("people read %q", titles(calls))
				}
				if !killed {
					t.Error("the point is never passed")
				}
				if steps := w.alerts(t); len(steps) != 1 || steps[0].Status != receiver.StatusFiring {
					t.Errorf("on record are %+v", steps)
				}
			})
		}
	}
}
