package adapter

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func gitlab(body []byte, query ...string) posted {
	return posted{"gitlab", nil, strings.Join(append(query, "region=eu-west-1"), "&"), body}
}

// TestGitLabRealPayloads posts every webhook that is at hand, once as the body
// alone, and once with the header that system hooks have for everything.
func TestGitLabRealPayloads(t *testing.T) {
	root := testkit.RealInputs(t, "gitlab", "xanzy+go-gitlab", "testdata", "webhooks")
	files, err := filepath.Glob(filepath.Join(root, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"build.json":      "ignored by ci_undeclared",
		"deployment.json": "staging/eu-west-1/test-deployment-webhooks/1.0.0 deployed",
		"job.json":        "ignored by ci", // its deployment says how it ended
		"pipeline.json":   "ignored by ci_undeclared",
		"push.json":       "ignored by code",
		"release.json":    "ignored by release",
		"tag_push.json":   "ignored by code",
	}
	if len(files) != len(want) {
		t.Errorf("%d files, want %d", len(files), len(want))
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, name := gitlab(body), filepath.Base(file)
		if said := p.said(t); said != want[name] {
			t.Errorf("%s: %s, want %s", name, said, want[name])
		}
		p.header = map[string]string{"X-Gitlab-Event": "System Hook"}
		if said := p.said(t); said != want[name] {
			t.Errorf("%s of a system hook: %s, want %s", name, said, want[name])
		}
		noPeople(t, p.result(t), "example.com\"", "User1", "smith")
	}
}

// TestGitLabRealDeployment: the words of the example are in the event as they
// stand in the body.
func TestGitLabRealDeployment(t *testing.T) {
	raw, err := os.ReadFile(testkit.RealInputs(t, "gitlab", "xanzy+go-gitlab", "testdata", "webhooks", "deployment.json"))
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		DeploymentID int64  `json:"deployment_id"`
		Environment  string `json:"environment"`
		ShortSHA     string `json:"short_sha"`
		CommitURL    string `json:"commit_url"`
		Status       string `json:"status"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	e := only(t, gitlab(raw).result(t))
	r := reported(t, e)
	words := native(t, r)
	if words["deployment_id"] != strconv.FormatInt(body.DeploymentID, 10) || words["environment"] != body.Environment ||
		words["short_sha"] != body.ShortSHA || words["status"] != body.Status || !strings.HasPrefix(e.Subject, body.Environment+"/") {
		t.Errorf("%s, native %v", e.Subject, words)
	}
	sha := body.CommitURL[strings.LastIndexByte(body.CommitURL, '/')+1:]
	if !strings.HasPrefix(sha, body.ShortSHA) || !slices.Contains(r.Refs, "git:root/test-deployment-webhooks@"+sha) {
		t.Errorf("refs %q without the commit %s", r.Refs, sha)
	}
	if got := e.Time.UTC().Format("2006-01-02T15:04:05Z"); got != "2021-04-28T19:50:00Z" {
		t.Errorf("time %s", got)
	}
}

// TestGitLabDeployment looks at all of what one message becomes.
func TestGitLabDeployment(t *testing.T) {
	p := gitlab(made(t, "gitlab", "deployment"))
	p.query = "" // the environment's name says the region
	e := only(t, p.result(t))
	if e.Subject != "prod/eu-west-1/checkout/git-0123456789ab" || e.Source != "/gitlab/made-up/shop/checkout" ||
		e.ID != "deployment/15/success/2026-03-01 12:05:00 +0200" || e.Time.UTC().Format("15:04") != "10:05" {
		t.Errorf("%+v", e)
	}
	r := reported(t, e)
	if r.Actor != "gitlab:42" || r.Attempt != 0 || r.URL != "https://gitlab.example/made-up/shop/checkout/-/jobs/796" || r.Labels["environment_tier"] != "production" {
		t.Errorf("%+v", r)
	}
	refs := []string{"git:made-up/shop/checkout@0123456789abcdef0123456789abcdef01234567", "run:gitlab/job/796"}
	if !slices.Equal(r.Refs, refs) {
		t.Errorf("refs %q", r.Refs)
	}
	noPeople(t, p.result(t), "example.com\"", "made-up@")
	job := reported(t, only(t, gitlab(made(t, "gitlab", "job"), "deploys=deploy-*").result(t)))
	if !slices.Contains(job.Refs, refs[0]) || !slices.Contains(job.Refs, refs[1]) || !slices.Contains(job.Refs, "run:gitlab/743") {
		t.Errorf("the job of the deployment has the refs %q", job.Refs)
	}
}

// TestGitLabValues shows every value that GitLab is known to say.
func TestGitLabValues(t *testing.T) {
	const key = "prod/eu-west-1/checkout/git-0123456789ab "
	for status, want := range map[string]string{
		"created": key + "planned", "blocked": key + "pending_approval", "running": key + "in_progress", "success": key + "deployed",
		"failed": key + "failed", "canceled": key + "cancelled", "skipped": "ignored by deployment",
		"approved": key + "evidence approval=pass", "rejected": key + "cancelled reason=approval_rejected",
		"undeployed": "unmapped by deployment: status=undeployed", "": "unmapped by deployment: status=",
	} {
		if said := gitlab(made(t, "gitlab", "deployment", `"success"`, `"`+status+`"`)).said(t); said != want {
			t.Errorf("deployment %q: %s, want %s", status, said, want)
		}
	}
	for _, tc := range []struct{ status, reason, declared, undeclared string }{
		{"created", "", "planned", "ignored by ci"},
		{"scheduled", "", "planned", "planned"},
		{"manual", "", "pending_approval", "pending_approval"},
		{"preparing", "", "queued", "queued"},
		{"pending", "", "queued", "queued"},
		{"waiting_for_resource", "", "blocked reason=resource_group", "blocked reason=resource_group"},
		{"waiting_for_callback", "", "blocked", "blocked"},
		{"running", "", "in_progress", "in_progress"},
		{"canceling", "", "in_progress reason=cancel_requested", "in_progress reason=cancel_requested"},
		{"success", "", "deployed", "ignored by ci"},
		{"failed", "unknown_failure", "failed", "ignored by ci"},
		{"failed", "script_failure", "failed class=permanent", "ignored by ci"},
		{"failed", "runner_system_failure", "failed class=environmental", "ignored by ci"},
		{"failed", "job_execution_timeout", "failed reason=timeout", "ignored by ci"},
		{"canceled", "", "cancelled", "ignored by ci"},
		{"skipped", "", "ignored by ci", "ignored by ci"},
		{"on_fire", "", "unmapped by ci: status=on_fire", "unmapped by ci: status=on_fire"},
	} {
		body := made(t, "gitlab", "job", `"success"`, `"`+tc.status+`"`, `"unknown_failure"`, `"`+tc.reason+`"`)
		for query, want := range map[string]string{"deploys=made-up/shop/checkout/deploy-eu": tc.declared, "": tc.undeclared} {
			if !strings.Contains(want, " by ") {
				want = key + want
			}
			if said := gitlab(body, query).said(t); said != want {
				t.Errorf("job %s (%s) %q: %s, want %s", tc.status, tc.reason, query, said, want)
			}
		}
	}
}

// TestGitLabTimes: each word of a job has the time at which it was so.
func TestGitLabTimes(t *testing.T) {
	for status, want := range map[string]string{
		"created": "10:00", "pending": "10:00", "running": "10:01", "success": "10:05", "failed": "10:05",
	} {
		e := only(t, gitlab(made(t, "gitlab", "job", `"success"`, `"`+status+`"`), "deploys=*").result(t))
		if got := e.Time.Format("15:04"); got != want || e.ID != "build/796/"+status {
			t.Errorf("%s: %s at %s, want %s", status, e.ID, got, want)
		}
	}
	e := only(t, gitlab(made(t, "gitlab", "pipeline"), "deploys=Deploy", "env=prod").result(t))
	if got := e.Time.Format("2006-01-02T15:04:05Z"); got != "2016-08-12T15:26:29Z" || e.Subject != "prod/eu-west-1/checkout/v2.14.0" {
		t.Errorf("pipeline: %s at %s", e.Subject, got)
	}
}

// TestGitLabDeclared: what is a deployment is for the hook to say, or for GitLab
// that gave the job an environment.
func TestGitLabDeclared(t *testing.T) {
	running := made(t, "gitlab", "job", `"success"`, `"running"`)
	alone := made(t, "gitlab", "job", `"environment": {"name": "prod-eu-west-1", "action": "start", "deployment_tier": "production"}`, `"environment": null`)
	stop := made(t, "gitlab", "job", `"success"`, `"running"`, `"start"`, `"stop"`)
	pipeline := made(t, "gitlab", "pipeline")
	for name, tc := range map[string]struct {
		body  []byte
		query string
		want  string
	}{
		"a job with an environment":             {running, "", "prod/eu-west-1/checkout/git-0123456789ab in_progress"},
		"a job that stops an environment":       {stop, "", "ignored by ci_undeclared"},
		"a job without one":                     {alone, "env=prod", "ignored by ci_undeclared"},
		"a job without one, declared":           {alone, "env=prod&deploys=deploy-eu", "prod/eu-west-1/checkout/git-0123456789ab deployed"},
		"declared, and nobody said where":       {alone, "deploys=deploy-eu", "unmapped by ci: no env"},
		"a pipeline":                            {pipeline, "env=prod", "ignored by ci_undeclared"},
		"a pipeline, declared by its project":   {pipeline, "env=prod&deploys=made-up/shop/*", "prod/eu-west-1/checkout/v2.14.0 deployed"},
		"a pipeline, declared by its name":      {pipeline, "env=prod&deploys=Deploy", "prod/eu-west-1/checkout/v2.14.0 deployed"},
		"a component in the address":            {running, "component=cart", "prod/eu-west-1/cart/git-0123456789ab in_progress"},
		"a follower":                            {running, "names=follow", "prod/eu-west-1/checkout/_ in_progress"},
		"a job of another name that is similar": {alone, "env=prod&deploys=deploy", "ignored by ci_undeclared"},
	} {
		if said := gitlab(tc.body, tc.query).said(t); said != tc.want {
			t.Errorf("%s: %s, want %s", name, said, tc.want)
		}
	}
}

// TestGitLabHeaders: where a body does not say what it is, the header does, with
// whatever stands before it.
func TestGitLabHeaders(t *testing.T) {
	for header, rule := range map[string]string{
		"Job Hook": "ci_undeclared", "Build Hook": "ci_undeclared", "Pipeline Hook": "ci_undeclared", "🚀 Pipeline Hook": "ci_undeclared",
		"Push Hook": "code", "Tag Push Hook": "code", "Release Hook": "release", "Emoji Hook": "talk", "System Hook": "anything_else", "": "",
	} {
		p := gitlab([]byte(`{"made": "up"}`))
		p.header = map[string]string{"X-Gitlab-Event": header}
		if said := p.said(t); said != "ignored by "+rule {
			t.Errorf("%q: %s, want %s", header, said, rule)
		}
	}
	for kind, rule := range map[string]string{
		"merge_request": "talk", "note": "talk", "feature_flag": "talk", "issue": "talk", "wiki_page": "talk",
		"access_token": "settings", "project_create": "settings", "user_add_to_team": "settings", "key_create": "settings",
		"repository_update": "code", "made_up": "anything_else",
	} {
		for _, member := range []string{"object_kind", "event_name"} {
			if said := gitlab([]byte(`{"` + member + `": "` + kind + `"}`)).said(t); said != "ignored by "+rule {
				t.Errorf("%s %s: %s, want %s", member, kind, said, rule)
			}
		}
	}
}

// TestGitLabHistory posts real deployments and pipelines, as the API lists them,
// with the status each had as that of a webhook.
func TestGitLabHistory(t *testing.T) {
	for table, tc := range map[string]struct {
		fixture string
		want    map[string]string
	}{
		"_raw_gitlab_api_deployments.csv": {"deployment", map[string]string{
			"success": "deployed", "failed": "failed", "canceled": "cancelled", "created": "planned", "running": "in_progress", "blocked": "pending_approval",
			"completed": "unmapped", "undeployed": "unmapped",
		}},
		"_raw_gitlab_api_pipeline.csv": {"pipeline", map[string]string{
			"success": "deployed", "failed": "failed", "canceled": "cancelled", "created": "planned", "running": "in_progress", "waiting_for_resource": "blocked",
			"preparing": "queued", "pending": "queued", "manual": "pending_approval", "scheduled": "planned", "skipped": "ignored",
		}},
		"_raw_gitlab_api_pipeline_details.csv": {"pipeline", map[string]string{"success": "deployed", "failed": "failed"}},
	} {
		path := testkit.RealInputs(t, "ci-normalisation", "apache+incubator-devlake", "backend", "plugins", "gitlab", "e2e", "raw_tables", table)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		data := slices.Index(rows[0], "data")
		for _, row := range rows[1:] {
			var object struct {
				Status string `json:"status"`
			}
			if err := json.Unmarshal([]byte(row[data]), &object); err != nil {
				t.Fatal(err)
			}
			body := made(t, "gitlab", tc.fixture, `"success"`, `"`+object.Status+`"`)
			said := gitlab(body, "env=prod", "deploys=*").said(t)
			if want, ok := tc.want[object.Status]; !ok || !strings.Contains(said+" ", want+" ") {
				t.Errorf("%s: %s is %s, want %s", table, object.Status, said, want)
			}
		}
	}
}
