package publish_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/telltale-dev/telltale/internal/cdevents/publish"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a TT_CHANGES, an endpoint, and a position that outlives publishers.
type world struct {
	*testing.T
	conn     *stream.Conn
	position string
	next     uint64

	mu      sync.Mutex
	told    []string           // guarded by mu: the ids that the endpoint has taken
	answers map[string][]error // guarded by mu: what it answers first, by id
	enough  chan struct{}      // closed, under mu, when want ids were told
	want    int                // guarded by mu
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		T: t, conn: testkit.NATS(t), position: filepath.Join(t.TempDir(), "position"), answers: make(map[string][]error),
	}
}

// Send is the endpoint.
func (w *world) Send(_ context.Context, e *events.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := w.answers[e.ID]; len(left) > 0 {
		w.answers[e.ID] = left[1:]
		return left[0]
	}
	if w.told = append(w.told, e.ID); len(w.told) == w.want {
		close(w.enough)
	}
	return nil
}

// change publishes the change of a deployment, as the projector would, and
// returns its id.
func (w *world) change(status string) string {
	w.Helper()
	w.next++
	c := view.Change{
		ID: events.ChangeID{Incarnation: "life1", Seq: w.next}, Key: "prod/eu-west-1/checkout/2.14.0", From: "planned",
		Facts: view.Facts{Status: status, Attempt: 1, Percent: -1}, At: 1, Recorded: 1,
	}
	w.publish(c.AppendJSON(nil))
	return c.ID.String()
}

func (w *world) publish(raw []byte) {
	w.Helper()
	place := events.Place{Env: "prod", Region: "eu-west-1", Component: "checkout"}
	if _, err := w.conn.JS.Publish(w.Context(), place.ChangesSubject(), raw); err != nil {
		w.Fatal(err)
	}
}

func (w *world) publisher(reg prometheus.Registerer) *publish.Publisher {
	w.Helper()
	p, err := publish.New(publish.Options{Conn: w.conn, Sink: w, Position: w.position, Retry: time.Millisecond, Registerer: reg})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// run runs a publisher; it changes something once that reads, and stops it when
// n more changes were told.
func (w *world) run(n int, change func()) {
	w.Helper()
	w.mu.Lock()
	w.want, w.enough = len(w.told)+n, make(chan struct{})
	enough := w.enough
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	p := w.publisher(nil)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	// Whoever begins keeps where, before anything can be missed.
	for ctx.Err() == nil {
		if _, err := os.Stat(w.position); err == nil {
			break
		}
		runtime.Gosched()
	}
	change()
	select {
	case <-enough:
	case <-ctx.Done():
		w.Error("not all was told in time")
	}
	cancel()
	if err := <-done; err != nil {
		w.Errorf("Run: %v", err)
	}
}

func (w *world) wantTold(ids ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.told, ids) {
		w.Errorf("told %q, want %q", w.told, ids)
	}
}

func TestTellsWhatChangesFromNowOn(t *testing.T) {
	w := newWorld(t)
	w.change("queued") // long ago
	var ids []string
	w.run(2, func() { ids = append(ids, w.change("in_progress"), w.change("deployed")) })
	ids = append(ids, w.change("verified")) // while nobody publishes
	w.run(2, func() { ids = append(ids, w.change("removed")) })
	w.wantTold(ids...)
}

func TestFailuresKeepTheOrder(t *testing.T) {
	w := newWorld(t)
	down := errors.New("the endpoint is down")
	w.answers["life1.1.0"] = []error{down, down, down}
	w.answers["life1.2.0"] = []error{&publish.RefusedError{Reason: "made up"}}
	var first, last string
	w.run(2, func() {
		first = w.change("in_progress")
		w.change("failed") // not taken, and in nobody's way
		w.publish([]byte("nothing that a projector writes"))
		last = w.change("rolling_back")
	})
	w.wantTold(first, last)
}

func TestOtherLifeOfTheStream(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.position, []byte("otherlife 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := w.publisher(nil).Run(t.Context())
	var mismatch *stream.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("Run: %v, want a mismatch", err)
	}
}

func TestDamagedPosition(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.position, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.publisher(nil).Run(t.Context()); err == nil {
		t.Error("a damaged position is taken for one")
	}
}

func TestHTTP(t *testing.T) {
	for _, tt := range []struct {
		status        int
		fails, refuse bool
	}{
		{200, false, false},
		{202, false, false},
		{301, true, false},
		{401, true, false},
		{404, true, false},
		{429, true, false},
		{503, true, false},
		{400, true, true},
		{413, true, true},
		{422, true, true},
	} {
		var body []byte
		var header http.Header
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			header = r.Header
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			rw.WriteHeader(tt.status)
		}))
		sink, err := publish.NewHTTP(server.URL, "made-up-token")
		if err != nil {
			t.Fatal(err)
		}
		e := &events.Event{ID: "1", Source: "/made-up", Type: "dev.cdeventsx.made-up.0.1.0", Subject: "prod"}
		err = sink.Send(t.Context(), e)
		server.Close()
		var refused *publish.RefusedError
		if (err != nil) != tt.fails || errors.As(err, &refused) != tt.refuse {
			t.Errorf("%d: %v", tt.status, err)
		}
		got, err := events.DecodeStored(body)
		if err != nil || got.ID != e.ID {
			t.Errorf("%d: sent %s, %v", tt.status, body, err)
		}
		if header.Get("Authorization") != "Bearer made-up-token" || header.Get("Content-Type") != "application/cloudevents+json; charset=utf-8" {
			t.Errorf("%d: sent with %v", tt.status, header)
		}
	}
}

func TestHTTPAddresses(t *testing.T) {
	for _, to := range []string{"", "made.up", "ftp://made.up", "https://user:secret@made.up"} {
		if _, err := publish.NewHTTP(to, ""); err == nil {
			t.Errorf("%q is taken", to)
		}
	}
}
