package obs

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
)

func ask(t *testing.T, h http.Handler) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Code, w.Body.String()
}

func wantReport(t *testing.T, h *Health, status int, body string) {
	t.Helper()
	gotStatus, gotBody := ask(t, h.Ready())
	if gotStatus != status || gotBody != body {
		t.Errorf("ready answers %d %q, want %d %q", gotStatus, gotBody, status, body)
	}
}

func TestReadyNamesEveryCheck(t *testing.T) {
	var h Health
	wantReport(t, &h, 200, "ready\n")

	var broken error
	h.Register("store", func(context.Context) error { return nil })
	h.Register("nats", func(context.Context) error { return broken })
	wantReport(t, &h, 200, "[+] nats\n[+] store\nready\n")

	broken = errors.New("not connected")
	wantReport(t, &h, 503, "[-] nats: not connected\n[+] store\nnot ready\n")

	h.Register("nats", func(context.Context) error { return nil })
	wantReport(t, &h, 200, "[+] nats\n[+] store\nready\n")
}

func TestDrainingIsUnreadyButAlive(t *testing.T) {
	var h Health
	h.Register("store", func(context.Context) error { return nil })
	h.Drain()
	wantReport(t, &h, 503, "[+] store\ndraining\n")
	if status, _ := ask(t, h.Live()); status != 200 {
		t.Errorf("a draining process answers /livez with %d, want 200", status)
	}
}

func TestSlowCheckIsNamedNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		h.Register("fast", func(context.Context) error { return nil })
		h.Register("stuck", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		wantReport(t, &h, 503, "[+] fast\n[-] stuck: no answer in time\nnot ready\n")
	})
}
