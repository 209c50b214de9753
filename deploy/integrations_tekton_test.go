package deploy

import (
	"regexp"
	"strings"
	"testing"
)

// resource is what Tekton reads of a Task or a Pipeline.
type resource struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Params []struct {
			Name    string
			Default string
		}
		Steps []struct {
			Name, Image, Script string
			OnError             string `yaml:"onError"`
			Env                 []struct{ Name, Value string }
		}
		Tasks, Finally []pipelineTask
	}
}

type pipelineTask struct {
	Name     string
	RunAfter []string              `yaml:"runAfter"`
	TaskRef  struct{ Name string } `yaml:"taskRef"`
	Params   []struct{ Name, Value string }
}

var tektonVariable = regexp.MustCompile(`\$\(([^)]*)\)`)

// substitute fills in Tekton's variables. One that is not known fails the test:
// Tekton refuses such a Pipeline.
func substitute(t *testing.T, text string, known map[string]string) string {
	t.Helper()
	return tektonVariable.ReplaceAllStringFunc(text, func(m string) string {
		value, ok := known[m[2:len(m)-1]]
		if !ok {
			t.Errorf("nothing sets %s", m)
		}
		return value
	})
}

// TestTekton runs a Pipeline as Tekton does: tasks in order, then finally,
// whatever became of the deploy task.
func TestTekton(t *testing.T) {
	found := documents[resource](t, "integrations/tekton/telltale.yaml")
	if len(found) != 2 || found[0].Kind != "Task" || found[1].Kind != "Pipeline" {
		t.Fatalf("a Task and a Pipeline are expected: %+v", found)
	}
	say, pipeline := found[0], found[1]
	for _, r := range found {
		if r.APIVersion != "tekton.dev/v1" {
			t.Errorf("%s is %q", r.Metadata.Name, r.APIVersion)
		}
	}
	for _, tc := range []struct {
		name, tool string
		deploy     string // what Tekton says of the deploy task
		want       []string
	}{
		{"a deployment that works", "telltale-emit", "Succeeded", []string{"in_progress", "deployed"}},
		{"one that fails", "telltale-emit", "Failed", []string{"in_progress", "failed"}},
		{"one that did not start", "telltale-emit", "None", []string{"in_progress"}},
		{"no tool", "", "Succeeded", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t)
			r := newRunner(t, tc.tool, map[string]string{"TELLTALE_TOKEN": "made-up-token"}) // of the Secret
			run := map[string]string{
				"params.env": "prod", "params.region": "eu-west-1", "params.component": "checkout", "params.version": "2.14.0",
				"context.pipelineRun.name": "made-up-run", "context.pipeline.name": pipeline.Metadata.Name, "tasks.deploy.status": tc.deploy,
			}
			for _, task := range append(pipeline.Spec.Tasks, pipeline.Spec.Finally...) {
				if task.TaskRef.Name != say.Metadata.Name {
					for _, p := range task.Params {
						substitute(t, p.Value, run)
					}
					continue // the user's own
				}
				perform(t, r, say, task, run, d.URL)
			}
			expect(t, d, tc.want...)
		})
	}
	if len(pipeline.Spec.Finally) != 1 || strings.Join(pipeline.Spec.Tasks[1].RunAfter, "") != pipeline.Spec.Tasks[0].Name {
		t.Error("the end is not said in finally, or the deploy task does not wait for the start")
	}
}

// perform runs one task's steps.
func perform(t *testing.T, r *runner, task resource, as pipelineTask, run map[string]string, server string) {
	t.Helper()
	known := map[string]string{"context.taskRun.name": "made-up-run-" + as.Name, "context.taskRun.namespace": "ci"}
	given := make(map[string]bool)
	for _, p := range as.Params {
		known["params."+p.Name] = substitute(t, p.Value, run)
		given[p.Name] = true
	}
	for _, p := range task.Spec.Params {
		if !given[p.Name] {
			if p.Default == "" {
				t.Errorf("%s does not give %s", as.Name, p.Name)
			}
			known["params."+p.Name] = p.Default
		}
		delete(given, p.Name)
	}
	for name := range given {
		t.Errorf("%s gives %s, which the Task does not take", as.Name, name)
	}
	known["params.server"] = server // in place of the cluster's
	for _, step := range task.Spec.Steps {
		if step.OnError != "continue" {
			t.Errorf("the step %s can fail the run", step.Name)
		}
		if tektonVariable.MatchString(step.Script) && strings.Contains(step.Script, "$(params") {
			t.Errorf("a parameter in the script of %s can be code", step.Name)
		}
		set := make(map[string]string)
		for _, e := range step.Env {
			if e.Value == "" {
				continue // from the Secret
			}
			set[e.Name] = substitute(t, e.Value, known)
		}
		if code, out := r.do(t, []string{"dash"}, step.Script, set); code != 0 {
			t.Errorf("%s: exit %d:\n%s", as.Name, code, out)
		}
	}
}
