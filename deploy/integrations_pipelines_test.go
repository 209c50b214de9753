package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// action is what GitHub reads of a composite action.
type action struct {
	Inputs map[string]struct {
		Description string
		Default     string
	}
	Runs struct {
		Using string
		Steps []struct {
			Name, If, Shell, Run string
			WorkingDirectory     string `yaml:"working-directory"`
			Env                  map[string]string
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{ ([^}]*) \}\}`)

// evaluate works out the two forms of expressions that the action uses: a
// context's value, and the first of two that is not empty.
func evaluate(t *testing.T, text string, inputs, env map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(m string) string {
		for part := range strings.SplitSeq(expression.FindStringSubmatch(m)[1], " || ") {
			name, isInput := strings.CutPrefix(part, "inputs.")
			value := inputs[name]
			if !isInput {
				variable, isEnv := strings.CutPrefix(part, "env.")
				if !isEnv {
					t.Fatalf("an expression that the test does not know: %s", part)
				}
				value = env[variable]
			}
			if value != "" {
				return value
			}
		}
		return ""
	})
}

// perform runs the action's steps as GitHub's runner does.
func (a *action) perform(t *testing.T, r *runner, with map[string]string) (code int, output string) {
	t.Helper()
	inputs := make(map[string]string)
	for name, in := range a.Inputs {
		inputs[name] = in.Default
	}
	for name := range with {
		if _, ok := inputs[name]; !ok {
			t.Fatalf("the action has no input %s", name)
		}
	}
	maps.Copy(inputs, with)
	path := filepath.Join(r.dir, "github_path")
	for _, s := range a.Runs.Steps {
		if input, ok := strings.CutSuffix(s.If, " != ''"); ok && inputs[strings.TrimPrefix(input, "inputs.")] == "" {
			continue
		} else if !ok && s.If != "" {
			t.Fatalf("a condition that the test does not know: %s", s.If)
		}
		set := map[string]string{"RUNNER_TEMP": r.dir, "GITHUB_PATH": path}
		for name, value := range s.Env {
			set[name] = evaluate(t, value, inputs, r.env)
		}
		if added, err := os.ReadFile(path); err == nil {
			set["PATH"] = strings.TrimSpace(string(added)) + ":" + r.env["PATH"]
		}
		if s.Shell != "bash" {
			t.Fatalf("%s runs in %q", s.Name, s.Shell)
		}
		var out string
		code, out = r.do(t, []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}, s.Run, set)
		output += out
		if code != 0 {
			return code, output
		}
	}
	return code, output
}

func TestGitHubAction(t *testing.T) {
	var a action
	if err := yaml.Unmarshal([]byte(read(t, "integrations/github/action.yml")), &a); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" {
		t.Fatalf("the action runs as %q", a.Runs.Using)
	}
	for _, s := range a.Runs.Steps {
		if expression.MatchString(s.Run) {
			t.Errorf("%s: an expression in the script lets an input be code", s.Name)
		}
	}
	system := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "made-up/checkout", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1",
		"GITHUB_SHA": strings.Repeat("a", 40), "GITHUB_WORKFLOW": "deploy", "GITHUB_JOB": "deploy", "GITHUB_ACTOR_ID": "1",
	}
	for _, tc := range []struct {
		name  string
		tool  string
		with  map[string]string
		unset string // of what the job sets
		code  int
		want  []string
		print string
	}{
		{name: "a deployment that works", tool: "telltale-emit", with: map[string]string{"run": "echo 'it \"works\"'"}, want: []string{"in_progress", "deployed"}, print: `it "works"`},
		{name: "one that fails keeps its code", tool: "telltale-emit", with: map[string]string{"run": "false | exit 7"}, code: 7, want: []string{"in_progress", "failed"}},
		{name: "a failure of any line counts", tool: "telltale-emit", with: map[string]string{"run": "false\ntrue"}, code: 1, want: []string{"in_progress", "failed"}},
		{name: "a push that something else deploys", tool: "telltale-emit", with: map[string]string{"run": "true", "on-success": "in_progress"}, want: []string{"in_progress", "in_progress"}},
		{name: "one word", tool: "telltale-emit", with: map[string]string{"say": "planned"}, want: []string{"planned"}},
		{name: "an input wins over the job", tool: "telltale-emit", with: map[string]string{"say": "planned", "version": "2.14.0"}, want: []string{"planned"}},
		{name: "no tool", with: map[string]string{"run": "exit 3"}, code: 3, print: "nothing is said"},
		{name: "no tool and one word", with: map[string]string{"say": "planned"}, print: "nothing is said"},
		{name: "flags that are wrong", tool: "telltale-emit", with: map[string]string{"run": "echo deployed anyway", "region": "Not A Region"}, print: "deployed anyway"},
		{name: "one word and flags that are wrong", tool: "telltale-emit", with: map[string]string{"say": "planned", "region": "Not A Region"}, print: "is not said"},
		{name: "no server", tool: "telltale-emit", with: map[string]string{"say": "planned", "server": "http://127.0.0.1:1"}, print: "not said yet"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t)
			set := about(d.URL)
			maps.Copy(set, system)
			code, out := a.perform(t, newRunner(t, tc.tool, set), tc.with)
			if code != tc.code || !strings.Contains(out, tc.print) {
				t.Errorf("exit %d, want %d, output:\n%s", code, tc.code, out)
			}
			expect(t, d, tc.want...)
		})
	}
}

// TestGitHubActionFetches: a tool is fetched, and only the one that was meant.
func TestGitHubActionFetches(t *testing.T) {
	var a action
	if err := yaml.Unmarshal([]byte(read(t, "integrations/github/action.yml")), &a); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// exec -a gives the test binary the name under which it is the tool.
	tool := "#!/bin/bash\nexec -a telltale-emit " + self + " \"$@\"\n"
	sum := sha256.Sum256([]byte(tool))
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(tool)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(files.Close)
	for _, tc := range []struct {
		name, sum string
		want      []string
	}{
		{"the right one", hex.EncodeToString(sum[:]), []string{"in_progress", "deployed"}},
		{"another one", strings.Repeat("0", 64), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t)
			code, out := a.perform(t, newRunner(t, "", about(d.URL)), map[string]string{
				"run": "true", "binary-url": files.URL, "binary-sha256": tc.sum,
			})
			if code != 0 {
				t.Errorf("exit %d:\n%s", code, out)
			}
			expect(t, d, tc.want...)
		})
	}
}

// gitlabJob is what GitLab reads of a job of the template.
type gitlabJob struct {
	Extends      string
	Variables    map[string]string
	BeforeScript []string `yaml:"before_script"`
	AfterScript  []string `yaml:"after_script"`
}

func TestGitLabTemplate(t *testing.T) {
	var jobs map[string]gitlabJob
	if err := yaml.Unmarshal([]byte(read(t, "integrations/gitlab/telltale.gitlab-ci.yml")), &jobs); err != nil {
		t.Fatal(err)
	}
	if v := jobs[".telltale-variables"].Variables; v["TELLTALE_SERVER"] == "" || v["TELLTALE_ENV"] != "$CI_ENVIRONMENT_SLUG" {
		t.Errorf("the variables are %q", v)
	}
	system := map[string]string{
		"GITLAB_CI": "true", "CI_PROJECT_PATH": "made-up/checkout", "CI_PIPELINE_ID": "4711", "CI_JOB_ID": "815",
		"CI_COMMIT_SHA": strings.Repeat("a", 40), "CI_CONFIG_PATH": ".gitlab-ci.yml", "GITLAB_USER_ID": "1",
	}
	for _, shell := range [][]string{{"bash", "-eo", "pipefail"}, {"dash", "-e"}} {
		for _, tc := range []struct {
			name, tool, job, script string
			region                  string
			code                    int
			want                    []string
			print                   string
		}{
			{name: "a deployment that works", tool: "telltale-emit", job: ".telltale", script: `telltale_run echo "two words"`, want: []string{"in_progress", "deployed"}, print: "two words"},
			{name: "one that fails keeps its code", tool: "telltale-emit", job: ".telltale", script: "telltale_run sh -c 'exit 7'", code: 7, want: []string{"in_progress", "failed"}},
			{name: "no tool", job: ".telltale", script: "telltale_run sh -c 'exit 7'", code: 7, print: "nothing is said"},
			{name: "flags that are wrong", tool: "telltale-emit", job: ".telltale", region: "Not A Region", script: "telltale_run echo anyway", print: "anyway"},
			{name: "around a script that works", tool: "telltale-emit", job: ".telltale-around", script: "true", want: []string{"in_progress", "deployed"}},
			{name: "around one that fails", tool: "telltale-emit", job: ".telltale-around", script: "exit 7", code: 7, want: []string{"in_progress", "failed"}},
			{name: "around one, no tool", job: ".telltale-around", script: "exit 7", code: 7, print: "not said"},
		} {
			t.Run(shell[0]+"/"+tc.name, func(t *testing.T) {
				d := newDoor(t)
				set := about(d.URL)
				maps.Copy(set, system)
				if tc.region != "" {
					set["TELLTALE_REGION"] = tc.region
				}
				r, job := newRunner(t, tc.tool, set), jobs[tc.job]
				code, out := r.do(t, shell, strings.Join(append(job.BeforeScript, tc.script), "\n"), nil)
				if len(job.AfterScript) > 0 { // its exit code is not the job's
					status := map[bool]string{true: "success", false: "failed"}[code == 0]
					_, after := r.do(t, shell, strings.Join(job.AfterScript, "\n"), map[string]string{"CI_JOB_STATUS": status})
					out += after
				}
				if code != tc.code || !strings.Contains(out, tc.print) {
					t.Errorf("exit %d, want %d, output:\n%s", code, tc.code, out)
				}
				expect(t, d, tc.want...)
			})
		}
	}
	d := newDoor(t)
	r := newRunner(t, "telltale-emit", about(d.URL))
	after := strings.Join(jobs[".telltale-around"].AfterScript, "\n")
	for _, status := range []string{"canceled", "made-up-status"} {
		r.do(t, []string{"dash", "-e"}, after, map[string]string{"CI_JOB_STATUS": status})
	}
	expect(t, d, "cancelled")
}

// TestJenkinsStep runs the script that the step runs, and holds the step to it:
// the words it says, the variables it sets, the resource it loads.
func TestJenkinsStep(t *testing.T) {
	step := read(t, "integrations/jenkins/vars/telltale.groovy")
	resource := regexp.MustCompile(`libraryResource\('([^']+)'\)`).FindAllStringSubmatch(step, -1)
	if len(resource) == 0 {
		t.Fatal("the step loads no resource")
	}
	for open, closing := range map[string]string{"{": "}", "(": ")", "[": "]"} {
		if strings.Count(step, open) != strings.Count(step, closing) {
			t.Errorf("%q and %q do not balance", open, closing)
		}
	}
	said := regexp.MustCompile(`say\((?:about\.onSuccess \?: )?'(\w+)'`).FindAllStringSubmatch(step, -1)
	var words []string
	for _, m := range said {
		words = append(words, m[1])
	}
	if want := []string{"in_progress", "cancelled", "failed", "deployed"}; !slices.Equal(words, want) {
		t.Errorf("the step says %q, want %q", words, want)
	}
	script := read(t, filepath.Join("integrations/jenkins/resources", resource[0][1]))
	for _, shell := range []string{"bash", "dash"} {
		for _, tool := range []string{"telltale-emit", ""} {
			d := newDoor(t)
			set := about(d.URL)
			maps.Copy(set, map[string]string{
				"JENKINS_URL": "https://jenkins.example.org/", "JOB_NAME": "made-up/checkout", "BUILD_NUMBER": "7",
				"GIT_COMMIT": strings.Repeat("a", 40), "GIT_URL": "https://git.example.org/made-up/checkout.git",
			})
			r := newRunner(t, tool, set)
			for _, word := range words {
				if code, out := r.do(t, []string{shell, "-xe"}, script, map[string]string{"WORD": word}); code != 0 {
					t.Errorf("%s: exit %d:\n%s", word, code, out)
				}
			}
			if tool == "" {
				expect(t, d)
			} else {
				expect(t, d, words...)
			}
		}
	}
}
