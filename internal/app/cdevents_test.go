package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/cdevents"
	"github.com/telltale-dev/telltale/internal/config"
)

// cdEndpoint is an endpoint that wants CDEvents. What it is told it hands to
// told; it refuses what is about a deployment named in refuses.
func cdEndpoint(t *testing.T, refuses string) (url string, told <-chan string) {
	t.Helper()
	all := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			ID, Type, Subject, DataContentType string

			Data struct {
				Context struct{ ID, Type string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.DataContentType != cdevents.ContentType ||
			e.Data.Context.ID != e.ID || e.Data.Context.Type != e.Type {
			t.Errorf("told %+v, %v", e, err)
		}
		if refuses != "" && strings.Contains(e.Subject, refuses) {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		all <- e.Subject + " " + strings.TrimPrefix(e.Type, cdevents.TypePrefix)
	}))
	t.Cleanup(server.Close)
	return server.URL, all
}

// TestCDEvents: changes are told in order, what the endpoint refuses is in
// nobody's way, and a restart goes on where the process stopped.
func TestCDEvents(t *testing.T) {
	cfg := settings(t)
	cfg.Clock = config.ClockEvents // else a tick would find what was said long ago stalled
	var told <-chan string
	cfg.CDEvents.URL, told = cdEndpoint(t, "/basket/")
	want := func(words ...string) {
		t.Helper()
		end := time.After(patience)
		var got []string
		for len(got) < len(words) {
			select {
			case word := <-told:
				got = append(got, word)
			case <-end:
				t.Fatalf("told %q, and not yet %q", got, words)
			}
		}
		if !slices.Equal(got, words) {
			t.Errorf("told %q, want %q", got, words)
		}
	}

	i := start(t, Serve, cfg)
	i.await("/metrics", "telltale_cdevents_position") // the process runs; what changes from now on is told
	awaitFile(t, filepath.Join(cfg.DataDir, "cdevents", "position"))
	i.report(checkout, "in_progress", 1)
	i.await("/v1/deployments/"+checkout, `"status":"in_progress"`)
	i.report(basket, "in_progress", 2)
	i.await("/v1/deployments/"+basket, `"status":"in_progress"`)
	i.report(checkout, "deployed", 3)
	want(checkout+" inprogress.0.1.0", basket+" inprogress.0.1.0", checkout+" deployed.0.1.0")
	i.await("/metrics", "telltale_cdevents_published_total 2\n")
	i.await("/metrics", "telltale_cdevents_refused_total 1\n")
	i.await("/metrics", "telltale_cdevents_lag_seconds 0\n")
	i.stop()

	i = start(t, Serve, cfg)
	i.report(checkout, "removed", 4)
	want(checkout + " removed.0.1.0")
	i.stop()
}

// awaitFile waits until a file is there.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	end := time.After(patience)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-end:
			t.Fatalf("%s is never there", path)
		case <-poll.C:
		}
	}
}

// TestCDEventsOfAnotherStream: where a position belongs to another record, the
// process says what to do instead of telling things twice or not at all.
func TestCDEventsOfAnotherStream(t *testing.T) {
	cfg := settings(t)
	cfg.CDEvents.URL, _ = cdEndpoint(t, "")
	dir := filepath.Join(cfg.DataDir, "cdevents")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "position"), []byte("otherlife 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), cfg, Options{}); err == nil || !strings.Contains(Hint(err), dir) {
		t.Errorf("serve returns %v, hint %q", err, Hint(err))
	}
}
