package adapter_test

import (
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/pkg/events"
)

var tektonHook = adapter.Hook{Deploys: []string{"deploy-*"}}

func TestTektonPipelineRuns(t *testing.T) {
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tt := range []struct{ typ, status, reason, want string }{
		{"queued", "Unknown", "PipelineRunPending", key + "queued"},
		{"started", "Unknown", "Started", key + "in_progress"},
		{"running", "Unknown", "Running", key + "heartbeat"},
		{"unknown", "Unknown", "SomethingNew", key + "heartbeat"},
		{"unknown", "Unknown", "PipelineRunPending", key + "planned"},
		{"unknown", "Unknown", "ResolvingPipelineRef", key + "queued"},
		{"unknown", "Unknown", "PipelineRunStopping", key + "in_progress failing"},
		{"unknown", "Unknown", "PipelineRunTimeoutRunningFinally", key + "in_progress failing"},
		{"unknown", "Unknown", "CancelledRunningFinally", key + "in_progress cancel_requested"},
		{"unknown", "Unknown", "StoppedRunningFinally", key + "in_progress cancel_requested"},
		{"successful", "True", "Succeeded", key + "deployed"},
		{"successful", "True", "Completed", key + "deployed"},
		{"failed", "False", "Failed", key + "failed"},
		{"failed", "False", "SomethingNew", key + "failed"},
		{"failed", "False", "Cancelled", key + "cancelled"},
		{"failed", "False", "PipelineRunTimeout", key + "failed timeout"},
		{"failed", "False", "CouldntGetPipeline", key + "failed environmental"},
		{"failed", "False", "CreateRunFailed", key + "failed environmental"},
		{"failed", "False", "PipelineValidationFailed", key + "failed permanent"},
		{"failed", "False", "InvalidWorkspaceBindings", key + "failed permanent"},
		{"failed", "False", "ParameterMissing", key + "failed permanent"},
		{"reborn", "True", "Succeeded", "unmapped type=dev.tekton.event.pipelinerun.reborn.v1"},
	} {
		t.Run(tt.typ+"/"+tt.reason, func(t *testing.T) {
			call{
				tool: "tekton", hook: tektonHook, header: cloudEvent("dev.tekton.event.pipelinerun." + tt.typ + ".v1"),
				body: madeUp(t, "tekton/made-up-pipelinerun.template", "STATUS", tt.status, "REASON", tt.reason),
			}.want(t, tt.want)
		})
	}
}

func TestTektonTaskRuns(t *testing.T) {
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tt := range []struct{ typ, want string }{
		{"taskrun.queued", key + "heartbeat"},
		{"taskrun.started", key + "heartbeat"},
		{"taskrun.running", key + "heartbeat"},
		{"taskrun.unknown", key + "heartbeat"},
		{"taskrun.successful", key + "heartbeat"},
		{"taskrun.failed", key + "step fail"},
		{"customrun.started", key + "heartbeat"},
		{"customrun.running", key + "heartbeat"},
		{"customrun.successful", key + "heartbeat"},
		{"customrun.failed", key + "heartbeat"},
		{"triggers.started", "ignored"},
		{"somethingrun.started", "unmapped type=dev.tekton.event.somethingrun.started.v1"},
	} {
		t.Run(tt.typ, func(t *testing.T) {
			call{
				tool: "tekton", hook: tektonHook, header: cloudEvent("dev.tekton.event." + tt.typ + ".v1"),
				body: madeUp(t, "tekton/made-up-taskrun.template", "STATUS", "Unknown", "REASON", "Running"),
			}.want(t, tt.want)
		})
	}
}

func TestTektonObjects(t *testing.T) {
	const key = "prod/eu-west-1/checkout/run-deploy-checkout-x7k2p "
	for _, tt := range []struct{ status, reason, want string }{
		{"Unknown", "PipelineRunPending", key + "planned"},
		{"Unknown", "Started", key + "in_progress"},
		{"Unknown", "Running", key + "in_progress"},
		{"Unknown", "ResolvingPipelineRef", key + "queued"},
		{"True", "Succeeded", key + "deployed"},
		{"True", "Completed", key + "deployed"},
		{"False", "Failed", key + "failed"},
		{"False", "Cancelled", key + "cancelled"},
		{"Unknown", "Cancelled", key + "in_progress cancel_requested"},
		{"False", "PipelineRunTimeout", key + "failed timeout"},
		{"Unknown", "PipelineRunStopping", key + "in_progress failing"},
		{"Unknown", "CancelledRunningFinally", key + "in_progress cancel_requested"},
		{"Unknown", "StoppedRunningFinally", key + "in_progress cancel_requested"},
		{"Unknown", "PipelineRunTimeoutRunningFinally", key + "in_progress failing"},
		{"False", "CouldntGetPipeline", key + "failed environmental"},
		{"False", "PipelineValidationFailed", key + "failed permanent"},
		{"False", "CreateRunFailed", key + "failed environmental"},
		{"False", "InvalidWorkspaceBindings", key + "failed permanent"},
		{"False", "ParameterMissing", key + "failed permanent"},
		{"False", "SomethingNew", "unmapped reason=SomethingNew"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			call{
				tool: "tekton", hook: tektonHook,
				body: madeUp(t, "tekton/made-up-object.template", "STATUS", tt.status, "REASON", tt.reason),
			}.want(t, tt.want)
		})
	}
}

// Most pipelines build and test: their success deploys nothing.
func TestTektonUndeclaredRunIsNoDeployment(t *testing.T) {
	c := call{
		tool: "tekton", header: cloudEvent("dev.tekton.event.pipelinerun.successful.v1"),
		body: madeUp(t, "tekton/made-up-pipelinerun.template", "STATUS", "True", "REASON", "Succeeded"),
	}
	c.want(t, "ignored")
	c.query = map[string][]string{"deploys": {"deploy-checkout"}}
	c.want(t, "prod/eu-west-1/checkout/2.14.0 deployed")
}

// Tekton tells a fact again under another id of the CloudEvent.
func TestTektonRedeliveryIsTheSameEvent(t *testing.T) {
	c := call{
		tool: "tekton", hook: tektonHook, header: cloudEvent("dev.tekton.event.pipelinerun.failed.v1"),
		body: madeUp(t, "tekton/made-up-pipelinerun.template", "STATUS", "False", "REASON", "Failed"),
	}
	first := c.result(t).Events[0].Event
	c.header.Set("Ce-Id", "another-delivery")
	again := c.result(t).Events[0].Event
	a, err := first.Content()
	if err != nil {
		t.Fatal(err)
	}
	b, err := again.Content()
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("%s\nis told again as\n%s", a, b)
	}
	if first.Source != "/tekton/made-up-ci/deploy-checkout" {
		t.Errorf("the source is %s", first.Source)
	}
	var r events.Reported
	if err := first.DataAs(&r); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"run:tekton/made-up-ci/deploy-checkout-x7k2p",
		"git:made-up-org/checkout@0123456789abcdef0123456789abcdef01234567",
	}
	if !slices.Equal(r.Refs, want) {
		t.Errorf("refs %q, want %q", r.Refs, want)
	}
}
