package adapter

import (
	"fmt"
	"strings"
	"testing"
)

// kargo hears a body at a hook that knows no region: the Stage does.
func kargo(t *testing.T, body string, want ...string) heard {
	t.Helper()
	h := hear(t, "kargo", "", []byte(body))
	h.says(t, want...)
	return h
}

func TestKargoPromotions(t *testing.T) {
	body := string(made(t, "kargo", "promotion"))
	for phase, want := range map[string]string{
		"": "queued", "Pending": "queued", "Running": "in_progress", "Succeeded": "deployed", "Failed": "failed/permanent",
		"Errored": "failed/environmental", "Aborted": "cancelled", "Levitating": "unmapped",
	} {
		t.Run(phase, func(t *testing.T) {
			h := kargo(t, strings.Replace(body, `"Succeeded"`, fmt.Sprintf("%q", phase), 1), want)
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu-west-1/checkout/2.14.0" {
				t.Errorf("subject is %s", h.events[0].Subject)
			}
		})
	}
	h := kargo(t, body, "deployed")
	r := reported(t, h.events[0])
	same(t, "refs", r.Refs, "[git:shop/gitops@0123456789abcdef0123456789abcdef01234567 oci:sha256:4444444444444444444444444444444444444444444444444444444444444444 run:kargo/prod-eu-west-1.01made0up.0123456]")
	if !strings.HasPrefix(r.Actor, "kargo:") || strings.Contains(r.Actor, "made-up") {
		t.Errorf("actor is %s", r.Actor)
	}
	// One that waits has no Freight yet: its word goes where that of the same
	// Promotion goes.
	waits := kargo(t, `{"kind":"Promotion","metadata":{"name":"p1","namespace":"checkout","uid":"made-up"},"spec":{"stage":"prod-eu-west-1","freight":"f5f8"},"status":{"phase":"Pending"}}`, "queued")
	same(t, "subject", waits.events[0].Subject, "prod/eu-west-1/checkout/_")
	same(t, "refs", reported(t, waits.events[0]).Refs, "[run:kargo/p1]")
	kargo(t, `{"type":"MODIFIED","object":`+body+`}`, "deployed")
	kargo(t, `{"kind":"Freight","metadata":{"name":"made-up"}}`, "ignored")
}

func TestKargoEvents(t *testing.T) {
	body := string(made(t, "kargo", "event"))
	for reason, want := range map[string]string{
		"PromotionCreated": "planned", "PromotionSucceeded": "deployed", "PromotionFailed": "failed", "PromotionErrored": "failed",
		"PromotionAborted": "cancelled", "PromotionDiscarded": "superseded", "FreightApproved": "evidence:approval+",
		"FreightVerificationSucceeded": "verified", "FreightVerificationFailed": "evidence:verification-",
		"FreightVerificationErrored": "evidence:verification?", "FreightVerificationAborted": "evidence:verification?",
		"FreightVerificationInconclusive": "blocked", "FreightVerificationUnknown": "evidence:verification?",
		"FreightCreated": "ignored", "PromotionLevitated": "unmapped",
	} {
		t.Run("Event "+reason, func(t *testing.T) {
			h := kargo(t, strings.Replace(body, `"PromotionSucceeded"`, fmt.Sprintf("%q", reason), 1), want)
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu-west-1/checkout/2.14.0" {
				t.Errorf("subject is %s", h.events[0].Subject)
			}
		})
		t.Run("message "+reason, func(t *testing.T) {
			h := kargo(t, fmt.Sprintf(`{"type":%q,"time":"2026-03-01T10:04:00Z","event":{"project":"checkout","stageName":"prod-eu-west-1","promotionName":"made-up","name":"f5f8",`+
				`"images":[{"repoURL":"registry.made-up.example/shop/checkout","tag":"2.14.0"},{"repoURL":"registry.made-up.example/shop/worker","tag":"2.14.0"}]}}`, reason), want)
			// Of two images neither names the Freight: its own name does.
			if len(h.events) > 0 && h.events[0].Subject != "prod/eu-west-1/checkout/run-f5f8" {
				t.Errorf("subject is %s", h.events[0].Subject)
			}
		})
	}
	// The first and the second delivery of one promotion by two ways are words of
	// one rollout.
	promotion := kargo(t, string(made(t, "kargo", "promotion")), "deployed").events[0]
	event := kargo(t, body, "deployed").events[0]
	if promotion.Subject != event.Subject || promotion.Source != event.Source {
		t.Errorf("%s by %s, and %s by %s", promotion.Subject, promotion.Source, event.Subject, event.Source)
	}
}

func TestKargoStages(t *testing.T) {
	stage := func(health, verification string) string {
		history := ""
		if verification != "" {
			history = fmt.Sprintf(`"freightHistory":[{"id":"made-up","verificationHistory":[{"id":"v1","phase":%q,"startTime":"2026-03-01T10:05:00Z"}]}],`, verification)
		}
		return fmt.Sprintf(`{"apiVersion":"kargo.akuity.io/v1alpha1","kind":"Stage","metadata":{"name":"prod","namespace":"checkout","uid":"made-up-uid"},"status":{%s"health":{"status":%q},`+
			`"lastPromotion":{"name":"p1","freight":{"name":"f5f8","images":[{"repoURL":"registry.made-up.example/shop/checkout","tag":"2.14.0"}]}}}}`, history, health)
	}
	for health, want := range map[string]string{
		"": "ignored", "Healthy": "evidence:health+", "Unhealthy": "evidence:health-", "Progressing": "heartbeat", "Unknown": "evidence:health?",
		"NotApplicable": "ignored", "Levitating": "unmapped",
	} {
		t.Run("health "+health, func(t *testing.T) {
			want := []string{want, "ignored"} // the verification that there is none of
			if want[0] == "unmapped" {
				want = []string{"ignored", "unmapped"}
			}
			says(t, "kargo", stage(health, ""), want...)
		})
	}
	for phase, want := range map[string]string{
		"Pending": "verifying", "Running": "verifying", "Successful": "verified", "Failed": "evidence:verification-",
		"Error": "evidence:verification?", "Aborted": "evidence:verification?", "Inconclusive": "blocked",
	} {
		t.Run("verification "+phase, func(t *testing.T) {
			h := says(t, "kargo", stage("Healthy", phase), want, "evidence:health+")
			for _, e := range h.events {
				if e.Subject != "prod/eu/checkout/2.14.0" {
					t.Errorf("subject is %s", e.Subject)
				}
			}
		})
	}
}
