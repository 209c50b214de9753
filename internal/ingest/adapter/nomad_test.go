package adapter_test

import (
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
)

var nomadHook = adapter.Hook{Env: "prod", Regions: []string{"eu-west-1"}}

func TestNomadStatuses(t *testing.T) {
	const key = "prod/eu-west-1/checkout/v12 "
	for _, tt := range []struct{ status, description, want string }{
		{"initializing", "", key + "queued"},
		{"pending", "Deployment is pending, waiting for peer region", key + "queued"},
		{"running", "Deployment is running", key + "in_progress"},
		{"running", "Deployment is running but requires manual promotion", key + "pending_approval promotion"},
		{"running", "Deployment is running pending automatic promotion", key + "in_progress"},
		{"paused", "Deployment is paused", key + "blocked"},
		{"blocked", "Deployment is complete but waiting for peer region", key + "blocked sibling_regions"},
		{"unblocking", "", key + "in_progress"},
		{"successful", "Deployment completed successfully", key + "verified"},
		{"failed", "Failed due to progress deadline", key + "failed"},
		{"cancelled", "Cancelled due to newer version of job", key + "superseded"},
		{"cancelled", "Cancelled because job is stopped", key + "cancelled"},
		{"splendid", "", "unmapped Status=splendid"},
	} {
		t.Run(tt.status+"/"+tt.description, func(t *testing.T) {
			call{
				tool: "nomad", hook: nomadHook,
				body: madeUp(t, "nomad/made-up-frame.template", "STATUS", tt.status, "DESCRIPTION", tt.description),
			}.want(t, tt.want)
		})
	}
}

func TestNomadOtherFrames(t *testing.T) {
	for _, body := range []string{`{}`, `{"Index":7,"Events":[{"Topic":"Job","Payload":{}}]}`, `{"Index":7,"Events":null}`} {
		call{tool: "nomad", hook: nomadHook, body: body}.want(t, "ignored")
	}
}

// The API shows what the stream carries: it is the same event.
func TestNomadAPI(t *testing.T) {
	stream := call{
		tool: "nomad", hook: nomadHook,
		body: madeUp(t, "nomad/made-up-frame.template", "STATUS", "failed", "DESCRIPTION", "made-up description"),
	}
	api := stream
	api.body = `{"ID":"1e4f-made-up","Namespace":"shop","JobID":"checkout","JobVersion":12,"Status":"failed",
		"StatusDescription":"made-up description","ModifyIndex":51,"ModifyTime":1772359800000000000}`
	a, b := stream.result(t).Events[0].Event, api.result(t).Events[0].Event
	if a.ID != b.ID || a.Source != "/nomad/shop/checkout" || a.Source != b.Source || string(a.Data) != string(b.Data) || !a.Time.Equal(b.Time) {
		t.Errorf("the stream says %+v,\nthe API %+v", a, b)
	}
	if got := a.Time.Format("2006-01-02T15:04:05Z07:00"); got != "2026-03-01T10:10:00Z" {
		t.Errorf("the time is %s", got)
	}
}
