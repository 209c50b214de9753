package notifier

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/delivery/deliverytest"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

const checkout2 = "prod/eu-west-1/checkout/2.0"

var checkout = events.Slot{Env: "prod", Region: "eu-west-1", Component: "checkout"}

func status(key, from, to string, attempt uint32) view.Change {
	k, err := events.ParseKey(key)
	if err != nil {
		panic(err)
	}
	return view.Change{Key: key, From: from, Facts: view.Facts{Status: to, Attempt: attempt, Version: k.Deployment}}
}

func TestStories(t *testing.T) {
	type told struct {
		landing *view.Landing // comes first: changes of one cause are ordered by key
		changes []view.Change
	}
	minute := func(n int) int64 { return noon.Add(time.Duration(n) * time.Minute).UnixNano() }
	cases := []struct {
		name  string
		story []told // each is told to the end before the next one begins
		want  []string
	}{
		{
			"fails and is put back",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{changes: []view.Change{status(checkout2, "failed", "rolling_back", 1)}},
				{changes: []view.Change{status(checkout2, "rolling_back", "reverted", 1)}, landing: &view.Landing{
					Deployment: "1.4.1", Version: "1.4.1", Tau: minute(1), Class: view.ClassRollback,
				}},
				{changes: []view.Change{status(checkout2, "reverted", "recovered", 1)}},
			},
			[]string{
				"checkout 2.0 failed in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 was put back to 1.4.1",
			},
		},
		{
			"an echo of a failure is no news",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{changes: []view.Change{status(checkout2, "failed", "failed", 1)}},
			},
			[]string{"checkout 2.0 failed in prod/eu-west-1"},
		},
		{
			"a new attempt is no end until it lands",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{changes: []view.Change{status(checkout2, "failed", "in_progress", 2)}},
				{changes: []view.Change{status(checkout2, "in_progress", "deployed", 2)}},
				{changes: []view.Change{status(checkout2, "deployed", "verified", 2)}},
			},
			[]string{
				"checkout 2.0 failed in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 is deployed",
			},
		},
		{
			"fails in the same attempt again",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "manual_intervention", 1)}},
				{changes: []view.Change{status(checkout2, "manual_intervention", "deployed", 1)}},
				{changes: []view.Change{status(checkout2, "deployed", "manual_intervention", 1)}},
			},
			[]string{
				"checkout 2.0 needs a person in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 is deployed",
				"checkout 2.0 needs a person in prod/eu-west-1",
			},
		},
		{
			"fixed by the next version",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{
					changes: []view.Change{status("prod/eu-west-1/checkout/2.1", "in_progress", "deployed", 1)},
					landing: &view.Landing{Deployment: "2.1", Version: "2.1", Tau: minute(1), Class: view.ClassForward},
				},
			},
			[]string{
				"checkout 2.0 failed in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 was replaced by 2.1",
			},
		},
		{
			"put back by its neighbour, and the slot says nothing",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{changes: []view.Change{{
					Key: "prod/eu-west-1/checkout/1.4.1", From: "in_progress", At: minute(1),
					Facts: view.Facts{Status: "verified", Attempt: 2, Version: "1.4.1"},
				}}},
			},
			[]string{
				"checkout 2.0 failed in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 was replaced by 1.4.1",
			},
		},
		{
			"what ran before the failure resolves nothing",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{landing: &view.Landing{Deployment: "1.4.1", Version: "1.4.1", Tau: minute(-60), Class: view.ClassForward}},
			},
			[]string{"checkout 2.0 failed in prod/eu-west-1"},
		},
		{
			"a late word takes the failure back",
			[]told{
				{changes: []view.Change{status(checkout2, "in_progress", "failed", 1)}},
				{changes: []view.Change{{
					Key: checkout2, From: "failed", Late: true, Facts: view.Facts{Status: "in_progress", Attempt: 1, Version: "2.0"},
				}}},
			},
			[]string{
				"checkout 2.0 failed in prod/eu-west-1",
				"Resolved: checkout 2.0 in prod/eu-west-1 is in_progress after all",
			},
		},
		{
			"other statuses are nobody's problem",
			[]told{{changes: []view.Change{
				status(checkout2, "", "planned", 1),
				status(checkout2, "planned", "in_progress", 1),
				status(checkout2, "in_progress", "cancelled", 1),
			}}},
			nil,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var got []string
			for _, s := range c.story {
				if s.landing != nil {
					w.landing(t, checkout, *s.landing)
				}
				for _, change := range s.changes {
					w.change(t, change)
				}
				got = append(got, titles(w.mustRun(t))...)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("people read\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// Two alerts change hands in one step, so the order of their messages is free.
func TestAnAttemptThatFailsTakesTheAlertOver(t *testing.T) {
	w := newWorld(t)
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	w.mustRun(t)
	w.change(t, status(checkout2, "failed", "in_progress", 2))
	w.change(t, status(checkout2, "in_progress", "failed", 2))
	got := titles(w.mustRun(t))
	slices.Sort(got)
	second := alertID("failed", checkout2, 2)
	want := []string{
		"Resolved: checkout 2.0 in prod/eu-west-1 went wrong again as attempt 2, see " + second + "",
		"checkout 2.0 failed in prod/eu-west-1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("people read\n%q, want\n%q", got, want)
	}
	w.change(t, status(checkout2, "failed", "removed", 2))
	if calls := w.mustRun(t); len(calls) != 1 || calls[0].message.Alert != second {
		t.Errorf("people read %q", titles(calls))
	}
}

func TestCleanRestartsSendNothing(t *testing.T) {
	w := newWorld(t)
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	if calls := w.mustRun(t); len(calls) != 1 {
		t.Fatalf("people read %q", titles(calls))
	}
	for range 2 {
		if calls := w.mustRun(t); len(calls) != 0 {
			t.Errorf("a restart sent %q", titles(calls))
		}
		w.newDisk(t)
	}
}

func TestOldProblemsPageNobody(t *testing.T) {
	w := newWorld(t)
	old, young := status(checkout2, "in_progress", "failed", 1), status("prod/eu-west-1/cart/7", "in_progress", "failed", 1)
	old.At = noon.Add(-6*time.Hour - time.Second).UnixNano()
	young.At = noon.Add(-6 * time.Hour).UnixNano()
	w.change(t, old)
	w.change(t, young)
	if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"cart 7 failed in prod/eu-west-1"}) {
		t.Errorf("people read %q", got)
	}
}

// A TT_CHANGES that was made anew from the same events holds the same changes:
// what was told stays told.
func TestTheSameHistoryAgainSendsNothing(t *testing.T) {
	w := newWorld(t)
	tell := func() {
		w.next = 0
		w.change(t, status(checkout2, "in_progress", "failed", 1))
		w.change(t, status(checkout2, "failed", "in_progress", 2))
		w.change(t, status(checkout2, "in_progress", "deployed", 2))
		w.change(t, status("prod/eu-west-1/cart/7", "in_progress", "failed", 1))
	}
	tell()
	w.mustRun(t)
	changes, err := w.conn.JS.Stream(t.Context(), events.StreamChanges)
	if err != nil {
		t.Fatal(err)
	}
	cfg := changes.CachedInfo().Config
	if err := w.conn.JS.DeleteStream(t.Context(), events.StreamChanges); err != nil {
		t.Fatal(err)
	}
	if _, err := w.conn.JS.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	tell()
	if calls := w.mustRun(t); len(calls) != 0 {
		t.Errorf("people read %q again", titles(calls))
	}
	w.change(t, status("prod/eu-west-1/cart/7", "failed", "deployed", 1))
	if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"Resolved: cart 7 in prod/eu-west-1 is deployed"}) {
		t.Errorf("people read %q", got)
	}
}

// What was decided when nobody was to be told is not sent to a receiver that is
// configured later, whatever happens to the disk.
func TestWithoutAReceiverAlertsAreRecorded(t *testing.T) {
	w := newWorld(t)
	w.routes = routing.Config{}
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	w.mustRun(t)
	w.routes = onCall()
	w.newDisk(t)
	if calls := w.mustRun(t); len(calls) != 0 {
		t.Errorf("old news were sent: %q", titles(calls))
	}
	w.change(t, status(checkout2, "failed", "deployed", 2))
	w.mustRun(t)
	steps := w.alerts(t)
	if len(steps) != 2 || steps[0].Status != receiver.StatusFiring || steps[1].Status != receiver.StatusResolved {
		t.Errorf("on record are %+v", steps)
	}
	if len(steps[0].Routes)+len(steps[1].Routes) != 0 {
		t.Errorf("told were %+v and %+v", steps[0].Routes, steps[1].Routes)
	}
}

func TestAChangeThatCannotBeReadStopsNothing(t *testing.T) {
	w := newWorld(t)
	for _, raw := range []string{`{`, `{"specversion":"1.0","id":"x","source":"/p","type":"` + events.TypeDeploymentChanged + `","data":{"key":"a/b"}}`} {
		w.publish(t, events.Place{Env: "prod"}, []byte(raw))
	}
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	if calls := w.mustRun(t); len(calls) != 1 {
		t.Errorf("people read %q", titles(calls))
	}
}

// TestWhatIsSaidFitsTheSchemas holds TT_ALERTS, and what a receiver gets, to what
// is published.
func TestWhatIsSaidFitsTheSchemas(t *testing.T) {
	w := newWorld(t)
	failed := status(checkout2, "in_progress", "failed", 1)
	failed.Release, failed.Owner, failed.Message, failed.Reason = "r42", "team-payments", "2 of 5 pods", "probe_failed"
	w.change(t, failed)
	w.change(t, view.Change{Key: "prod/eu-west-1/cart/7", Facts: view.Facts{Status: "manual_intervention"}, Late: true})
	calls := w.mustRun(t)
	w.change(t, status(checkout2, "failed", "reverted", 1))
	calls = append(calls, w.mustRun(t)...)
	if len(calls) != 3 {
		t.Errorf("people read %q", titles(calls))
	}
	for _, c := range calls {
		schematest.Event(t, []byte(c.body))
	}
	types := make(map[string]int)
	for _, m := range w.records(t) {
		types[schematest.Event(t, m.Data).Type]++
	}
	want := map[string]int{
		events.TypeAlertFired: 2, events.TypeAlertResolved: 1, events.TypeDeliveryIntended: 3, events.TypeDeliveryConcluded: 3,
	}
	if !maps.Equal(types, want) {
		t.Errorf("on record are %v, want %v", types, want)
	}
}

// An endpoint's address often carries a token. Neither it nor the signing secret
// shows in the log or in TT_ALERTS, whatever goes wrong.
func TestNothingOnRecordShowsASecret(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.path = "/T0K3N"
	w.endpoint.Close() // nobody is there any more
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	err := w.run(t, func(name string) error {
		if name == delivery.PointAfterOutcome {
			return errKilled
		}
		return nil
	})
	if !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "not delivered") {
		t.Errorf("the failure is not in the log:\n%s", log.String())
	}
	shown := log.String()
	for _, m := range w.records(t) {
		shown += string(m.Data)
	}
	for _, hidden := range []string{"T0K3N", w.endpoint.URL, string(secret), strings.TrimPrefix(string(secret), "whsec_")} {
		if strings.Contains(shown, hidden) {
			t.Errorf("%q shows in:\n%s", hidden, shown)
		}
	}
}

func TestEndpointsOfOneNameAreRefused(t *testing.T) {
	w := &world{endpoint: newEndpoint(t), clock: deliverytest.NewClock(noon)}
	twice := append(w.endpoints(t, "on-call"), w.endpoints(t, "on-call")...)
	if _, err := New(Options{Receivers: map[string][]Endpoint{"on-call": twice}}); err == nil {
		t.Error("they would share their lanes")
	}
}

func TestAnotherAlertsStreamIsRefused(t *testing.T) {
	w := newWorld(t)
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	w.mustRun(t)
	if err := w.conn.JS.DeleteStream(t.Context(), events.StreamAlerts); err != nil {
		t.Fatal(err)
	}
	if err := stream.Ensure(t.Context(), w.conn.JS, stream.Settings{AllowSingleReplica: true}); err != nil {
		t.Fatal(err)
	}
	w.change(t, status(checkout2, "failed", "deployed", 2))
	var other *delivery.OtherJournalError
	if err := w.run(t, nil); !errors.As(err, &other) {
		t.Errorf("the notifier went on: %v", err)
	}
}
