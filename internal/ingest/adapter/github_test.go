package adapter

import (
	"encoding/csv"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func github(event string, body []byte, query ...string) posted {
	return posted{"github", map[string]string{"X-GitHub-Event": event}, strings.Join(append(query, "region=eu-west-1"), "&"), body}
}

// TestGitHubRealPayloads posts every payload that GitHub publishes as an example,
// under the event that its folder is called after, and once more without the
// header: the body alone says as much.
func TestGitHubRealPayloads(t *testing.T) {
	root := testkit.RealInputs(t, "github", "octokit+webhooks", "payload-examples", "api.github.com")
	const prod = "production/eu-west-1/hello-world/git-f95f852bd8fc "
	want := map[string]string{
		"deployment/payload.json":                                "production/eu-west-1/hello-world/git-f95f852bd8fc planned",
		"deployment/with-installation.payload.json":              prod + "planned",
		"deployment/gh-pages.payload.json":                       "github-pages/eu-west-1/hello-world/git-f95f852bd8fc planned",
		"deployment_status/payload.json":                         prod + "deployed",
		"deployment_status/with-installation.payload.json":       prod + "deployed",
		"deployment_status/gh-pages.payload.json":                "github-pages/eu-west-1/hello-world/git-f95f852bd8fc in_progress",
		"deployment_review/requested.payload.json":               "tst/eu-west-1/sample-app/git-5275a45b7e99 pending_approval reason=review_requested",
		"workflow_job/queued.with-deployment.payload.json":       "test/eu-west-1/elastic-machines-testing/git-16c5286e8d9a pending_approval",
		"workflow_job/in_progress.payload.json":                  "ignored by ci_undeclared",
		"workflow_run/requested.with-conclusion.payload.json":    "ignored by ci_undeclared",
		"check_suite/completed.payload.json":                     "ignored by ci_undeclared",
		"check_suite/rerequested.with-organization.payload.json": "ignored by ci_undeclared",
	}
	// What is not of interest is ignored by the rule of its folder.
	byFolder := map[string]string{
		"check_run": "checks", "status": "checks", "check_suite": "ci_undeclared", "ping": "ping", "release": "release",
		"repository_dispatch": "dispatch", "workflow_dispatch": "dispatch", "workflow_job": "ci_undeclared", "workflow_run": "ci_undeclared",
	}
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		event := filepath.Dir(name)
		expected, ok := want[name]
		if !ok {
			expected = "ignored by " + byFolder[event]
		} else {
			seen++
		}
		p := github(event, body)
		if said := p.said(t); said != expected {
			t.Errorf("%s: %s, want %s", name, said, expected)
		}
		noPeople(t, p.result(t), "Massimiliano", "noreply", "gmail", "ilmax")
		if slices.Contains([]string{"release", "status", "repository_dispatch", "workflow_dispatch"}, event) {
			return nil // nothing in them says what they are
		}
		p.header = nil
		if said := p.said(t); said != expected {
			t.Errorf("%s without its header: %s, want %s", name, said, expected)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(want) {
		t.Errorf("%d of the %d payloads are there", seen, len(want))
	}
}

// TestGitHubDeploymentStatus looks at all of what one message becomes.
func TestGitHubDeploymentStatus(t *testing.T) {
	p := github("deployment_status", made(t, "github", "deployment_status"))
	p.query = "" // the environment's name says the region
	e := only(t, p.result(t))
	if e.Subject != "prod/eu-west-1/checkout/v2.14.0" || e.Source != "/github/made-up/checkout" || e.ID != "deployment_status/9001" ||
		e.Sequence != "9001" || e.Time.Format("15:04:05") != "10:05:00" {
		t.Errorf("%+v", e)
	}
	r := reported(t, e)
	if r.Status != "deployed" || r.Version != "v2.14.0" || r.Actor != "github:77" || r.Message != "all pods are new" ||
		r.URL != "https://github.com/made-up/checkout/actions/runs/4711/job/1" || r.Attempt != 0 {
		t.Errorf("%+v", r)
	}
	refs := []string{"git:made-up/checkout@0123456789abcdef0123456789abcdef01234567", "run:github/4711.2"}
	if !slices.Equal(r.Refs, refs) {
		t.Errorf("refs %q", r.Refs)
	}
	if r.Labels["env"] != "Prod" || r.Labels["ref"] != "v2.14.0" {
		t.Errorf("labels %q", r.Labels)
	}
	for field, want := range map[string]string{
		"deployment.id": "501", "deployment.environment": "Prod eu-west-1",
		"deployment.sha": "0123456789abcdef0123456789abcdef01234567", "deployment_status.state": "success",
	} {
		if got := native(t, r)[field]; got != want {
			t.Errorf("native %s: %q, want %q", field, got, want)
		}
	}
}

// TestGitHubRealDeployments: the words of GitHub's own examples are in the event
// as they stand in the body.
func TestGitHubRealDeployments(t *testing.T) {
	for _, name := range []string{
		"deployment_status/payload.json", "deployment_status/gh-pages.payload.json", "deployment_status/with-installation.payload.json",
		"deployment/payload.json", "deployment/gh-pages.payload.json", "deployment/with-installation.payload.json",
	} {
		path := testkit.RealInputs(t, "github", "octokit+webhooks", "payload-examples", "api.github.com", filepath.FromSlash(name))
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Deployment struct {
				ID          int64  `json:"id"`
				SHA         string `json:"sha"`
				Environment string `json:"environment"`
			} `json:"deployment"`
			Status struct {
				State string `json:"state"`
			} `json:"deployment_status"`
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatal(err)
		}
		e := only(t, github(filepath.Dir(name), raw).result(t))
		r := reported(t, e)
		words := native(t, r)
		if words["deployment.id"] != strconv.FormatInt(body.Deployment.ID, 10) {
			t.Errorf("%s: deployment %s", name, words["deployment.id"])
		}
		if words["deployment.environment"] != body.Deployment.Environment || !strings.HasPrefix(e.Subject, body.Deployment.Environment+"/") {
			t.Errorf("%s: environment %s in %s", name, words["deployment.environment"], e.Subject)
		}
		if words["deployment.sha"] != body.Deployment.SHA || r.Refs[0] != "git:Codertocat/Hello-World@"+body.Deployment.SHA {
			t.Errorf("%s: sha %s in %q", name, words["deployment.sha"], r.Refs)
		}
		if words["deployment_status.state"] != body.Status.State {
			t.Errorf("%s: state %q", name, words["deployment_status.state"])
		}
	}
}

// TestGitHubValues shows every value that GitHub is known to say.
func TestGitHubValues(t *testing.T) {
	const key = "prod/eu-west-1/checkout/v2.14.0 "
	status := func(state string) posted {
		return github("deployment_status", made(t, "github", "deployment_status", "Prod eu-west-1", "prod-eu-west-1", `"success"`, `"`+state+`"`))
	}
	for state, want := range map[string]string{
		"queued": "queued", "pending": "queued", "waiting": "pending_approval", "in_progress": "in_progress", "success": "deployed",
		"failure": "failed class=permanent", "error": "failed class=environmental", "inactive": "superseded",
		"ACTIVE": "deployed", "ABANDONED": "cancelled", "DESTROYED": "removed", "INACTIVE": "superseded", "WAITING": "pending_approval",
	} {
		if said := status(state).said(t); said != key+want {
			t.Errorf("deployment_status %s: %s, want %s", state, said, want)
		}
	}
	if said := status("sleeping").said(t); said != "unmapped by deployment_status: deployment_status.state=sleeping" {
		t.Errorf("a state that nobody knows: %s", said)
	}

	for action, want := range map[string]string{
		"approved": "prod/eu-west-1/K evidence approval=pass; prod/eu-west-1/K queued; " +
			"prod/us-east-1/K evidence approval=pass; prod/us-east-1/K queued",
		"rejected":  "prod/eu-west-1/K cancelled reason=approval_rejected; prod/us-east-1/K cancelled reason=approval_rejected",
		"requested": "prod/eu-west-1/K pending_approval reason=review_requested; prod/us-east-1/K pending_approval reason=review_requested",
	} {
		want = strings.ReplaceAll(want, "K", "checkout/git-0123456789ab")
		if said := github("deployment_review", made(t, "github", "deployment_review", `"approved"`, `"`+action+`"`)).said(t); said != want {
			t.Errorf("review %s: %s, want %s", action, said, want)
		}
	}

	gate := github("deployment_protection_rule", made(t, "github", "deployment_protection_rule"))
	if said := gate.said(t); said != "prod/eu-west-1/checkout/git-0123456789ab pending_approval reason=protection_rule" {
		t.Errorf("gate: %s", said)
	}

	run := func(status, conclusion string) string {
		return github("workflow_run", made(t, "github", "workflow_run", `"completed",
  "workflow"`, `"whatever",
  "workflow"`, `"status": "completed"`, `"status": "`+status+`"`, `"conclusion": "success"`, `"conclusion": `+conclusion),
			"env=prod", "deploys=deploy.yml").said(t)
	}
	const declared = "prod/eu-west-1/checkout/git-0123456789ab "
	for _, tc := range [][3]string{
		{"requested", "null", declared + "queued"},
		{"queued", "null", declared + "queued"},
		{"waiting", "null", declared + "pending_approval"},
		{"in_progress", "null", declared + "in_progress"},
		{"completed", `"success"`, declared + "deployed"},
		{"completed", `"failure"`, declared + "failed"},
		{"completed", `"timed_out"`, declared + "failed reason=timeout"},
		{"completed", `"cancelled"`, declared + "cancelled"},
		{"completed", `"action_required"`, declared + "pending_approval"},
		{"completed", `"stale"`, declared + "failed reason=abandoned"},
		{"completed", `"startup_failure"`, declared + "failed class=permanent reason=startup_failure"},
		{"completed", `"neutral"`, "ignored by ci_ended"},
		{"completed", `"skipped"`, "ignored by ci_ended"},
		{"completed", "null", "unmapped by ci_ended: conclusion="},
		{"on_fire", "null", "unmapped by ci_running: status=on_fire"},
	} {
		if said := run(tc[0], tc[1]); said != tc[2] {
			t.Errorf("workflow_run %s %s: %s, want %s", tc[0], tc[1], said, tc[2])
		}
	}
}

// TestGitHubDeclaredRuns: what is a deployment is for the hook to say.
func TestGitHubDeclaredRuns(t *testing.T) {
	run, job := made(t, "github", "workflow_run"), made(t, "github", "workflow_job")
	ended := made(t, "github", "workflow_job", `"status": "in_progress", "conclusion": null`, `"status": "completed", "conclusion": "success"`,
		`"completed_at": null`, `"completed_at": "2026-03-01T10:05:00Z"`)
	alone := made(t, "github", "workflow_job", `"deployment": {`, `"unknown": {`)
	suite := []byte(`{"action": "completed", "check_suite": {"id": 3, "status": "completed", "conclusion": "success", "head_branch": "main",
		"head_sha": "0123456789abcdef0123456789abcdef01234567", "updated_at": "2026-03-01T10:05:00Z", "app": {"slug": "made-up-host"}},
		"repository": {"name": "checkout", "full_name": "made-up/checkout"}}`)
	const key = "prod/eu-west-1/checkout/git-0123456789ab "
	for name, tc := range map[string]struct {
		event string
		body  []byte
		query string
		want  string
	}{
		"a run":                                 {"workflow_run", run, "", "ignored by ci_undeclared"},
		"another run":                           {"workflow_run", run, "deploys=rollback.yml", "ignored by ci_undeclared"},
		"by its name":                           {"workflow_run", run, "deploys=Deploy*", key + "deployed"},
		"by its file":                           {"workflow_run", run, "deploys=lint.yml,deploy.yml", key + "deployed"},
		"a job with an environment":             {"workflow_job", job, "", key + "in_progress"},
		"its end":                               {"workflow_job", ended, "", "ignored by job_of_a_deployment"},
		"its end, declared":                     {"workflow_job", ended, "deploys=rollout", key + "deployed"},
		"a job without one":                     {"workflow_job", alone, "", "ignored by ci_undeclared"},
		"a job without one, declared":           {"workflow_job", alone, "deploys=CI/rollout", key + "in_progress"},
		"a check suite":                         {"check_suite", suite, "", "ignored by ci_undeclared"},
		"a check suite of an app that deploys":  {"check_suite", suite, "deploys=made-up-host", key + "deployed"},
		"a job of another workflow of the name": {"workflow_job", alone, "deploys=Nightly/rollout", "ignored by ci_undeclared"},
	} {
		query := []string{"env=prod"}
		if tc.query != "" {
			query = append(query, tc.query)
		}
		if said := github(tc.event, tc.body, query...).said(t); said != tc.want {
			t.Errorf("%s: %s, want %s", name, said, tc.want)
		}
	}
	e := only(t, github("workflow_run", run, "env=prod", "deploys=*").result(t))
	if r := reported(t, e); e.ID != "workflow_run/4711/2/success" || r.Attempt != 0 || r.Actor != "github:88" || r.Refs[1] != "run:github/4711.2" {
		t.Errorf("%s %+v", e.ID, r)
	}
	if said := github("workflow_run", run, "deploys=*").said(t); said != "unmapped by ci_ended: no env" {
		t.Errorf("without an environment: %s", said)
	}
}

// TestGitHubPayloadOfADeployment: who creates a deployment may say more than
// GitHub asks for.
func TestGitHubPayloadOfADeployment(t *testing.T) {
	e := only(t, github("deployment", made(t, "github", "deployment-with-payload")).result(t))
	if r := reported(t, e); e.Subject != "prod/us-east-1/payments/2.14.0" || r.Release != "2026-10" {
		t.Errorf("%s %+v", e.Subject, r)
	}
	const payload = `{"version": "2.14.0", "region": "us-east-1", "component": "payments", "release": "2026-10", "image": "registry.example/payments:2.14.0"}`
	// Octokit's users are fond of JSON.stringify.
	quoted := made(t, "github", "deployment-with-payload", payload, strconv.Quote(payload))
	if said := github("deployment", quoted).said(t); said != "prod/us-east-1/payments/2.14.0 planned" {
		t.Errorf("a payload that is JSON as a text: %s", said)
	}
	text := made(t, "github", "deployment-with-payload", payload, `"deploy it, please"`)
	if said := github("deployment", text).said(t); said != "prod/eu-west-1/monorepo/git-0123456789ab planned" {
		t.Errorf("a payload that is a text: %s", said)
	}
	if said := github("deployment", text, "component=billing").said(t); said != "prod/eu-west-1/billing/git-0123456789ab planned" {
		t.Errorf("a component in the address: %s", said)
	}
	if said := github("deployment", text, "names=follow").said(t); said != "prod/eu-west-1/monorepo/_ planned" {
		t.Errorf("a follower: %s", said)
	}
}

// TestGitHubForm: GitHub can also send a form, with the JSON in its field payload.
func TestGitHubForm(t *testing.T) {
	p := github("deployment_status", []byte(url.Values{"payload": {string(made(t, "github", "deployment_status"))}}.Encode()))
	p.header["Content-Type"] = "application/x-www-form-urlencoded"
	p.query = ""
	if said := p.said(t); said != "prod/eu-west-1/checkout/v2.14.0 deployed" {
		t.Errorf("a form: %s", said)
	}
}

// TestGitHubOtherEvents: whatever GitHub can send is ignored with a reason.
func TestGitHubOtherEvents(t *testing.T) {
	for event, rule := range map[string]string{
		"push": "code", "create": "code", "registry_package": "code", "page_build": "code", "merge_group": "code",
		"pull_request": "talk", "pull_request_review_thread": "talk", "issues": "talk", "issue_comment": "talk", "discussion_comment": "talk",
		"star": "talk", "secret_scanning_alert": "findings", "dependabot_alert": "findings", "code_scanning_alert": "findings",
		"installation_repositories": "settings", "membership": "settings", "team_add": "settings", "deploy_key": "settings", "repository": "settings",
		"an_event_of_tomorrow": "anything_else",
	} {
		if said := github(event, []byte(`{"action":"created","sender":{"id":1}}`)).said(t); said != "ignored by "+rule {
			t.Errorf("%s: %s", event, said)
		}
	}
	if said := github("", []byte(`[1, 2]`)).said(t); said != "ignored by " {
		t.Errorf("no event at all: %s", said)
	}
}

// TestGitHubHistory posts real runs, as the API lists them, as the webhooks that
// they once were: every status and conclusion that another tool has met.
func TestGitHubHistory(t *testing.T) {
	path := testkit.RealInputs(t, "ci-normalisation", "apache+incubator-devlake", "backend", "plugins", "github", "e2e", "raw_tables", "_raw_github_api_runs.csv")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	data := slices.Index(rows[0], "data")
	got := make(map[string]int)
	for _, row := range rows[1:] {
		body := `{"action": "made up", "repository": {"name": "ants", "full_name": "panjf2000/ants"}, "workflow_run": ` + row[data] + `}`
		said := github("workflow_run", []byte(body), "env=prod", "deploys=*").said(t)
		got[said[strings.IndexByte(said, ' ')+1:]]++
	}
	want := map[string]int{
		"deployed": 17, "failed": 2, "in_progress": 3, "queued": 3, "pending_approval": 1,
		// Conclusions in the place of a status, which GitHub never sends.
		"by ci_running: status=SUCCESS": 1, "by ci_running: status=FAILURE": 1, "by ci_running: status=CANCELLED": 1,
		"by ci_running: status=TIMED_OUT": 1, "by ci_running: status=STARTUP_FAILURE": 1, "by ci_running: status=NEUTRAL": 1,
		"by ci_running: status=SKIPPED": 1, "by ci_running: status=STALE": 1, "by ci_running: status=ACTION_REQUIRED": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
