package cli

import (
	"strings"
	"testing"
)

const explained = `{
	"answer":"prod/eu/app/1 is deployed since 2026-03-01T10:02:00Z, because /ci said deployed.",
	"key":"prod/eu/app/1","status":"deployed","attempt":1,
	"claims":[{"source":"/argo","status":"in_progress","at":"2026-03-01T10:01:00Z"},{"source":"/ci","status":"deployed","at":"2026-03-01T10:02:00Z"}],
	"history":[
		{"source":"/ci","id":"e1","type":"dev.telltale.deployment.reported.v1","at":"2026-03-01T10:00:00Z","recorded_at":"2026-03-01T10:00:01Z","position":4,"arrival":1,"said":"planned","verdict":"taken","from":"unknown","to":"planned","attempt":1},
		{"source":"/ci","id":"e3","type":"dev.telltale.deployment.reported.v1","at":"2026-03-01T10:02:00Z","recorded_at":"2026-03-01T10:02:01Z","position":6,"arrival":3,"said":"deployed","verdict":"implied","from":"planned","to":"deployed","attempt":1,"message":"all\u001b[31m good"},
		{"source":"/probe","id":"e2","type":"dev.telltale.deployment.evidence.v1","at":"2026-03-01T10:03:00Z","recorded_at":"2026-03-01T10:03:01Z","position":5,"arrival":2,"kind":"tests","evidence":"pass","verdict":"noted","from":"deployed","to":"deployed","attempt":1,"clock_ahead":true},
		{"source":"/ci","id":"e4","type":"dev.telltale.deployment.progressed.v1","at":"2026-03-01T10:04:00Z","recorded_at":"2026-03-01T10:04:01Z","position":7,"arrival":4,"percent":50,"verdict":"noted","from":"deployed","to":"deployed","attempt":1}
	],"history_omitted":2,"waiting_for":[],"anomalies":[],"conditions":[]}`

func TestExplainDeployment(t *testing.T) {
	server := answers{"/v1/deployments/prod/eu/app/1/explain": explained}
	out, errs, code := telltale(t, server, "explain", "prod/eu/app/1")
	want := `prod/eu/app/1 is deployed since 2026-03-01T10:02:00Z, because /ci said deployed.

SOURCE   SAYS          SINCE
/argo    in_progress   2026-03-01T10:01:00Z
/ci      deployed      2026-03-01T10:02:00Z

AT                     SOURCE   SAID         VERDICT   STATUS     NOTE
2026-03-01T10:00:00Z   /ci      planned      taken     planned    -
2026-03-01T10:02:00Z   /ci      deployed     implied   deployed   late; all\x1b[31m good
2026-03-01T10:03:00Z   /probe   tests pass   noted     deployed   clock ahead
2026-03-01T10:04:00Z   /ci      50%          noted     deployed   -
`
	if out != want || code != ExitOK || !strings.HasPrefix(errs, "2 earlier events are not shown") {
		t.Errorf("exit code %d, stderr %q, stdout\n%s", code, errs, out)
	}
	if out, _, _ = telltale(t, server, "explain", "prod/eu/app/1", "-o", "json"); !strings.Contains(out, `"history_omitted": 2`) {
		t.Errorf("-o json:\n%s", out)
	}
	if out, _, _ = telltale(t, server, "explain", "prod/eu/app/1", "-o", "wide"); !strings.Contains(out, "POSITION") {
		t.Errorf("-o wide:\n%s", out)
	}
}

func TestExplainSlot(t *testing.T) {
	server := answers{
		"/v1/slots?component=app&env=prod&region=eu": `{"items":[{"env":"prod","region":"eu","component":"app","version":"1","deployment":"1","since":"2026-03-01T10:02:00Z","landing":"rollback","latest":{"deployment":"2","version":"2","status":"failed","since":"2026-03-01T10:01:00Z"}}]}`,
		"/v1/slots/prod/eu/app/history": `{"items":[
			{"at":"2026-03-01T10:02:00Z","version":"1","deployment":"1","attempt":1,"landing":"rollback","restored":true,"source":"/ci"},
			{"at":"2026-03-01T10:00:00Z","version":"2","deployment":"2","attempt":1,"landing":"forward","source":"/ci"}],"next":"x"}`,
		"/v1/slots?component=bare&env=prod&region=eu": `{"items":[{"env":"prod","region":"eu","component":"bare","version":"","deployment":"","landing":""}]}`,
		"/v1/slots/prod/eu/bare/history":              `{"items":[]}`,
	}
	out, errs, code := telltale(t, server, "explain", "prod/eu/app")
	want := `prod/eu/app runs 1 since 2026-03-01T10:02:00Z (deployment 1, landing: rollback). The latest, 2, is failed since 2026-03-01T10:01:00Z.

AT                     VERSION   DEPLOYMENT   ATTEMPT   LANDING               SOURCE
2026-03-01T10:02:00Z   1         1            1         rollback (restored)   /ci
2026-03-01T10:00:00Z   2         2            1         forward               /ci
`
	if out != want || code != ExitOK || !strings.HasPrefix(errs, "Earlier landings are not shown") {
		t.Errorf("exit code %d, stderr %q, stdout\n%s", code, errs, out)
	}
	if out, _, _ = telltale(t, server, "explain", "prod/eu/app", "-o", "json"); !strings.Contains(out, `"history": [`) || !strings.Contains(out, `"slot": {`) {
		t.Errorf("-o json:\n%s", out)
	}
	if out, _, _ = telltale(t, server, "explain", "prod/eu/bare"); out != "prod/eu/bare runs nothing that we know of.\n" {
		t.Errorf("an empty slot:\n%s", out)
	}
}

func TestExplainRefusals(t *testing.T) {
	for args, want := range map[string]int{
		"explain prod/eu/app/9":         ExitNotFound,
		"explain prod/eu/app":           ExitNotFound,
		"explain prod/r7":               ExitUsage,
		"explain prod/eu/app/.":         ExitUsage,
		"explain prod/EU/app":           ExitUsage,
		"explain":                       ExitUsage,
		"explain prod/eu/app/9 -o name": ExitUsage,
	} {
		if out, errs, code := telltale(t, answers{}, strings.Fields(args)...); code != want || out != "" || errs == "" {
			t.Errorf("%s: exit code %d, want %d; %q %q", args, code, want, out, errs)
		}
	}
}
