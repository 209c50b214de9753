package ingest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/ingest/signature"
	"github.com/telltale-dev/telltale/pkg/events"
)

// madeUp is the mapping of a tool that nobody has. What more says goes into its
// status table.
func madeUp(t testing.TB, more string) *adapter.Set {
	t.Helper()
	m, err := adapter.Read("made-up.yaml", []byte(`
apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: made-up, version: "1"}
spec:
  summary: A tool that nobody has
  accept: [json, form]
  auth: [github]
  rules:
    - name: hello
      when: header("x-made-up") == "hello"
      ignore: it says hello
    - name: several
      when: size(list(body.jobs)) > 0
      each: body.jobs
      event:
        id: '"job/" + text(item.id) + "/" + text(item.state)'
        source: '"/made-up/" + text(body.project)'
        time: item.at
        env: item.env
        region: item.region
        component: body.project
        version: item.version
      status:
        field: job.state
        value: item.state
        map:
          ok: deployed
          broken: failed
`+more+`
    - name: one
      when: text(body.state) != ""
      event:
        id: '"one/" + text(body.id) + "/" + text(body.state)'
        source: '"/made-up/" + text(body.project)'
        time: body.at
        env: body.env
        region: body.region
        component: body.project
        version: body.version
      status:
        field: state
        value: body.state
        map:
          ok: deployed
          broken: failed
`+more))
	if err != nil {
		t.Fatal(err)
	}
	built, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	return built.With(m)
}

// one returns a message of the made-up tool about one deployment.
func one(id, state string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"state":%q,"project":"checkout","version":"2.14.0","at":"2026-01-02T03:04:05Z","env":"prod","region":"eu-west-1"}`, id, state)
}

// hookAnswer is what came back from the door of the tools.
type hookAnswer struct {
	Status int
	Header http.Header
	Text   string
	hookReceipt
	Code events.Code
}

// hook posts a message of a tool; headers are name, value, name, value.
func (w *world) hook(path string, body []byte, headers ...string) hookAnswer {
	w.Helper()
	return w.ask(http.MethodPost, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

func (w *world) ask(method, path string, body []byte, headers ...string) hookAnswer {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), method, path, bytes.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.in.Handler().ServeHTTP(rec, r)
	a := hookAnswer{Status: rec.Code, Header: rec.Header(), Text: rec.Body.String()}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &a.hookReceipt); err != nil {
			w.Fatalf("answer %d %q: %v", rec.Code, rec.Body, err)
		}
		var problem struct {
			Code events.Code `json:"code"`
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &problem); err != nil {
			w.Fatal(err)
		}
		a.Code = problem.Code
	}
	return a
}

// hooked returns options with the made-up tool and these hooks.
func hooked(t testing.TB, hooks ...Hook) func(*Options) {
	return func(o *Options) { o.Mappings, o.Hooks = madeUp(t, ""), hooks }
}

func TestHook(t *testing.T) {
	w := newWorld(t, hooked(t))
	const jobs = `{"project":"checkout","jobs":[
		{"id":1,"state":"ok","env":"prod","region":"eu-west-1","version":"1","at":"2026-01-02T03:04:05Z"},
		{"id":2,"state":"odd","env":"prod","region":"eu-west-1","version":"2","at":"2026-01-02T03:04:05Z"},
		{"id":3,"state":"ok","env":"prod","version":"3","at":"2026-01-02T03:04:05Z"},
		{"id":4,"state":"ok","env":"prod","region":"eu-west-1","version":"4","at":"1990-01-02T03:04:05Z"}]}`
	form := "payload=" + strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D", ":", "%3A", ",", "%2C").Replace(string(one("f", "ok")))
	for _, tc := range []struct {
		name, path string
		body       []byte
		headers    []string
		want       string // the receipt as accepted, duplicates, ignored, codes
	}{
		{"a new fact", "/v1/hooks/made-up", one("a", "ok"), nil, "1 0 0 []"},
		{"delivered again", "/v1/hooks/made-up/shop?x=1", one("a", "ok"), []string{"X-Delivery", "another"}, "0 1 0 []"},
		{"as a form", "/v1/hooks/made-up", []byte(form), []string{"Content-Type", "application/x-www-form-urlencoded"}, "1 0 0 []"},
		{"a greeting", "/v1/hooks/made-up", []byte(`{}`), []string{"X-Made-Up", "hello"}, "0 0 1 []"},
		{"about nothing", "/v1/hooks/made-up", []byte(`{"other":1}`), nil, "0 0 1 []"},
		{"a value that nobody knows", "/v1/hooks/made-up", one("b", "weird"), nil, "0 0 0 [E_UNMAPPED]"},
		{"no region", "/v1/hooks/made-up", bytes.Replace(one("c", "ok"), []byte("eu-west-1"), nil, 1), nil, "0 0 0 [E_UNMAPPED]"},
		{"the region in the URL", "/v1/hooks/made-up?region=eu-west-1,us-east-1", bytes.Replace(one("c", "ok"), []byte("eu-west-1"), nil, 1), nil, "2 0 0 []"},
		{"in part", "/v1/hooks/made-up", []byte(jobs), nil, "1 0 0 [E_UNMAPPED E_UNMAPPED E_CLOCK]"},
		{"no JSON", "/v1/hooks/made-up", []byte("state=ok"), nil, "0 0 0 [E_MALFORMED]"},
		{"nothing", "/v1/hooks/made-up", nil, nil, "0 0 0 [E_MALFORMED]"},
		{"duplicate keys", "/v1/hooks/made-up", []byte(`{"state":"ok","state":"broken"}`), nil, "0 0 0 [E_MALFORMED]"},
	} {
		before := len(w.quarantine(0))
		a := w.hook(tc.path, tc.body, tc.headers...)
		codes := []string{}
		for _, q := range a.Quarantined {
			codes = append(codes, string(q.Code))
		}
		if got := fmt.Sprintf("%d %d %d %v", a.Accepted, a.Duplicates, a.Ignored, codes); a.Status != http.StatusAccepted || got != tc.want {
			t.Errorf("%s: %d %s, want %s", tc.name, a.Status, a.Text, tc.want)
		}
		kept := w.quarantine(0)[before:]
		if want := min(len(codes), 1); len(kept) != want {
			t.Errorf("%s: %d entries in quarantine, want %d", tc.name, len(kept), want)
			continue
		}
		if len(kept) == 1 && (!bytes.Equal(kept[0].Raw, tc.body) || kept[0].Subject != tc.path || kept[0].Tool != "made-up" ||
			kept[0].Seq != a.Quarantined[0].Seq || len(kept[0].Faults) != len(codes) || kept[0].Taken != a.Accepted) {
			t.Errorf("%s: quarantined %+v", tc.name, kept[0])
		}
	}
	if q := w.quarantine(0)[0]; q.Stage != "map" || q.Faults[0].Field != "state" || q.Faults[0].Value != "weird" || q.Faults[0].Rule != "one" {
		t.Errorf("the first entry: %+v", q)
	}
	for _, e := range w.stored() {
		if e.Emitter != access.Local {
			t.Errorf("emitter %s", e.Emitter)
		}
	}
}

func TestHookTurnsAway(t *testing.T) {
	w := newWorld(t, hooked(t))
	for name, tc := range map[string]struct {
		path    string
		body    []byte
		headers []string
		status  int
		code    events.Code
	}{
		"no such tool": {"/v1/hooks/nothing", one("a", "ok"), nil, 404, events.CodeNotFound},
		"compressed":   {"/v1/hooks/made-up", one("a", "ok"), []string{"Content-Encoding", "gzip"}, 415, events.CodeMalformed},
		"too large":    {"/v1/hooks/made-up", make([]byte, 1<<20+1), nil, 413, events.CodeTooLarge},
	} {
		if a := w.hook(tc.path, tc.body, tc.headers...); a.Status != tc.status || a.Code != tc.code {
			t.Errorf("%s: %d %s", name, a.Status, a.Text)
		}
	}
	if n := len(w.quarantine(0)); n != 0 {
		t.Errorf("%d entries of what was turned away", n)
	}
	largest := append(one("a", "ok"), bytes.Repeat([]byte{0xff}, 1<<20-len(one("a", "ok")))...)
	a := w.hook("/v1/hooks/made-up", largest)
	if a.Status != http.StatusAccepted || len(a.Quarantined) != 1 {
		t.Fatalf("the largest body: %d %s", a.Status, a.Text)
	}
	if e, err := w.in.quarantines[doorHook].Get(t.Context(), a.Quarantined[0].Seq); err != nil || !bytes.Equal(e.Raw, largest) {
		t.Errorf("of the largest body %d bytes are kept, %v", len(e.Raw), err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if a := w.hook("/v1/hooks/made-up", one("b", "ok")); a.Status != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d", a.Status)
	}
}

func TestHandshake(t *testing.T) {
	w := newWorld(t, hooked(t))
	a := w.ask(http.MethodOptions, "/v1/hooks/made-up/shop", nil, "WebHook-Request-Origin", "events.example.org", "WebHook-Request-Rate", "120")
	if a.Status != http.StatusOK || a.Header.Get("WebHook-Allowed-Origin") != "events.example.org" || a.Header.Get("WebHook-Allowed-Rate") != "120" || !strings.Contains(a.Header.Get("Allow"), "POST") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	a = w.ask(http.MethodOptions, "/v1/hooks/made-up", nil, "WebHook-Request-Origin", "events.example.org", "WebHook-Request-Rate", "many")
	if a.Header.Get("WebHook-Allowed-Rate") != "*" {
		t.Errorf("rate %q", a.Header.Get("WebHook-Allowed-Rate"))
	}
	if a := w.ask(http.MethodOptions, "/v1/hooks/nothing", nil); a.Status != http.StatusNotFound {
		t.Errorf("a hook that there is not: %d", a.Status)
	}
}

// TestAuthenticHooks walks a secret through its rotation, beside callers with
// tokens, in the configurations that there can be.
func TestAuthenticHooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	doc := fmt.Sprintf("tokens:\n- {name: ci, sha256: %x, roles: [emit], envs: [stage]}\n- {name: viewer, sha256: %x, roles: [view]}\n",
		sha256.Sum256([]byte("ci-token")), sha256.Sum256([]byte("view-token")))
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	auth, err := access.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) {
		hooked(t,
			Hook{Hook: adapter.Hook{Tool: "made-up", Name: "shop"}, Secrets: []string{"made-up old", "made-up new"}},
			Hook{Hook: adapter.Hook{Tool: "made-up", Name: "narrow"}, Scheme: signature.Bearer, Secrets: []string{"made-up token"}, Components: []string{"payments*"}},
		)(o)
		o.Auth = auth
	})
	sign := func(secret string, body []byte) []string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return []string{"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(mac.Sum(nil))}
	}
	body := one("a", "ok")
	for _, tc := range []struct {
		name, path string
		headers    []string
		status     int
		code       events.Code
	}{
		{"new secret", "/v1/hooks/made-up/shop", sign("made-up new", body), 202, ""},
		{"old secret", "/v1/hooks/made-up/shop", sign("made-up old", body), 202, ""},
		{"another secret", "/v1/hooks/made-up/shop", sign("made-up other", body), 401, events.CodeAuth},
		{"another body", "/v1/hooks/made-up/shop", sign("made-up new", []byte("x")), 401, events.CodeAuth},
		{"no signature", "/v1/hooks/made-up/shop", nil, 401, events.CodeAuth},
		{"a token is no signature", "/v1/hooks/made-up/shop", []string{"Authorization", "Bearer ci-token"}, 401, events.CodeAuth},
		{"a signature is no token", "/v1/hooks/made-up", sign("made-up new", body), 401, events.CodeAuth},
		{"a name that nobody configured", "/v1/hooks/made-up/other", sign("made-up new", body), 401, events.CodeAuth},
		{"a token that may not send", "/v1/hooks/made-up", []string{"Authorization", "Bearer view-token"}, 403, events.CodeForbidden},
		{"a token for another environment", "/v1/hooks/made-up", []string{"Authorization", "Bearer ci-token"}, 202, events.CodeForbidden},
		{"a hook for other components", "/v1/hooks/made-up/narrow", []string{"Authorization", "Bearer made-up token"}, 202, events.CodeForbidden},
	} {
		a := w.hook(tc.path, body, tc.headers...)
		code := a.Code
		if len(a.Quarantined) > 0 {
			code = a.Quarantined[0].Code
		}
		if a.Status != tc.status || code != tc.code {
			t.Errorf("%s: %d %s", tc.name, a.Status, a.Text)
		}
		if strings.Contains(a.Text, "made-up n") || strings.Contains(a.Text, "made-up o") {
			t.Errorf("%s: %s shows a secret", tc.name, a.Text)
		}
	}
	if s := w.stored(); len(s) != 1 || s[0].Emitter != "hook-shop" {
		t.Errorf("stored %v", s)
	}
	var from []string
	for _, q := range w.quarantine(0) {
		from = append(from, q.From)
		for name := range q.Headers {
			if isCredential(strings.ToLower(name)) {
				t.Errorf("the header %s is kept", name)
			}
		}
	}
	if !slices.Equal(from, []string{"ci", "hook-narrow"}) {
		t.Errorf("quarantined from %v", from)
	}
}

func TestCredentialsAreNotKept(t *testing.T) {
	w := newWorld(t, hooked(t))
	w.hook("/v1/hooks/made-up?region=eu&token=s3cret&api_key=s3cret&sig=s3cret", one("a", "weird"),
		"Authorization", "Basic s3cret", "Cookie", "s3cret", "X-Gitlab-Token", "s3cret", "X-Hub-Signature-256", "s3cret",
		"X-Api-Key", "s3cret", "Proxy-Authorization", "s3cret", "X-Made-Up", "kept", "X-GitHub-Event", "kept")
	q := w.quarantine(0)
	if len(q) != 1 || q[0].Subject != "/v1/hooks/made-up?region=eu" {
		t.Fatalf("quarantined %+v", q)
	}
	text := fmt.Sprint(q[0].Headers)
	if strings.Contains(text, "s3cret") || strings.Count(text, "kept") != 2 {
		t.Errorf("headers %s", text)
	}
}

// TestToolsEventsAtTheDoorForEvents sends what a tool says as CloudEvents to the
// door for events: it goes the way of the tool's hook.
func TestToolsEventsAtTheDoorForEvents(t *testing.T) {
	w := newWorld(t, nil)
	deployed := func(id, env string) []byte {
		typ := "dev.cdevents.service.deployed.0.2.0"
		content := fmt.Sprintf(`{"environment":{"id":%q},"artifactId":"pkg:oci/checkout@sha256%%3a%064d?repository_url=registry.example.org&tag=2.14.0"}`, env, 7)
		data := fmt.Sprintf(`{"context":{"specversion":"0.5.0","id":%q,"source":"/made-up","type":%q,"timestamp":"2026-01-02T03:04:05Z"},"subject":{"id":"checkout","content":%s}}`, id, typ, content)
		return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/made-up","type":%q,"subject":"checkout","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json","data":%s}`, id, typ, data)
	}
	custom := []byte(`{"specversion":"1.0","id":"c","source":"/made-up","type":"dev.cdeventsx.mytool-resource.created.0.1.0","subject":"a/b/c","data":{"x":1}}`)
	if a := w.post("/v1/events", deployed("one", "prod-eu-west-1")); a.Status != http.StatusAccepted || a.Accepted != 1 {
		t.Errorf("one: %d %s", a.Status, a.Text)
	}
	if a := w.hook("/v1/hooks/cdevents", deployed("one", "prod-eu-west-1"), "Content-Type", contentTypeEvent); a.Duplicates != 1 {
		t.Errorf("the same at the hook: %d %s", a.Status, a.Text)
	}
	if a := w.post("/v1/events", deployed("nowhere", "")); a.Status != http.StatusBadRequest || a.Code != events.CodeUnmapped {
		t.Errorf("without an environment: %d %s", a.Status, a.Text)
	}
	if a := w.post("/v1/events", custom); a.Accepted != 1 {
		t.Errorf("custom: %d %s", a.Status, a.Text)
	}
	if a := w.hook("/v1/hooks/cdevents", custom, "Content-Type", contentTypeEvent); a.Duplicates != 1 {
		t.Errorf("custom at the hook: %d %s", a.Status, a.Text)
	}
	bare := []byte(`{"context":{"specversion":"0.5.0","id":"d","source":"/made-up","type":"dev.cdeventsx.mytool-resource.created.0.1.0","timestamp":"2026-01-02T03:04:05Z"},"subject":{"id":"x","content":{}}}`)
	if a := w.hook("/v1/hooks/cdevents", bare); a.Accepted != 1 {
		t.Errorf("custom and bare: %d %s", a.Status, a.Text)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, deployed("two", "prod-eu-west-1"))
	w.rawEmpty()
	a := w.post("/v1/events", batch(deployed("two", "prod-eu-west-1"), event("ours"), deployed("bad", "")), "Content-Type", typeBatch)
	if a.Accepted != 1 || a.Duplicates != 1 || len(a.Quarantined) != 1 || a.Quarantined[0].Index != 2 || a.Quarantined[0].Code != events.CodeUnmapped {
		t.Errorf("in a batch: %d %s", a.Status, a.Text)
	}
	var types []string
	for _, e := range w.stored() {
		types = append(types, e.Type)
	}
	want := []string{events.TypeReported, "dev.cdeventsx.mytool-resource.created.0.1.0", "dev.cdeventsx.mytool-resource.created.0.1.0", events.TypeReported, events.TypeReported}
	if !slices.Equal(types, want) {
		t.Errorf("stored %v, want %v", types, want)
	}
}

// TestMappingsReadAnew: other mappings hold from the next request on, at every
// door; those that a hook cannot be used with change nothing.
func TestMappingsReadAnew(t *testing.T) {
	w := newWorld(t, hooked(t, Hook{Hook: adapter.Hook{Tool: "made-up", Name: "shop"}}))
	weird := one("1", "weird")
	a := w.hook("/v1/hooks/made-up/shop", weird)
	if len(a.Quarantined) != 1 || a.Quarantined[0].Field != "state" || a.Quarantined[0].Value != "weird" {
		t.Fatalf("before: %s", a.Text)
	}
	built, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.in.SetMappings(built); err == nil || !strings.Contains(err.Error(), "made-up/shop") {
		t.Errorf("the tool of a hook is gone: %v", err)
	}
	if a := w.hook("/v1/hooks/made-up/shop", one("2", "ok")); a.Accepted != 1 {
		t.Errorf("what was refused changed something: %s", a.Text)
	}
	if err := w.in.SetMappings(madeUp(t, "          weird: failed\n")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/hooks/made-up/shop", "/v1/hooks/made-up", "/v1/hooks/made-up/unheard-of"} {
		if a := w.hook(path, weird); a.Accepted+a.Duplicates != 1 {
			t.Errorf("%s after: %s", path, a.Text)
		}
	}
	replayed := w.ask(http.MethodPost, fmt.Sprintf("/v1/quarantine/%d/replay", a.Quarantined[0].Seq), nil)
	if replayed.Duplicates != 1 {
		t.Errorf("replayed: %s", replayed.Text)
	}
}

// TestWhatHelps: what could not be used says to the sender, too, what would help.
func TestWhatHelps(t *testing.T) {
	w := newWorld(t, hooked(t))
	a := w.hook("/v1/hooks/made-up", bytes.Replace(one("1", "ok"), []byte(`"region":"eu-west-1"`), []byte(`"region":null`), 1))
	if len(a.Quarantined) != 1 || !slices.Equal(a.Quarantined[0].Missing, []string{"region"}) || !strings.Contains(a.Quarantined[0].Hint, "?region=") {
		t.Errorf("%s", a.Text)
	}
}

// TestSignedRequestSentAgain: within five minutes it says what is known already,
// after them it is refused, and with another URL it stays within the hook's bounds.
func TestSignedRequestSentAgain(t *testing.T) {
	var ahead atomic.Int64 // of the clock, in nanoseconds
	w := newWorld(t, func(o *Options) {
		hooked(t, Hook{
			Hook: adapter.Hook{Tool: "made-up", Name: "shop"}, Scheme: signature.StandardWebhooks,
			Secrets: []string{"whsec_bWFkZS11cC1zZWNyZXQtb2YtMjQtYnl0ZXMh"}, Envs: []string{"prod"},
		})(o)
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	body := bytes.Replace(one("1", "ok"), []byte(`"env":"prod"`), []byte(`"env":null`), 1)
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("made-up-secret-of-24-bytes!"))
	fmt.Fprintf(mac, "msg_1.%s.%s", at, body)
	headers := []string{
		"Webhook-Id", "msg_1", "Webhook-Timestamp", at,
		"Webhook-Signature", "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}
	for i, want := range []string{"1 0", "0 1"} {
		a := w.hook("/v1/hooks/made-up/shop?env=prod", body, headers...)
		if got := fmt.Sprintf("%d %d", a.Accepted, a.Duplicates); a.Status != 202 || got != want {
			t.Errorf("%d: %d %s", i+1, a.Status, a.Text)
		}
	}
	if a := w.hook("/v1/hooks/made-up/shop?env=stage", body, headers...); len(a.Quarantined) != 1 || a.Quarantined[0].Code != events.CodeForbidden {
		t.Errorf("for another environment: %d %s", a.Status, a.Text)
	}
	ahead.Store(int64(6 * time.Minute))
	if a := w.hook("/v1/hooks/made-up/shop?env=prod", body, headers...); a.Status != http.StatusUnauthorized {
		t.Errorf("after six minutes: %d %s", a.Status, a.Text)
	}
	if n := len(w.stored()); n != 1 {
		t.Errorf("%d events stored", n)
	}
}
