package view_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestChangesFitTheirSchema renders changes at the ends of what they can say:
// others read TT_CHANGES by the published schema.
func TestChangesFitTheirSchema(t *testing.T) {
	at := time.Date(2026, time.November, 20, 10, 15, 0, 1, time.UTC).UnixNano()
	id := events.ChangeID{Incarnation: "k3v9q2", Seq: 8123, Index: 4}
	for name, c := range map[string]view.Change{
		"the first, with nothing said": {
			ID: id, Key: "prod/eu-west-1/checkout/2.14.0", Facts: view.Facts{Status: "planned", Attempt: 1, Percent: -1},
			At: at, Recorded: at, Reason: view.ReasonRedefined,
		},
		"everything": {
			ID: id, Before: events.ChangeID{Incarnation: "k3v9q2", Seq: 8000}, Key: "prod/eu-west-1/checkout/2.14.0", From: "in_progress",
			Facts: view.Facts{
				Status: "failed", Attempt: 2, Conditions: []string{"clock_ahead", "conflicted"}, Version: "2.14.0",
				Release: "2026.47", Owner: "team \"é\"\n", Percent: 62.5, Message: "line\u2028\x00",
			},
			At: at, Recorded: at + 1, Reason: "declared", Late: true, Amends: events.ChangeID{Incarnation: "k3v9q2", Seq: 8001},
			Cause: view.Cause{Source: "/ci/<x>&y", ID: "é\"1"}, Marks: []string{"implied"}, Digest: [32]byte{1, 31: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := schematest.Event(t, c.AppendJSON(nil))
			if e.Type != events.TypeDeploymentChanged {
				t.Errorf("the type is %s", e.Type)
			}
		})
	}
}

// TestSlotsFitTheirSchema does so for the value of TT_CURRENT.
func TestSlotsFitTheirSchema(t *testing.T) {
	at := time.Date(2026, time.November, 20, 10, 15, 0, 0, time.UTC).UnixNano()
	slot := events.Slot{Env: "prod", Region: "eu-west-1", Component: "checkout"}
	latest := view.Latest{Deployment: "2.14.0", Version: "2.14.0", Status: "failed", Began: at, Since: at}
	states := map[string]view.Slot{
		"nothing is known":                 {},
		"nothing has landed":               {Latest: latest},
		"a latest of which little is said": {Latest: view.Latest{Deployment: "2.14.0", Status: "unknown"}},
	}
	for _, class := range []view.Class{view.ClassForward, view.ClassSame, view.ClassRollback, view.ClassOvertaken} {
		states[class.String()] = view.Slot{
			Current: view.Landing{Deployment: "2.13.2", Version: "2.13.2", Attempt: 1, Tau: at, Class: class}, Latest: latest,
		}
	}
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(s.Body(slot))
			if err != nil {
				t.Fatal(err)
			}
			schematest.Data(t, events.TypeSlotChanged, raw)
		})
	}
}
