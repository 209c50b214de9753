package cli

import (
	"strings"
	"testing"
)

const explained = `{
	"answer":"prod/eu/app/1 is deployed since 2026-03-01T10:02:00Z, because /ci said deployed.",
	"key":"prod/eu/app/1","status":"deployed","attempt":1,"release":"r7",
	"rule":{"name":"implied","text":"The steps between were implied."},
	"deadlines":{"silent_by":"2026-03-01T10:30:00Z","overdue_by":"2026-03-01T12:00:00Z","watermark":"2026-03-01T10:31:00Z","dark":true},
	"owner":"team-a","escalation":"team-a-lead","impact":"Nobody can pay.",
	"violations":[{"policy":"freeze","message":"started in the change freeze xmas","at":"2026-03-01T10:01:00Z"}],
	"claims":[{"source":"/argo","status":"in_progress","at":"2026-03-01T10:01:00Z"},{"source":"/ci","status":"deployed","at":"2026-03-01T10:02:00Z"}],
	"history":[
		{"source":"/ci","id":"e1","type":"dev.telltale.deployment.reported.v1","occurred_at":"2026-03-01T10:00:00Z","recorded_at":"2026-03-01T10:00:01Z","position":4,"arrival":1,"said":"planned","of_release":"r7","verdict":"taken","from":"unknown","to":"planned","attempt":1},
		{"source":"/ci","id":"e3","type":"dev.telltale.deployment.reported.v1","occurred_at":"2026-03-01T10:02:00Z","recorded_at":"2026-03-01T10:03:02Z","position":6,"arrival":3,"late":true,"said":"deployed","verdict":"implied","from":"planned","to":"deployed","attempt":1,"message":"all\u001b[31m good"},
		{"source":"/probe","id":"e2","type":"dev.telltale.deployment.evidence.v1","occurred_at":"2026-03-01T10:03:00Z","recorded_at":"2026-03-01T10:03:01Z","position":5,"arrival":2,"kind":"tests","evidence":"pass","verdict":"noted","from":"deployed","to":"deployed","attempt":1,"clock_ahead":true,"follows":true,"placed_by":"git:a@1"},
		{"source":"/ci","id":"e4","type":"dev.telltale.deployment.progressed.v1","occurred_at":"2026-03-01T10:04:00Z","recorded_at":"2026-03-01T10:04:01Z","position":7,"arrival":4,"percent":50,"verdict":"noted","from":"deployed","to":"deployed","attempt":1,"follows":true,"placed_by":"under_way"}
	],"history_omitted":2,"waiting_for":[],"anomalies":[{"reason":"refused","source":"/ci","id":"e9","at":"2026-03-01T10:05:00Z","detail":"what?"}],"conditions":["dark","violation"],
	"lifecycle":{"name":"standard","version":"1"}}`

func TestExplainDeployment(t *testing.T) {
	server := answers{"/v1/deployments/prod/eu/app/1/explain": explained}
	out, errs, code := telltale(t, server, "explain", "prod/eu/app/1")
	want := `prod/eu/app/1 is deployed since 2026-03-01T10:02:00Z, because /ci said deployed.

Rule          The steps between were implied.
Lifecycle     standard 1
Release       r7
Silent by     2026-03-01T10:30:00Z (passed)
Overdue by    2026-03-01T12:00:00Z
Known up to   2026-03-01T10:31:00Z (dark)
Conditions    dark, violation
Owner         team-a
Escalation    team-a-lead
Impact        Nobody can pay.

VIOLATION   AT                     MESSAGE
freeze      2026-03-01T10:01:00Z   started in the change freeze xmas

SOURCE   SAYS          SINCE
/argo    in_progress   2026-03-01T10:01:00Z
/ci      deployed      2026-03-01T10:02:00Z

ANOMALY   AT                     SOURCE   ID   DETAIL
refused   2026-03-01T10:05:00Z   /ci      e9   what?

OCCURRED               RECORDED               CAME   SOURCE   SAID         VERDICT   STATUS     NOTE
2026-03-01T10:00:00Z   2026-03-01T10:00:01Z   #1     /ci      planned      taken     planned    of the release r7
2026-03-01T10:02:00Z   2026-03-01T10:03:02Z   #3     /ci      deployed     implied   deployed   late by 1m2s; all\x1b[31m good
2026-03-01T10:03:00Z   2026-03-01T10:03:01Z   #2     /probe   tests pass   noted     deployed   placed by git:a@1; clock ahead
2026-03-01T10:04:00Z   2026-03-01T10:04:01Z   #4     /ci      50%          noted     deployed   placed on what was under way
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

func TestExplainAsOf(t *testing.T) {
	server := answers{"/v1/deployments/prod/eu/app/1?as_of=2026-03-01T10%3A00%3A00Z": `{"as_of":"2026-03-01T10:00:00Z",
		"key":"prod/eu/app/1","status":"failed","previous":"in_progress","reason":"timeout","attempt":2,"at":"2026-03-01T09:50:00Z",
		"recorded_at":"2026-03-01T09:51:00Z","late":true,"corrected":true,"conditions":["drift"]}`}
	out, _, code := telltale(t, server, "explain", "prod/eu/app/1", "--as-of", "2026-03-01T11:00:00+01:00")
	want := `prod/eu/app/1 was believed to be failed at 2026-03-01T10:00:00Z, by what happened at 2026-03-01T09:50:00Z and was recorded at 2026-03-01T09:51:00Z. That came late and corrected what was believed before. What came later says something else of that time.

Reason       timeout
Before       in_progress
Attempt      2
Conditions   drift
`
	if squeeze(out) != squeeze(want) || code != ExitOK {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, _, _ = telltale(t, server, "explain", "prod/eu/app/1", "--as-of", "2026-03-01T10:00:00Z", "-o", "json"); !strings.Contains(out, `"corrected": true`) {
		t.Errorf("-o json:\n%s", out)
	}
}

// oneOf is a release whose members are in two regions.
const oneOf = `{"env":"prod","release":"r7","status":"partially_deployed","planned":true,"ticket":"CHG-1","impact":"late","impacts":["Nobody can pay."],
	"reason":{"status":"partially_deployed","text":"some members landed, not all","because":[
		{"status":"deployed","text":"1 of 3 members: deployed","because":[{"text":"prod/us/app/1 is deployed"}]},
		{"status":"blocked","text":"1 of 3 members: blocked","because":[{"text":"prod/eu/app/1 is blocked","name":"dependency","because":[{"text":"waits for pay in eu (not seen) to be verified"}]}]}]},
	"refused":"a cycle: a needs a","members":[
		{"key":"prod/us/app/1","region":"us","component":"app","deployment":"1","status":"deployed","since":"2999-01-01T00:00:00Z","owner":"team-a"},
		{"key":"prod/eu/app/1","region":"eu","component":"app","deployment":"1","status":"blocked","since":"2999-01-01T00:00:00Z","waiting_for":[{"message":"waits for pay in eu (not seen) to be verified"}]},
		{"key":"prod/eu/pay","region":"eu","component":"pay","status":"not_seen","depends_on":["db"]}],
	"evidence":[{"kind":"approval","name":"cab","verdict":"pass","source":"/cli","at":"2026-03-01T10:00:00Z"}],
	"annotations":[{"kind":"incident","text":"disk","url":"https://i/1","actor":"user:1","at":"2026-03-01T10:01:00Z"}]}`

func TestExplainRelease(t *testing.T) {
	server := answers{"/v1/releases/prod/r7": oneOf}
	out, _, code := telltale(t, server, "explain", "prod/r7")
	want := `prod/r7 is partially_deployed: some members landed, not all. The latest plan does not count: a cycle: a needs a.
  1 of 3 members: deployed
    prod/us/app/1 is deployed
  1 of 3 members: blocked
    prod/eu/app/1 is blocked (dependency)
      waits for pay in eu (not seen) to be verified

Members   3, as declared
Ticket    CHG-1
Impact    late; Nobody can pay.

REGION   COMPONENT   DEPLOYMENT   STATUS     AGE   OWNER    WAITS FOR
eu       app         1            blocked    0s    -        waits for pay in eu (not seen) to be verified
eu       pay         -            not_seen   -     -        db
us       app         1            deployed   0s    team-a   -

AT                     WHO      SAID            NOTE
2026-03-01T10:00:00Z   /cli     approval pass   cab
2026-03-01T10:01:00Z   user:1   incident        disk https://i/1
`
	if out != want || code != ExitOK {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestExplainSlot(t *testing.T) {
	server := answers{
		"/v1/slots?component=app&env=prod&region=eu": `{"items":[{"env":"prod","region":"eu","component":"app","version":"1","deployment":"1","since":"2026-03-01T10:02:00Z","landing":"rollback","latest":{"deployment":"2","version":"2","status":"failed","since":"2026-03-01T10:01:00Z"},"unplaced":3}]}`,
		"/v1/slots/prod/eu/app/history": `{"items":[
			{"at":"2026-03-01T10:02:00Z","version":"1","deployment":"1","attempt":1,"landing":"rollback","restored":true,"source":"/ci"},
			{"at":"2026-03-01T10:00:00Z","version":"2","deployment":"2","attempt":1,"landing":"forward","source":"/ci"}],"next":"x"}`,
		"/v1/slots?component=bare&env=prod&region=eu": `{"items":[{"env":"prod","region":"eu","component":"bare","version":"","deployment":"","landing":""}]}`,
		"/v1/slots/prod/eu/bare/history":              `{"items":[]}`,
	}
	out, errs, code := telltale(t, server, "explain", "prod/eu/app")
	want := `prod/eu/app runs 1 since 2026-03-01T10:02:00Z (deployment 1, landing: rollback). The latest, 2, is failed since 2026-03-01T10:01:00Z. Words that wait for a name: 3, see ` + "`telltale get unplaced`" + `.

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
		"explain prod/eu/app/9":                ExitNotFound,
		"explain prod/eu/app":                  ExitNotFound,
		"explain prod/r7":                      ExitNotFound,
		"explain prod/R 7":                     ExitUsage,
		"explain prod":                         ExitUsage,
		"explain prod/r7 --as-of now":          ExitUsage,
		"explain prod/eu/app/9 --as-of x":      ExitUsage,
		"explain prod/eu/app/9 --as-of now-1h": ExitNotFound,
		"explain prod/eu/app/.":                ExitUsage,
		"explain prod/EU/app":                  ExitUsage,
		"explain":                              ExitUsage,
		"explain prod/eu/app/9 -o name":        ExitUsage,
	} {
		if out, errs, code := telltale(t, answers{}, strings.Fields(args)...); code != want || out != "" || errs == "" {
			t.Errorf("%s: exit code %d, want %d; %q %q", args, code, want, out, errs)
		}
	}
}
