package notifier

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// caused is the next cause, a word of now.
func (w *world) caused() view.Caused {
	w.next++
	at := w.clock.Now().UnixNano()
	return view.Caused{
		ID: events.ChangeID{Incarnation: incarnation, Seq: w.next, Index: 1}, At: at, Recorded: at,
		Cause: view.Cause{Source: "/ci/train", ID: "run-1"},
	}
}

// say publishes a change of something else than a deployment.
func (w *world) say(t *testing.T, c view.Change, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	place, err := c.Place()
	if err != nil {
		t.Fatal(err)
	}
	w.publish(t, place, c.AppendJSON(nil))
}

func (w *world) release(t *testing.T, from, to string) {
	t.Helper()
	c, err := view.ReleaseChanged(events.Release{Env: "prod", Name: "r42"}, from, view.ReleaseFacts{
		Status: to, Reason: "some members landed, others did not", Members: []view.MemberStatus{
			{Key: "prod/eu-west-1/checkout/2.0", Status: statemachine.StatusVerified},
			{Key: "prod/us-east-1/checkout/2.0", Status: statemachine.StatusFailed},
			{Key: "prod/us-east-1/cart", Status: view.StatusNotSeen},
		},
	}, w.caused())
	w.say(t, c, err)
}

func (w *world) region(t *testing.T, env string, dark bool) {
	t.Helper()
	c, err := view.RegionChange(env, &view.Region{
		Region: "eu-west-1", Watermark: w.clock.Now().Add(-time.Minute), LagSeconds: 60, Dark: dark,
	}, w.caused())
	w.say(t, c, err)
}

// withConditions is a change of nothing but the conditions.
func withConditions(conditions ...string) view.Change {
	c := status(checkout2, "verified", "verified", 1)
	c.Conditions = conditions
	return c
}

// TestRulesThatWait tells of what lasts: not before its time, with its end, and
// not at all of what is over by then.
func TestRulesThatWait(t *testing.T) {
	cases := []struct {
		name       string
		wait       time.Duration
		begin, end func(t *testing.T, w *world)
		want       []string
	}{
		{
			"blocked", time.Hour,
			func(t *testing.T, w *world) { w.change(t, status(checkout2, "queued", "blocked", 1)) },
			func(t *testing.T, w *world) { w.change(t, status(checkout2, "blocked", "in_progress", 1)) },
			[]string{"checkout 2.0 is blocked in prod/eu-west-1", "Resolved: checkout 2.0 in prod/eu-west-1 is in_progress"},
		},
		{
			"conflicted", 10 * time.Minute,
			func(t *testing.T, w *world) { w.change(t, withConditions("clock_ahead", "conflicted")) },
			func(t *testing.T, w *world) { w.change(t, withConditions("clock_ahead")) },
			[]string{"checkout 2.0 is contradicted in prod/eu-west-1", "Resolved: checkout 2.0 in prod/eu-west-1 is not contradicted any more"},
		},
		{
			"drift", 10 * time.Minute,
			func(t *testing.T, w *world) { w.change(t, withConditions("drift")) },
			func(t *testing.T, w *world) { w.change(t, withConditions()) },
			[]string{"checkout 2.0 has drifted in prod/eu-west-1", "Resolved: checkout 2.0 in prod/eu-west-1 shows no drift any more"},
		},
		{
			"partially_deployed", 30 * time.Minute,
			func(t *testing.T, w *world) { w.release(t, "in_progress", "partially_deployed") },
			func(t *testing.T, w *world) { w.release(t, "partially_deployed", "deployed") },
			[]string{"release r42 is partially deployed in prod", "Resolved: release r42 in prod is deployed"},
		},
		{
			"dark", 0,
			func(t *testing.T, w *world) { w.region(t, "prod", true) },
			func(t *testing.T, w *world) { w.region(t, "prod", false) },
			[]string{"region eu-west-1 is dark in prod", "Resolved: region eu-west-1 in prod is heard of again"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.wait > 0 {
				c.begin(t, w)
				w.clock.Advance(c.wait - 1)
				calls := w.mustRun(t)
				c.end(t, w)
				w.clock.Advance(time.Hour)
				if calls = append(calls, w.mustRun(t)...); len(calls) > 0 {
					t.Fatalf("people read %q", titles(calls))
				}
			}
			c.begin(t, w) // once more, and it lasts
			read := titles(w.mustRun(t))
			c.begin(t, w) // an echo
			w.clock.Advance(c.wait)
			read = append(read, titles(w.mustRun(t))...)
			c.end(t, w)
			c.end(t, w)
			read = append(read, titles(w.mustRun(t))...)
			if !slices.Equal(read, c.want) {
				t.Errorf("people read\n%q, want\n%q", read, c.want)
			}
			for _, a := range w.alerts(t) {
				if a.Rule != c.name {
					t.Errorf("on record is a step of %s", a.Rule)
				}
			}
		})
	}
}

// TestWhoWaitsForAnotherIsNotTold: that one's alert says enough.
func TestWhoWaitsForAnotherIsNotTold(t *testing.T) {
	w := newWorld(t)
	waits := status(checkout2, "queued", "blocked", 1)
	w.change(t, waits)
	waits.From, waits.Reason = "blocked", statemachine.ReasonDependency
	w.change(t, waits)
	w.mustRun(t)
	w.clock.Advance(2 * time.Hour)
	if calls := w.mustRun(t); len(calls) > 0 || len(w.alerts(t)) != 2 {
		t.Errorf("people read %q, on record are %+v", titles(calls), w.alerts(t))
	}
}

// TestRegionsAndReleasesStandApart: an alert of one thing is none of another that
// has its name, nor of a slot below it.
func TestRegionsAndReleasesStandApart(t *testing.T) {
	w := newWorld(t)
	w.region(t, "prod", true)
	w.region(t, "dev", true)
	w.change(t, status(checkout2, "in_progress", "failed", 1))
	w.mustRun(t)
	w.region(t, "dev", false)
	if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"Resolved: region eu-west-1 in dev is heard of again"}) {
		t.Errorf("people read %q", got)
	}
	w.landing(t, checkout, view.Landing{Deployment: "2.1", Version: "2.1", Tau: w.clock.Now().Add(time.Minute).UnixNano()})
	if got := titles(w.mustRun(t)); !slices.Equal(got, []string{"Resolved: checkout 2.0 in prod/eu-west-1 was replaced by 2.1"}) {
		t.Errorf("people read %q", got)
	}
}

// TestMessagesOfWholes holds what people read of releases and regions to
// testdata/wholes.golden.
func TestMessagesOfWholes(t *testing.T) {
	w := newWorld(t)
	w.region(t, "prod", true)
	w.release(t, "in_progress", "partially_deployed")
	calls := w.mustRun(t)
	w.clock.Advance(30 * time.Minute)
	calls = append(calls, w.mustRun(t)...)
	w.region(t, "prod", false)
	calls = append(calls, w.mustRun(t)...)
	w.release(t, "partially_deployed", "deployed")
	calls = append(calls, w.mustRun(t)...)
	var out strings.Builder
	for _, c := range calls {
		schematest.Event(t, []byte(c.body))
		m := c.message
		fmt.Fprintf(&out, "%s\n%s\n%s %s %v\n\n", m.Title, m.Text, m.Severity, m.Link, m.Labels)
	}
	for _, m := range w.records(t) {
		schematest.Event(t, m.Data)
	}
	golden := filepath.Join("testdata", "wholes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the messages are not those of %s:\n%s", golden, out.String())
	}
}
