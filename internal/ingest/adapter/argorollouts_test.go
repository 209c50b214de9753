package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/internal/testkit"
)

// TestArgoRolloutsObjects: objects as clusters really had them.
func TestArgoRolloutsObjects(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.RealInputs(t, "argo-rollouts-objects"), "argoproj+argo-rollouts/pkg/kubectl-argo-rollouts/info/testdata/canary/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no objects: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			// Their new ReplicaSet did not come up within its deadline.
			h := says(t, "argo-rollouts", string(fromYAML(t, file)), "stalled")
			same(t, "time", at(h.events[0]), "2019-10-28T04:52:55Z")
		})
	}
}

// TestArgoRolloutsOfTheOracle: the Rollouts of Argo CD's own tests, in the words
// of the tool that makes them: a pause is looked at, an abort is a way back.
func TestArgoRolloutsOfTheOracle(t *testing.T) {
	root := testkit.RealInputs(t, "k8s-health-oracle", "argoproj+argo-cd", "resource_customizations", "argoproj.io", "Rollout")
	raw, err := os.ReadFile(filepath.Join(root, "health_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			HealthStatus struct{ Status string } `yaml:"healthStatus"`
			InputPath    string                  `yaml:"inputPath"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil || len(file.Tests) < 20 {
		t.Fatalf("%d cases: %v", len(file.Tests), err)
	}
	own := map[string]string{
		"degraded_abortedRollout.yaml":      "rolling_back",
		"degraded_rolloutTimeout.yaml":      "stalled",
		"degraded_invalidSpec.yaml":         "failed/permanent",
		"suspended_v1.0_pausedRollout.yaml": "pending_approval",
		"suspended_controllerPause.yaml":    "pending_approval",
	}
	for _, c := range file.Tests {
		t.Run(c.InputPath, func(t *testing.T) {
			want, ok := own[filepath.Base(c.InputPath)]
			if !ok {
				want = inOurWords[c.HealthStatus.Status]
			}
			h := hear(t, "argo-rollouts", atProd, fromYAML(t, filepath.Join(root, c.InputPath)))
			if len(h.words) == 0 || h.words[0] != want {
				t.Errorf("means %q, want %s", h.words, want)
			}
		})
	}
}

// rolloutOf is a Rollout of 2.14.0 that somebody made up.
func rolloutOf(status, steps string) string {
	return `{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"checkout","namespace":"shop","uid":"made-up-uid","generation":4,"annotations":{"rollout.argoproj.io/revision":"9"}},` +
		`"spec":{"replicas":4,"strategy":{"canary":{"steps":[` + steps + `]}},"template":{"spec":{"containers":[{"name":"checkout","image":"registry.made-up.example/shop/checkout:2.14.0"}]}}},` +
		`"status":{"observedGeneration":"4","currentPodHash":"new","updatedReplicas":1,"replicas":5,"availableReplicas":5,` + status + `}}`
}

func TestArgoRolloutsValues(t *testing.T) {
	paused := func(reason string) string {
		return fmt.Sprintf(`"phase":"Paused","currentStepIndex":1,"pauseConditions":[{"reason":%q,"startTime":"2026-03-01T10:00:00Z"}]`, reason)
	}
	progressing := func(reason string) string {
		return fmt.Sprintf(`,"conditions":[{"type":"Progressing","status":"False","reason":%q,"lastUpdateTime":"2026-03-01T10:00:00Z"}]`, reason)
	}
	for _, c := range []struct {
		name, status, steps string
		want                []string
	}{
		{"at work", `"phase":"Progressing"`, "", []string{"in_progress"}},
		{"at a step", `"phase":"Progressing","currentStepIndex":1,"canary":{"weights":{"canary":{"weight":20}}}`, `{"setWeight":20},{"pause":{}}`, []string{"in_progress", "heartbeat"}},
		{"a person must say", paused("CanaryPauseStep"), `{"setWeight":20},{"pause":{}}`, []string{"pending_approval"}},
		{"bakes", paused("CanaryPauseStep"), `{"setWeight":20},{"pause":{"duration":"10m"}}`, []string{"in_progress"}},
		{"before the switch", paused("BlueGreenPause"), "", []string{"pending_approval"}},
		{"analysis without a verdict", paused("InconclusiveAnalysisRun"), `{"setWeight":20},{"pause":{}}`, []string{"blocked"}},
		{"experiment without a verdict", paused("InconclusiveExperiment"), "", []string{"blocked"}},
		{"pause lifted, not yet acted on", `"phase":"Paused","controllerPause":true`, "", []string{"in_progress"}},
		{"aborted", `"phase":"Degraded","abort":true,"abortedAt":"2026-03-01T10:00:00Z"` + progressing("RolloutAborted"), "", []string{"rolling_back"}},
		{"aborted, and all is back", `"phase":"Degraded","abort":true,"canary":{"weights":{"stable":{"weight":100},"canary":{"weight":0}}}` + progressing("RolloutAborted"), "", []string{"rolling_back", "reverted"}},
		{"took too long", `"phase":"Degraded"` + progressing("ProgressDeadlineExceeded"), "", []string{"stalled"}},
		{"not to be understood", `"phase":"Degraded","conditions":[{"type":"InvalidSpec","status":"True","reason":"InvalidSpec","message":"made up"}]`, "", []string{"failed/permanent"}},
		{"degraded for another reason", `"phase":"Degraded"`, "", []string{"failed"}},
		{"healthy", `"phase":"Healthy","stableRS":"new"`, "", []string{"deployed"}},
		{"healthy and analysed", `"phase":"Healthy","stableRS":"new","canary":{"currentBackgroundAnalysisRunStatus":{"name":"a","status":"Successful"}}`, "", []string{"verified"}},
		{"healthy, analysis not over", `"phase":"Healthy","stableRS":"new","canary":{"currentBackgroundAnalysisRunStatus":{"name":"a","status":"Running"}}`, "", []string{"deployed"}},
		{"a lost Pod", `"phase":"Progressing","stableRS":"new"` + progressing("NewReplicaSetAvailable"), "", []string{"ignored"}},
		{"a phase of next year", `"phase":"Levitating"`, "", []string{"unmapped"}},
	} {
		t.Run(c.name, func(t *testing.T) { says(t, "argo-rollouts", rolloutOf(c.status, c.steps), c.want...) })
	}
	t.Run("paused by hand", func(t *testing.T) {
		says(t, "argo-rollouts", strings.Replace(rolloutOf(`"phase":"Paused"`, ""), `"replicas":4,`, `"replicas":4,"paused":true,`, 1), "blocked")
	})
	t.Run("deleted", func(t *testing.T) {
		says(t, "argo-rollouts", `{"type":"DELETED","object":`+rolloutOf(`"phase":"Healthy"`, "")+`}`, "removed")
	})
}

func TestArgoRolloutsReasons(t *testing.T) {
	for reason, want := range map[string]string{
		"RolloutUpdated": "in_progress", "RolloutStepCompleted": "heartbeat", "TrafficWeightUpdated": "heartbeat",
		"RolloutAborted": "rolling_back", "AnalysisRunFailed": "evidence:analysis-", "ExperimentFailed": "evidence:analysis-",
		"RolloutPaused": "blocked", "RolloutResumed": "in_progress", "RolloutRetry": "in_progress", "RolloutCompleted": "deployed",
		"ReconciliationError": "heartbeat", "RolloutDeleted": "removed", "Levitated": "unmapped",
	} {
		t.Run("Event "+reason, func(t *testing.T) {
			h := says(t, "argo-rollouts", fmt.Sprintf(`{"kind":"Event","metadata":{"uid":"made-up","namespace":"shop"},"involvedObject":{"kind":"Rollout","namespace":"shop","name":"checkout"},"reason":%q,"lastTimestamp":"2026-03-01T10:00:00Z"}`, reason), want)
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu/checkout/_" {
				t.Errorf("subject is %s: an Event names no version", h.events[0].Subject)
			}
		})
		t.Run("notification "+reason, func(t *testing.T) {
			h := says(t, "argo-rollouts", fmt.Sprintf(`{"event":%q,"rollout":%s}`, reason, rolloutOf(`"phase":"Progressing"`, "")), want)
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu/checkout/2.14.0" {
				t.Errorf("subject is %s", h.events[0].Subject)
			}
		})
	}
	// A notification is finer than an Event: it has the pauses.
	says(t, "argo-rollouts", `{"event":"RolloutPaused","rollout":`+rolloutOf(`"currentStepIndex":0,"pauseConditions":[{"reason":"CanaryPauseStep"}]`, `{"pause":{}}`)+`}`, "pending_approval")
	// Without `event` it is the object.
	says(t, "argo-rollouts", `{"rollout":`+rolloutOf(`"phase":"Healthy","stableRS":"new"`, "")+`}`, "deployed")
}

func TestArgoRolloutsAnalyses(t *testing.T) {
	for phase, want := range map[string]string{
		"": "verifying", "Pending": "verifying", "Running": "verifying", "Successful": "evidence:analysis+", "Failed": "evidence:analysis-",
		"Error": "evidence:analysis?", "Inconclusive": "blocked", "Levitating": "unmapped",
	} {
		t.Run(phase, func(t *testing.T) {
			h := says(t, "argo-rollouts", strings.Replace(string(made(t, "argo-rollouts", "analysisrun")), `"Successful"`, fmt.Sprintf("%q", phase), 1), want)
			if len(h.events) > 0 && (h.events[0].Subject != "prod/eu/checkout/_" || h.events[0].Source != "/argo-rollouts/shop/checkout") {
				t.Errorf("it is about %s by %s", h.events[0].Subject, h.events[0].Source)
			}
		})
	}
}
