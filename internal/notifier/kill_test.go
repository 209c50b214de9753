package notifier

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// points are all durable steps between a change and the end of what follows.
func points() []string {
	return []string{
		PointBeforeDecision,
		delivery.PointBeforeCommit, delivery.PointAfterCommit,
		delivery.PointBeforeFold, delivery.PointAfterFold,
		PointBeforePosition, PointAfterPosition,
		delivery.PointBeforeIntent, delivery.PointAfterIntent,
		delivery.PointAfterCall, delivery.PointAfterOutcome,
	}
}

// TestKilledAnywhere kills the notifier at every passing of every point, starts
// it again with the disk it left or with an empty one, and looks at what people
// saw in the end.
func TestKilledAnywhere(t *testing.T) {
	for _, point := range points() {
		for _, emptyDisk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, empty disk %t", point, emptyDisk), func(t *testing.T) {
				w := newWorld(t)
				for passing := 1; ; passing++ {
					killed, violations := w.killAt(t, point, passing, emptyDisk)
					for _, v := range violations {
						t.Errorf("killed at passing %d: %s", passing, v)
					}
					if !killed && passing == 1 {
						t.Error("the point is never passed")
					}
					if !killed {
						break
					}
				}
			})
		}
	}
}

// killAt tells a story in two parts, in an environment of its own, to a notifier
// that dies at a passing of a point, and returns what is wrong in the end.
func (w *world) killAt(t *testing.T, point string, passing int, emptyDisk bool) (killed bool, violations []string) {
	t.Helper()
	env := fmt.Sprintf("env-%d", passing)
	app, cart := env+"/eu-west-1/app/2.0", env+"/eu-west-1/cart/7"
	passed := 0
	fail := func(name string) error {
		if name == point {
			if passed++; passed == passing {
				return errKilled
			}
		}
		return nil
	}
	run := func() {
		for {
			err := w.run(t, fail)
			if err == nil {
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if killed {
				t.Fatal("it died twice")
			}
			killed = true
			if emptyDisk {
				w.newDisk(t)
			}
		}
	}
	w.change(t, status(app, "in_progress", "failed", 1))
	w.change(t, status(cart, "in_progress", "failed", 1))
	run()
	w.change(t, status(app, "failed", "in_progress", 2))
	w.change(t, status(app, "in_progress", "deployed", 2))
	w.change(t, status(cart, "failed", "manual_intervention", 1))
	run()

	want := map[string]receiver.Status{
		alertID("failed", app, 1):               receiver.StatusResolved,
		alertID("failed", cart, 1):              receiver.StatusFiring,
		alertID("manual_intervention", cart, 1): receiver.StatusFiring,
	}
	violations = append(violations, w.wrongRecords(t, env, want)...)
	violations = append(violations, wrongMessages(w.endpoint.got(true), want, killed)...)
	if more := w.mustRun(t); len(more) > 0 {
		violations = append(violations, fmt.Sprintf("a restart with nothing open sent %q", titles(more)))
	}
	return killed, violations
}

// wrongRecords holds TT_ALERTS against the last status of each alert of env: each
// step is there once, and no other.
func (w *world) wrongRecords(t *testing.T, env string, want map[string]receiver.Status) (violations []string) {
	t.Helper()
	steps := make(map[string][]receiver.Status)
	for _, a := range w.alerts(t) {
		if a.Labels["env"] == env {
			steps[a.Alert] = append(steps[a.Alert], a.Status)
		}
	}
	for id, last := range want {
		expect := []receiver.Status{receiver.StatusFiring, receiver.StatusResolved}
		if last == receiver.StatusFiring {
			expect = expect[:1]
		}
		if !slices.Equal(steps[id], expect) {
			violations = append(violations, fmt.Sprintf("alert %s has the steps %v on record, want %v", id, steps[id], expect))
		}
	}
	if len(steps) != len(want) {
		violations = append(violations, fmt.Sprintf("%d alerts are on record, want %d", len(steps), len(want)))
	}
	return violations
}

// wrongMessages holds what the endpoint got against the last status of each
// alert: each step was seen, no problem came back after its resolve, and a repeat
// had the id and the body of what it repeats. There are no more repeats than
// calls in which the notifier can have died.
func wrongMessages(calls []seen, want map[string]receiver.Status, killed bool) (violations []string) {
	last := make(map[string]receiver.Status)
	bodies := make(map[string]string)
	steps := make(map[string]string) // alert and status → webhook-id
	repeats := 0
	for _, c := range calls {
		alert, step := c.message.Alert, c.message.Alert+" "+string(c.message.Status)
		if last[alert] == receiver.StatusResolved && c.message.Status == receiver.StatusFiring {
			violations = append(violations, "a problem came back after its resolve: "+c.message.Title)
		}
		last[alert] = c.message.Status
		if id, ok := steps[step]; ok && id != c.id {
			violations = append(violations, "one step came under two ids: "+c.message.Title)
		}
		steps[step] = c.id
		if body, ok := bodies[c.id]; ok {
			repeats++
			if body != c.body {
				violations = append(violations, "one id came with two bodies: "+c.message.Title)
			}
		}
		bodies[c.id] = c.body
	}
	for id, status := range want {
		if last[id] != status {
			violations = append(violations, fmt.Sprintf("alert %s was last seen as %q, it is %s", id, last[id], status))
		}
		// The first part of the story was over before the second one began.
		if _, ok := steps[id+" "+string(receiver.StatusFiring)]; !ok {
			violations = append(violations, fmt.Sprintf("nobody saw alert %s fire", id))
		}
	}
	// Two lanes may be in a call when the process dies.
	if repeats > 2 || repeats > 0 && !killed {
		violations = append(violations, fmt.Sprintf("%d messages were repeated", repeats))
	}
	return violations
}

// TestTheSuiteSeesALostIntent builds the fault that the intents are there
// against: the notifications of a step are made by the process after it was
// recorded, instead of following from the record. The suite has to see it.
func TestTheSuiteSeesALostIntent(t *testing.T) {
	forget := func(n *Notifier) {
		without := folds()
		for _, typ := range []string{events.TypeAlertFired, events.TypeAlertResolved} {
			without[typ] = func(tx *delivery.Tx, e *events.Event) error {
				var a Alert
				if err := e.DataAs(&a); err != nil {
					return err
				}
				a.Routes = nil
				told := *e
				if err := told.SetData(&a); err != nil {
					return err
				}
				return foldAlert(tx, &told)
			}
		}
		atStart := stepsIn(t, n.o.DB)
		fail := n.o.FailPoint
		n.o.FailPoint = func(name string) error {
			if err := fail(name); err != nil || name != PointBeforePosition {
				return err
			}
			now := stepsIn(t, n.o.DB)
			err := delivery.Update(n.o.DB, func(tx *delivery.Tx) error {
				for id, a := range now {
					if atStart[id].Sequence == a.Sequence {
						continue
					}
					if err := delivery.Enqueue(tx, a.intent(&Routed{Endpoint: "on-call/webhook1"}, noon)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			// The lanes look when the journal moves.
			return n.journal.Append(t.Context(), delivery.Entry{
				Subject: events.AlertSubject(SeverityWarning, "prod", "nudge"),
				Event:   &events.Event{ID: rand.Text(), Source: "/test", Type: "test.nudge.v1", Subject: "nudge"},
			})
		}
		n.journal, n.lanes = n.deliver(without)
	}
	w := newWorld(t)
	w.mutate = forget
	if _, violations := w.killAt(t, delivery.PointAfterOutcome, 1000, false); len(violations) > 0 {
		t.Fatalf("the fault shows without a kill: %q", violations)
	}
	if _, violations := w.killAt(t, delivery.PointAfterFold, 1, false); len(violations) == 0 {
		t.Error("nobody noticed that notifications were lost")
	}
}

// stepsIn returns the alerts in a database.
func stepsIn(t *testing.T, db *store.DB) map[string]Alert {
	t.Helper()
	all := make(map[string]Alert)
	err := db.View(func(r *store.Reader) error {
		return r.Scan([]byte("n/alert/"), nil, func(k, _ []byte) (bool, error) {
			var a Alert
			_, err := delivery.ReadJSON(r, k, &a)
			all[a.Alert] = a
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
