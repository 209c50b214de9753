package adapter

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func azure(body []byte, query ...string) posted {
	return posted{"azure-devops", nil, strings.Join(append(query, "region=westeurope"), "&"), body}
}

const azureProject = "/azure-devops/3f3a0000-0000-4000-8000-000000000009/"

// TestAzureDevOpsRealPayload: a build is a deployment only where it is declared,
// and an old one has its result in its status.
func TestAzureDevOpsRealPayload(t *testing.T) {
	body, err := os.ReadFile(testkit.RealInputs(t, "azure-devops", "go-playground+webhooks", "testdata", "azuredevops", "build.complete.json"))
	if err != nil {
		t.Fatal(err)
	}
	if said := azure(body).said(t); said != "ignored by ci_undeclared" {
		t.Errorf("not declared: %s", said)
	}
	p := azure(body, "env=prod", "deploys=ConsumerAddress*")
	if said := p.said(t); said != "prod/westeurope/consumeraddressmodule/git-600c52d2d5b6 deployed" {
		t.Errorf("declared: %s", said)
	}
	e := only(t, p.result(t))
	r := reported(t, e)
	if e.Time.Format("2006-01-02T15:04:05.00Z") != "2015-04-07T18:06:10.69Z" || r.Actor != "azure-devops:d6245f20-2af8-44f4-9451-8107cb2767db" ||
		!slices.Equal(r.Refs, []string{"run:azure-devops/2"}) || native(t, r)["result"] != "succeeded" {
		t.Errorf("%s %+v", e.Time, r)
	}
	noPeople(t, p.result(t), "Paulk", "hotmail")
}

// TestAzureDevOpsRelease: all messages about one deployment of a release speak of
// one deployment.
func TestAzureDevOpsRelease(t *testing.T) {
	const key = "prod/westeurope/checkout-cd/Release-5 "
	for _, tc := range []struct{ fixture, want, source, id, time string }{
		{"release-approval", "evidence approval=pass", azureProject + "release", "approval/5/9/1/preDeploy/21/approved", "09:58:00"},
		{"deployment-started", "in_progress", azureProject + "release", "release/5/9/2026-03-01T10:00:00.157Z/started", "10:00:00"},
		{"deployment-completed", "deployed", azureProject + "release", "release/5/9/2026-03-01T10:05:00.5345098Z/succeeded", "10:05:00"},
		{"release-deployment", "deployed", azureProject + "release", "release/5/9/2/succeeded", "10:05:00"},
	} {
		p := azure(made(t, "azure-devops", tc.fixture))
		if said := p.said(t); said != key+tc.want {
			t.Errorf("%s: %s, want %s", tc.fixture, said, key+tc.want)
			continue
		}
		e := only(t, p.result(t))
		if e.Source != tc.source || e.ID != tc.id || e.Time.Format("15:04:05") != tc.time {
			t.Errorf("%s: %s %s %s", tc.fixture, e.Source, e.ID, e.Time)
		}
		if !strings.Contains(string(e.Data), `"run:azure-devops/release/5"`) {
			t.Errorf("%s has no ref of the release: %s", tc.fixture, e.Data)
		}
		noPeople(t, p.result(t), "@example.com")
	}
	r := reported(t, only(t, azure(made(t, "azure-devops", "release-deployment")).result(t)))
	if !slices.Equal(r.Refs, []string{"run:azure-devops/release/5", "run:azure-devops/2727068"}) || r.Attempt != 0 ||
		r.Actor != "azure-devops:7d7d0000-0000-4000-8000-000000000001" || r.URL != "https://dev.azure.com/made-up/shop/_release?releaseId=5" {
		t.Errorf("%+v", r)
	}
	nameless := made(t, "azure-devops", "deployment-completed", `, "releaseDefinition": {"id": 1, "name": "checkout.CD"}`, "")
	if said := azure(nameless).said(t); said != "unmapped by release_environment: no component" {
		t.Errorf("without a pipeline: %s", said)
	}
	if said := azure(nameless, "component=cart").said(t); said != "prod/westeurope/cart/Release-5 deployed" {
		t.Errorf("with a component in the address: %s", said)
	}
}

// TestAzureDevOpsValues shows every value that a deployment of a release is known
// to have, as an object of the API and within the message that it is over.
func TestAzureDevOpsValues(t *testing.T) {
	const key = "prod/westeurope/checkout-cd/Release-5 "
	deployment := func(status, operation string) []byte {
		return made(t, "azure-devops", "release-deployment", `"deploymentStatus": "succeeded"`, `"deploymentStatus": "`+status+`"`, `"Approved"`, `"`+operation+`"`)
	}
	for status, want := range map[string]string{
		"notDeployed": "planned", "inProgress": "in_progress", "succeeded": "deployed", "partiallySucceeded": "partially_deployed",
		"failed": "failed", "undefined": "unknown",
	} {
		body := deployment(status, "undefined")
		if said := azure(body).said(t); said != key+want {
			t.Errorf("deploymentStatus %s: %s, want %s", status, said, want)
		}
		within := `{"eventType":"ms.vss-release.deployment-completed-event","createdDate":"2026-03-01T10:05:00Z","resource":{"deployment":` + string(body) + `}}`
		if said := azure([]byte(within)).said(t); said != key+want {
			t.Errorf("deploymentStatus %s within a message: %s, want %s", status, said, want)
		}
	}
	if said := azure(deployment("melted", "undefined")).said(t); said != "unmapped by release_deployment: deploymentStatus=melted" {
		t.Errorf("a status that nobody knows: %s", said)
	}
	for operation, want := range map[string]string{
		"queued": "queued", "QueuedForAgent": "queued", "queuedForPipeline": "queued", "scheduled": "planned", "Pending": "pending_approval",
		"deferred": "blocked", "Approved": "evidence approval=pass", "rejected": "cancelled reason=approval_rejected",
		"evaluatingGates": "verifying", "gateFailed": "blocked reason=gate_failed", "manualInterventionPending": "manual_intervention",
		"PhaseInProgress": "in_progress", "PhaseSucceeded": "progressed", "phasePartiallySucceeded": "progressed",
		"phaseFailed": "evidence step=fail", "phaseCanceled": "evidence step=fail", "cancelling": "in_progress reason=cancel_requested",
		"Canceled": "cancelled",
	} {
		if said := azure(deployment("inProgress", operation)).said(t); said != key+want {
			t.Errorf("operationStatus %s: %s, want %s", operation, said, want)
		}
	}
	// What is about to be deployed is not being verified: that would be a landing.
	if said := azure(deployment("notDeployed", "EvaluatingGates")).said(t); said != key+"blocked reason=gates" {
		t.Errorf("gates before the deployment: %s", said)
	}
	for operation, want := range map[string]string{
		"melted": "unmapped by release_operation: operationStatus=melted", "approved": key + "evidence approval=pass",
	} {
		if said := azure(deployment("notDeployed", operation)).said(t); said != want {
			t.Errorf("operationStatus %s: %s, want %s", operation, said, want)
		}
	}
	// The outcome counts, whatever is still being done.
	if said := azure(deployment("failed", "PhaseInProgress")).said(t); said != key+"failed" {
		t.Errorf("a failure: %s", said)
	}

	for status, want := range map[string]string{
		"succeeded": key + "deployed", "partiallySucceeded": key + "partially_deployed", "rejected": key + "failed", "canceled": key + "cancelled",
		"notStarted": "unmapped by release_environment: environment.status=notStarted",
	} {
		if said := azure(made(t, "azure-devops", "deployment-completed", `"succeeded"`, `"`+status+`"`)).said(t); said != want {
			t.Errorf("environment.status %s: %s, want %s", status, said, want)
		}
	}
	for _, tc := range [][3]string{
		{"preDeploy", "pending", key + "pending_approval reason=approval"},
		{"preDeploy", "approved", key + "evidence approval=pass"},
		{"preDeploy", "rejected", key + "cancelled reason=approval_rejected"},
		{"postDeploy", "pending", key + "pending_approval reason=approval"},
		{"postDeploy", "rejected", key + "evidence approval=fail"},
		{"preDeploy", "canceled", key + "cancelled"},
		{"preDeploy", "reassigned", "ignored by release_approval"},
		{"preDeploy", "skipped", "ignored by release_approval"},
	} {
		body := made(t, "azure-devops", "release-approval", `"preDeploy"`, `"`+tc[0]+`"`, `"status": "approved"`, `"status": "`+tc[1]+`"`)
		if said := azure(body).said(t); said != tc[2] {
			t.Errorf("approval %s %s: %s, want %s", tc[0], tc[1], said, tc[2])
		}
	}
	if said := azure(made(t, "azure-devops", "release-approval", `"isAutomated": false`, `"isAutomated": true`)).said(t); said != "ignored by release_approval" {
		t.Errorf("an approval that nobody gave: %s", said)
	}
}

// TestAzureDevOpsDeclared: of runs, stages and jobs only those that the hook
// declares are deployments.
func TestAzureDevOpsDeclared(t *testing.T) {
	build, stage, approval := made(t, "azure-devops", "build"), made(t, "azure-devops", "stage"), made(t, "azure-devops", "run-approval")
	job := made(t, "azure-devops", "stage", "stage-state-changed", "job-state-changed", `"resource": {`,
		`"resource": {"job": {"name": "rollout", "state": "completed", "result": "succeeded", "finishTime": "2026-03-01T10:04:00Z"},`)
	run := made(t, "azure-devops", "stage", "stage-state-changed", "run-state-changed", `"stage": {`, `"ignored": {`)
	const key = "prod/westeurope/checkout-cd/"
	for name, tc := range map[string]struct {
		body  []byte
		query string
		want  string
	}{
		"a build":                        {build, "env=prod", "ignored by ci_undeclared"},
		"a build, declared":              {build, "env=prod&deploys=checkout-*", key + "2.14.0 deployed"},
		"a build, and nobody said where": {build, "deploys=*", "unmapped by run_ended: no env"},
		"a stage":                        {stage, "env=prod&deploys=checkout-cd", "ignored by ci_undeclared"},
		"a stage, declared":              {stage, "env=prod&deploys=Production", key + "run-11 deployed"},
		"a stage of a pipeline":          {stage, "env=prod&deploys=checkout-cd/Production", key + "run-11 deployed"},
		"a stage of another pipeline":    {stage, "env=prod&deploys=cart-cd/Production", "ignored by ci_undeclared"},
		"a job":                          {job, "env=prod&deploys=Production", "ignored by ci_undeclared"},
		"a job, declared":                {job, "env=prod&deploys=rollout", key + "run-11 deployed"},
		"a job of a stage":               {job, "env=prod&deploys=checkout-cd/Production/rollout", key + "run-11 deployed"},
		"a run":                          {run, "env=prod", "ignored by ci_undeclared"},
		"a run, declared":                {run, "env=prod&deploys=checkout-cd", key + "run-11 in_progress"},
		"an approval":                    {approval, "", "ignored by ci_undeclared"},
		"an approval, declared":          {approval, "deploys=Production", key + "run-11 evidence approval=pass"},
	} {
		if said := azure(tc.body, tc.query).said(t); said != tc.want {
			t.Errorf("%s: %s, want %s", name, said, tc.want)
		}
	}
	e := only(t, azure(build, "env=prod", "deploys=*").result(t))
	if r := reported(t, e); e.Source != azureProject+"checkout-cd" || r.Actor != "azure-devops:7d7d0000-0000-4000-8000-000000000001" ||
		!slices.Equal(r.Refs, []string{"git:made-up/checkout@0123456789abcdef0123456789abcdef01234567", "run:azure-devops/2727068"}) {
		t.Errorf("%s %+v", e.Source, r)
	}
}

// TestAzureDevOpsRunValues shows every state and result of a run of CI.
func TestAzureDevOpsRunValues(t *testing.T) {
	const key = "prod/westeurope/checkout-cd/run-11 "
	for _, tc := range [][3]string{
		{"notStarted", "null", key + "planned"},
		{"waiting", "null", key + "queued"},
		{"running", "null", key + "in_progress"},
		{"inProgress", "null", key + "in_progress"},
		{"canceling", "null", key + "in_progress reason=cancel_requested"},
		{"completed", `"succeeded"`, key + "deployed"},
		{"completed", `"succeededWithIssues"`, key + "deployed"},
		{"completed", `"partiallySucceeded"`, key + "partially_deployed"},
		{"completed", `"failed"`, key + "failed"},
		{"completed", `"rejected"`, key + "cancelled reason=approval_rejected"},
		{"completed", `"canceled"`, key + "cancelled"},
		{"completed", `"abandoned"`, key + "failed reason=abandoned"},
		{"completed", `"skipped"`, "ignored by run_ended"},
		{"completed", `"glorious"`, "unmapped by run_ended: result=glorious"},
		{"completed", "null", "unmapped by run_ended: result="},
		{"on_fire", "null", "unmapped by run_state: state=on_fire"},
	} {
		body := made(t, "azure-devops", "stage", `"state": "completed", "result": "succeeded"`, `"state": "`+tc[0]+`", "result": `+tc[1])
		if said := azure(body, "env=prod", "deploys=Production").said(t); said != tc[2] {
			t.Errorf("%s %s: %s, want %s", tc[0], tc[1], said, tc[2])
		}
	}
	for status, want := range map[string]string{
		"pending": key + "pending_approval reason=approval", "approved": key + "evidence approval=pass",
		"rejected": key + "cancelled reason=approval_rejected", "timedOut": key + "cancelled reason=approval_timeout",
		"canceled": key + "cancelled", "skipped": "ignored by run_approval", "deferred": "ignored by run_approval",
		"melted": "unmapped by run_approval: approval.status=melted",
	} {
		body := made(t, "azure-devops", "run-approval", `"approved"`, `"`+status+`"`)
		if said := azure(body, "deploys=*").said(t); said != want {
			t.Errorf("approval %s: %s, want %s", status, said, want)
		}
	}
}

// TestAzureDevOpsOtherEvents: whatever else a service hook can send is ignored
// with a reason.
func TestAzureDevOpsOtherEvents(t *testing.T) {
	for kind, rule := range map[string]string{
		"ms.vss-release.release-created-event": "release", "ms.vss-release.release-abandoned-event": "release",
		"git.push": "code", "git.pullrequest.created": "code", "tfvc.checkin": "code", "ms.vss-code.git-pullrequest-comment-event": "code",
		"workitem.updated": "work_items", "message.posted": "work_items", "elasticagentpool.resized": "settings", "an.event.of.tomorrow": "anything_else",
		"": "",
	} {
		if said := azure([]byte(`{"eventType": "` + kind + `", "resource": {"id": 1}}`)).said(t); said != "ignored by "+rule {
			t.Errorf("%s: %s, want %s", kind, said, rule)
		}
	}
}
