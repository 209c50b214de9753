package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// shipit is the mapping that shows every key.
func shipit(t testing.TB) *Mapping {
	t.Helper()
	doc, err := schemas.Document(Kind)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read("shipit.yaml", doc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rollout is a body of the made-up tool; more is put into its rollout.
func rollout(state, more string) []byte {
	return fmt.Appendf(nil, `{"rollout":{"id":7,"state":%q,"repository":"org/app","app":"Check Out","target":"prod","region":"eu-west-1",`+
		`"version":"2.14.0","sha":"ABCDEF0123456789","changed_at":"2026-03-01 10:00:00 UTC"%s},"by":{"id":12}}`, state, more)
}

var asRollout = map[string]string{"X-Shipit-Event": "rollout"}

// said returns what a result says, a line for each thing.
func said(res *Result) []string {
	var all []string
	for _, e := range res.Events {
		status := strings.TrimSuffix(strings.TrimPrefix(e.Event.Type, "dev.telltale."), ".v1")
		var r events.Reported
		if e.Event.Type == events.TypeReported && e.Event.DataAs(&r) == nil {
			status = r.Status
		}
		all = append(all, fmt.Sprintf("%s %s %s", status, e.Event.Subject, e.Event.ID))
	}
	for _, i := range res.Ignored {
		all = append(all, "ignored "+i.Reason)
	}
	for _, u := range res.Unmapped {
		all = append(all, strings.TrimSpace(fmt.Sprintf("unmapped %s=%q %v", u.Field, u.Value, u.Missing)))
	}
	return all
}

func TestMap(t *testing.T) {
	m := shipit(t)
	const key = "prod/eu-west-1/check-out/2.14.0"
	for _, tc := range []struct {
		name, query string
		hook        Hook
		header      map[string]string
		body        string
		want        []string
	}{
		{name: "an ignored request", header: map[string]string{"x-shipit-event": "hello"}, body: `{}`, want: []string{"ignored Shipit says hello"}},
		{name: "no rule", body: `{}`, want: []string{"ignored no rule of the mapping is about this"}},
		{name: "a status", body: string(rollout("waiting", "")), want: []string{"pending_approval " + key + " rollout/7/waiting"}},
		{name: "the case of a value", body: string(rollout("WAITING", "")), want: []string{"pending_approval " + key + " rollout/7/WAITING"}},
		{name: "conditions", body: string(rollout("running", `,"progress":1`)), want: []string{"in_progress " + key + " rollout/7/running"}},
		{name: "conditions, the last", body: string(rollout("running", "")), want: []string{"queued " + key + " rollout/7/running"}},
		{name: "a heartbeat", body: string(rollout("still running", "")), want: []string{"deployment.progressed " + key + " rollout/7/still running"}},
		{name: "a prefix", body: string(rollout("failed: no disk", "")), want: []string{"failed " + key + " rollout/7/failed: no disk"}},
		{name: "several", body: string(rollout("live", `,"risk":"low"`)), want: []string{
			"deployed " + key + " rollout/7/live",
			"slot.observed prod/eu-west-1/check-out rollout/7/live/1",
			"deployment.evidence " + key + " rollout/7/live/2",
		}},
		{name: "a value that nobody mapped", body: string(rollout("odd", "")), want: []string{`unmapped state="odd" []`}},
		{name: "no value", body: `{"rollout":{"id":7}}`, want: []string{"ignored nothing has begun"}},
		{
			name: "each", header: map[string]string{"X-Shipit-Event": "checks"}, query: "env=prod&region=a,b&component=c",
			body: `{"version":"2","checks":[{"id":1,"ok":true},{"id":2,"comment":"odd"},{"id":3}]}`,
			want: []string{
				"deployment.evidence prod/a/c/_ check/1@a", "deployment.evidence prod/b/c/_ check/1@b",
				"deployment.annotated prod/a/c/2 check/2@a", "deployment.annotated prod/b/c/2 check/2@b",
				"ignored a check that is not done",
			},
		},
		{name: "nothing of the identity", body: `{"rollout":{"id":1,"state":"live"}}`, want: []string{`unmapped ="" [env region component]`, `unmapped ="" [env region component]`}},
		{name: "names follow", query: "names=follow", body: string(rollout("waiting", "")), want: []string{"pending_approval prod/eu-west-1/check-out/_ rollout/7/waiting"}},
		{
			name: "the payload goes before the hook", hook: Hook{Env: "stage", Regions: []string{"us-east-1"}}, body: string(rollout("waiting", "")),
			want: []string{"pending_approval " + key + " rollout/7/waiting"},
		},
		{
			name: "a region in the environment", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"prod-eu-west-1","version":"1"}}`,
			want: []string{"pending_approval prod/eu-west-1/a/1 rollout/1/waiting"},
		},
		{
			name: "a region in the environment goes before the hook's", query: "region=us-east-1", hook: Hook{Regions: []string{"a", "b"}},
			body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"Prod EU West 1","version":"1"}}`,
			want: []string{"pending_approval prod/eu-west-1/a/1 rollout/1/waiting"},
		},
		{
			name: "separators", query: "region=us-east-1", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"shop/prod_europe_west4","version":"1"}}`,
			want: []string{"pending_approval shop-prod/europe-west4/a/1 rollout/1/waiting"},
		},
		{
			name: "a region said twice", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"prod-eu-west-1","region":"EU-West-1","version":"1"}}`,
			want: []string{"pending_approval prod/eu-west-1/a/1 rollout/1/waiting"},
		},
		{
			name: "two regions in the payload", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"prod-eu-west-1","region":"us-east-1","version":"1"}}`,
			want: []string{"pending_approval prod-eu-west-1/us-east-1/a/1 rollout/1/waiting"},
		},
		{
			name: "no region of a cloud", query: "region=us-east-1", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"prod-eu","version":"1"}}`,
			want: []string{"pending_approval prod-eu/us-east-1/a/1 rollout/1/waiting"},
		},
		{
			name: "a region in the hook's environment", query: "env=prod-eu-west-1", body: `{"rollout":{"id":1,"state":"waiting","app":"a","version":"1"}}`,
			want: []string{"pending_approval prod/eu-west-1/a/1 rollout/1/waiting"},
		},
		{
			name: "what the URL says of both stays", query: "env=prod-eu-west-1&region=us-east-1", body: `{"rollout":{"id":1,"state":"waiting","app":"a","version":"1"}}`,
			want: []string{"pending_approval prod-eu-west-1/us-east-1/a/1 rollout/1/waiting"},
		},
		{
			name: "a pattern goes before the hook", query: "region=us-east-1", hook: Hook{Component: "x", Patterns: []string{"{component}.{env}.{region}"}},
			body: `{"rollout":{"id":1,"state":"waiting","target":"shop.prod.north","version":"1"}}`,
			want: []string{"pending_approval prod/north/shop/1 rollout/1/waiting"},
		},
		{
			name: "a pattern", hook: Hook{Patterns: []string{"{component}.{env}.{region}"}},
			body: `{"rollout":{"id":1,"state":"waiting","target":"shop.prod.north","version":"1"}}`,
			want: []string{"pending_approval prod/north/shop/1 rollout/1/waiting"},
		},
		{
			name: "a commit names it", body: `{"rollout":{"id":1,"state":"waiting","app":"a","target":"p","region":"r","sha":"ABCDEF0123456789"}}`,
			want: []string{"pending_approval p/r/a/git-abcdef012345 rollout/1/waiting"},
		},
		{
			name: "a time that is none", body: string(rollout("waiting", `,"expected_at":"soon"`)),
			want: []string{"pending_approval " + key + " rollout/7/waiting"},
		},
		{
			name: "a time that cannot be read", body: strings.Replace(string(rollout("waiting", "")), "2026-03-01 10:00:00 UTC", "yesterday", 1),
			want: []string{`unmapped event.time="yesterday" []`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.header == nil && tc.name != "no rule" {
				tc.header = asRollout
			}
			r := toolRequest(t, tc.header, tc.query, []byte(tc.body))
			r.Hook = tc.hook
			res, err := mapTwice(t, m, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(res); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// TestMapContent looks at one event as a whole.
func TestMapContent(t *testing.T) {
	res, err := shipit(t).Map(toolRequest(t, asRollout, "", rollout("FAILED", `,"tier":3,"error":{"code":"E7"},"note":"no\u0020disk"`)))
	if err != nil || len(res.Events) != 1 {
		t.Fatalf("%q, %v", said(res), err)
	}
	content, err := res.Events[0].Event.Content()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"data":{"actor":"shipit:12","class":"permanent","labels":{"component":"Check Out","tier":"3"},"message":"no disk",` +
		`"native":{"state":"FAILED"},"reason":"said by Shipit","refs":["git:org/app@ABCDEF0123456789"],"status":"failed","version":"2.14.0"},` +
		`"id":"rollout/7/FAILED","source":"/shipit/org/app","specversion":"1.0","subject":"prod/eu-west-1/check-out/2.14.0",` +
		`"time":"2026-03-01T10:00:00Z","type":"dev.telltale.deployment.reported.v1"}`
	if string(content) != want {
		t.Errorf("got  %s\nwant %s", content, want)
	}
}

func TestMapRefuses(t *testing.T) {
	m := shipit(t)
	for name, tc := range map[string]struct {
		body string
		code events.Code
	}{
		"empty":             {"", events.CodeMalformed},
		"a byte-order mark": {"\ufeff{}", events.CodeMalformed},
		"two values":        {"{}{}", events.CodeMalformed},
		"a name twice":      {`{"a":1,"\u0061":2}`, events.CodeMalformed},
		"no UTF-8":          {"{\"a\":\"\xff\"}", events.CodeMalformed},
		"half a surrogate":  {`{"a":"\ud800"}`, events.CodeMalformed},
		"NaN":               {`{"a":NaN}`, events.CodeMalformed},
		"a zero before":     {`{"a":01}`, events.CodeMalformed},
		"too deep":          {strings.Repeat("[", 65) + strings.Repeat("]", 65), events.CodeTooLarge},
		"too many values":   {"[0" + strings.Repeat(",0", 100_000) + "]", events.CodeTooLarge},
	} {
		if _, err := mapTwice(t, m, toolRequest(t, asRollout, "", []byte(tc.body))); events.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	many := `{"env":"p","checks":[` + strings.Repeat(`{},`, maxEach) + `{}]}`
	_, err := m.Map(toolRequest(t, map[string]string{"X-Shipit-Event": "checks"}, "", []byte(many)))
	if events.CodeOf(err) != events.CodeTooLarge {
		t.Errorf("%d things at once: %v", maxEach+1, err)
	}
}

// TestCloudEvents: body is the data of a CloudEvent, ce its attributes, in
// whichever mode it comes.
func TestCloudEvents(t *testing.T) {
	m, err := Read("", []byte(`
apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: ce, version: "1"}
spec:
  summary: CloudEvents
  accept: [json, form]
  rules:
    - name: all
      when: ce.type == "made.up" || body.plain
      event: {id: 'first([ce.id, "plain"])', source: '"/ce"', env: body.env, region: '"r"', component: '"c"', version: '"1"'}
      outcome: deployed
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		header map[string]string
		body   string
		want   string
	}{
		"structured": {map[string]string{"Content-Type": "application/cloudevents+json; charset=utf-8"}, `{"id":"1","type":"made.up","data":{"env":"p"}}`, "deployed p/r/c/1 1"},
		"base64":     {map[string]string{"Content-Type": "application/cloudevents+json"}, `{"id":"1","type":"made.up","data_base64":"eyJlbnYiOiJwIn0="}`, "deployed p/r/c/1 1"},
		"binary":     {map[string]string{"ce-id": "a%20b", "CE-Type": "made.up"}, `{"env":"p"}`, "deployed p/r/c/1 a b"},
		"none":       {nil, `{"env":"p","plain":true}`, "deployed p/r/c/1 plain"},
		"a form":     {map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "payload=%7B%22env%22%3A%22p%22%2C%22plain%22%3Atrue%7D", "deployed p/r/c/1 plain"},
	} {
		res, err := mapTwice(t, m, toolRequest(t, tc.header, "", []byte(tc.body)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := said(res); !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestQuery: a mapping asks for what the hook says of the identity in one way,
// wherever it says it.
func TestQuery(t *testing.T) {
	m, err := Read("", []byte(`
apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: ask, version: "1"}
spec:
  summary: Asks the hook
  rules:
    - name: all
      event:
        id: '"1"'
        source: '"/ask"'
        env: 'first([query("env"), "guess"])'
        region: 'query("region").contains(",") ? "" : first([query("region"), "guess"])'
        component: 'first([query("component"), "guess"])'
        version: 'first([query("version"), "none"])'
      outcome: deployed
`))
	if err != nil {
		t.Fatal(err)
	}
	hook := Hook{Env: "e", Regions: []string{"r"}, Component: "c"}
	for _, tc := range []struct {
		query string
		hook  Hook
		want  []string
	}{
		{"", Hook{}, []string{"deployed guess/guess/guess/none 1"}},
		{"", hook, []string{"deployed e/r/c/none 1"}},
		{"env=x&region=y&component=z&version=2", hook, []string{"deployed x/y/z/2 1"}},
		{"", Hook{Query: map[string][]string{"version": {"3"}}}, []string{"deployed guess/guess/guess/3 1"}},
		{"version=2", Hook{Query: map[string][]string{"version": {"3"}}}, []string{"deployed guess/guess/guess/2 1"}},
		{"env=&component=z", hook, []string{"deployed e/r/z/none 1"}},
		{"", Hook{Regions: []string{"a", "b"}}, []string{"deployed guess/a/guess/none 1@a", "deployed guess/b/guess/none 1@b"}},
	} {
		r := toolRequest(t, nil, tc.query, []byte("{}"))
		r.Hook = tc.hook
		res, err := mapTwice(t, m, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := said(res); !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %q, want %q", tc.query, got, tc.want)
		}
	}
}

// TestCost: what loops over a payload costs no more than its limit, and the
// request is not lost.
func TestCost(t *testing.T) {
	f, err := expr.NewFormulas()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Compile(`body.a.exists(x, body.b.exists(y, x == y))`); err == nil {
		t.Error("a loop within a loop is taken")
	}
	m, err := Read("", []byte(`
apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: cost, version: "1"}
spec:
  summary: A loop
  rules:
    - {name: loop, when: 'body.list.exists(x, x.a == "b" && x.c == "d")', ignore: found}
`))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"list":[` + strings.Repeat(`{"a":"b"},`, 30_000) + `{}]}`
	res, err := mapTwice(t, m, toolRequest(t, nil, "", []byte(body)))
	if err == nil && (len(res.Unmapped) != 1 || !strings.Contains(res.Unmapped[0].Err.Detail, "cost limit exceeded")) {
		t.Errorf("%q", said(res))
	}
	if err != nil && events.CodeOf(err) != events.CodeTooLarge {
		t.Error(err)
	}
}
