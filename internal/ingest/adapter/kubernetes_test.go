package adapter

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// heard is what the mapping of a tool makes of one body, as words that a table
// can hold: a status with its class, evidence:<kind>+ (- for fail, ? for
// unknown), heartbeat, ignored, unmapped.
type heard struct {
	words  []string
	events []*events.Event
}

// atProd is the query of a hook for one component in one place.
const atProd = "env=prod&region=eu&component=checkout"

// hear maps a body that is posted with a query.
func hear(t *testing.T, tool, query string, body []byte) heard {
	t.Helper()
	res := posted{tool: tool, query: query, body: body}.result(t)
	var h heard
	for _, m := range res.Events {
		h.events = append(h.events, m.Event)
		h.words = append(h.words, wordOf(t, m.Event))
	}
	for range res.Ignored {
		h.words = append(h.words, "ignored")
	}
	for _, u := range res.Unmapped {
		h.words = append(h.words, strings.TrimSpace("unmapped "+strings.Join(u.Missing, " ")))
	}
	return h
}

func wordOf(t *testing.T, e *events.Event) string {
	t.Helper()
	switch e.Type {
	case events.TypeReported:
		r := reported(t, e)
		if r.Class != "" {
			return r.Status + "/" + string(r.Class)
		}
		return r.Status
	case events.TypeProgressed:
		return "heartbeat"
	case events.TypeEvidence:
		var v events.Evidence
		if err := e.DataAs(&v); err != nil {
			t.Fatal(err)
		}
		return "evidence:" + v.Kind + map[events.Verdict]string{events.VerdictPass: "+", events.VerdictFail: "-", events.VerdictUnknown: "?"}[v.Verdict]
	}
	return e.Type
}

// says checks what a body means.
func says(t *testing.T, tool, body string, want ...string) heard {
	t.Helper()
	h := hear(t, tool, atProd, []byte(body))
	h.says(t, want...)
	return h
}

func (h heard) says(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(h.words, want) {
		t.Errorf("means %q, want %q", h.words, want)
	}
}

// same compares what an event has with what it should have.
func same(t *testing.T, what string, have, want any) {
	t.Helper()
	if h, w := fmt.Sprint(have), fmt.Sprint(want); h != w {
		t.Errorf("%s is %s, want %s", what, h, w)
	}
}

// at is the time of an event, in UTC.
func at(e *events.Event) string { return e.Time.UTC().Format("2006-01-02T15:04:05Z") }

// fromYAML turns a YAML object into the JSON that the API server would send.
func fromYAML(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := yaml.YAMLToJSON(raw)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return body
}

// inOurWords is what the health of an object is called here.
var inOurWords = map[string]string{
	"Healthy": "deployed", "Progressing": "in_progress", "Degraded": "failed", "Suspended": "blocked",
}

// TestKubernetesHealthOracle holds the mapping against the tests of the health
// checks of Argo CD: what each kind's own check says of an object.
func TestKubernetesHealthOracle(t *testing.T) {
	root := testkit.RealInputs(t, "k8s-health-oracle", "argoproj+argo-cd")
	cases := 0
	err := filepath.WalkDir(filepath.Join(root, "resource_customizations"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "health_test.yaml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var file struct {
			Tests []struct {
				HealthStatus struct {
					Status string `yaml:"status"`
				} `yaml:"healthStatus"`
				InputPath string `yaml:"inputPath"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(raw, &file); err != nil {
			return err
		}
		for _, c := range file.Tests {
			cases++
			input := filepath.Join(filepath.Dir(path), c.InputPath)
			t.Run(strings.TrimPrefix(input, root+"/resource_customizations/"), func(t *testing.T) {
				says(t, "kubernetes", string(fromYAML(t, input)), inOurWords[c.HealthStatus.Status])
			})
		}
		return nil
	})
	if err != nil || cases < 40 {
		t.Fatalf("%d cases: %v", cases, err)
	}

	// The checks that are code have their expectations in code.
	for file, want := range map[string]string{
		"apiservice-v1-false.yaml":                                   "in_progress",
		"apiservice-v1-true.yaml":                                    "deployed",
		"application-degraded.yaml":                                  "ignored", // no health of its own
		"deployment-degraded.yaml":                                   "failed",
		"hpa-v1-degraded-failedgetobjectmetric.yaml":                 "failed",
		"hpa-v1-progressing-with-no-annotations.yaml":                "in_progress",
		"hpa-v1-progressing.yaml":                                    "in_progress",
		"hpa-v2-progressing.yaml":                                    "in_progress",
		"job-succeeded.yaml":                                         "deployed",
		"job-suspended.yaml":                                         "blocked",
		"knative-service.yaml":                                       "ignored", // no health known
		"pod-crashloop.yaml":                                         "failed",
		"pod-deletion.yaml":                                          "in_progress",
		"pod-running-restart-always.yaml":                            "deployed",
		"pod-running-restart-never-hook-with-ignore-annotation.yaml": "in_progress",
		"pod-running-restart-never-with-ignore-annotation.yaml":      "deployed",
		"pod-succeeded.yaml":                                         "deployed",
	} {
		t.Run(file, func(t *testing.T) {
			says(t, "kubernetes", string(fromYAML(t, filepath.Join(root, "gitops-engine/pkg/health/testdata", file))), want)
		})
	}
}

// TestKubernetesHealth has the cases of the checks that the oracle has not.
func TestKubernetesHealth(t *testing.T) {
	object := func(what, rest string) string {
		version, kind, _ := strings.Cut(what, " ")
		return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"checkout","uid":"made-up-uid","generation":3},%s}`, version, kind, rest)
	}
	condition := func(typ, status, reason string) string {
		return fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"lastTransitionTime":"2026-03-01T10:00:00Z"}`, typ, status, reason)
	}
	for _, c := range []struct{ name, what, rest, want string }{
		{"rolled out", "apps/v1 Deployment", `"spec":{"replicas":2},"status":{"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2,"conditions":[` + condition("Progressing", "True", "NewReplicaSetAvailable") + `]}`, "deployed"},
		{"being rolled out", "apps/v1 Deployment", `"spec":{"replicas":2},"status":{"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2,"conditions":[` + condition("Progressing", "True", "ReplicaSetUpdated") + `]}`, "in_progress"},
		{"a new spec", "apps/v1 Deployment", `"spec":{"replicas":2},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2,"conditions":[` + condition("Progressing", "True", "NewReplicaSetAvailable") + `]}`, "in_progress"},
		{"no status yet", "apps/v1 Deployment", `"spec":{}`, "in_progress"},
		{"a Pod was lost", "apps/v1 Deployment", `"spec":{"replicas":2},"status":{"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":1,"conditions":[` + condition("Progressing", "True", "NewReplicaSetAvailable") + `]}`, "ignored"},
		{"scaled", "apps/v1 Deployment", `"spec":{"replicas":5},"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2,"conditions":[` + condition("Progressing", "True", "NewReplicaSetAvailable") + `]}`, "ignored"},
		{"took too long", "apps/v1 Deployment", `"spec":{"replicas":2},"status":{"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2,"conditions":[` + condition("Progressing", "False", "ProgressDeadlineExceeded") + `]}`, "failed"},
		{"paused", "apps/v1 Deployment", `"spec":{"paused":true},"status":{"observedGeneration":3}`, "blocked"},
		{"stateful", "apps/v1 StatefulSet", `"spec":{"replicas":2,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}}},"status":{"observedGeneration":3,"readyReplicas":2,"updatedReplicas":2,"currentRevision":"a","updateRevision":"a"}`, "deployed"},
		{"stateful, half of it on purpose", "apps/v1 StatefulSet", `"spec":{"replicas":2,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":1}}},"status":{"observedGeneration":3,"readyReplicas":2,"updatedReplicas":1,"currentRevision":"a","updateRevision":"b"}`, "partially_deployed"},
		{"stateful, not all ready", "apps/v1 StatefulSet", `"spec":{"replicas":2},"status":{"observedGeneration":3,"readyReplicas":1,"currentRevision":"a","updateRevision":"b"}`, "in_progress"},
		{"stateful, by hand", "apps/v1 StatefulSet", `"spec":{"replicas":2,"updateStrategy":{"type":"OnDelete"}},"status":{"observedGeneration":3,"readyReplicas":2,"currentRevision":"a","updateRevision":"b"}`, "deployed"},
		{"on every node", "apps/v1 DaemonSet", `"spec":{},"status":{"observedGeneration":3,"desiredNumberScheduled":4,"updatedNumberScheduled":4,"numberAvailable":4}`, "deployed"},
		{"on most nodes", "apps/v1 DaemonSet", `"spec":{},"status":{"observedGeneration":3,"desiredNumberScheduled":4,"updatedNumberScheduled":4,"numberAvailable":3}`, "in_progress"},
		{"a set of its own", "apps/v1 ReplicaSet", `"spec":{"replicas":1},"status":{"observedGeneration":3,"availableReplicas":1}`, "deployed"},
		{"a set that cannot", "apps/v1 ReplicaSet", `"spec":{"replicas":1},"status":{"observedGeneration":3,"conditions":[` + condition("ReplicaFailure", "True", "FailedCreate") + `]}`, "failed"},
		{"a job that runs", "batch/v1 Job", `"spec":{},"status":{"startTime":"2026-03-01T10:00:00Z","active":1}`, "in_progress"},
		{"a job that runs again", "batch/v1 Job", `"spec":{},"status":{"conditions":[` + condition("Suspended", "False", "JobResumed") + `]}`, "in_progress"},
		{"a job that failed", "batch/v1 Job", `"spec":{},"status":{"conditions":[` + condition("Failed", "True", "BackoffLimitExceeded") + `]}`, "failed"},
		{"no image", "v1 Pod", `"spec":{},"status":{"phase":"Pending","containerStatuses":[{"name":"checkout","state":{"waiting":{"reason":"ImagePullBackOff"}}}]}`, "failed"},
		{"a Pod of no known phase", "v1 Pod", `"spec":{},"status":{"phase":"Unknown"}`, "evidence:health?"},
		{"a rollout of no known phase", "argoproj.io/v1alpha1 Rollout", `"spec":{},"status":{"observedGeneration":"3","phase":"Levitating"}`, "unmapped"},
		{"a canary that waits", "flagger.app/v1beta1 Canary", `"status":{"phase":"WaitingPromotion"}`, "blocked"},
		{"a release that is suspended", "helm.toolkit.fluxcd.io/v2 HelmRelease", `"spec":{"suspend":true},"status":{"conditions":[` + condition("Ready", "True", "InstallSucceeded") + `]}`, "blocked"},
		{"a cancelled rollout", "apps.openshift.io/v1 DeploymentConfig", `"spec":{},"status":{"observedGeneration":3,"replicas":0,"conditions":[` + condition("Progressing", "False", "RolloutCancelled") + `]}`, "failed"},
		{"another kind that is ready", "made-up.example/v1 Database", `"status":{"observedGeneration":3,"conditions":[` + condition("Ready", "True", "Up") + `]}`, "deployed"},
		{"another kind, of an older spec", "made-up.example/v1 Database", `"status":{"observedGeneration":2,"conditions":[` + condition("Ready", "True", "Up") + `]}`, "in_progress"},
		{"another kind at work", "made-up.example/v1 Database", `"status":{"conditions":[` + condition("Reconciling", "True", "Up") + `,` + condition("Ready", "True", "Up") + `]}`, "in_progress"},
		{"another kind, stuck", "made-up.example/v1 Database", `"status":{"conditions":[` + condition("Stalled", "True", "NoSuchDisk") + `,` + condition("Ready", "False", "NoSuchDisk") + `]}`, "failed"},
		{"another kind, mute", "made-up.example/v1 Database", `"status":{"conditions":[]}`, "ignored"},
		{"no rollout", "v1 ConfigMap", `"data":{}`, "ignored"},
	} {
		t.Run(c.name, func(t *testing.T) { says(t, "kubernetes", object(c.what, c.rest), c.want) })
	}
	t.Run("deleted", func(t *testing.T) {
		says(t, "kubernetes", `{"type":"DELETED","object":`+object("apps/v1 Deployment", `"spec":{},"status":{}`)+`}`, "removed")
	})
	t.Run("a Pod of a Deployment", func(t *testing.T) {
		says(t, "kubernetes", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"checkout-5c-x","ownerReferences":[{"kind":"ReplicaSet","name":"checkout-5c","controller":true}]},"status":{"phase":"Running"}}`, "ignored")
	})
}

// TestKubernetesNames: how an object is named, and what its words carry.
func TestKubernetesNames(t *testing.T) {
	h := hear(t, "kubernetes", atProd+"&cluster=blue", made(t, "kubernetes", "deployment"))
	h.says(t, "deployed")
	e, r := h.events[0], reported(t, h.events[0])
	same(t, "subject", e.Subject, "prod/eu/checkout/2.14.0")
	same(t, "source", e.Source, "/kubernetes/blue")
	same(t, "id", e.ID, "0c5ee1c7-0000-4000-8000-00000000a001/12/Healthy/NewReplicaSetAvailable/2026-03-01T10:04:10Z")
	same(t, "time", at(e), "2026-03-01T10:04:10Z")
	same(t, "refs", r.Refs, "[oci:sha256:1111111111111111111111111111111111111111111111111111111111111111]")
	same(t, "native", native(t, r), "map[condition:Progressing=True NewReplicaSetAvailable health:Healthy]")

	// Without a version label the image of the container named like the workload
	// names it, whatever stands beside it; without that the revision.
	body := made(t, "kubernetes", "deployment", `"app.kubernetes.io/version": "2.14.0"`, `"made-up": "x"`)
	same(t, "subject", hear(t, "kubernetes", atProd, body).events[0].Subject, "prod/eu/checkout/2.14.0-rc1")
	body = made(t, "kubernetes", "deployment", `"app.kubernetes.io/version": "2.14.0"`, `"made-up": "x"`, `"name": "checkout", "image"`, `"name": "main", "image"`)
	same(t, "subject", hear(t, "kubernetes", atProd, body).events[0].Subject, "prod/eu/checkout/run-7")
}

// oneWord checks that bodies which a tool may send of one state give either one
// word or words of different ids: two contents under one id are a conflict.
func oneWord(t *testing.T, tool string, bodies ...string) {
	t.Helper()
	said := make(map[string]string)
	for _, body := range bodies {
		for _, e := range hear(t, tool, atProd, []byte(body)).events {
			content, err := e.Content()
			if err != nil {
				t.Fatal(err)
			}
			if before, ok := said[e.ID]; ok && before != string(content) {
				t.Errorf("one id, two contents:\n%s\n%s", before, content)
			}
			said[e.ID] = string(content)
		}
	}
}

// TestOneWord: what moves while a state lasts is not part of the word that says it.
func TestOneWord(t *testing.T) {
	deployment := string(made(t, "kubernetes", "deployment"))
	oneWord(t, "kubernetes", deployment,
		strings.Replace(deployment, `"resourceVersion": "90210"`, `"resourceVersion": "90211"`, 1),
		strings.Replace(deployment, `"MinimumReplicasAvailable"`, `"made-up"`, 1),
		strings.Replace(deployment, `has successfully progressed`, `made up`, 1))
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"checkout","uid":"made-up-uid"},"spec":{"containers":[]},"status":{"startTime":"2026-03-01T10:00:00Z",%s}}`
	oneWord(t, "kubernetes",
		fmt.Sprintf(pod, `"phase":"Pending"`),
		fmt.Sprintf(pod, `"phase":"Pending","conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","lastTransitionTime":"2026-03-01T10:00:01Z"}]`),
		fmt.Sprintf(pod, `"phase":"Running","containerStatuses":[{"imageID":"sha256:`+strings.Repeat("5", 64)+`"}]`),
		fmt.Sprintf(pod, `"phase":"Running"`))

	app := func(health, since, sync string) string {
		return argocdApp(argocdOperation("Running", ""), argocdHealth(health, since), sync)
	}
	oneWord(t, "argocd", app("Healthy", "09:00", `{"status":"Synced"}`), app("Progressing", "10:03", `{"status":"OutOfSync","revision":"a"}`))
	after := func(sync string) string {
		return argocdApp(argocdOperation("Succeeded", ""), argocdHealth("Progressing", "10:05"), sync)
	}
	oneWord(t, "argocd", after(`{"status":"Synced"}`), after(`{"status":"OutOfSync","revision":"a"}`))

	oneWord(t, "argo-rollouts",
		rolloutOf(`"phase":"Progressing","currentStepIndex":1,"canary":{"weights":{"canary":{"weight":10}}}`, `{"setWeight":20},{"pause":{}}`),
		rolloutOf(`"phase":"Progressing","currentStepIndex":1,"canary":{"weights":{"canary":{"weight":20}}}`, `{"setWeight":20},{"pause":{}}`),
		rolloutOf(`"phase":"Healthy","stableRS":"new"`, ""),
		rolloutOf(`"phase":"Healthy","stableRS":"new","canary":{"currentStepAnalysisRunStatus":{"status":"Successful"}}`, ""))
}
