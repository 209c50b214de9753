package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/pkg/events"
)

// answers are what a server says, by path and query.
type answers map[string]string

// ServeHTTP answers what it knows and refuses the rest as a server would.
func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := a[r.URL.RequestURI()]
	if !ok {
		obs.WriteProblem(w, events.Errorf(events.CodeNotFound, "nothing at %s", r.URL.RequestURI()).WithHint("look elsewhere"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, body); err != nil {
		return
	}
}

// telltale runs a command line against a server and returns what came of it.
func telltale(t *testing.T, h http.Handler, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	return telltaleAt(t, srv.URL, args...)
}

func telltaleAt(t *testing.T, server string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(name string) string {
		return map[string]string{"TELLTALE_SERVER": server, "TERM": "xterm"}[name]
	}}
	code = Main(t.Context(), args, env)
	return out.String(), errs.String(), code
}

// ago is an instant by how long ago it was, in JSON.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339Nano) }

func deploymentsPage() string {
	return fmt.Sprintf(`{"items":[
		{"key":"prod/eu-west-1/checkout/2.14.0","status":"deployed","since":%q,"version":"2.14.0","release":"r7","conditions":[],"attempt":1,"owner":"team-a","future":"kept"},
		{"key":"prod/us-east-1/checkout/2.14.0","status":"failed","since":%q,"version":"2.14.0","release":"","conditions":["conflicted","drift"],"attempt":2,"reason":"timeout","message":"gone\u001b[2J\u202e\nwrong"}
	],"changes_after":7}`, ago(3*time.Hour+5*time.Minute+30*time.Second), "2026-03-01T10:03:00Z")
}

func TestGetDeployments(t *testing.T) {
	page := answers{"/v1/deployments?limit=500": deploymentsPage()}
	out, errs, code := telltale(t, page, "get", "deployments")
	out = strings.ReplaceAll(out, age(time.Date(2026, 3, 1, 10, 3, 0, 0, time.UTC), time.Now()), "OLD ")
	want := strings.Join([]string{
		"KEY                              STATUS     AGE    VERSION   RELEASE   CONDITIONS",
		"prod/eu-west-1/checkout/2.14.0   deployed   3h5m   2.14.0    r7        -",
		"prod/us-east-1/checkout/2.14.0   failed     OLD    2.14.0    -         conflicted,drift",
		"",
	}, "\n")
	if squeeze(out) != squeeze(want) || errs != "" || code != ExitOK {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, errs, out, want)
	}

	out, _, _ = telltale(t, page, "get", "deployments", "-o", "wide")
	for _, want := range []string{"SINCE", "team-a", "2026-03-01T10:03:00Z", `gone\x1b[2J\u202e\nwrong`} {
		if !strings.Contains(out, want) {
			t.Errorf("-o wide lacks %q:\n%s", want, out)
		}
	}
	if out, _, _ = telltale(t, page, "get", "deployments", "-o", "name"); out != "prod/eu-west-1/checkout/2.14.0\nprod/us-east-1/checkout/2.14.0\n" {
		t.Errorf("-o name:\n%s", out)
	}
	if out, _, _ = telltale(t, page, "get", "deployment", "-o", "json"); !strings.Contains(out, `"future": "kept"`) || !strings.Contains(out, `"changes_after": 7`) {
		t.Errorf("-o json:\n%s", out)
	}
	if out, _, _ = telltale(t, page, "get", "deploy", "-o", "yaml"); !strings.Contains(out, "future: kept") {
		t.Errorf("-o yaml:\n%s", out)
	}
}

// squeeze leaves one space of each run: how wide OLD is depends on today.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestGetTables(t *testing.T) {
	for name, c := range map[string]struct {
		args    string
		answers answers
		want    []string
	}{
		"slots": {
			"get slots --env prod -o wide",
			answers{"/v1/slots?env=prod&limit=500": `{"items":[
				{"env":"prod","region":"eu","component":"checkout","version":"2.14.0","deployment":"2.14.0","since":"2999-03-01T10:00:00Z","landing":"rollback","latest":{"deployment":"2.15.0","version":"2.15.0","status":"failed","since":"2026-03-01T10:00:00Z"},"owner":"team-a","unplaced":2},
				{"env":"prod","region":"eu","component":"payments","version":"","deployment":"","landing":"","latest":null}]}`},
			[]string{
				"SLOT                VERSION   LANDING    AGE   LATEST   STATUS   DEPLOYMENT   SINCE                  LATEST-SINCE           OWNER    UNPLACED",
				"prod/eu/checkout    2.14.0    rollback   0s    2.15.0   failed   2.14.0       2999-03-01T10:00:00Z   2026-03-01T10:00:00Z   team-a   2",
				"prod/eu/payments    -         -          -     -        -        -            -                      -                      -        0",
			},
		},
		"a slot by its key": {
			"get slots prod/eu/checkout -o name",
			answers{"/v1/slots?component=checkout&env=prod&region=eu": `{"items":[{"env":"prod","region":"eu","component":"checkout"}]}`},
			[]string{"prod/eu/checkout"},
		},
		"regions": {
			"get regions",
			answers{"/v1/regions": `{"items":[{"region":"eu-west-1","watermark":"2026-03-01T10:00:00Z","lag_seconds":65.4,"dark":false},{"region":"us","watermark":"2026-03-01T09:00:00Z","lag_seconds":3665,"dark":true}]}`},
			[]string{
				"REGION      WATERMARK              LAG    DARK",
				"eu-west-1   2026-03-01T10:00:00Z   1m5s   no",
				"us          2026-03-01T09:00:00Z   1h1m   yes",
			},
		},
		"releases": {
			"get releases --env prod --status partially_deployed -o wide",
			answers{"/v1/releases?env=prod&limit=500&status=partially_deployed": `{"items":[` + oneOf + `]}`},
			[]string{
				"RELEASE   STATUS               MEMBERS   WHY                            BY-REGION                            OWNER   TICKET   RISK   IMPACT",
				"prod/r7   partially_deployed   3         some members landed, not all   eu: blocked, not_seen; us: deployed   -       CHG-1    -      late; Nobody can pay.",
			},
		},
		"unplaced": {
			"get unplaced --env prod -o wide",
			answers{"/v1/unplaced?env=prod&limit=500": `{"items":[
				{"env":"prod","region":"eu","component":"app","source":"/argo","id":"a1","type":"dev.telltale.deployment.reported.v1","at":"2999-01-01T00:00:00Z","position":9,"said":"deployed","version":"2","refs":["git:a@1"]},
				{"env":"prod","region":"eu","component":"app","source":"/probe","id":"p1","type":"dev.telltale.slot.observed.v1","at":"2999-01-01T00:00:00Z","position":10,"version":"3","refs":[]}]}`},
			[]string{
				"SLOT          SAID       GOES BY     SOURCE   AGE   TYPE                                  ID   POSITION",
				"prod/eu/app   deployed   git:a@1,2   /argo    0s    dev.telltale.deployment.reported.v1   a1   9",
				"prod/eu/app   observed   3           /probe   0s    dev.telltale.slot.observed.v1         p1   10",
			},
		},
		"a freeze": {
			"get freezes prod/xmas",
			answers{"/v1/freezes": `{"items":[{"env":"stage","name":"xmas"},{"env":"prod","name":"xmas","from":"2026-12-01T00:00:00Z","to":"2027-01-01T00:00:00Z","regions":["eu","us"],"components":["app"],"reason":"quiet","in_force":true}]}`},
			[]string{
				"FREEZE      IN FORCE   FROM                   TO                     WHERE       REASON",
				"prod/xmas   yes        2026-12-01T00:00:00Z   2027-01-01T00:00:00Z   eu,us app   quiet",
			},
		},
		"definitions": {
			"get definitions --kind Component --all",
			answers{"/v1/definitions?all=true&kind=Component": `{"items":[{"kind":"Component","name":"pay/eu","version":"3","digest":"sha256:1","effective_from":"2026-12-01T00:00:00Z","envs":["prod","stage"],"in_force":false}]}`},
			[]string{
				"DEFINITION         VERSION   IN FORCE   SINCE                  ENVS",
				"Component/pay/eu   3         no         2026-12-01T00:00:00Z   prod,stage",
			},
		},
		"a definition by its key": {
			"get definitions Component/pay/eu -o name",
			answers{"/v1/definitions?kind=Component&name=pay%2Feu": `{"items":[{"kind":"Component","name":"pay/eu"}]}`},
			[]string{"Component/pay/eu"},
		},
		"sources": {
			"get sources -o wide",
			answers{"/v1/sources": `{"items":[{"source":"/ci","owner":"team-cd","last_event_at":"2999-01-01T00:00:00Z","expected_every":"5m0s","offline":true,"offline_since":"2026-12-01T00:00:00Z","incomplete":true,"missing":[{"from":4,"to":6},{"from":9,"to":9}]}]}`},
			[]string{
				"SOURCE   LAST   EVERY   OFFLINE   INCOMPLETE   OWNER     OFFLINE-SINCE          MISSING",
				"/ci      0s     5m0s    yes       yes          team-cd   2026-12-01T00:00:00Z   4-6,9",
			},
		},
		"what was believed": {
			"get deployments --env prod --as-of 2026-03-01T10:00:00Z",
			answers{"/v1/deployments?as_of=2026-03-01T10%3A00%3A00Z&env=prod&limit=500": `{"items":[{"key":"prod/eu/app/1","status":"failed","at":"2999-01-01T00:00:00Z","version":"1"}]}`},
			[]string{
				"KEY             STATUS   AGE   VERSION   RELEASE   CONDITIONS",
				"prod/eu/app/1   failed   0s    1         -         -",
			},
		},
		"what was believed of one": {
			"get deployments prod/eu/app/1 --as-of 2026-03-01T10:00:00Z -o name",
			answers{"/v1/deployments/prod/eu/app/1?as_of=2026-03-01T10%3A00%3A00Z": `{"key":"prod/eu/app/1","status":"failed"}`},
			[]string{"prod/eu/app/1"},
		},
		"one region": {
			"get regions us -o name",
			answers{"/v1/regions": `{"items":[{"region":"eu"},{"region":"us"}]}`},
			[]string{"us"},
		},
		"quarantine": {
			"get quarantine 7",
			answers{"/v1/quarantine/7": `{"seq":7,"at":"2999-03-01T10:00:00Z","stage":"ingest","code":"E_SCHEMA","detail":"status is missing","from":"ci","door":"http","bytes":12,"raw":"eA=="}`},
			[]string{
				"SEQ   CODE       STAGE    FROM   AGE   DETAIL",
				"7     E_SCHEMA   ingest   ci     0s    status is missing",
			},
		},
		"filters": {
			"get deployments --env prod --region eu --component checkout --release r7 --status failed --status stalled --limit 3 -o name",
			answers{"/v1/deployments?component=checkout&env=prod&limit=3&region=eu&release=r7&status=failed&status=stalled": `{"items":[{"key":"prod/eu/checkout/1"}]}`},
			[]string{"prod/eu/checkout/1"},
		},
	} {
		out, errs, code := telltale(t, c.answers, strings.Fields(c.args)...)
		got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for i := range got {
			got[i] = strings.TrimRight(got[i], " ")
		}
		if code != ExitOK || squeeze(out) != squeeze(strings.Join(c.want, "\n")) || len(got) != len(c.want) {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s\nwant\n%s", name, code, errs, out, strings.Join(c.want, "\n"))
		}
		aligned(t, name, got)
	}
}

// One release is shown with its members by region, and a watch tells each change
// by its members.
func TestGetRelease(t *testing.T) {
	server := answers{"/v1/releases/prod/r7": oneOf}
	out, _, code := telltale(t, server, "get", "releases", "prod/r7")
	want := `RELEASE   STATUS               MEMBERS   WHY
prod/r7   partially_deployed   3         some members landed, not all

REGION   COMPONENT   DEPLOYMENT   STATUS     AGE   OWNER    WAITS FOR
eu       app         1            blocked    0s    -        waits for pay in eu (not seen) to be verified
eu       pay         -            not_seen   -     -        db
us       app         1            deployed   0s    team-a   -
`
	if out != want || code != ExitOK {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, _, _ = telltale(t, server, "get", "releases", "prod/r7", "-o", "name"); out != "prod/r7\n" {
		t.Errorf("-o name:\n%s", out)
	}
	change := `{"key":"prod/r7","env":"prod","release":"r7","to":"failed","reason":"some failed","members":[{"key":"prod/eu/app/1","status":"failed"},{"key":"prod/eu/pay","status":"failed"}]}`
	for where, want := range map[*filters]bool{
		{}: true, {env: "prod", release: "r7"}: true, {env: "stage"}: false, {release: "r8"}: false, {statuses: []string{"verified"}}: false,
	} {
		r, ok, err := changedRelease([]byte(change), where, time.Now())
		if err != nil || ok != want || ok && strings.Join(r.cells[:5], "|") != "prod/r7|failed|2|some failed|eu: 2 failed" {
			t.Errorf("%+v: %v %v %v", where, r, ok, err)
		}
	}
}

// aligned checks that each column begins where its header does.
func aligned(t *testing.T, name string, lines []string) {
	t.Helper()
	for i := range lines[0] {
		if i == 0 || lines[0][i] == ' ' || !strings.HasSuffix(lines[0][:i], columnGap) {
			continue
		}
		for _, l := range lines[1:] {
			if len(l) <= i || l[i-1] != ' ' || l[i] == ' ' {
				t.Errorf("%s: column %d of %q does not begin under its header", name, i, l)
			}
		}
	}
}

func TestGetPages(t *testing.T) {
	pages := answers{
		"/v1/deployments?limit=2":              `{"items":[{"key":"p/e/c/1"},{"key":"p/e/c/2"}],"next":"abc","changes_after":5}`,
		"/v1/deployments?limit=500":            `{"items":[{"key":"p/e/c/1"},{"key":"p/e/c/2"}],"next":"abc","changes_after":5}`,
		"/v1/deployments?cursor=abc&limit=500": `{"items":[],"next":"def","changes_after":6}`,
		"/v1/deployments?cursor=def&limit=500": `{"items":[{"key":"p/e/c/a-longer-one","status":"failed"}],"changes_after":6}`,
	}
	out, errs, code := telltale(t, pages, "get", "deployments", "--limit", "0")
	if lines := strings.Split(out, "\n"); code != ExitOK || len(lines) != 5 || errs != "" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s", code, errs, out)
	}
	out, errs, _ = telltale(t, pages, "get", "deployments", "--limit", "2")
	if strings.Contains(out, "longer") || !strings.Contains(errs, "2 shown, there are more") {
		t.Errorf("--limit 2: stderr %q, stdout\n%s", errs, out)
	}
	// A document joins the changes where its first page does.
	if out, _, _ = telltale(t, pages, "get", "deployments", "--limit", "0", "-o", "json"); !strings.Contains(out, `"changes_after": 5`) || strings.Contains(out, `"next"`) {
		t.Errorf("-o json:\n%s", out)
	}
	if out, errs, code = telltale(t, answers{"/v1/slots?limit=500": `{"items":[]}`}, "get", "slots"); out != "" || errs != "No slots found.\n" || code != ExitOK {
		t.Errorf("nothing: exit code %d, %q, %q", code, out, errs)
	}
}

func TestGetRefusals(t *testing.T) {
	problem := func(e *events.Error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { obs.WriteProblem(w, e) })
	}
	stranger := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nginx", http.StatusBadGateway) })
	for name, c := range map[string]struct {
		server http.Handler
		args   string
		code   int
		want   string
	}{
		"no such deployment":   {answers{}, "get deployments prod/eu/app/1", ExitNotFound, "hint: look elsewhere"},
		"no such slot":         {answers{"/v1/slots?component=app&env=prod&region=eu": `{"items":[]}`}, "get slots prod/eu/app", ExitNotFound, "there is no slot prod/eu/app"},
		"no token":             {problem(events.Errorf(events.CodeAuth, "no bearer token")), "get slots", ExitAuth, "TELLTALE_TOKEN"},
		"not allowed":          {problem(events.Errorf(events.CodeForbidden, "ci may not")), "get slots", ExitAuth, "ci may not"},
		"a bad cursor":         {problem(events.Errorf(events.CodeMalformed, "cursor is not one")), "get slots", ExitFailure, "E_MALFORMED"},
		"something else":       {stranger, "get slots", ExitFailure, "/v1/status"},
		"half a key":           {answers{}, "get deployments prod/eu", ExitUsage, "ENV/REGION/COMPONENT/DEPLOYMENT"},
		"a key that cannot be": {answers{}, "get deployments prod/eu/app/.", ExitUsage, "E_BAD_ID"},
		"watching the past":    {answers{}, "get deployments --as-of now -w", ExitUsage, "leave --as-of out"},
		"no time":              {answers{}, "get deployments --as-of yesterday", ExitUsage, "--as-of"},
		"no such freeze":       {answers{"/v1/freezes": `{"items":[]}`}, "get freezes prod/x", ExitNotFound, "no freeze prod/x"},
		"half a document":      {answers{}, "get definitions Component", ExitUsage, "KIND/NAME"},
		"half a release":       {answers{}, "get releases prod", ExitUsage, "ENV/RELEASE"},
		"no one of a kind":     {answers{}, "get unplaced x", ExitUsage, "unknown command"},
		"no number":            {answers{}, "get quarantine x", ExitUsage, "no sequence number"},
		"a negative limit":     {answers{}, "get slots --limit -1", ExitUsage, "negative"},
		"an unknown format":    {answers{}, "get slots -o xml", ExitUsage, "table|wide|json|yaml|name"},
		"watching one":         {answers{}, "get slots prod/eu/app -w", ExitUsage, "-w follows a list"},
		"no such kind":         {answers{}, "get pods", ExitUsage, "pods"},
		"not HTTP":             {answers{}, "get slots --server nats://x:4222", ExitUsage, "http://"},
	} {
		out, errs, code := telltale(t, c.server, strings.Fields(c.args)...)
		if code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, want %d; stdout %q; stderr %q lacks %q", name, code, c.code, out, errs, c.want)
		}
	}
	srv := httptest.NewServer(answers{})
	srv.Close()
	if _, errs, code := telltaleAt(t, srv.URL, "get", "slots"); code != ExitFailure || !strings.Contains(errs, "is `telltale serve` running?") {
		t.Errorf("no server: exit code %d, stderr %q", code, errs)
	}
}

// The token goes to the server as a bearer token, and nowhere else.
func TestToken(t *testing.T) {
	var got string
	srv := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
	})
	_, errs, code := telltale(t, srv, "get", "slots", "--token", "s3cret")
	if got != "Bearer s3cret" || code != ExitFailure || strings.Contains(errs, "s3cret") {
		t.Errorf("sent %q, exit code %d, stderr %q", got, code, errs)
	}
}

func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		body := `{"items":[],"next":9}`
		switch len(asked) {
		case 1:
			body = `{"items":[{"key":"prod/eu/app/1","status":"planned","since":"2999-01-01T00:00:00Z"}],"changes_after":7}`
		case 2:
			body = `{"items":[
				{"type":"dev.telltale.deployment.changed.v1","data":{"key":"prod/eu/app/1","to":"failed","at":"2999-01-01T00:00:00Z","attempt":1}},
				{"type":"dev.telltale.deployment.changed.v1","data":{"key":"stage/eu/app/1","to":"failed"}},
				{"type":"dev.telltale.slot.changed.v1","data":{"env":"prod"}}],"next":9}`
		case 4:
			cancel()
		}
		answers{r.URL.RequestURI(): body}.ServeHTTP(w, r)
	}))
	defer srv.Close()
	var out, errs bytes.Buffer
	g := &getter{
		reader: reader{env: Env{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}, server: srv.URL, output: formatTable},
		kind:   kinds()[0], now: time.Now, watch: true, every: time.Millisecond, where: filters{env: "prod"},
	}
	if err := g.run(ctx, ""); err != nil {
		t.Fatal(err)
	}
	want := "KEY STATUS AGE VERSION RELEASE CONDITIONS prod/eu/app/1 planned 0s - - - prod/eu/app/1 failed 0s - - -"
	if squeeze(out.String()) != want {
		t.Errorf("got\n%s", out.String())
	}
	if asked[1] != "/v1/changes?after=7&limit=1000" || asked[2] != "/v1/changes?after=9&limit=1000" {
		t.Errorf("asked %q", asked)
	}
}
