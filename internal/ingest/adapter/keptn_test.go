package adapter_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/testkit"
)

var keptnHook = adapter.Hook{Regions: []string{"eu-west-1"}, Deploys: []string{"delivery"}}

func TestKeptnEvents(t *testing.T) {
	const key = "production/eu-west-1/checkout/run-08735340-made-up "
	for _, tt := range []struct{ typ, status, result, want string }{
		{"deployment.triggered", "succeeded", "pass", key + "queued"},
		{"deployment.started", "succeeded", "pass", key + "in_progress"},
		{"deployment.status.changed", "succeeded", "pass", key + "heartbeat"},
		{"deployment.invalidated", "succeeded", "pass", key + "cancelled"},
		{"deployment.finished", "succeeded", "pass", key + "deployed"},
		{"deployment.finished", "succeeded", "fail", key + "failed"},
		{"deployment.finished", "errored", "fail", key + "failed environmental"},
		{"deployment.finished", "aborted", "", key + "cancelled"},
		{"deployment.finished", "unknown", "", key + "unknown"},
		{"deployment.finished", "succeeded", "splendid", "unmapped status.result=succeeded + splendid"},
		{"deployment.finished", "succeeded", "", "unmapped status.result=succeeded"},
		{"deployment.exploded", "", "", "unmapped suffix=exploded"},
		{"approval.triggered", "succeeded", "pass", key + "pending_approval"},
		{"approval.finished", "succeeded", "pass", key + "approval pass"},
		{"approval.finished", "succeeded", "fail", key + "approval fail"},
		{"test.triggered", "succeeded", "pass", "ignored"},
		{"test.finished", "succeeded", "pass", key + "tests pass"},
		{"test.finished", "succeeded", "fail", key + "tests fail"},
		{"test.finished", "errored", "fail", key + "tests unknown"},
		{"evaluation.finished", "succeeded", "pass", key + "tests pass"},
		{"evaluation.finished", "succeeded", "fail", key + "tests fail"},
		{"rollback.triggered", "", "", key + "rolling_back"},
		{"rollback.started", "", "", key + "rolling_back"},
		{"rollback.finished", "succeeded", "pass", key + "reverted"},
		{"rollback.finished", "succeeded", "fail", key + "manual_intervention"},
		{"rollback.finished", "errored", "fail", key + "manual_intervention environmental"},
		{"get-sli.finished", "succeeded", "pass", "ignored"},
		{"production.delivery.triggered", "", "", key + "planned"},
		{"production.delivery.started", "", "", key + "in_progress"},
		{"production.delivery.finished", "succeeded", "pass", key + "heartbeat"},
		{"production.delivery.finished", "succeeded", "fail", key + "failed"},
		{"production.evaluation.triggered", "", "", "ignored"},
		{"service.create.finished", "succeeded", "pass", "ignored"},
		{"a.b.c.d", "", "", "unmapped type=sh.keptn.event.a.b.c.d"},
	} {
		body := madeUp(t, "keptn/made-up-event.template", "TYPE", "sh.keptn.event."+tt.typ, "STATUS", tt.status, "RESULT", tt.result)
		t.Run(tt.typ+"/"+tt.status+"/"+tt.result, func(t *testing.T) {
			plain := call{tool: "keptn", hook: keptnHook, body: body}
			plain.want(t, tt.want)
			structured := plain
			structured.header = http.Header{"Content-Type": {"application/cloudevents+json"}}
			structured.want(t, tt.want)
		})
	}
}

func TestKeptnWarningIsDeployedAndNotGood(t *testing.T) {
	call{
		tool: "keptn", hook: keptnHook,
		body: madeUp(t, "keptn/made-up-event.template", "TYPE", "sh.keptn.event.deployment.finished", "STATUS", "succeeded", "RESULT", "warning"),
	}.want(t,
		"production/eu-west-1/checkout/run-08735340-made-up deployed warning",
		"production/eu-west-1/checkout/run-08735340-made-up tests unknown")
}

func TestKeptnSequenceStates(t *testing.T) {
	const key = "production/eu-west-1/checkout/run-08735340-made-up "
	for _, tt := range []struct{ state, want string }{
		{"triggered", key + "planned"},
		{"waiting", key + "queued"},
		{"started", key + "in_progress"},
		{"waitingForApproval", key + "pending_approval"},
		{"paused", key + "blocked"},
		{"timedOut", key + "stalled timeout"},
		{"aborted", key + "cancelled"},
		{"finished", key + "heartbeat"},
		{"forgotten", "unmapped state=forgotten"},
	} {
		t.Run(tt.state, func(t *testing.T) {
			call{tool: "keptn", hook: keptnHook, body: madeUp(t, "keptn/made-up-sequence.template", "STATE", tt.state)}.want(t, tt.want)
		})
	}
	undeclared := call{tool: "keptn", hook: adapter.Hook{Regions: []string{"eu-west-1"}}, body: madeUp(t, "keptn/made-up-sequence.template", "STATE", "started")}
	undeclared.want(t, "ignored")
}

func TestKeptnLifecycleToolkit(t *testing.T) {
	const key = "prod/eu-west-1/shop-checkout/2.14.0 "
	for _, tt := range []struct{ state, evaluations, want string }{
		{"Pending", `[]`, key + "queued"},
		{"Progressing", `[]`, key + "in_progress"},
		{"Succeeded", `["latency"]`, key + "verified"},
		{"Succeeded", `[]`, key + "deployed"}, // nothing was looked at
		{"Succeeded", `null`, key + "deployed"},
		{"Failed", `["latency"]`, key + "failed"},
		{"Warning", `[]`, key + "deployed warning"},
		{"Deprecated", `[]`, key + "superseded"},
		{"Unknown", `[]`, key + "unknown"},
		{"Splendid", `[]`, "unmapped KeptnState=Splendid"},
	} {
		t.Run(tt.state, func(t *testing.T) {
			call{tool: "keptn", body: madeUp(t, "keptn/made-up-workload.template", "STATE", tt.state, `"EVALUATIONS"`, tt.evaluations)}.want(t, tt.want)
		})
	}
}

// What is no event of Keptn's means nothing.
func TestKeptnShipyardIsNoEvent(t *testing.T) {
	raw, err := os.ReadFile(testkit.RealInputs(t, "keptn", "keptn+spec", "schemas", "shipyard.json"))
	if err != nil {
		t.Fatal(err)
	}
	call{tool: "keptn", hook: anyHook, body: string(raw)}.want(t, "ignored")
}
