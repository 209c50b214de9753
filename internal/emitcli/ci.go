package emitcli

import (
	"net/url"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// CI is what a CI system's environment says about the step that runs. The zero
// value is a machine without one.
type CI struct {
	Source string // stable over runs: /<ci>/<repo or job>/<workflow>
	Commit string // Git commit id
	RunID  string // the run that people see, for the naming ladder
	Step   string // one execution of this step: equal only if it is repeated within
	URL    string // of the run
	Actor  string // opaque id, "" when only a name is known
	Refs   []string
}

// system is one CI system: how to recognise it and how to read it.
type system struct {
	name   string
	marker string // the variable that says it is this one
	read   func(get func(string) string) CI
}

// systems are asked in this order. Tekton and Argo Workflows set nothing by
// themselves; docs/emit.md says how to pass their variables under these names.
// They come last, since a step of theirs may run another system's agent.
func systems() []system {
	return []system{
		{"github", "GITHUB_ACTIONS", github},
		{"gitlab", "GITLAB_CI", gitlab},
		{"jenkins", "JENKINS_URL", jenkins},
		{"tekton", "TEKTON_PIPELINE_RUN", tekton},
		{"argo", "ARGO_WORKFLOW_NAME", argo},
	}
}

// Detect reads the environment of the CI system it finds itself in.
func Detect(get func(string) string) CI {
	for _, s := range systems() {
		if get(s.marker) != "" {
			return s.read(get)
		}
	}
	return CI{}
}

// github reads the default variables of GitHub Actions.
func github(get func(string) string) CI {
	repo, run := get("GITHUB_REPOSITORY"), get("GITHUB_RUN_ID")
	attempt := get("GITHUB_RUN_ATTEMPT")
	if attempt == "" {
		attempt = "1"
	}
	c := CI{
		Source: source("github", repo, get("GITHUB_WORKFLOW")),
		Commit: get("GITHUB_SHA"),
		RunID:  run,
		Step:   join("github", run, attempt, get("GITHUB_JOB")),
		Actor:  actor("github", get("GITHUB_ACTOR_ID")),
	}
	c.Refs = refs(gitRef(repo, c.Commit), runRef("github", run, attempt))
	if server := get("GITHUB_SERVER_URL"); server != "" && repo != "" && run != "" {
		c.URL = server + "/" + repo + "/actions/runs/" + run + "/attempts/" + attempt
	}
	return c
}

// gitlab reads the predefined variables of GitLab CI. The configuration file
// stands for the workflow: a pipeline has no other stable name.
func gitlab(get func(string) string) CI {
	project, pipeline := get("CI_PROJECT_PATH"), get("CI_PIPELINE_ID")
	c := CI{
		Source: source("gitlab", project, get("CI_CONFIG_PATH")),
		Commit: get("CI_COMMIT_SHA"),
		RunID:  pipeline,
		Step:   join("gitlab", pipeline, get("CI_JOB_ID")),
		URL:    get("CI_JOB_URL"),
		Actor:  actor("gitlab", get("GITLAB_USER_ID")),
	}
	if c.URL == "" {
		c.URL = get("CI_PIPELINE_URL")
	}
	c.Refs = refs(gitRef(project, c.Commit), runRef("gitlab", pipeline, ""))
	return c
}

// jenkins reads the variables of Jenkins and its Git plugin. It knows no opaque
// id of a person.
func jenkins(get func(string) string) CI {
	job, build := get("JOB_NAME"), get("BUILD_NUMBER")
	c := CI{
		Source: source("jenkins", job, ""),
		Commit: get("GIT_COMMIT"),
		RunID:  build,
		Step:   join("jenkins", job, build),
		URL:    get("BUILD_URL"),
	}
	run := ""
	if job != "" {
		run = runRef("jenkins", job+"/"+build, "")
	}
	c.Refs = refs(gitRef(repository(get("GIT_URL")), c.Commit), run)
	return c
}

// tekton reads what docs/emit.md tells a Task to pass on.
func tekton(get func(string) string) CI {
	run := get("TEKTON_PIPELINE_RUN")
	return CI{
		Source: source("tekton", get("TEKTON_NAMESPACE"), get("TEKTON_PIPELINE")),
		Commit: get("TEKTON_COMMIT"),
		RunID:  run,
		Step:   join("tekton", get("TEKTON_NAMESPACE"), run, get("TEKTON_TASK_RUN")),
		URL:    get("TEKTON_URL"),
		Refs: refs(gitRef(repository(get("TEKTON_REPOSITORY")), get("TEKTON_COMMIT")),
			runRef("tekton", run, "")),
	}
}

// argo reads what docs/emit.md tells a template to pass on.
func argo(get func(string) string) CI {
	run := get("ARGO_WORKFLOW_NAME")
	return CI{
		Source: source("argo", get("ARGO_WORKFLOW_NAMESPACE"), get("ARGO_WORKFLOW_TEMPLATE")),
		Commit: get("ARGO_COMMIT"),
		RunID:  run,
		Step:   join("argo", get("ARGO_WORKFLOW_NAMESPACE"), run, get("ARGO_POD_NAME")),
		URL:    get("ARGO_WORKFLOW_URL"),
		Refs: refs(gitRef(repository(get("ARGO_REPOSITORY")), get("ARGO_COMMIT")),
			runRef("argo", run, "")),
	}
}

// source joins the parts that are known into a URI path. A part with slashes
// (a repository, a folder of jobs) stays readable; the workflow is one segment.
func source(ci, place, workflow string) string {
	s := "/" + ci
	if place != "" {
		s += (&url.URL{Path: "/" + place}).EscapedPath()
	}
	if workflow != "" {
		s += "/" + url.PathEscape(workflow)
	}
	return s
}

// join returns "" unless every part is known but the last.
func join(parts ...string) string {
	for _, p := range parts[:len(parts)-1] {
		if p == "" {
			return ""
		}
	}
	return strings.Join(parts, "/")
}

func actor(ci, id string) string {
	if id == "" {
		return ""
	}
	return ci + ":" + id
}

func gitRef(repo, commit string) string {
	if repo == "" || commit == "" {
		return ""
	}
	return "git:" + repo + "@" + commit
}

func runRef(ci, run, attempt string) string {
	switch {
	case run == "":
		return ""
	case attempt == "":
		return "run:" + ci + "/" + run
	}
	return "run:" + ci + "/" + run + "." + attempt
}

func refs(all ...string) []string {
	var known []string
	for _, r := range all {
		if r != "" {
			known = append(known, r)
		}
	}
	return known
}

// repository returns org/app of a Git remote: https://host/org/app.git,
// ssh://git@host/org/app or git@host:org/app.git. "" for anything else.
func repository(remote string) string {
	path := ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		path = u.Path
	} else if host, rest, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") {
		path = rest
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// names feeds the ladder that names a deployment.
func (c CI) names() events.Names { return events.Names{Commit: c.Commit, Run: c.RunID} }
