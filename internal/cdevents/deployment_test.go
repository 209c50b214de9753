package cdevents_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/cdevents"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func failed() view.Change {
	return view.Change{
		ID: events.ChangeID{Incarnation: "k3v9q2", Seq: 8123}, Key: "prod/eu-west-1/checkout/2.14.0", From: "in_progress",
		Facts: view.Facts{
			Status: "failed", Attempt: 1, Conditions: []string{}, Version: "2.14.0", Release: "2026.47",
			Owner: "team-checkout", Percent: -1, Message: "2 of 6 pods could not pull the image",
		},
		At:       time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC).UnixNano(),
		Recorded: time.Date(2026, 11, 20, 10, 15, 0, 412e6, time.UTC).UnixNano(),
		Reason:   "declared", Cause: view.Cause{Source: "/github/org/app", ID: "4711"}, Marks: []string{},
	}
}

// encode returns the CloudEvent of a change of a deployment.
func encode(t interface {
	Helper()
	Fatal(args ...any)
}, c view.Change,
) (*events.Event, []byte) {
	t.Helper()
	e, ok, err := cdevents.Event(&c)
	if err != nil || !ok {
		t.Fatal("no CDEvent of ", c.Key, ": ", ok, err)
	}
	raw, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return e, raw
}

func TestEventSaysWhatChanged(t *testing.T) {
	e, raw := encode(t, failed())
	const want = `{
		"specversion": "1.0",
		"id": "k3v9q2.8123.0",
		"source": "/telltale/projector",
		"type": "dev.cdeventsx.telltale-deployment.failed.0.1.0",
		"subject": "prod/eu-west-1/checkout/2.14.0",
		"time": "2026-11-20T10:15:00Z",
		"datacontenttype": "application/cdevents+json",
		"data": {
			"context": {
				"specversion": "0.5.1",
				"id": "k3v9q2.8123.0",
				"source": "/telltale/projector",
				"type": "dev.cdeventsx.telltale-deployment.failed.0.1.0",
				"timestamp": "2026-11-20T10:15:00Z",
				"chainId": "prod/eu-west-1/checkout/2.14.0/1"
			},
			"subject": {
				"id": "prod/eu-west-1/checkout/2.14.0",
				"content": {
					"environment": {"id": "prod"},
					"region": "eu-west-1",
					"service": {"id": "checkout"},
					"deployment": "2.14.0",
					"attempt": 1,
					"version": "2.14.0",
					"release": "2026.47",
					"status": "failed",
					"previousStatus": "in_progress",
					"reason": "declared"
				}
			},
			"customData": {
				"key": "prod/eu-west-1/checkout/2.14.0",
				"from": "in_progress",
				"to": "failed",
				"attempt": 1,
				"at": "2026-11-20T10:15:00Z",
				"recorded_at": "2026-11-20T10:15:00.412Z",
				"reason": "declared",
				"late": false,
				"amends": null,
				"cause": {"source": "/github/org/app", "id": "4711"},
				"conditions": [],
				"version": "2.14.0",
				"release": "2026.47",
				"owner": "team-checkout",
				"percent": null,
				"message": "2 of 6 pods could not pull the image",
				"marks": [],
				"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
				"revision": 8123
			},
			"customDataContentType": "application/json"
		}
	}`
	if got := indented(t, raw); got != indented(t, []byte(want)) {
		t.Errorf("the change became\n%s", got)
	}
	if _, err := events.DecodeStored(raw); err != nil {
		t.Errorf("%s is no CloudEvent: %v", e.ID, err)
	}
}

func TestPredicateIsTheStatus(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"unknown", "planned", "planned"},
		{"planned", "pending_approval", "pendingapproval"},
		{"queued", "in_progress", "inprogress"},
		{"in_progress", "deployed", "deployed"},
		{"rolling_back", "manual_intervention", "manualintervention"},
		{"deployed", "deployed", "updated"}, // a condition came or went
		{"queued", "stage_2", "stage"},      // a team's own state
	} {
		c := failed()
		c.From, c.Status = tt.from, tt.to
		e, _ := encode(t, c)
		if want := cdevents.TypePrefix + tt.want + ".0.1.0"; e.Type != want {
			t.Errorf("%s to %s is %s, want %s", tt.from, tt.to, e.Type, want)
		}
	}
}

func TestOtherChangesAreNotDeployments(t *testing.T) {
	e, ok, err := cdevents.Event(&view.Change{Key: "prod/eu-west-1/checkout", Raw: []byte(`{}`)})
	if e != nil || ok || err != nil {
		t.Errorf("the change of a slot became %v, %v, %v", e, ok, err)
	}
}

func TestChangeWithoutKeyIsRefused(t *testing.T) {
	c := failed()
	c.Key = "prod/eu-west-1"
	if _, ok, err := cdevents.Event(&c); ok || events.CodeOf(err) != events.CodeBadID {
		t.Errorf("got %v, %v; want %s", ok, err, events.CodeBadID)
	}
}

// What we say is valid by the schema that CDEvents publishes for custom events,
// in whatever state a lifecycle puts a deployment.
func TestEventIsAValidCDEvent(t *testing.T) {
	dir := testkit.RealInputs(t, "cdevents", "cdevents+spec@v0.5.1")
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(published{t, dir})
	compiler.AssertFormat()
	schema, err := compiler.Compile(publishedURI + "custom")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := failed()
		status := rapid.StringMatching(`[a-z][a-z0-9_]{0,62}`)
		c.From, c.Status = status.Draw(t, "from"), status.Draw(t, "to")
		c.Version, c.Message = rapid.String().Draw(t, "version"), rapid.String().Draw(t, "message")
		c.Attempt, c.Percent = rapid.Uint32().Draw(t, "attempt"), rapid.Float64Range(-1, 100).Draw(t, "percent")
		e, _ := encode(t, c)
		data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(data); err != nil {
			t.Fatalf("%s is no custom CDEvent: %v", e.Data, err)
		}
	})
}

// publishedURI is how the schemas of CDEvents name each other.
const publishedURI = "https://cdevents.dev/0.5.1/schema/"

// published finds the schemas of CDEvents, by their URI, in a checkout of its
// specification. The links of an event are a part of it that we do not use: any
// will do.
type published struct {
	t   *testing.T
	dir string
}

func (p published) Load(uri string) (any, error) {
	name := strings.TrimPrefix(uri, publishedURI)
	if name != "custom" {
		return true, nil
	}
	raw, err := os.ReadFile(p.dir + "/custom/schema.json")
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(raw))
}

func indented(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
