package events_test

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestSubjectFitsType(t *testing.T) {
	const (
		key     = "prod/eu-west-1/checkout/2.14.0"
		follow  = "prod/eu-west-1/checkout/_"
		slot    = "prod/eu-west-1/checkout"
		release = "prod/2026.47"
		env     = "prod"
		custom  = "com.example.build.done.v1"
	)
	// "" stands for a refusal.
	for _, tc := range []struct{ typ, subject, want string }{
		{events.TypeReported, key, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeReported, follow, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeReported, slot, ""},
		{events.TypeReported, release, ""},
		{events.TypeProgressed, follow, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeProgressed, release, ""},
		{events.TypeEvidence, follow, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeEvidence, release, "tt.v1.events.prod._._"},
		{events.TypeEvidence, env, ""},
		{events.TypeAnnotated, key, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeAnnotated, release, "tt.v1.events.prod._._"},
		{events.TypeAnnotated, follow, ""},
		{events.TypeOverridden, key, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeOverridden, follow, ""},
		{events.TypeOverridden, release, ""},
		{events.TypeObserved, slot, "tt.v1.events.prod.eu-west-1.checkout"},
		{events.TypeObserved, key, ""},
		{events.TypeReleaseDeclared, release, "tt.v1.events.prod._._"},
		{events.TypeReleaseDeclared, "prod/run.7", ""},
		{events.TypeReleaseDeclared, slot, ""},
		{events.TypeFreezeDeclared, env, "tt.v1.events.prod._._"},
		{events.TypeFreezeLifted, release, ""},
		{events.TypeFreezeLifted, "*", ""},
		{events.TypeDefinitionActivated, "Standard lifecycle", "tt.v1.events._._._"},
		{events.TypeDefinitionActivated, "a\nb", ""},
		{events.TypeAlertNoise, "al_1.*.>", "tt.v1.events._._._"},
		{events.TypeAlertNoise, "", ""},
		{events.TypeSilenceCreated, "s1", "tt.v1.events._._._"},
		{events.TypeTick, "ingest-1", "tt.v1.ticks.ingest-1"},
		{events.TypeTick, "ingest.1", ""},
		{events.TypeTick, ">", ""},
		{custom, key, "tt.v1.events.prod.eu-west-1.checkout"},
		{custom, slot, "tt.v1.events.prod.eu-west-1.checkout"},
		{custom, release, "tt.v1.events.prod._._"},
		{custom, "nightly build", "tt.v1.events._._._"},
		{custom, "Prod/eu-west-1/checkout", ""},
		{custom, "a/b/c/d/e", ""},
		{custom, "", ""},
	} {
		t.Run(tc.typ+" "+tc.subject, func(t *testing.T) {
			e := events.Event{Type: tc.typ, Subject: tc.subject}
			got, err := e.EventsSubject()
			if got != tc.want || (tc.want == "") != (events.CodeOf(err) == events.CodeBadID) {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
