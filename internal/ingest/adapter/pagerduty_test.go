package adapter

import (
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestPagerDutyEvents: each type of event that PagerDuty lists becomes evidence,
// is ignored, or is not known.
func TestPagerDutyEvents(t *testing.T) {
	const here = "prod/eu-west-1/checkout/_ evidence incident="
	want := map[string]string{
		"incident.triggered": here + "fail", "incident.reopened": here + "fail", "incident.resolved": here + "pass",
		"incident.made_up": "unmapped by incident: event_type=incident.made_up",
		"made_up.created":  "ignored by ",
		"service.updated":  "ignored by service",
		"pagey.ping":       "ignored by ping",
	}
	for _, ignored := range []string{
		"acknowledged", "annotated", "delegated", "escalated", "priority_updated", "reassigned", "responder.added", "responder.replied",
		"status_update_published", "unacknowledged", "service_updated", "incident_type.changed", "custom_field_values.updated",
		"conference_bridge.updated", "workflow.started", "workflow.completed", "role.assigned", "action_invocation.created",
	} {
		want["incident."+ignored] = "ignored by incident"
	}
	for kind, want := range want {
		p := toldBy("pagerduty", made(t, "pagerduty", "incident", "incident.triggered", kind), slot("eu-west-1"))
		if got := p.said(t); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
		noPeople(t, p.result(t), "Do Not Keep")
	}
}

// TestPagerDutyIncident: where an incident belongs, when it is over, and that
// telling it twice tells it once.
func TestPagerDutyIncident(t *testing.T) {
	for _, tc := range []struct {
		name    string
		replace []string
		query   map[string][]string
		want    string
	}{
		{name: "the service is the component", query: map[string][]string{"env": {"prod"}, "region": {"eu"}}, want: "prod/eu/checkout/_ evidence incident=fail"},
		{
			name: "the URL's component counts more than the service", replace: []string{`"Checkout"`, `"Shop (Production)"`},
			query: slot("eu"), want: "prod/eu/checkout/_ evidence incident=fail",
		},
		{
			name:    "custom fields say it all",
			replace: []string{`"urgency": "high"`, `"custom_fields": [{"name": "env", "value": "staging"}, {"name": "region", "value": "us"}, {"name": "component", "value": "cart"}]`},
			query:   slot("eu"), want: "staging/us/cart/_ evidence incident=fail",
		},
		{name: "no place", want: "unmapped by incident: no env, region"},
		{
			name: "merged is not over", query: slot("eu"),
			replace: []string{"incident.triggered", "incident.resolved", `"resolve_reason": null`, `"resolve_reason": {"type": "merge_resolve_reason", "incident": {"id": "QMADEUP2"}}`},
			want:    "prod/eu/checkout/_ evidence incident=unknown",
		},
		{name: "our own", replace: []string{"0123456789abcdef", "al_01hx"}, query: slot("eu"), want: "ignored by own"},
	} {
		if got := toldBy("pagerduty", made(t, "pagerduty", "incident", tc.replace...), tc.query).said(t); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	version := made(t, "pagerduty", "incident", `"urgency": "high"`, `"custom_fields": [{"name": "version", "value": "2.14.0"}]`)
	var ev events.Evidence
	if err := only(t, toldBy("pagerduty", version, slot("eu")).result(t)).DataAs(&ev); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ev.Refs, []string{"2.14.0"}) || ev.Actor != "pagerduty:PMADEUP" || ev.Name != "QMADEUP1" {
		t.Errorf("%+v", ev)
	}
	// The id of the message differs when two subscriptions tell the same fact.
	one := only(t, toldBy("pagerduty", made(t, "pagerduty", "incident"), slot("eu")).result(t))
	two := only(t, toldBy("pagerduty", made(t, "pagerduty", "incident", "EVENT0000000000001", "EVENT0000000000009"), slot("eu")).result(t))
	if one.ID != two.ID || one.Source != two.Source {
		t.Errorf("%s of %s and %s of %s are one fact", one.ID, one.Source, two.ID, two.Source)
	}
}
