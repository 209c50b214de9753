package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/schema"
	"github.com/telltale-dev/telltale/pkg/events"
)

func tokens(t *testing.T, list string) *access.Auth {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	for _, name := range []string{"ci", "hist", "viewer", "oncall"} {
		sum := sha256.Sum256([]byte(name))
		list = strings.ReplaceAll(list, "$"+name, "name: "+name+", sha256: "+hex.EncodeToString(sum[:]))
	}
	if err := os.WriteFile(path, []byte("tokens:\n"+list), 0o600); err != nil {
		t.Fatal(err)
	}
	auth, err := access.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

func TestRightsAtBothDoors(t *testing.T) {
	auth := tokens(t, `
- {$ci, roles: [emit], envs: [prod], components: ["check*"]}
- {$hist, roles: [emit, import]}
- {$viewer, roles: [view]}
- {$oncall, roles: [operate]}
`)
	w := newWorld(t, func(o *Options) { o.Auth = auth })
	override := event("override", "type", `"dev.telltale.deployment.overridden.v1"`,
		"data", `{"status":"deployed","reason":"seen","actor":"user:1"}`)
	for _, tc := range []struct {
		name, token, path string
		body              []byte
		code              events.Code
		raw               bool // TT_RAW answers alike, and keeps what it refuses
	}{
		{"no token", "", "", event("1"), events.CodeAuth, false},
		{"wrong token", "nobody", "", event("2"), events.CodeAuth, false},
		{"allowed", "ci", "", event("3"), "", true},
		{"other env", "ci", "", event("4", "subject", `"dev/eu-west-1/checkout/1"`), events.CodeForbidden, true},
		{"other component", "ci", "", event("5", "subject", `"prod/eu-west-1/search/1"`), events.CodeForbidden, true},
		{"whole env", "ci", "", event("6", "type", `"dev.telltale.release.declared.v1"`, "subject", `"prod/r1"`,
			"data", `{"members":[{"region":"eu-west-1","component":"checkout"}]}`), events.CodeForbidden, true},
		{"emit is not operate", "ci", "", override, events.CodeForbidden, true},
		{"operate", "oncall", "", override, "", true},
		{"operate is not emit", "oncall", "", event("7"), events.CodeForbidden, true},
		{"view only", "viewer", "", event("8"), events.CodeForbidden, false},
		{"import without the role", "ci", "?import=true", event("9"), events.CodeForbidden, false},
	} {
		after := len(w.quarantine(0))
		headers := []string{}
		if tc.token != "" {
			headers = []string{"Authorization", "Bearer " + tc.token}
		}
		a := w.post("/v1/events"+tc.path, tc.body, headers...)
		if a.Code != tc.code || (a.Status == http.StatusAccepted) != (tc.code == "") || a.Status >= 500 {
			t.Errorf("%s: answer %d %s, want %q", tc.name, a.Status, a.Text, tc.code)
		}
		want := 0
		if tc.raw {
			w.publishRaw("tt.v1.raw."+tc.token, nil, tc.body)
			w.rawEmpty()
			if tc.code != "" {
				want = 2
			}
		}
		if q := w.quarantine(0)[after:]; len(q) != want {
			t.Errorf("%s: %d quarantined, want %d: %+v", tc.name, len(q), want, q)
		}
	}
	w.publishRaw("tt.v1.raw.stranger", nil, event("10"))
	w.rawEmpty()
	if q := w.quarantine(0); q[len(q)-1].Code != events.CodeForbidden || q[len(q)-1].From != "stranger" {
		t.Errorf("an emitter that nobody named: %+v", q[len(q)-1])
	}
}

func TestImportKeepsTheStampsOfThatTime(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Auth = tokens(t, `- {$hist, roles: [emit, import]}`) })
	bearer := []string{"Authorization", "Bearer hist"}
	stamps := []string{"recordedtime", `"2026-01-02T03:04:06.000000007Z"`, "recorder", `"old-rec"`, "emitter", `"old-em"`}
	tick := event("tick", append([]string{
		"type", `"dev.telltale.tick.v1"`, "subject", `"old-rec"`, "data", `{"regions":["eu-west-1"]}`,
	}, stamps...)...)
	for _, body := range [][]byte{
		event("kept", stamps...),
		tick,
		event("future", "recordedtime", fmt9999),
		event("bare"),
	} {
		if a := w.post("/v1/events?import=true", body, bearer...); a.Accepted != 1 && a.Code != events.CodeClock {
			t.Errorf("%s: %d %s", body, a.Status, a.Text)
		}
	}
	if a := w.post("/v1/events", event("not kept", stamps...), bearer...); a.Accepted != 1 {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	got := map[string]stored{}
	for _, s := range w.stored() {
		got[s.ID] = s
	}
	old := time.Date(2026, 1, 2, 3, 4, 6, 7, time.UTC)
	for id, want := range map[string]struct {
		kept     bool
		recorder string
	}{"kept": {true, "old-rec"}, "tick": {true, "old-rec"}, "bare": {false, "rec-1"}, "not kept": {false, "rec-1"}} {
		e, ok := got[id]
		if !ok || e.RecordedTime.Equal(old) != want.kept || e.Recorder != want.recorder || e.Emitter != "hist" {
			t.Errorf("%s: there %t, %+v", id, ok, e.Event)
		}
	}
	if s := got["tick"].RawStreamMsg.Subject; s != "tt.v1.ticks.old-rec" {
		t.Errorf("tick on %s", s)
	}
}

// fmt9999 is a time that no clock of ours will show.
const fmt9999 = `"9999-01-01T00:00:00Z"`

func TestQuotas(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *Options) {
		o.Clock = func() time.Time { return now } // no bucket fills again
		o.Limits = Limits{EventsPerSecond: 1, EventsBurst: 6, QuarantinePerSecond: 1e-6, BatchEvents: 2}
	})
	bad := func(id string) []byte { return event(id, "subject", `"x"`) }
	two := batch(event("1"), event("2"))
	for i, tc := range []struct {
		body   []byte
		kind   string
		status int
	}{
		{two, typeBatch, 202},
		{bad("a"), contentTypeEvent, 400},
		{bad("b"), contentTypeEvent, 400},
		{bad("c"), contentTypeEvent, 429},   // quarantine holds two of this sender
		{two, typeBatch, 429},               // one is left of six
		{event("3"), contentTypeEvent, 202}, // and is taken
		{event("4"), contentTypeEvent, 429},
	} {
		a := w.post("/v1/events", tc.body, "Content-Type", tc.kind)
		if a.Status != tc.status || (a.Status == 429) != (a.Code == events.CodeQuota && a.RetryAfter != "") {
			t.Errorf("request %d: %d %s, want %d", i, a.Status, a.Text, tc.status)
		}
	}
	if s, q := len(w.stored()), len(w.quarantine(0)); s != 3 || q != 2 {
		t.Errorf("%d stored, %d quarantined", s, q)
	}
}

func TestExpectedDigest(t *testing.T) {
	override := func(id, digest string) []byte {
		return event(id, "type", `"dev.telltale.deployment.overridden.v1"`,
			"data", `{"status":"deployed","reason":"seen","actor":"user:1","expected_digest":"`+digest+`"}`)
	}
	w := newWorld(t, func(o *Options) {
		o.Digest = func(k events.Key) (string, bool) { return "sha256:aa", k.Deployment == "2.14.0" }
	})
	if a := w.post("/v1/events", override("1", "sha256:aa")); a.Status != http.StatusAccepted {
		t.Errorf("as it is: %d %s", a.Status, a.Text)
	}
	if a := w.post("/v1/events", override("2", "sha256:bb")); a.Status != http.StatusConflict || a.Code != events.CodeConflict {
		t.Errorf("moved on: %d %s", a.Status, a.Text)
	}
	w.in.pipeline.digest = nil
	if a := w.post("/v1/events", override("3", "sha256:aa")); a.Status != http.StatusServiceUnavailable || a.Code != events.CodeUnavailable {
		t.Errorf("unknown here: %d %s", a.Status, a.Text)
	}
	if q := w.quarantine(0); len(q) != 0 {
		t.Errorf("quarantined %+v, although the sender knows", q)
	}
	// Nobody waits for an answer at TT_RAW: there it is kept.
	w.publishRaw("tt.v1.raw.em-a", nil, override("4", "sha256:aa"))
	w.rawEmpty()
	if q := w.quarantine(0); len(q) != 1 || q[0].Code != events.CodeUnavailable {
		t.Errorf("quarantined %+v", q)
	}
}

func TestRegisteredTypes(t *testing.T) {
	set, err := schema.Compile(map[string][]byte{
		"com.example.built.v1": []byte(`{"type":"object","required":["ok"],"properties":{"ok":{"type":"boolean"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) { o.Custom = set })
	typ := []string{"type", `"com.example.built.v1"`, "data"}
	for id, tc := range map[string]struct {
		members []string
		code    events.Code
	}{
		"fits":         {append(typ, `{"ok":true}`), ""},
		"does not fit": {append(typ, `{"ok":1}`), events.CodeSchema},
		"other type":   {[]string{"type", `"com.example.other.v1"`}, events.CodeType},
		"ours":         {nil, ""},
		"ours, broken": {[]string{"data", `{}`}, events.CodeSchema},
	} {
		if a := w.post("/v1/events", event(id, tc.members...)); a.Code != tc.code || (tc.code == "") != (a.Accepted == 1) {
			t.Errorf("%s: %d %s, want %q", id, a.Status, a.Text, tc.code)
		}
	}
}
