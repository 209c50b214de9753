package adapter

import (
	"slices"
	"strings"
	"testing"
)

func jenkins(body []byte, query ...string) posted {
	return posted{"jenkins", nil, strings.Join(query, "&"), body}
}

// jenkinsEvent is a message of the CloudEvents plugin, which has a new id each
// time and says the job in its source.
func jenkinsEvent(typ string, body []byte, query ...string) posted {
	p := jenkins(body, query...)
	p.header = map[string]string{
		"Ce-Id": "00000000-0000-4000-8000-000000000001", "Ce-Source": "job/deploy-checkout", "Ce-Type": typ, "Ce-Specversion": "1.0",
	}
	return p
}

// TestJenkinsBuild looks at all of what one message of the notification plugin
// becomes.
func TestJenkinsBuild(t *testing.T) {
	e := only(t, jenkins(made(t, "jenkins", "notification"), "deploys=deploy-*").result(t))
	if e.Subject != "prod/eu-west-1/checkout/2.14.0" || e.Source != "/jenkins/jenkins.example/job/shop/job/deploy-checkout" ||
		e.ID != "job/shop/job/deploy-checkout/18/COMPLETED/1772359500000" || e.Time.Format("2006-01-02T15:04:05Z") != "2026-03-01T10:05:00Z" {
		t.Errorf("%+v", e)
	}
	r := reported(t, e)
	refs := []string{
		"git:made-up/checkout@0123456789abcdef0123456789abcdef01234567", "run:jenkins/job/shop/job/deploy-checkout/18", "run:jenkins/queue/55",
	}
	if r.Status != "deployed" || r.Version != "2.14.0" || r.Attempt != 0 || r.Message != "rolled out" || !slices.Equal(r.Refs, refs) ||
		r.URL != "https://jenkins.example/job/shop/job/deploy-checkout/18/" {
		t.Errorf("%+v", r)
	}
	if words := native(t, r); words["build.status"] != "SUCCESS" || words["build.phase"] != "COMPLETED" || words["build.number"] != "18" {
		t.Errorf("native %v", words)
	}
}

// TestJenkinsPhases: the phases of one build, in both plugins, and the results.
func TestJenkinsPhases(t *testing.T) {
	const key = "prod/eu-west-1/checkout/2.14.0 "
	for _, tc := range [][3]string{
		{"QUEUED", "SUCCESS", key + "queued"},
		{"STARTED", "SUCCESS", key + "in_progress"}, // the result of a build that has begun is not its own
		{"NONE", "SUCCESS", "ignored by build_phase"},
		{"COMPLETED", "SUCCESS", key + "deployed"},
		{"FINALIZED", "SUCCESS", key + "deployed"},
		{"COMPLETED", "UNSTABLE", key + "deployed reason=unstable; " + key + "evidence tests=fail"},
		{"COMPLETED", "FAILURE", key + "failed"},
		{"FINALIZED", "FAILURE", key + "failed"},
		{"COMPLETED", "NOT_BUILT", key + "cancelled reason=not_built"},
		{"COMPLETED", "ABORTED", key + "cancelled"},
		{"COMPLETED", "GLORIOUS", "unmapped by build_ended: build.status=GLORIOUS"},
		{"PAUSED", "SUCCESS", "unmapped by build_phase: build.phase=PAUSED"},
	} {
		body := made(t, "jenkins", "notification", `"COMPLETED"`, `"`+tc[0]+`"`, `"SUCCESS"`, `"`+tc[1]+`"`)
		if said := jenkins(body, "deploys=*").said(t); said != tc[2] {
			t.Errorf("%s %s: %s, want %s", tc[0], tc[1], said, tc[2])
		}
		if said := jenkins(body).said(t); said != "ignored by build_undeclared" {
			t.Errorf("%s %s, not declared: %s", tc[0], tc[1], said)
		}
		body = made(t, "jenkins", "cloudevent-job", `"STARTED"`, `"`+tc[0]+`"`, `"SUCCESS"`, `"`+tc[1]+`"`)
		p := jenkinsEvent("org.jenkinsci.job."+strings.ToLower(tc[0]), body, "env=prod", "region=eu-west-1", "component=checkout", "deploys=*")
		if said := p.said(t); said != tc[2] {
			t.Errorf("CloudEvent %s %s: %s, want %s", tc[0], tc[1], said, tc[2])
		}
	}
}

// TestJenkinsPluginsAgree: both plugins call a build the same, and put it into
// the same repository however its URL is written.
func TestJenkinsPluginsAgree(t *testing.T) {
	one := only(t, jenkins(made(t, "jenkins", "notification", `"COMPLETED"`, `"STARTED"`), "deploys=*").result(t))
	other := only(t, jenkinsEvent("org.jenkinsci.job.started", made(t, "jenkins", "cloudevent-job"),
		"env=prod", "region=eu-west-1", "component=checkout", "deploys=*").result(t))
	if one.ID != other.ID || one.Source != other.Source || one.Subject != other.Subject {
		t.Errorf("%s %s %s\n%s %s %s", one.Source, one.ID, one.Subject, other.Source, other.ID, other.Subject)
	}
	if a, b := reported(t, one).Refs, reported(t, other).Refs; !slices.Equal(a, b) {
		t.Errorf("refs %q and %q", a, b)
	}
}

// TestJenkinsDeclared: a job is declared by its name, its path, or its display
// name.
func TestJenkinsDeclared(t *testing.T) {
	body := made(t, "jenkins", "notification", `"display_name": "deploy-checkout"`, `"display_name": "Roll out"`)
	for deploys, want := range map[string]bool{
		"deploy-checkout": true, "deploy-*": true, "job/shop/*": true, "build-*,deploy-checkout": true, "*": true,
		"checkout": false, "deploy": false, "": false,
	} {
		if said := jenkins(body, "deploys="+deploys).said(t); (said == "prod/eu-west-1/checkout/2.14.0 deployed") != want {
			t.Errorf("%q: %s", deploys, said)
		}
	}
	bare := made(t, "jenkins", "notification", `"parameters": {"ENVIRONMENT": "prod", "REGION": "eu-west-1", "VERSION": "2.14.0", "COMPONENT": "checkout"}`, `"parameters": null`)
	if said := jenkins(bare, "deploys=*").said(t); said != "unmapped by build_ended: no env, region, component" {
		t.Errorf("without parameters: %s", said)
	}
	if said := jenkins(bare, "deploys=*", "env=prod", "region=a,b", "component=c").said(t); said != "prod/a/c/git-0123456789ab deployed; prod/b/c/git-0123456789ab deployed" {
		t.Errorf("with defaults: %s", said)
	}
}

// TestJenkinsWithoutMuch: old versions of the plugin send no time, no queue and no
// repository.
func TestJenkinsWithoutMuch(t *testing.T) {
	body := []byte(`{"name":"asgard","url":"job/asgard/","build":{"number":18,"phase":"COMPLETED","status":"SUCCESS","url":"job/asgard/18/"}}`)
	e := only(t, jenkins(body, "deploys=*", "env=prod", "region=a", "component=c").result(t))
	if e.Subject != "prod/a/c/run-18" || e.Source != "/jenkins/job/asgard" || !e.Time.IsZero() || e.ID != "job/asgard/18/COMPLETED" {
		t.Errorf("%+v", e)
	}
	if r := reported(t, e); !slices.Equal(r.Refs, []string{"run:jenkins/job/asgard/18"}) {
		t.Errorf("refs %q", r.Refs)
	}
}

// TestJenkinsQueue: what waits is known by its queue id only, which the build
// carries on.
func TestJenkinsQueue(t *testing.T) {
	query := []string{"env=prod", "region=eu-west-1", "component=checkout", "deploys=deploy-checkout"}
	p := jenkinsEvent("org.jenkinsci.queue.entered_waiting", made(t, "jenkins", "cloudevent-queue"), query...)
	if said := p.said(t); said != "prod/eu-west-1/checkout/_ queued" {
		t.Errorf("waiting: %s", said)
	}
	e := only(t, p.result(t))
	if r := reported(t, e); !slices.Equal(r.Refs, []string{"run:jenkins/queue/55"}) || e.Time.Format("15:04:05") != "09:58:20" || e.ID != "queue/55/ENTERED_WAITING" {
		t.Errorf("%s %s %+v", e.ID, e.Time, r)
	}
	noPeople(t, p.result(t), "Made Up")
	for _, tc := range []struct{ typ, want string }{
		{"org.jenkinsci.queue.left", "ignored by queue_left"},
		{"org.jenkinsci.node.online", "ignored by node"},
		{"org.jenkinsci.node.offline", "ignored by node"},
		{"org.jenkinsci.job.created", "ignored by job_changed"},
		{"org.jenkinsci.job.updated", "ignored by job_changed"},
		{"org.jenkinsci.queue.slept", "prod/eu-west-1/checkout/_ queued"}, // its status counts
	} {
		if said := jenkinsEvent(tc.typ, made(t, "jenkins", "cloudevent-queue"), query...).said(t); said != tc.want {
			t.Errorf("%s: %s, want %s", tc.typ, said, tc.want)
		}
	}
	if said := jenkinsEvent("org.jenkinsci.queue.entered_waiting", made(t, "jenkins", "cloudevent-queue")).said(t); said != "ignored by queue_undeclared" {
		t.Errorf("not declared: %s", said)
	}
}

// TestJenkinsStages: a stage follows the build that both know.
func TestJenkinsStages(t *testing.T) {
	query := []string{"env=prod", "region=eu-west-1", "component=checkout", "deploys=deploy-*"}
	const key = "prod/eu-west-1/checkout/_ "
	for status, want := range map[string]string{
		"NOT_EXECUTED": "ignored by stages", "IN_PROGRESS": key + "progressed", "PAUSED_PENDING_INPUT": key + "pending_approval reason=input",
		"SUCCESS": key + "progressed", "UNSTABLE": key + "evidence step=unknown", "FAILED": key + "evidence step=fail",
		"ABORTED": key + "cancelled", "SKIPPED": "ignored by stages", "LOST": "unmapped by stages: stage.status=LOST",
	} {
		if said := jenkins(made(t, "jenkins", "stages", `"SUCCESS"`, `"`+status+`"`), query...).said(t); said != want {
			t.Errorf("%s: %s, want %s", status, said, want)
		}
	}
	e := only(t, jenkins(made(t, "jenkins", "stages", `"SUCCESS"`, `"ABORTED"`), query...).result(t))
	if e.Source != "/jenkins/job/shop/job/deploy-checkout" || e.ID != "job/shop/job/deploy-checkout/18/stage/5/ABORTED/60000" || e.Time.Format("15:04:05") != "10:01:00" {
		t.Errorf("%+v", e)
	}
	if r := reported(t, e); !slices.Equal(r.Refs, []string{"run:jenkins/job/shop/job/deploy-checkout/18"}) {
		t.Errorf("refs %q", r.Refs)
	}
	if said := jenkins(made(t, "jenkins", "stages")).said(t); said != "ignored by build_undeclared" {
		t.Errorf("not declared: %s", said)
	}
	if said := jenkins([]byte(`{"something": "else"}`)).said(t); said != "ignored by " {
		t.Errorf("something else: %s", said)
	}
}
