package adapter_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/testkit"
)

var spinnakerHook = adapter.Hook{Deploys: []string{"Deploy*"}}

// spinnaker is an event of Echo; what it does not say is as in a run that goes
// well.
func spinnaker(t *testing.T, typ string, blanks ...string) call {
	t.Helper()
	well := []string{"STATUS", "SUCCEEDED", "JUDGMENT", "SUCCEEDED", "STAGE", "Deploy", "ANSWER", "", "DEPLOY\"", "SUCCEEDED\""}
	return call{
		tool: "spinnaker", hook: spinnakerHook,
		body: madeUp(t, "spinnaker/made-up-event.template", append(append([]string{"TYPE", typ}, blanks...), well...)...),
	}
}

func TestSpinnakerExecutions(t *testing.T) {
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tt := range []struct{ typ, status, want string }{
		{"orca:pipeline:starting", "RUNNING", key + "in_progress"},
		{"orca:pipeline:complete", "SUCCEEDED", key + "deployed"},
		{"orca:pipeline:failed", "TERMINAL", key + "failed"},
		{"orca:pipeline:failed", "CANCELED", key + "cancelled"},
		{"orca:pipeline:failed", "STOPPED", key + "cancelled"},
		{"orca:pipeline:complete", "FAILED_CONTINUE", key + "partially_deployed"},
		{"orca:pipeline:complete", "SKIPPED", "ignored"},
		{"orca:pipeline:complete", "NOT_STARTED", key + "queued"},
		{"orca:pipeline:complete", "BUFFERED", key + "queued"},
		{"orca:pipeline:complete", "RUNNING", key + "in_progress"},
		{"orca:pipeline:complete", "PAUSED", key + "blocked"},
		{"orca:pipeline:complete", "SUSPENDED", key + "blocked waiting_for_trigger"},
		{"orca:pipeline:complete", "REDIRECT", key + "heartbeat"},
		{"orca:pipeline:complete", "SPLENDID", "unmapped execution.status=SPLENDID"},
		{"orca:pipeline:paused", "PAUSED", "unmapped details.type=orca:pipeline:paused"},
		{"orca:orchestration:starting", "RUNNING", "ignored"},
		{"orca:orchestration:complete", "SUCCEEDED", "ignored"},
		{"orca:orchestration:failed", "TERMINAL", "ignored"},
	} {
		t.Run(tt.typ+"/"+tt.status, func(t *testing.T) {
			spinnaker(t, tt.typ, `"status": "STATUS"`, `"status": "`+tt.status+`"`).want(t, tt.want)
		})
	}
}

func TestSpinnakerStages(t *testing.T) {
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tt := range []struct {
		name, typ string
		blanks    []string
		want      []string
	}{
		{"begins", "orca:stage:starting", nil, []string{key + "heartbeat"}},
		{"ends", "orca:stage:complete", nil, []string{key + "heartbeat"}},
		{"fails", "orca:stage:failed", nil, []string{key + "step fail"}},
		{"is skipped", "orca:stage:skipped", nil, []string{"ignored"}},
		{"asks", "orca:stage:starting", []string{"STAGE", "Ask"}, []string{key + "pending_approval manual_judgment"}},
		{"is told to go on", "orca:stage:complete", []string{"STAGE", "Ask", "ANSWER", "continue"}, []string{key + "approval pass", key + "in_progress"}},
		{"is told to stop", "orca:stage:failed", []string{"STAGE", "Ask", "ANSWER", "stop"}, []string{key + "approval fail"}},
		{"task begins", "orca:task:starting", nil, []string{key + "heartbeat"}},
		{"task ends", "orca:task:complete", nil, []string{key + "heartbeat"}},
		{"task fails", "orca:task:failed", nil, []string{key + "heartbeat"}},
		{"is new to us", "orca:stage:exploded", nil, []string{"unmapped details.type=orca:stage:exploded"}},
	} {
		t.Run(tt.name, func(t *testing.T) { spinnaker(t, tt.typ, tt.blanks...).want(t, tt.want...) })
	}
}

func TestSpinnakerWaitsForAPerson(t *testing.T) {
	spinnaker(t, "orca:pipeline:complete", `"status": "STATUS"`, `"status": "RUNNING"`, "JUDGMENT", "RUNNING").
		want(t, "prod/eu-west-1/checkout/2.14.0 pending_approval manual_judgment")
}

// A run may succeed because its stages had nothing to do.
func TestSpinnakerSuccessThatDeployedNothing(t *testing.T) {
	spinnaker(t, "orca:pipeline:complete", `"DEPLOY"`, `"SKIPPED"`).
		want(t, "prod/eu-west-1/checkout/2.14.0 cancelled nothing_deployed")
}

func TestSpinnakerUndeclaredPipelineIsNoDeployment(t *testing.T) {
	c := spinnaker(t, "orca:pipeline:complete")
	c.hook.Deploys = []string{"other"}
	c.want(t, "ignored")
	c.hook.Deploys = []string{"checkout/Deploy to prod"}
	c.want(t, "prod/eu-west-1/checkout/2.14.0 deployed")
}

func TestSpinnakerWrapped(t *testing.T) {
	c := spinnaker(t, "orca:pipeline:complete")
	c.body = `{"eventName":"spinnaker_events","payload":` + c.body + `}`
	c.want(t, "prod/eu-west-1/checkout/2.14.0 deployed")
}

// What Igor saw of Jenkins is CI, also what succeeded and what has the name of a
// deployment.
func TestSpinnakerBuildsOfCI(t *testing.T) {
	raw, err := os.ReadFile(testkit.RealInputs(t, "spinnaker", "spinnaker+echo", "echo-pipelinetriggers", "src", "test", "resources", "events.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("there are no events")
	}
	m := mappingOf(t, "spinnaker")
	for _, e := range all {
		call{tool: "spinnaker", m: m, hook: anyHook, body: string(e)}.want(t, "ignored")
	}
}
