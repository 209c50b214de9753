package obs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestWriteProblem(t *testing.T) {
	for _, tc := range []struct {
		code   events.Code
		status int
		header string // one that must be there
	}{
		{events.CodeMalformed, 400, ""},
		{events.CodeTooLarge, 413, ""},
		{events.CodeBadID, 400, ""},
		{events.CodeType, 400, ""},
		{events.CodeSchema, 400, ""},
		{events.CodeClock, 400, ""},
		{events.CodeSource, 400, ""},
		{events.CodeAuth, 401, "WWW-Authenticate"},
		{events.CodeForbidden, 403, ""},
		{events.CodeQuota, 429, "Retry-After"},
		{events.CodeUnmapped, 400, ""},
		{events.CodeConflict, 409, ""},
		{events.CodeNotFound, 404, ""},
		{events.CodeUnavailable, 503, "Retry-After"},
	} {
		w := httptest.NewRecorder()
		WriteProblem(w, events.Errorf(tc.code, "what was wrong").WithHint("what to do"))
		var got problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", tc.code, err)
		}
		want := problem{"about:blank", http.StatusText(tc.status), tc.status, "what was wrong", tc.code, "what to do"}
		if got != want || w.Code != tc.status {
			t.Errorf("%s: status %d, body %+v; want %+v", tc.code, w.Code, got, want)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: Content-Type is %q", tc.code, ct)
		}
		if tc.header != "" && w.Header().Get(tc.header) == "" {
			t.Errorf("%s: no %s header", tc.code, tc.header)
		}
	}
}

func TestWriteProblemKeepsTheCallersRetryAfter(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Retry-After", "60")
	WriteProblem(w, events.Errorf(events.CodeQuota, "over quota"))
	if got := w.Header().Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After is %q, want the caller's 60", got)
	}
}

func TestNotFoundIsAProblem(t *testing.T) {
	w := httptest.NewRecorder()
	NotFound().ServeHTTP(w, httptest.NewRequest("GET", "/nothing", nil))
	if w.Code != 404 || !strings.Contains(w.Body.String(), "E_NOT_FOUND") {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
}

func TestGuardChecksHost(t *testing.T) {
	h := Guard([]string{"Telltale.example.org", "10.0.0.5"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost:8080":            200,
		"LOCALHOST":                 200,
		"127.0.0.1:8080":            200,
		"127.9.9.9":                 200,
		"[::1]:8080":                200,
		"[::1]":                     200,
		"telltale.example.org":      200,
		"telltale.example.org.":     200,
		"TELLTALE.EXAMPLE.ORG:443":  200,
		"10.0.0.5:8080":             200,
		"10.0.0.6:8080":             403,
		"evil.example.org":          403,
		"localhost.evil.org":        403,
		"127.0.0.1.evil.org":        403,
		"telltale.example.org.evil": 403,
		"0.0.0.0":                   403,
		"":                          403,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: answer is %d, want %d", host, w.Code, want)
		}
	}
}

func TestGuardRefusesOtherOrigins(t *testing.T) {
	h := Guard(nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, tc := range []struct {
		name, method, header, value string
		want                        int
	}{
		{"no browser", "POST", "", "", 200},
		{"own page", "POST", "Origin", "http://localhost", 200},
		{"other page, old browser", "POST", "Origin", "http://evil.example.org", 403},
		{"other page", "POST", "Sec-Fetch-Site", "cross-site", 403},
		{"other page reads", "GET", "Sec-Fetch-Site", "cross-site", 200},
	} {
		r := httptest.NewRequest(tc.method, "/v1/events", nil)
		r.Host = "localhost"
		if tc.header != "" {
			r.Header.Set(tc.header, tc.value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s: answer is %d %s, want %d", tc.name, w.Code, w.Body, tc.want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:0": true, "[::1]:1": true, "127.1.2.3:1": true, "[::ffff:127.0.0.1]:1": true,
		":8080": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "example.org:1": false, "127.0.0.1": false, "": false,
	} {
		if got := IsLoopback(addr); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", addr, got, want)
		}
	}
}
