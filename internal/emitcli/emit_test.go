package emitcli

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestEmitSaysWhatTheFlagsSay(t *testing.T) {
	d := newDoor(t)
	m := newMachine(t, d.URL)
	code, stdout, stderr := m.do("emit", "failed", "--version", "2.14.0", "--release", "2026-05", "--attempt", "2",
		"--reason", "quota", "--message", "no room", "--class", "transient", "--owner", "team-a", "--label", "tier=1",
		"--link", "https://ci.example/1", "--actor", "user:7f3a", "--ref", "git:org/app@abc,oci:sha256:1",
		"--source", "/mine", "--time", "2026-05-04T03:02:01Z", "--id", "one")
	if code != 0 || stdout != "" || !strings.Contains(stderr, "said failed of prod/eu-west-1/checkout/2.14.0") {
		t.Fatalf("exit %d, %q, %q", code, stdout, stderr)
	}
	got := d.events()
	if len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	e := got[0]
	if e.ID != "one" || e.Source != "/mine" || e.Type != events.TypeReported ||
		e.Subject != "prod/eu-west-1/checkout/2.14.0" || e.Time.Format("15:04:05") != "03:02:01" {
		t.Errorf("attributes %+v", e)
	}
	const want = `{"status":"failed","attempt":2,"version":"2.14.0","release":"2026-05","class":"transient","reason":"quota",` +
		`"message":"no room","url":"https://ci.example/1","actor":"user:7f3a","owner":"team-a","labels":{"tier":"1"},` +
		`"refs":["git:org/app@abc","oci:sha256:1"]}`
	wanted := events.Event{Data: []byte(want)}
	if fmt.Sprint(data[events.Reported](t, e)) != fmt.Sprint(data[events.Reported](t, wanted)) {
		t.Errorf("data %s, want %s", e.Data, want)
	}
}

func TestEmitWords(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		typ     string
		subject string
		data    string // a part of it
	}{
		{
			"progress",
			[]string{"progress", "--version", "1", "--percent", "0", "--next-expected-by", "2026-05-04T03:02:01Z"},
			events.TypeProgressed, "prod/eu-west-1/checkout/1", `"percent":0`,
		},
		{
			"evidence",
			[]string{"evidence", "--version", "1", "--kind", "tests", "--verdict", "pass", "--name", "smoke", "--detail", "n=3"},
			events.TypeEvidence, "prod/eu-west-1/checkout/1", `"details":{"n":"3"}`,
		},
		{
			"observe",
			[]string{"observe", "--version", "1", "--health", "degraded"},
			events.TypeObserved, "prod/eu-west-1/checkout", `"health":"degraded"`,
		},
		{
			"named by its image",
			[]string{"deployed", "--image", "reg:5000/shop/checkout:3.1@sha256:ab"},
			events.TypeReported, "prod/eu-west-1/checkout/3.1", `"refs":["oci:sha256:ab"]`,
		},
		{
			"follow word",
			[]string{"deployed", "--deployment", "_"},
			events.TypeReported, "prod/eu-west-1/checkout/_", `"status":"deployed"`,
		},
		{
			"label of a team",
			[]string{"soaking", "--version", "1"},
			events.TypeReported, "prod/eu-west-1/checkout/1", `"status":"soaking"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDoor(t)
			m := newMachine(t, d.URL)
			if code, _, stderr := m.do(append([]string{"emit"}, test.args...)...); code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			got := d.events()
			if len(got) != 1 || got[0].Type != test.typ || got[0].Subject != test.subject || got[0].Source != "/cli" ||
				!strings.Contains(string(got[0].Data), test.data) {
				t.Errorf("said %+v", got)
			}
		})
	}
}

func TestRegionsFanOut(t *testing.T) {
	for _, id := range []string{"", "mine"} {
		d := newDoor(t)
		m := newMachine(t, d.URL)
		m.vars["TELLTALE_REGION"] = "eu-west-1,us-east-1,ap-south-1"
		if code, _, stderr := m.do("emit", "deployed", "--version", "1", "--id", id); code != 0 {
			t.Fatal(stderr)
		}
		subjects, ids := map[string]bool{}, map[string]bool{}
		for _, e := range d.events() {
			subjects[e.Subject], ids[e.ID] = true, true
		}
		if len(subjects) != 3 || len(ids) != 3 || !subjects["prod/ap-south-1/checkout/1"] {
			t.Errorf("id %q: subjects %v, ids %v", id, subjects, ids)
		}
	}
}

// TestRepeatedStepIsADuplicate: with a CI system the same step says the same
// bytes again; another status, attempt, region or run does not.
func TestRepeatedStepIsADuplicate(t *testing.T) {
	ids := func(m *machine, d *door, args ...string) string {
		if code, _, stderr := m.do(append([]string{"emit"}, args...)...); code != 0 {
			t.Fatal(stderr)
		}
		var out []string
		for _, e := range d.events() {
			out = append(out, e.ID)
		}
		return strings.Join(out, " ")
	}
	d := newDoor(t)
	m := newMachine(t, d.URL)
	m.vars["GITHUB_ACTIONS"], m.vars["GITHUB_RUN_ID"], m.vars["GITHUB_REPOSITORY"] = "true", "4711", "org/app"
	first := ids(m, d, "deployed", "--version", "1")
	if first == "" || ids(m, d, "deployed", "--version", "1") != "" {
		t.Errorf("the repeated step is no duplicate of %q", first)
	}
	seen := map[string]bool{first: true}
	fresh := func(what, id string) {
		if id == "" || seen[id] {
			t.Errorf("%s: id %q is none of its own", what, id)
		}
		seen[id] = true
	}
	fresh("status", ids(m, d, "failed", "--version", "1"))
	fresh("attempt", ids(m, d, "deployed", "--version", "1", "--attempt", "2"))
	fresh("region", ids(m, d, "deployed", "--version", "1", "--region", "us-east-1"))
	fresh("progress", ids(m, d, "progress", "--version", "1"))
	fresh("progress again", ids(m, d, "progress", "--version", "1"))
	m.vars["GITHUB_RUN_ATTEMPT"] = "2"
	fresh("run attempt", ids(m, d, "deployed", "--version", "1"))

	other := newMachine(t, d.URL)
	other.vars["GITHUB_ACTIONS"], other.vars["GITHUB_RUN_ID"], other.vars["GITHUB_REPOSITORY"] = "true", "4711", "org/app"
	if got := ids(other, d, "deployed", "--version", "1"); got != first {
		t.Errorf("id on another machine %q, want %q", got, first)
	}
	bare := newMachine(t, d.URL)
	fresh("no CI", ids(bare, d, "deployed", "--version", "1"))
	fresh("no CI again", ids(bare, d, "deployed", "--version", "1"))
}

func TestEmitNeverBreaksTheDeployment(t *testing.T) {
	for _, test := range []struct {
		name    string
		mode    string
		status  int // of the server's answers; 0: there is no server
		code    int
		spooled int
	}{
		{"no server", "spool", 0, 0, 1},
		{"no server, warn", "warn", 0, 0, 0},
		{"no server, fail", "fail", 0, 5, 0},
		{"server ill", "spool", 503, 0, 1},
		{"server ill, fail", "fail", 503, 5, 0},
		{"wrong token", "spool", 401, 0, 1},
		{"right token, wrong role", "spool", 403, 0, 1},
		{"wrong token, warn", "warn", 401, 0, 0},
		{"wrong token, fail", "fail", 401, 4, 0},
		{"wrong role, warn", "warn", 403, 0, 0},
		{"wrong role, fail", "fail", 403, 4, 0},
		{"refused", "spool", 400, 0, 0},
		{"refused, warn", "warn", 400, 0, 0},
		{"refused, fail", "fail", 400, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, nobody)
			if test.status != 0 {
				d := newDoor(t)
				d.status = test.status
				m.vars["TELLTALE_SERVER"] = d.URL
			}
			code, _, stderr := m.do("emit", "deployed", "--version", "1", "--on-error", test.mode, "--timeout", "300ms")
			if code != test.code || m.spooled() != test.spooled {
				t.Errorf("exit %d with %d spooled, want %d with %d: %s", code, m.spooled(), test.code, test.spooled, stderr)
			}
			if warned := strings.HasPrefix(stderr, "telltale: warning: not said"); warned != (test.code == 0) || stderr == "" {
				t.Errorf("what people read is %q", stderr)
			}
			if strings.Contains(stderr, "once the token is right") != (test.spooled > 0 && test.status/100 == 4) {
				t.Errorf("what to do about it is %q", stderr)
			}
		})
	}
}

func TestNoPlaceForASpool(t *testing.T) {
	for name, home := range map[string]string{"no home": "", "not a directory": "/dev/null"} {
		d := newDoor(t)
		m := newMachine(t, d.URL)
		m.vars["HOME"] = home
		if code, _, stderr := m.do("emit", "deployed", "--version", "1"); code != 0 || len(d.events()) != 1 {
			t.Errorf("%s, with a server: exit %d: %s", name, code, stderr)
		}
		m.vars["TELLTALE_SERVER"] = nobody
		if code, _, stderr := m.do("emit", "deployed", "--version", "2"); code != 0 || !strings.Contains(stderr, "not kept") {
			t.Errorf("%s, without: exit %d: %s", name, code, stderr)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{
		"emit", "emit deployed failed", "emit deployed --nope", "emit deployed", // nothing names it
		"emit deployed --version a/b", "emit deployed --version 1 --env Prod", "emit deployed --version 1 --region eu,,us",
		"emit deployed --version 1 --percent 3", "emit progress --version 1 --class permanent",
		"emit progress --version 1 --percent 300", "emit evidence --version 1", "emit observe",
		"emit deployed --version 1 --on-error explode", "emit deployed --version 1 --time yesterday",
		"emit deployed --version 1 --actor a@b.example", "emit deployed --version 1 --server ftp://x",
		"emit deployed --version 1 --token a --token-file b", "emit deployed --version 1 --ca-file /nonexistent",
		"run", "run --", "run --version 1", "run --version 1 --on-success maybe -- true", "run -- true",
		"flush now", "flush -o xml", "nonsense",
	} {
		d := newDoor(t)
		m := newMachine(t, d.URL)
		code, _, stderr := m.do(strings.Fields(args)...)
		if code != 2 || stderr == "" || len(d.events()) != 0 {
			t.Errorf("%s: exit %d, %q, want 2 and a reason", args, code, stderr)
		}
	}
}

// TestWordsThatNoJSONCanHold: shells and job logs hand over bytes in any
// encoding. Every flag that takes text says so before anything happens.
func TestWordsThatNoJSONCanHold(t *testing.T) {
	const latin1 = "caf\xe9"
	for _, args := range [][]string{
		{"emit", latin1, "--version", "1"},
		{"emit", "failed", "--version", "1", "--message", latin1},
		{"emit", "failed", "--version", "1", "--reason", latin1},
		{"emit", "failed", "--version", "1", "--owner", latin1},
		{"emit", "failed", "--version", "1", "--label", latin1 + "=1"},
		{"emit", "failed", "--version", "1", "--label", "team=" + latin1},
		{"emit", "failed", "--version", "1", "--ref", latin1},
		{"emit", "failed", "--version", "1", "--image", "shop/" + latin1},
		{"emit", "failed", "--version", "1", "--link", "https://ci.example/" + latin1},
		{"emit", "failed", "--version", latin1},
		{"emit", "failed", "--version", "1", "--source", "/" + latin1},
		{"emit", "failed", "--version", "1", "--id", latin1},
		{"emit", "progress", "--version", "1", "--message", latin1},
		{"emit", "progress", "--version", "1", "--percent", "NaN"},
		{"emit", "evidence", "--version", "1", "--kind", "tests", "--verdict", "pass", "--name", latin1},
		{"emit", "evidence", "--version", "1", "--kind", "tests", "--verdict", "pass", "--detail", "n=" + latin1},
		{"run", "--version", "1", "--message", latin1, "--", "telltale-no-such-command"},
		{"run", "--version", "1", "--reason", latin1, "--", "telltale-no-such-command"},
		{"run", "--version", "1", "--class", "nonsense", "--", "telltale-no-such-command"},
		{"run", "--version", "1", "--on-success", "evidence", "--evidence-kind", latin1, "--", "telltale-no-such-command"},
	} {
		d := newDoor(t)
		m := newMachine(t, d.URL)
		code, _, stderr := m.do(args...)
		if code != 2 || len(d.events()) != 0 || m.spooled() != 0 {
			t.Errorf("%q: exit %d with %d spooled, want 2 and none: %s", args, code, m.spooled(), stderr)
		}
		if !strings.HasPrefix(stderr, "telltale: ") || !utf8.ValidString(stderr) {
			t.Errorf("%q: the reason is %q", args, stderr)
		}
	}
}

func TestEnvironmentFillsFlagsIn(t *testing.T) {
	d := newDoor(t)
	m := newMachine(t, d.URL)
	for name, v := range map[string]string{
		"VERSION": "9", "RELEASE": "r9", "ATTEMPT": "3", "SOURCE": "/env", "LINK": "https://e.example/", "REF": "a:1,b:2",
		"LABEL": "x=y", "OWNER": "o", "ACTOR": "user:1", "TOKEN": "s3cret", "REASON": "", "PERCENT": "50",
	} {
		m.vars["TELLTALE_"+name] = v
	}
	if code, _, stderr := m.do("emit", "deployed", "--release", "given"); code != 0 {
		t.Fatal(stderr)
	}
	got := d.events()
	if len(got) != 1 || got[0].Source != "/env" {
		t.Fatalf("said %+v", got)
	}
	r := data[events.Reported](t, got[0])
	if r.Version != "9" || r.Release != "given" || r.Attempt != 3 || r.URL != "https://e.example/" || len(r.Refs) != 2 ||
		r.Labels["x"] != "y" || r.Owner != "o" || r.Actor != "user:1" {
		t.Errorf("data %s", got[0].Data)
	}
	if d.tokens[0] != "Bearer s3cret" {
		t.Errorf("authorization %q", d.tokens[0])
	}
	// A token on the command line beats both variables.
	delete(m.vars, "TELLTALE_TOKEN")
	m.vars["TELLTALE_TOKEN_FILE"] = "/nonexistent"
	if code, _, stderr := m.do("emit", "deployed", "--token", "given"); code != 0 || d.tokens[1] != "Bearer given" {
		t.Errorf("exit %d, authorization %q: %s", code, d.tokens, stderr)
	}
	m.vars["TELLTALE_ATTEMPT"] = "many"
	if code, _, stderr := m.do("emit", "deployed"); code != 2 || !strings.Contains(stderr, "TELLTALE_ATTEMPT") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestFlush(t *testing.T) {
	m := newMachine(t, nobody)
	for n := range 3 {
		if code, _, stderr := m.do("emit", "deployed", "--version", fmt.Sprint(n), "--timeout", "200ms"); code != 0 {
			t.Fatal(stderr)
		}
	}
	if code, stdout, _ := m.do("flush", "--timeout", "200ms", "-o", "json"); code != 5 ||
		stdout != `{"sent":0,"remaining":3,"refused":[],"damaged":[],"busy":false}`+"\n" {
		t.Errorf("without a server: exit %d, %s", code, stdout)
	}
	d := newDoor(t)
	m.vars["TELLTALE_SERVER"] = d.URL
	d.status = 401
	if code, _, _ := m.do("flush"); code != 4 || m.spooled() != 3 {
		t.Errorf("with a wrong token: exit %d, %d wait", code, m.spooled())
	}
	d.status = 0
	if code, stdout, _ := m.do("flush"); code != 0 || stdout != "sent 3, remaining 0\n" {
		t.Errorf("with a server: exit %d, %s", code, stdout)
	}
	if n := len(d.events()); n != 3 {
		t.Errorf("%d events arrived", n)
	}
	// The next step that reaches a server takes along what others left.
	m.vars["TELLTALE_SERVER"] = nobody
	if code, _, _ := m.do("emit", "deployed", "--version", "4", "--timeout", "200ms"); code != 0 || m.spooled() != 1 {
		t.Fatal("not spooled")
	}
	m.vars["TELLTALE_SERVER"] = d.URL
	if code, _, _ := m.do("emit", "deployed", "--version", "5"); code != 0 || m.spooled() != 0 || len(d.events()) != 2 {
		t.Errorf("%d still wait", m.spooled())
	}
}
