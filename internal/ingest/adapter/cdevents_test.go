package adapter_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// call is a request at a door, and what it says in short.
type call struct {
	tool   string
	m      *adapter.Mapping // of the tool; nil: read anew
	hook   adapter.Hook
	header http.Header
	query  map[string][]string
	body   string
}

// anyHook gives what payloads leave out, and takes everything for a deployment.
var anyHook = adapter.Hook{Env: "prod", Regions: []string{"eu-west-1"}, Component: "checkout", Deploys: []string{"*"}}

// result runs the call through the mapping of its tool.
func (c call) result(t *testing.T) *adapter.Result {
	t.Helper()
	m := c.m
	if m == nil {
		m = mappingOf(t, c.tool)
	}
	res, err := m.Map(&adapter.Request{Header: c.header, Query: c.query, Body: []byte(c.body), Hook: c.hook})
	if err != nil {
		t.Fatalf("%s: %v", c.body, err)
	}
	return res
}

// mappingOf reads the document of a tool.
func mappingOf(t *testing.T, tool string) *adapter.Mapping {
	t.Helper()
	doc, err := os.ReadFile(tool + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := adapter.Read(tool+".yaml", doc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// says returns the result in short: one line for each event, each thing ignored
// and each thing that nobody mapped.
func (c call) says(t *testing.T) []string {
	t.Helper()
	var lines []string
	res := c.result(t)
	for _, m := range res.Events {
		lines = append(lines, inShort(t, m.Event))
	}
	for _, i := range res.Ignored {
		lines = append(lines, "ignored")
		if i.Reason == "" {
			t.Error("something is ignored for no reason")
		}
	}
	for _, u := range res.Unmapped {
		if u.Err == nil || u.Err.Code != events.CodeUnmapped {
			t.Errorf("unmapped with %v, want %s", u.Err, events.CodeUnmapped)
		}
		line := "unmapped " + u.Field + "=" + u.Value
		if len(u.Missing) > 0 {
			line = "missing " + strings.Join(u.Missing, ",")
		}
		lines = append(lines, line)
	}
	return lines
}

func (c call) want(t *testing.T, want ...string) {
	t.Helper()
	if got := c.says(t); !slices.Equal(got, want) {
		t.Errorf("%s\nsays %q\nwant %q", c.body, got, want)
	}
}

func inShort(t *testing.T, e *events.Event) string {
	t.Helper()
	if err := e.Validate(); err != nil {
		t.Errorf("%s is not valid: %v", e.ID, err)
	}
	switch e.Type {
	case events.TypeReported:
		var r events.Reported
		if err := e.DataAs(&r); err != nil {
			t.Fatal(err)
		}
		if len(r.Native) == 0 {
			t.Errorf("%s has lost the tool's own words", e.ID)
		}
		return strings.Join(strings.Fields(fmt.Sprint(e.Subject, " ", r.Status, " ", r.Class, " ", r.Reason)), " ")
	case events.TypeProgressed:
		return e.Subject + " heartbeat"
	case events.TypeEvidence:
		var ev events.Evidence
		if err := e.DataAs(&ev); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %s %s", e.Subject, ev.Kind, ev.Verdict)
	}
	return e.Subject + " " + e.Type
}

// madeUp returns a made-up payload with values in the place of its blanks, which
// are words in capitals.
func madeUp(t *testing.T, path string, blanks ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(blanks...).Replace(string(raw))
}

// cloudEvent is the header of a CloudEvent in binary mode.
func cloudEvent(typ string) http.Header {
	return http.Header{
		"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"},
		"Ce-Id": {"made-up-delivery"}, "Ce-Source": {"/made-up/source"}, "Ce-Type": {typ},
	}
}

// Every example that CDEvents publishes says the same in 0.4 and 0.5, in a
// CloudEvent of either mode and bare.
func TestCDEventsExamples(t *testing.T) {
	const at = "test123/eu-west-1/mysubject123/"
	const digest = "sha256-0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
	want := map[string]string{
		"service_deployed": at + digest + " deployed", "service_upgraded": at + digest + " deployed",
		"service_rolledback": at + "_ reverted", "service_removed": at + "_ removed",
		"service_published":     at + "_ health pass",
		"incident_detected":     "prod1/eu-west-1/myapp/_ incident fail",
		"incident_reported":     "prod1/eu-west-1/myapp/_ incident fail",
		"incident_resolved":     "prod1/eu-west-1/myapp/_ incident pass",
		"pipelinerun_queued":    "prod/eu-west-1/checkout/run-mySubject123 queued",
		"pipelinerun_started":   "prod/eu-west-1/checkout/run-mySubject123 in_progress",
		"pipelinerun_finished":  "prod/eu-west-1/checkout/run-mySubject123 failed permanent",
		"taskrun_started":       "prod/eu-west-1/checkout/run-mySubject123 heartbeat",
		"taskrun_finished":      "prod/eu-west-1/checkout/run-mySubject123 step fail",
		"testcaserun_finished":  "dev/eu-west-1/checkout/_ tests pass",
		"testsuiterun_finished": "dev/eu-west-1/checkout/_ tests fail",
	}
	m := mappingOf(t, "cdevents")
	for _, version := range []string{"v0.4.1", "v0.5.1"} {
		dir := testkit.RealInputs(t, "cdevents", "cdevents+spec@"+version)
		examples, err := filepath.Glob(dir + "/conformance/*.json")
		if err != nil || len(examples) == 0 {
			t.Fatalf("no examples: %v", err)
		}
		for _, example := range append(examples, dir+"/custom/conformance.json") {
			raw, err := os.ReadFile(example)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(example), ".json")
			t.Run(version+"/"+name, func(t *testing.T) {
				line := "ignored"
				if w, ok := want[name]; ok {
					line = w
				}
				bare := call{tool: "cdevents", m: m, hook: anyHook, body: string(raw)}
				bare.want(t, line)
				binary := bare
				binary.header = cloudEvent("dev.cdevents.of-the-envelope")
				binary.header.Set("Content-Type", "application/cdevents+json")
				binary.want(t, line)
				structured := bare
				structured.header = http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}
				structured.body = `{"specversion":"1.0","id":"1","source":"/made-up","type":"made.up","data":` + string(raw) + `}`
				structured.want(t, line)
			})
		}
	}
}

func TestCDEventsTypes(t *testing.T) {
	const env = `{"environment":{"id":"prod"}`
	const service = env + `,"artifactId":"pkg:golang/made.up/checkout@v2.14.0"}`
	const pipeline = `{"pipelineName":"deploy"`
	const run = "prod/eu-west-1/checkout/run-checkout "
	const slot = "prod/eu-west-1/checkout/_ "
	m := mappingOf(t, "cdevents")
	for _, tt := range []struct{ typ, content, want string }{
		{"service.deployed.0.2.0", service, "prod/eu-west-1/checkout/v2.14.0 deployed"},
		{"service.deployed.0.9.1", service, "prod/eu-west-1/checkout/v2.14.0 deployed"},
		{"service.upgraded.0.3.0", service, "prod/eu-west-1/checkout/v2.14.0 deployed"},
		{"service.deployed.0.3.0", env + `,"artifactId":"registry.example:5000/checkout:2.14.0"}`, "prod/eu-west-1/checkout/2.14.0 deployed"},
		{"service.deployed.0.3.0", env + `,"artifactId":"pkg:oci/checkout@sha256%3A` + strings.Repeat("a", 64) + `?repository_url=made.up&tag=2.14.0"}`, "prod/eu-west-1/checkout/2.14.0 deployed"},
		{"service.deployed.0.3.0", env + `}`, "missing deployment"},
		{"service.deployed.1.0.0", service, "unmapped context.type=dev.cdevents.service.deployed.1.0.0"},
		{"service.deployed.v1", service, "unmapped context.type=dev.cdevents.service.deployed.v1"},
		{"service.paused.0.1.0", service, "unmapped context.type=dev.cdevents.service.paused.0.1.0"},
		{"rocket.launched.0.1.0", env + `}`, "unmapped context.type=dev.cdevents.rocket.launched.0.1.0"},

		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"success"}`, run + "deployed"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"failure"}`, run + "failed permanent"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"error"}`, run + "failed environmental"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"cancel"}`, run + "cancelled"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"Succeeded"}`, run + "deployed"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"Canceled"}`, run + "cancelled"},
		{"pipelinerun.finished.0.3.0", pipeline + `,"outcome":"Splendid"}`, "unmapped outcome=Splendid"},
		{"pipelinerun.finished.0.3.0", pipeline + `}`, run + "heartbeat"},
		{"pipelinerun.queued.0.3.0", `{"pipelineName":"lint"}`, "ignored"},
		{"pipelinerun.finished.0.3.0", `{"pipelineName":"lint","outcome":"success"}`, "ignored"},
		{"taskrun.finished.0.3.0", `{"taskName":"deploy","pipelineRun":{"id":"checkout"},"outcome":"success"}`, run + "heartbeat"},
		{"taskrun.finished.0.3.0", `{"taskName":"deploy","pipelineRun":{"id":"checkout"},"outcome":"error"}`, run + "step fail"},
		{"taskrun.finished.0.3.0", `{"taskName":"deploy","pipelineRun":{"id":"checkout"},"outcome":"halfway"}`, "unmapped outcome=halfway"},

		{"testsuiterun.finished.0.3.0", env + `,"outcome":"success"}`, slot + "tests pass"},
		{"testsuiterun.finished.0.2.0", env + `,"outcome":"error"}`, slot + "tests unknown"},
		{"testsuiterun.finished.0.2.0", env + `,"outcome":"cancel"}`, slot + "tests unknown"},
		{"testsuiterun.started.0.3.0", env + `}`, "ignored"},
		{"incident.detected.0.3.0", env + `}`, slot + "incident fail"},
		{"incident.reported.0.3.0", env + `,"ticketURI":"https://made.up/1"}`, slot + "incident fail"},
		{"incident.resolved.0.3.0", env + `}`, slot + "incident pass"},
		{"environment.created.0.3.0", `{}`, "ignored"},
		{"environment.modified.0.3.0", `{}`, "ignored"},
		{"environment.deleted.0.3.0", `{}`, "ignored"},
		{"ticket.closed.0.2.0", `{"resolution":"withdrawn"}`, "ignored"},

		{"approval.created.0.1.0", `{}`, slot + "pending_approval"},
		{"approval.updated.0.1.0", `{"decision":"deferred"}`, slot + "pending_approval"},
		{"approval.closed.0.1.0", `{"status":"approved"}`, slot + "approval pass"},
		{"approval.closed.0.1.0", `{"status":"Cancelled"}`, slot + "cancelled approval_cancelled"},
		{"approval.closed.0.1.0", `{"status":"expired"}`, slot + "blocked approval_expired"},
		{"approval.closed.0.1.0", `{"status":"forgotten"}`, "unmapped subject.content.status=forgotten"},

		{"deployment.queued.0.1.0", service, "prod/eu-west-1/checkout/v2.14.0 queued"},
		{"deployment.started.0.1.0", service, "prod/eu-west-1/checkout/v2.14.0 in_progress"},
		{"deployment.finished.0.1.0", env + `,"outcome":"success"}`, run + "deployed"},
		{"targetrollout.queued.0.1.0", env + `,"deploymentId":"checkout"}`, run + "queued"},
		{"targetrollout.started.0.1.0", env + `,"deploymentId":"checkout"}`, run + "in_progress"},
		{"targetrollout.finished.0.1.0", env + `,"deploymentId":"checkout","outcome":"error"}`, run + "failed environmental"},
	} {
		hook := anyHook
		hook.Deploys = []string{"deploy"}
		body := madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents."+tt.typ, `"CONTENT"`, tt.content)
		t.Run(tt.typ, func(t *testing.T) { call{tool: "cdevents", m: m, hook: hook, body: body}.want(t, tt.want) })
	}
}

func TestCDEventsRejectedApprovalIsBoth(t *testing.T) {
	call{
		tool: "cdevents", hook: anyHook,
		body: madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents.approval.closed.0.1.0", `"CONTENT"`, `{"status":"rejected"}`),
	}.want(t, "prod/eu-west-1/checkout/_ cancelled approval_rejected", "prod/eu-west-1/checkout/_ approval fail")
}

func TestCDEventsOfAnotherMajor(t *testing.T) {
	body := madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents.service.removed.0.3.0",
		`"CONTENT"`, `{"environment":{"id":"prod"}}`, `"0.5.1"`, `"1.0.0"`)
	call{tool: "cdevents", hook: anyHook, body: body}.want(t, "unmapped context.type=CDEvents 1.0.0")
}

// A test names no service: without a hook that does, it is kept for later.
func TestCDEventsMissingIdentity(t *testing.T) {
	body := madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents.testsuiterun.finished.0.3.0",
		`"CONTENT"`, `{"environment":{"id":"prod"},"outcome":"success"}`)
	call{tool: "cdevents", body: body}.want(t, "missing region,component")
}

// However leniently an outcome is read, what was said is kept.
func TestCDEventsKeepsTheWord(t *testing.T) {
	res := call{
		tool: "cdevents", hook: anyHook,
		body: madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents.pipelinerun.finished.0.3.0",
			`"CONTENT"`, `{"pipelineName":"deploy","outcome":"Succeeded"}`),
	}.result(t)
	var r events.Reported
	if err := res.Events[0].Event.DataAs(&r); err != nil {
		t.Fatal(err)
	}
	const want = `{"context.type":"dev.cdevents.pipelinerun.finished.0.3.0","outcome":"success","subject.content.outcome":"Succeeded"}`
	if string(r.Native) != want {
		t.Errorf("native %s, want %s", r.Native, want)
	}
}

func TestCDEventsRefs(t *testing.T) {
	digest := "sha256:" + strings.Repeat("b", 64)
	res := call{
		tool: "cdevents", hook: anyHook,
		body: madeUp(t, "cdevents/made-up-event.template", "TYPE", "dev.cdevents.service.deployed.0.3.0",
			`"CONTENT"`, `{"environment":{"id":"prod"},"artifactId":"pkg:oci/checkout@`+digest+`"}`),
	}.result(t)
	var r events.Reported
	e := res.Events[0].Event
	if err := e.DataAs(&r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Refs, []string{"oci:" + digest}) || r.Artifact == nil || r.Artifact.Digest != digest {
		t.Errorf("refs %q, artifact %+v, want %s", r.Refs, r.Artifact, digest)
	}
	if e.ID != "made-up-1" || e.Source != "/cdevents/made-up/tool" || e.Time.Format("15:04:05") != "10:00:00" {
		t.Errorf("id %s, source %s, time %s", e.ID, e.Source, e.Time)
	}
}
