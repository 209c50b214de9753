package adapter_test

import (
	"encoding/json"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
)

const codedeployKey = "prod/eu-west-1/checkout/run-d-MADEUP001 "

func TestCodeDeployStates(t *testing.T) {
	for _, tt := range []struct{ file, state, want string }{
		{"eventbridge", "START", codedeployKey + "in_progress"},
		{"eventbridge", "READY", codedeployKey + "pending_approval"},
		{"eventbridge", "SUCCESS", codedeployKey + "deployed"},
		{"eventbridge", "FAILURE", codedeployKey + "failed"},
		{"eventbridge", "STOP", codedeployKey + "cancelled"},
		{"eventbridge", "SPLENDID", "unmapped status=SPLENDID"},
		{"trigger", "CREATED", codedeployKey + "planned MADE_UP"},
		{"trigger", "Created", codedeployKey + "planned MADE_UP"},
		{"trigger", "Queued", codedeployKey + "queued MADE_UP"},
		{"trigger", "InProgress", codedeployKey + "in_progress MADE_UP"},
		{"trigger", "Baking", codedeployKey + "verifying MADE_UP"},
		{"trigger", "Ready", codedeployKey + "pending_approval MADE_UP"},
		{"trigger", "Succeeded", codedeployKey + "deployed MADE_UP"},
		{"trigger", "Failed", codedeployKey + "failed MADE_UP"},
		{"trigger", "Stopped", codedeployKey + "cancelled MADE_UP"},
		{"trigger", "", "unmapped status="},
	} {
		t.Run(tt.file+"/"+tt.state, func(t *testing.T) {
			call{tool: "codedeploy", body: madeUp(t, "codedeploy/made-up-"+tt.file+".template", "STATE", tt.state)}.want(t, tt.want)
		})
	}
}

// A rollback deploys what ran before, and undoes the one that it answers.
func TestCodeDeployRollback(t *testing.T) {
	body := madeUp(t, "codedeploy/made-up-api.template", "STATE", "Succeeded")
	call{tool: "codedeploy", hook: adapter.Hook{Regions: []string{"eu-west-1"}}, body: body}.
		want(t, "prod/eu-west-1/checkout/run-d-MADEUP002 deployed", codedeployKey+"reverted")
	call{tool: "codedeploy", body: body}.want(t, "missing region", "missing region")
}

// Where the deployment group is no environment, the URL says which it is.
func TestCodeDeployEnvironmentOfTheURL(t *testing.T) {
	call{
		tool: "codedeploy", query: map[string][]string{"env": {"staging"}},
		body: madeUp(t, "codedeploy/made-up-eventbridge.template", "STATE", "START"),
	}.want(t, "staging/eu-west-1/checkout/run-d-MADEUP001 in_progress")
}

// What comes in an envelope of SNS is what it would be without it.
func TestCodeDeployEnveloped(t *testing.T) {
	for _, tt := range []struct{ file, state, want string }{
		{"eventbridge", "SUCCESS", codedeployKey + "deployed"},
		{"trigger", "InProgress", codedeployKey + "in_progress MADE_UP"},
	} {
		plain := call{tool: "codedeploy", body: madeUp(t, "codedeploy/made-up-"+tt.file+".template", "STATE", tt.state)}
		envelope, err := json.Marshal(map[string]string{"Type": "Notification", "TopicArn": "arn:made-up", "Message": plain.body})
		if err != nil {
			t.Fatal(err)
		}
		call{tool: "codedeploy", body: string(envelope)}.want(t, tt.want)
	}
}

func TestCodeDeployEnvelopes(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"subscription", `{"Type":"SubscriptionConfirmation","TopicArn":"arn:made-up","SubscribeURL":"https://made.up"}`, "ignored"},
		{"end", `{"Type":"UnsubscribeConfirmation","TopicArn":"arn:made-up"}`, "ignored"},
		{"notification of nothing known", `{"Type":"Notification","TopicArn":"arn:made-up","Message":"{\"status\":\"SUCCEEDED\"}"}`, "unmapped Type=Notification"},
		{"notification of a text", `{"Type":"Notification","TopicArn":"arn:made-up","Message":"hello"}`, "unmapped Type=Notification"},
		{"notification about an instance", `{"Type":"Notification","TopicArn":"arn:made-up","Message":"{\"deploymentId\":\"d-MADEUP001\",\"instanceStatus\":\"Succeeded\"}"}`, "ignored"},
		{"instance of EventBridge", `{"detail-type":"CodeDeploy Instance State-change Notification","detail":{"state":"FAILURE"}}`, "ignored"},
		{"instance of a trigger", `{"deploymentId":"d-MADEUP001","instanceStatus":"Succeeded"}`, "ignored"},
		{"another service", `{"detail-type":"CodePipeline Stage Execution State Change","detail":{"state":"SUCCEEDED"}}`, "unmapped detail-type=CodePipeline Stage Execution State Change"},
	} {
		t.Run(tt.name, func(t *testing.T) { call{tool: "codedeploy", hook: anyHook, body: tt.body}.want(t, tt.want) })
	}
}
