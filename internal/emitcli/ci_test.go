package emitcli

import (
	"reflect"
	"testing"
)

func TestDetect(t *testing.T) {
	for _, test := range []struct {
		name string
		vars map[string]string
		want CI
	}{
		{"none", map[string]string{"CI": "true"}, CI{}},
		{"github", map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "octo/hello", "GITHUB_WORKFLOW": "Deploy prod",
			"GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "deploy", "GITHUB_ACTOR_ID": "583231",
			"GITHUB_ACTOR": "octocat", "GITHUB_SERVER_URL": "https://github.com",
			"GITHUB_SHA": "ffac537e6cbbf934b08745a378932722df287a53",
		}, CI{
			Source: "/github/octo/hello/Deploy%20prod", Commit: "ffac537e6cbbf934b08745a378932722df287a53",
			RunID: "4711", Step: "github/4711/2/deploy", Actor: "github:583231",
			URL:  "https://github.com/octo/hello/actions/runs/4711/attempts/2",
			Refs: []string{"git:octo/hello@ffac537e6cbbf934b08745a378932722df287a53", "run:github/4711.2"},
		}},
		{"github, an old server", map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "1"}, CI{
			Source: "/github", RunID: "1", Step: "github/1/1/", Refs: []string{"run:github/1.1"},
		}},
		{"gitlab", map[string]string{
			"GITLAB_CI": "true", "CI_PROJECT_PATH": "group/sub/app", "CI_CONFIG_PATH": ".gitlab-ci.yml",
			"CI_COMMIT_SHA": "1ecfd275763eff1d6b4844ea3168962458c9f27a", "CI_PIPELINE_ID": "77", "CI_JOB_ID": "901",
			"CI_JOB_URL": "https://gitlab.example/group/sub/app/-/jobs/901", "GITLAB_USER_ID": "42",
			"GITLAB_USER_EMAIL": "someone@example.org",
		}, CI{
			Source: "/gitlab/group/sub/app/.gitlab-ci.yml", Commit: "1ecfd275763eff1d6b4844ea3168962458c9f27a",
			RunID: "77", Step: "gitlab/77/901", Actor: "gitlab:42", URL: "https://gitlab.example/group/sub/app/-/jobs/901",
			Refs: []string{"git:group/sub/app@1ecfd275763eff1d6b4844ea3168962458c9f27a", "run:gitlab/77"},
		}},
		{"jenkins", map[string]string{
			"JENKINS_URL": "https://ci.example/", "JOB_NAME": "shop/checkout/main", "BUILD_NUMBER": "12",
			"BUILD_URL": "https://ci.example/job/shop/12/", "GIT_COMMIT": "abc", "GIT_URL": "git@github.com:org/app.git",
		}, CI{
			Source: "/jenkins/shop/checkout/main", Commit: "abc", RunID: "12", Step: "jenkins/shop/checkout/main/12",
			URL:  "https://ci.example/job/shop/12/",
			Refs: []string{"git:org/app@abc", "run:jenkins/shop/checkout/main/12"},
		}},
		{"tekton", map[string]string{
			"TEKTON_PIPELINE_RUN": "deploy-x7k", "TEKTON_TASK_RUN": "deploy-x7k-push", "TEKTON_PIPELINE": "deploy",
			"TEKTON_NAMESPACE": "ci", "TEKTON_COMMIT": "abc", "TEKTON_REPOSITORY": "https://github.com/org/app",
		}, CI{
			Source: "/tekton/ci/deploy", Commit: "abc", RunID: "deploy-x7k", Step: "tekton/ci/deploy-x7k/deploy-x7k-push",
			Refs: []string{"git:org/app@abc", "run:tekton/deploy-x7k"},
		}},
		{"argo", map[string]string{
			"ARGO_WORKFLOW_NAME": "deploy-abcde", "ARGO_WORKFLOW_NAMESPACE": "ci", "ARGO_WORKFLOW_TEMPLATE": "deploy",
			"ARGO_POD_NAME": "deploy-abcde-123", "ARGO_WORKFLOW_URL": "https://argo.example/workflows/ci/deploy-abcde",
		}, CI{
			Source: "/argo/ci/deploy", RunID: "deploy-abcde", Step: "argo/ci/deploy-abcde/deploy-abcde-123",
			URL:  "https://argo.example/workflows/ci/deploy-abcde",
			Refs: []string{"run:argo/deploy-abcde"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Detect(func(k string) string { return test.vars[k] })
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestEverySystemIsInTheTable(t *testing.T) {
	for _, s := range systems() {
		got := Detect(func(k string) string {
			if k == s.marker {
				return "x"
			}
			return ""
		})
		if got.Source != "/"+s.name {
			t.Errorf("%s alone gives source %q, want /%s", s.marker, got.Source, s.name)
		}
	}
}

func TestRepository(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/org/app.git":        "org/app",
		"https://user@gitlab.example/g/sub/app": "g/sub/app",
		"ssh://git@host:2222/org/app.git":       "org/app",
		"git@github.com:org/app.git":            "org/app",
		"/srv/git/app.git":                      "",
		"":                                      "",
	} {
		if got := repository(remote); got != want {
			t.Errorf("repository(%q) = %q, want %q", remote, got, want)
		}
	}
}

// TestNamingLadder: what CI knows names a deployment only if nobody else does,
// and what it calls a link is dropped if it is none.
func TestNamingLadder(t *testing.T) {
	ci := CI{Commit: "ffac537e6cbbf934b08745a378932722df287a53", RunID: "4711", URL: "javascript:alert(1)"}
	for _, test := range []struct {
		w    words
		ci   CI
		want string
	}{
		{words{deployment: "d", version: "v"}, ci, "d"},
		{words{version: "v", images: []string{"app:1"}}, ci, "v"},
		{words{images: []string{"app:1"}}, ci, "1"},
		{words{}, ci, "git-ffac537e6cbb"},
		{words{}, CI{RunID: "4711"}, "run-4711"},
		{words{}, CI{}, ""},
	} {
		test.w.complete(test.ci)
		if test.w.deployment != test.want || test.w.link != "" {
			t.Errorf("named %q with link %q, want %q", test.w.deployment, test.w.link, test.want)
		}
	}
}
