package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestPost: each body is sent once, over as many connections as were asked for.
func TestPost(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	froms := map[string]bool{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[string(body)]++
		froms[r.RemoteAddr] = true
		if r.Method != http.MethodPost || r.URL.Path != "/v1/events" || r.Header.Get("Content-Type") != typeEvent {
			t.Errorf("%s %s of %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		w.WriteHeader(http.StatusAccepted)
		if _, err := io.WriteString(w, `{"accepted":1}`); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	var bodies [][]byte
	for i := range 40 {
		bodies = append(bodies, []byte(strings.Repeat("x", i+1)))
	}
	took, err := post(t.Context(), srv.URL+"/v1/events", typeEvent, bodies, 4)
	if err != nil || took <= 0 {
		t.Fatal(took, err)
	}
	for _, body := range bodies {
		if seen[string(body)] != 1 {
			t.Errorf("the body of %d bytes came %d times", len(body), seen[string(body)])
		}
	}
	if len(froms) > 4 {
		t.Errorf("%d connections", len(froms))
	}
}

// TestPostIsRefused: an answer that is not 202 is no measurement.
func TestPostIsRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "E_SCHEMA", http.StatusBadRequest)
	}))
	defer srv.Close()
	_, err := post(t.Context(), srv.URL, typeEvent, [][]byte{[]byte("{}")}, 2)
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request: E_SCHEMA") {
		t.Errorf("got %v", err)
	}
}

// TestPostEndsWithItsContext: a door that never answers holds nobody up.
func TestPostEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// Only behind the body does the server notice that the other side has gone.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		cancel()
		<-r.Context().Done()
	}))
	defer srv.Close()
	if _, err := post(ctx, srv.URL, typeEvent, [][]byte{[]byte("{}")}, 1); err == nil {
		t.Error("want an error")
	}
}

func TestDialFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := post(ctx, "http://127.0.0.1:1/", typeEvent, [][]byte{[]byte("{}")}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
