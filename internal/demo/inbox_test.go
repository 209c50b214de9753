package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestInboxBelievesWhatIsSigned signs with the reference library.
func TestInboxBelievesWhatIsSigned(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	const body = `{"id":"msg_1","data":{"alert":"al_1","status":"firing","title":"checkout failed","text":"why"}}`
	for _, tt := range []struct {
		name     string
		at       time.Time
		body     string // "": the one that was signed
		change   func(http.Header)
		believed bool
	}{
		{name: "as it was signed", at: now, believed: true},
		{name: "a little late", at: now.Add(-4 * time.Minute), believed: true},
		{name: "a second signature beside it", at: now, believed: true, change: func(h http.Header) {
			h.Set("webhook-signature", "v1,AAAA v2,BBBB "+h.Get("webhook-signature"))
		}},
		{name: "too old", at: now.Add(-6 * time.Minute)},
		{name: "from tomorrow", at: now.Add(24 * time.Hour)},
		{name: "another body", at: now, body: strings.Replace(body, "failed", "is well", 1)},
		{name: "another id", at: now, change: func(h http.Header) { h.Set("webhook-id", "msg_2") }},
		{name: "another time", at: now, change: func(h http.Header) {
			h.Set("webhook-timestamp", fmt.Sprint(now.Unix()+1))
		}},
		{name: "no signature", at: now, change: func(h http.Header) { h.Del("webhook-signature") }},
		{name: "no id", at: now, change: func(h http.Header) { h.Del("webhook-id") }},
		{name: "no time", at: now, change: func(h http.Header) { h.Del("webhook-timestamp") }},
		{name: "signed, but too long", at: now, body: body + strings.Repeat(" ", maxMessage)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInbox(func() time.Time { return now })
			signer, err := standard.NewWebhook(in.secret)
			if err != nil {
				t.Fatal(err)
			}
			signature, err := signer.Sign("msg_1", tt.at, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.body == "" {
				tt.body = body
			}
			r := httptest.NewRequest(http.MethodPost, "/messages", strings.NewReader(tt.body))
			r.Header.Set("webhook-id", "msg_1")
			r.Header.Set("webhook-timestamp", fmt.Sprint(tt.at.Unix()))
			r.Header.Set("webhook-signature", signature)
			if tt.change != nil {
				tt.change(r.Header)
			}
			w := httptest.NewRecorder()
			in.ServeHTTP(w, r)

			m, err := in.with(firing)
			if believed := err == nil && w.Code == http.StatusNoContent; believed != tt.believed {
				t.Errorf("answered %d, kept %+v (%v)", w.Code, in.received(), err)
			}
			if tt.believed && m.title != "checkout failed" {
				t.Errorf("it says %+v", m)
			}
			if !tt.believed {
				for _, m := range in.received() {
					if m.fault == nil {
						t.Errorf("it is kept without a fault: %+v", m)
					}
				}
			}
		})
	}
}

func TestMetricsAreSummed(t *testing.T) {
	got, err := parseMetrics([]byte("# HELP a b c\n# TYPE a counter\na{x=\"1 2\"} 2\na{x=\"3\"} 3\nb 1.5e+3\n"))
	if err != nil || got["a"] != 5 || got["b"] != 1500 || len(got) != 2 {
		t.Errorf("parsed %v (%v)", got, err)
	}
	if _, err := parseMetrics([]byte("a much\n")); err == nil {
		t.Error("a value that is no number passes")
	}
}
