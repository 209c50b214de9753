package adapter

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func TestFlaggerPhases(t *testing.T) {
	body := string(made(t, "flagger", "event"))
	for phase, want := range map[string]string{
		"": "ignored", "Initializing": "planned", "Initialized": "ignored", "Waiting": "pending_approval", "Progressing": "in_progress",
		"WaitingPromotion": "pending_approval", "Promoting": "in_progress", "Finalising": "in_progress", "Succeeded": "verified",
		"Failed": "reverted", "Terminating": "ignored", "Terminated": "removed", "Levitating": "unmapped",
	} {
		t.Run("webhook "+phase, func(t *testing.T) {
			h := says(t, "flagger", strings.Replace(body, `"Progressing"`, fmt.Sprintf("%q", phase), 1), want)
			if len(h.events) > 0 && (h.events[0].Subject != "prod/eu-west-1/checkout/_" || h.events[0].Source != "/flagger/shop/checkout") {
				t.Errorf("it is about %s by %s", h.events[0].Subject, h.events[0].Source)
			}
		})
		t.Run("object "+phase, func(t *testing.T) {
			says(t, "flagger", fmt.Sprintf(`{"apiVersion":"flagger.app/v1beta1","kind":"Canary","metadata":{"name":"checkout","namespace":"shop","uid":"made-up-uid"},`+
				`"spec":{"targetRef":{"name":"checkout"}},"status":{"phase":%q,"lastAppliedSpec":"6d9","lastTransitionTime":"2026-03-01T10:00:00Z"}}`, phase), want)
		})
	}
}

func TestFlaggerEvents(t *testing.T) {
	body := string(made(t, "flagger", "event"))
	h := says(t, "flagger", body, "in_progress")
	same(t, "time", at(h.events[0]), "2026-03-01T10:04:00Z")
	// A step further is another word of the same rollout.
	next := says(t, "flagger", strings.Replace(strings.Replace(body, "weight 20", "weight 40", 1), "1772359440000", "1772359500000", 1), "in_progress")
	if next.events[0].ID == h.events[0].ID {
		t.Error("two steps are one word")
	}
	// The weight is how far it has come, where Flagger says it.
	says(t, "flagger", strings.Replace(body, `"checksum"`, `"canaryWeight": 20, "checksum"`, 1), "in_progress", "heartbeat")
	// A gate is asked whether to go on, and what it is asked happened to nobody.
	for _, gate := range []string{"confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout", "rollback"} {
		says(t, "flagger", strings.Replace(body, `"checksum"`, fmt.Sprintf(`"type": %q, "checksum"`, gate), 1), "ignored")
	}
}

// TestFlaggerOfTheOracle: the Canaries of Argo CD's own tests, in Flagger's words.
func TestFlaggerOfTheOracle(t *testing.T) {
	root := testkit.RealInputs(t, "k8s-health-oracle", "argoproj+argo-cd", "resource_customizations", "flagger.app", "Canary", "testdata")
	for file, want := range map[string]string{
		"degraded.yaml": "reverted", "finalising.yaml": "in_progress", "initialized.yaml": "ignored",
		"progressing.yaml": "in_progress", "promoting.yaml": "in_progress", "succeeded.yaml": "verified",
	} {
		t.Run(file, func(t *testing.T) {
			h := hear(t, "flagger", atProd, fromYAML(t, filepath.Join(root, file)))
			if len(h.words) == 0 || h.words[0] != want {
				t.Errorf("means %q, want %s", h.words, want)
			}
		})
	}
}
