// Package receivertest is the suite that every kind of receiver passes. It
// plays the endpoint as a real HTTP server on loopback; tests only.
package receivertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// Setup says how to make the receiver under test.
type Setup struct {
	// New returns a receiver for the endpoint at url, which is on loopback,
	// with the given timeout.
	New func(t *testing.T, url string, timeout time.Duration) receiver.Receiver

	// Secrets are texts that nothing may show, beside the endpoint's address.
	Secrets []string

	// Accept plays an endpoint that says by more than its status that it has the
	// message; its answer to any request of a delivery. Nil: any 2xx says so.
	Accept http.HandlerFunc

	// Doubts5xx: the endpoint may have acted before it answers 5xx, so the
	// receiver counts that as ambiguous.
	Doubts5xx bool
}

// patience is the timeout of all cases but those that wait for it.
const patience = 10 * time.Second

// Message returns a message as a notifier would write it.
func Message() receiver.Message {
	began := time.Date(2026, 11, 20, 10, 5, 0, 0, time.UTC)
	return receiver.Message{
		Alert:    "al_0123456789abcdef",
		Status:   receiver.StatusFiring,
		Severity: "warning",
		Title:    "checkout 2.14.0 failed in prod/eu-west-1",
		Text:     "Since 2026-11-20 10:05:00 UTC, said by /github/org/app.",
		Since:    began,
		At:       began,
		Labels:   map[string]string{"env": "prod", "component": "checkout"},
	}
}

// Call returns a first call with that message.
func Call() receiver.Call { return receiver.Call{ID: "nt_1", Message: Message()} }

// Run holds the receiver to the rules that delivery relies on.
func Run(t *testing.T, setup Setup) {
	t.Run("answers", func(t *testing.T) { answers(t, setup) })
	t.Run("redirect is not followed", func(t *testing.T) { redirect(t, setup) })
	t.Run("no answer", func(t *testing.T) { noAnswer(t, setup) })
	t.Run("refused connection", func(t *testing.T) { refused(t, setup) })
	t.Run("hostile answers", func(t *testing.T) { hostile(t, setup) })
	t.Run("repeat is the same", func(t *testing.T) { repeat(t, setup) })
	t.Run("ended context", func(t *testing.T) { ended(t, setup) })
}

func answers(t *testing.T, setup Setup) {
	cases := []struct {
		status     int
		retryAfter string
		class      receiver.Class
		gone       bool
		wait       time.Duration
	}{
		{status: 200, class: receiver.Delivered},
		{status: 202, class: receiver.Delivered},
		{status: 204, class: receiver.Delivered},
		{status: 400, class: receiver.Permanent},
		{status: 401, class: receiver.Permanent},
		{status: 404, class: receiver.Permanent},
		{status: 408, class: receiver.Transient},
		{status: 410, class: receiver.Permanent, gone: true},
		{status: 429, class: receiver.Transient},
		{status: 429, retryAfter: "120", class: receiver.Transient, wait: 2 * time.Minute},
		{status: 429, retryAfter: "soon", class: receiver.Transient},
		{status: 500, class: receiver.Transient},
		{status: 502, class: receiver.Transient},
		{status: 503, retryAfter: "7", class: receiver.Transient, wait: 7 * time.Second},
		{status: 503, retryAfter: "Mon, 02 Jan 2006 15:04:05 GMT", class: receiver.Transient},
	}
	if setup.Accept != nil {
		if got := send(t, setup, serve(t, setup.Accept), patience); got.Class != receiver.Delivered {
			t.Errorf("the endpoint's own answer counts as %+v", got)
		}
	}
	for _, c := range cases {
		if setup.Doubts5xx && c.status >= 500 {
			c.class = receiver.Ambiguous
		}
		t.Run(fmt.Sprintf("%d %s", c.status, c.retryAfter), func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(c.status)
			})
			got := send(t, setup, url, patience)
			if setup.Accept != nil && c.class == receiver.Delivered {
				if got.Class == receiver.Delivered {
					t.Errorf("an empty answer counts as %+v", got)
				}
				return
			}
			if got.Class != c.class || got.Gone != c.gone || got.RetryAfter != c.wait || got.Status != c.status {
				t.Errorf("got %+v, want class %s, gone %t, wait %s", got, c.class, c.gone, c.wait)
			}
		})
	}
}

func redirect(t *testing.T, setup Setup) {
	inside := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", inside)
			w.WriteHeader(status)
		})
		if got := send(t, setup, url, patience); got.Class == receiver.Delivered || got.Gone {
			t.Errorf("%d counts as %+v", status, got)
		}
	}
}

func noAnswer(t *testing.T, setup Setup) {
	release := make(chan struct{})
	hang := serve(t, func(w http.ResponseWriter, r *http.Request) {
		read(t, r)
		<-release
	})
	if got := send(t, setup, hang, 50*time.Millisecond); got.Class != receiver.Ambiguous {
		t.Errorf("a call that timed out counts as %+v", got)
	}
	close(release)
	cut := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		read(t, r)
		panic(http.ErrAbortHandler)
	})
	if got := send(t, setup, cut, patience); got.Class != receiver.Ambiguous {
		t.Errorf("a call that was cut off counts as %+v", got)
	}
}

func refused(t *testing.T, setup Setup) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	if got := send(t, setup, url, patience); got.Class != receiver.Transient {
		t.Errorf("a call that reached nobody counts as %+v", got)
	}
}

func hostile(t *testing.T, setup Setup) {
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		line := []byte(strings.Repeat("x", 4096))
		for {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	if got := send(t, setup, endless, patience); (got.Class == receiver.Delivered) != (setup.Accept == nil) {
		t.Errorf("an endless answer after 200 counts as %+v", got)
	}
	drip := serve(t, func(w http.ResponseWriter, r *http.Request) {
		read(t, r)
		w.WriteHeader(http.StatusOK)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	if got := send(t, setup, drip, 50*time.Millisecond); (got.Class == receiver.Delivered) != (setup.Accept == nil) {
		t.Errorf("an answer that never ends after 200 counts as %+v", got)
	}
}

func repeat(t *testing.T, setup Setup) {
	var mu sync.Mutex // guards bodies
	var bodies []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodGet {
			bodies = append(bodies, read(t, r))
		}
		if setup.Accept != nil {
			setup.Accept(w, r)
		}
	})
	send(t, setup, url, patience)
	send(t, setup, url, patience)
	if len(bodies) != 2 || bodies[0] != bodies[1] {
		t.Errorf("two calls under one id brought %q", bodies)
	}
}

func ended(t *testing.T, setup Setup) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was made") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := setup.New(t, url, patience).Send(ctx, Call())
	if got.Class == receiver.Delivered || got.Class == receiver.Permanent {
		t.Errorf("a call that was never made counts as %+v", got)
	}
}

// serve plays an endpoint and returns its URL, whose path is a secret.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + pathSecret
}

// pathSecret stands for the token that many endpoints carry in their address.
const pathSecret = "/hooks/T0K3N-in-the-path"

// send makes one call and looks for secrets in all that comes out of it.
func send(t *testing.T, setup Setup, url string, timeout time.Duration) receiver.Result {
	t.Helper()
	r := setup.New(t, url, timeout)
	got := r.Send(t.Context(), Call())
	shown := fmt.Sprintf("%v %+v %#v %s %+v", r, r, r, r.Endpoint(), got)
	for _, secret := range append([]string{pathSecret, url}, setup.Secrets...) {
		if strings.Contains(shown, secret) {
			t.Errorf("a secret shows in %q", strings.ReplaceAll(shown, secret, "***"))
		}
	}
	if got.Class != receiver.Delivered && got.Detail == "" {
		t.Errorf("no sentence says why %+v", got)
	}
	return got
}

func read(t *testing.T, r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
