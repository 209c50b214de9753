package adapter

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestServiceNowChange: every state of the model that ServiceNow ships, by number
// and by name.
func TestServiceNowChange(t *testing.T) {
	const (
		here   = "prod/eu-west-1/checkout/2.14.0 "
		noted  = here + "dev.telltale.deployment.annotated.v1"
		passed = here + "planned; " + here + "evidence approval=pass"
	)
	for _, tc := range []struct{ state, name, before, approval, want string }{
		{"-5", "New", "", "not requested", noted},
		{"-4", "Assess", "-5", "requested", here + "pending_approval"},
		{"-3", "Authorize", "-4", "requested", here + "pending_approval"},
		{"-2", "Scheduled", "-3", "approved", passed},
		{"-1", "Implement", "-2", "approved", noted},
		{"0", "Review", "-1", "approved", noted},
		{"3", "Closed", "0", "approved", noted},
		{"4", "Canceled", "-3", "requested", here + "cancelled"},
		{"Assess", "Assess", "New", "", here + "pending_approval"},
		{"scheduled", "", "", "", passed},
		{"Canceled", "", "", "", here + "cancelled"},

		{"-5", "New", "-2", "requested", noted + "; " + here + "evidence approval=unknown"},
		{"-4", "Assess", "-2", "requested", here + "pending_approval; " + here + "evidence approval=unknown"},
		{"-5", "New", "-3", "rejected", noted + "; " + here + "evidence approval=fail"},
		{"-3", "Authorize", "-4", "rejected", here + "pending_approval; " + here + "evidence approval=fail"},
		{"-2", "Scheduled", "-3", "requested", here + "planned; " + here + "evidence approval=unknown"},
		{"-2", "Scheduled", "-3", "rejected", here + "evidence approval=fail"},

		{"4", "Closed Incomplete", "2", "", "unmapped by change: state=4"}, // the model before
		{"-7", "Pilot", "-5", "approved", "unmapped by change: state=-7"},  // an instance's own
		{"", "", "", "approved", "unmapped by change: state="},
	} {
		body := made(t, "servicenow", "change",
			`"state": "-2"`, `"state": "`+tc.state+`"`, `"Scheduled"`, `"`+tc.name+`"`, `"previous_state": "-3"`, `"previous_state": "`+tc.before+`"`,
			`"approval": "approved"`, `"approval": "`+tc.approval+`"`)
		if got := toldBy("servicenow", body, nil).said(t); got != tc.want {
			t.Errorf("%s %s after %s, %s: %s, want %s", tc.state, tc.name, tc.before, tc.approval, got, tc.want)
		}
	}
}

// TestServiceNowNames: scripts send numbers as numbers too, a change that names
// no version can be about no deployment, and a user name is kept nowhere.
func TestServiceNowNames(t *testing.T) {
	body := made(t, "servicenow", "change", `"state": "-2"`, `"state": -3`)
	if got, want := toldBy("servicenow", body, nil).said(t), "prod/eu-west-1/checkout/2.14.0 pending_approval"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	body = made(t, "servicenow", "change", `"version": "2.14.0"`, `"version": ""`, `"state": "-2"`, `"state": "-3"`)
	if got, want := toldBy("servicenow", body, nil).said(t), "unmapped by change: no deployment"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	body = made(t, "servicenow", "change", "6816f79cc0a8016401c5a33be04be441", "ann.made-up")
	noPeople(t, toldBy("servicenow", body, nil).result(t), "ann.made-up")
	if got := toldBy("servicenow", []byte(`{"table": "problem", "state": "1"}`), nil).said(t); got != "ignored by other" {
		t.Error(got)
	}
}

// TestServiceNowIncident: an incident is evidence about what is under way, or
// about the version that it names.
func TestServiceNowIncident(t *testing.T) {
	const here = "prod/eu-west-1/checkout/_ evidence incident="
	for state, want := range map[string]string{
		"1": here + "fail", "2": here + "fail", "3": here + "fail", "6": here + "pass", "7": here + "pass", "8": here + "unknown",
		"New": here + "fail", "In Progress": here + "fail", "On Hold": here + "fail",
		"Resolved": here + "pass", "Closed": here + "pass", "Canceled": here + "unknown",
		"9": "unmapped by incident: state=9",
	} {
		if got := toldBy("servicenow", made(t, "servicenow", "incident", `"state": "2"`, `"state": "`+state+`"`), nil).said(t); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
	body := made(t, "servicenow", "incident", `"component": "checkout"`, `"component": "checkout", "version": "2.14.0"`)
	var ev events.Evidence
	if err := only(t, toldBy("servicenow", body, nil).result(t)).DataAs(&ev); err != nil {
		t.Fatal(err)
	}
	if len(ev.Refs) != 1 || ev.Refs[0] != "2.14.0" {
		t.Errorf("refs %q", ev.Refs)
	}
}
