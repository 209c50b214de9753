package emit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestAnswersOfAServer(t *testing.T) {
	const (
		problem = "application/problem+json"
		refusal = `{"code":"E_SCHEMA","detail":"data.status is missing","hint":"see /schemas"}`
	)
	for _, test := range []struct {
		name        string
		status      int
		contentType string
		body        string
		want        error
	}{
		{"accepted", 202, "application/json", `{"accepted":1,"duplicates":0,"quarantined":[]}`, nil},
		{"duplicate", 202, "application/json", `{"accepted":0,"duplicates":1,"quarantined":[]}`, nil},
		{"quarantined", 202, "application/json", `{"accepted":0,"duplicates":0,"quarantined":[{"index":0,"id":"a","code":"E_SCHEMA","detail":"x"}]}`, ErrRefused},
		{"not allowed for this env", 202, "application/json", `{"accepted":0,"duplicates":0,"quarantined":[{"index":0,"id":"a","code":"E_FORBIDDEN","detail":"x"}]}`, ErrForbidden},
		{"receipt for another", 202, "application/json", `{"accepted":2,"duplicates":0,"quarantined":[]}`, ErrUnavailable},
		{"index out of range", 202, "application/json", `{"quarantined":[{"index":1,"code":"E_SCHEMA"}]}`, ErrUnavailable},
		{"login page", 200, "text/html", "<html>", ErrUnavailable},
		{"login page as 202", 202, "text/html", "<html>", ErrUnavailable},
		{"redirect", 302, "text/html", "", ErrUnavailable},
		{"refused", 400, problem, refusal, ErrRefused},
		{"refused by a proxy", 400, "text/html", "<html>", ErrUnavailable},
		{"too large", 413, problem, `{"code":"E_TOO_LARGE","detail":"x"}`, ErrRefused},
		{"conflict", 409, problem, `{"code":"E_CONFLICT","detail":"x"}`, ErrRefused},
		{"no token", 401, problem, `{"code":"E_AUTH","detail":"x"}`, ErrForbidden},
		{"wrong role", 403, problem, `{"code":"E_FORBIDDEN","detail":"x"}`, ErrForbidden},
		{"wrong path", 404, "text/plain", "", ErrUnavailable},
		{"over quota", 429, problem, `{"code":"E_QUOTA","detail":"x"}`, ErrUnavailable},
		{"stream away", 503, problem, `{"code":"E_UNAVAILABLE","detail":"x"}`, ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if r.URL.Path != "/base/v1/events" || r.Header.Get("Authorization") != "Bearer s3cret" {
					t.Errorf("request for %s with %q", r.URL, r.Header.Get("Authorization"))
				}
				w.Header().Set("Content-Type", test.contentType)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			c, err := New(Options{Server: server.URL + "/base/", Token: "s3cret", Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer closeOf(t, c)
			err = c.Send(t.Context(), report("a"))
			if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
				t.Errorf("send: %v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the token: %v", err)
			}
			if requests != 1 {
				t.Errorf("%d requests, want 1", requests)
			}
		})
	}
}

func closeOf(t *testing.T, c *Client) {
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestRetry runs in a bubble: its waits take no time and are counted.
func TestRetry(t *testing.T) {
	failing := func(kind error, wish time.Duration) func(int, [][]byte) (Receipt, error, bool) {
		return func(int, [][]byte) (Receipt, error, bool) {
			return Receipt{}, &Error{Kind: kind, RetryAfter: wish}, false
		}
	}
	for _, test := range []struct {
		name       string
		attempts   int
		timeout    time.Duration
		answer     func(int, [][]byte) (Receipt, error, bool)
		want       error
		sends      int // 0: more than three
		least, all time.Duration
	}{
		{"forbidden at once", 5, time.Hour, failing(ErrForbidden, 0), ErrForbidden, 1, 0, 0},
		{"refused at once", 5, time.Hour, failing(ErrRefused, 0), ErrRefused, 1, 0, 0},
		{"unavailable", 3, time.Hour, failing(ErrUnavailable, 0), ErrUnavailable, 3, 300 * time.Millisecond, 600 * time.Millisecond},
		{"the server's wish", 2, time.Hour, failing(ErrUnavailable, 3*time.Second), ErrUnavailable, 2, 3 * time.Second, 3 * time.Second},
		{"a wish beyond reason", 2, time.Hour, failing(ErrUnavailable, time.Hour), ErrUnavailable, 2, maxWait, maxWait},
		{"until time is up", -1, time.Minute, failing(ErrUnavailable, 0), ErrUnavailable, 0, time.Minute, time.Minute},
		{"back in time", 3, time.Hour, func(n int, raw [][]byte) (Receipt, error, bool) {
			if n < 3 {
				return away(n, raw)
			}
			return Receipt{}, nil, true
		}, nil, 3, 300 * time.Millisecond, 600 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &memory{answer: test.answer}
				c := server.client(t, "", func(o *Options) { o.Attempts = test.attempts })
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				start := time.Now()
				err := c.Send(ctx, report("a"))
				if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
					t.Errorf("send: %v, want %v", err, test.want)
				}
				if took := time.Since(start); took < test.least || took > test.all {
					t.Errorf("took %v, want %v to %v", took, test.least, test.all)
				}
				if test.sends > 0 && server.sends != test.sends || test.sends == 0 && server.sends <= 3 {
					t.Errorf("%d attempts, want %d", server.sends, test.sends)
				}
			})
		})
	}
}

func TestDeliverSplitsAndKeepsIndexes(t *testing.T) {
	evs := make([]events.Event, maxBatchEvents+3)
	for i := range evs {
		evs[i] = report(fmt.Sprint(i))
	}
	server := &memory{answer: func(n int, raw [][]byte) (Receipt, error, bool) {
		if n == 2 && len(raw) == 3 {
			return Receipt{Refused: []Refusal{{Index: 1, Code: events.CodeSchema}}}, nil, true
		}
		return Receipt{}, nil, true
	}}
	c := server.client(t, "")
	receipt, err := c.Deliver(t.Context(), evs)
	if err != nil || server.sends != 2 || receipt.Accepted != len(evs)-1 {
		t.Fatalf("%d requests, %+v, %v", server.sends, receipt, err)
	}
	if len(receipt.Refused) != 1 || receipt.Refused[0].Index != maxBatchEvents+1 {
		t.Errorf("refused %+v, want index %d", receipt.Refused, maxBatchEvents+1)
	}
	again, err := c.Deliver(t.Context(), evs[:2])
	if err != nil || again.Duplicates != 2 || again.Accepted != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// TestBadEventKeepsNobodyOut: a server that refuses the batch as a whole gets
// its events one by one.
func TestBadEventKeepsNobodyOut(t *testing.T) {
	dir := t.TempDir()
	server := &memory{answer: away}
	c := server.client(t, dir)
	for _, id := range []string{"a", "bad", "c"} {
		if err := c.Emit(t.Context(), report(id)); !errors.Is(err, ErrSpooled) {
			t.Fatal(err)
		}
	}
	server.answer = func(_ int, raw [][]byte) (Receipt, error, bool) {
		if len(raw) > 1 || strings.Contains(string(raw[0]), `"id":"bad"`) {
			return Receipt{}, &Error{Kind: ErrRefused, Code: events.CodeSchema}, false
		}
		return Receipt{}, nil, true
	}
	got, err := c.Flush(t.Context())
	if err != nil || got.Sent != 2 || len(got.Refused) != 1 || got.Remaining != 0 {
		t.Fatalf("flush: %+v, %v", got, err)
	}
	server.once(t, "a", "c")
}

// TestForbiddenStaysInTheSpool: a token that has run out must not cost what was
// said meanwhile.
func TestForbiddenStaysInTheSpool(t *testing.T) {
	server := &memory{answer: func(int, [][]byte) (Receipt, error, bool) {
		return Receipt{}, &Error{Kind: ErrForbidden, Status: 401, Code: events.CodeAuth}, false
	}}
	c := server.client(t, t.TempDir(), func(o *Options) { o.Attempts = 9 })
	err := c.Emit(t.Context(), report("a"))
	if !errors.Is(err, ErrForbidden) || !errors.Is(err, ErrSpooled) || server.sends != 1 {
		t.Fatalf("emit: %v after %d requests", err, server.sends)
	}
	if got, err := c.Flush(t.Context()); !errors.Is(err, ErrForbidden) || got.Remaining != 1 {
		t.Fatalf("flush: %+v, %v", got, err)
	}
	// One event that the receipt calls forbidden is in quarantine by now and
	// holds up none that is allowed.
	server.answer = func(_ int, raw [][]byte) (Receipt, error, bool) {
		return Receipt{Refused: []Refusal{{Index: 0, Code: events.CodeForbidden}}}, nil, true
	}
	batch, err := c.Stage(report("b"))
	if err != nil || batch.Spooled() != nil {
		t.Fatal(err, batch.Spooled())
	}
	if got, err := c.Flush(t.Context()); err != nil || got.Sent != 1 || got.Remaining != 0 || len(got.Refused) != 1 {
		t.Fatalf("flush: %+v, %v", got, err)
	}
	server.once(t, "b")
}

func TestDropForgets(t *testing.T) {
	server := &memory{answer: away}
	c := server.client(t, t.TempDir())
	batch, err := c.Stage(report("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Deliver(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	if err := batch.Drop(); err != nil || pending(t, c) != 0 {
		t.Fatalf("drop: %v, %d wait", err, pending(t, c))
	}
	server.answer = nil
	if err := c.Emit(t.Context(), report("a")); err != nil {
		t.Fatal(err)
	}
	server.once(t, "a")
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(memory)
		c := server.client(t, "")
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		beats := 0
		c.Heartbeat(ctx, 30*time.Second, func() []events.Event {
			beats++
			return []events.Event{report(fmt.Sprint("beat", beats))}
		})
		server.once(t, "beat1", "beat2", "beat3")
		c.Heartbeat(t.Context(), 0, func() []events.Event { t.Error("a beat"); return nil })
	})
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, test := range []Options{
		{},
		{Server: "ftp://host"},
		{Server: "http://user:s3cret@host:port"},
		{Server: "nats://host", KeepRecorded: true},
		{Server: "nats://host", Emitter: "tt.v1.>"},
		{Server: "nats://host", Token: "s3cret", CredsFile: "x"},
		{Server: "http://host", SpoolDir: "/dev/null/spool"},
	} {
		c, err := New(test)
		if err == nil || c != nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("New(%+v) = %v, %v", test, c, err)
		}
	}
}
