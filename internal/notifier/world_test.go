package notifier

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/delivery/deliverytest"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var secret = receiver.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("key-", 8))))

// seen is one call that an endpoint got.
type seen struct {
	id      string
	to      string // the full name of the endpoint
	body    string
	message receiver.Message
}

// endpoint is where people read their messages. It remembers all of them.
type endpoint struct {
	*httptest.Server
	mu    sync.Mutex
	calls []seen // guarded by mu
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := new(endpoint)
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is dead
		}
		call := seen{id: r.Header.Get("webhook-id"), to: strings.TrimPrefix(r.URL.Path, "/"), body: string(body)}
		ev, err := events.Decode(body, events.DefaultLimits())
		if err == nil {
			err = ev.DataAs(&call.message)
		}
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls = append(e.calls, call)
	}))
	t.Cleanup(e.Close)
	return e
}

// got returns the calls so far, and forgets them if told so.
func (e *endpoint) got(forget bool) []seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := e.calls
	if forget {
		e.calls = nil
	}
	return calls
}

// world is the streams, the clock and the endpoint around a notifier that is
// started and killed in it.
type world struct {
	conn     *stream.Conn
	clock    *deliverytest.Clock
	endpoint *endpoint
	db       *store.DB       // the notifier's disk
	routes   routing.Config  // who is told of what; all by the one endpoint
	mutate   func(*Notifier) // a fault that is built in
	log      *slog.Logger
	path     string // of the endpoint
	next     uint64 // the last cause in TT_EVENTS
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{conn: testkit.NATS(t), clock: deliverytest.NewClock(noon), endpoint: newEndpoint(t), routes: onCall()}
	w.newDisk(t)
	return w
}

// onCall is a configuration in which one receiver is told of everything.
func onCall() routing.Config {
	return routing.Config{Route: routing.Route{Receiver: "on-call"}, Receivers: []string{"on-call"}}
}

// newDisk gives the notifier an empty disk. What a killed process leaves on one
// is what it had committed, so that a disk may stay open from run to run.
func (w *world) newDisk(t *testing.T) {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{CacheBytes: 1 << 20, KeepFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	w.db = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

const incarnation = "life1"

// change publishes a change of a deployment, as the projector would.
func (w *world) change(t *testing.T, c view.Change) {
	t.Helper()
	w.next++
	c.ID = events.ChangeID{Incarnation: incarnation, Seq: w.next, Index: 1}
	if c.At == 0 {
		c.At = w.clock.Now().UnixNano()
	}
	if c.Cause.Source == "" {
		c.Cause = view.Cause{Source: "/ci/checkout", ID: "run-1"}
	}
	c.Percent = -1
	c.Recorded = c.At
	key, err := events.ParseKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	place := events.Place{Env: key.Env, Region: key.Region, Component: key.Component}
	w.publish(t, place, c.AppendJSON(nil))
}

// landing publishes a change of a slot, with the cause of the change that comes
// next.
func (w *world) landing(t *testing.T, slot events.Slot, l view.Landing) {
	t.Helper()
	e := events.Event{
		ID:     events.ChangeID{Incarnation: incarnation, Seq: w.next + 1}.String(),
		Source: view.SourceProjector, Type: events.TypeSlotChanged, Subject: slot.String(),
	}
	if err := e.SetData((&view.Slot{Current: l}).Body(slot)); err != nil {
		t.Fatal(err)
	}
	raw, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.publish(t, events.Place(slot), raw)
}

func (w *world) publish(t *testing.T, place events.Place, raw []byte) {
	t.Helper()
	if _, err := w.conn.JS.Publish(t.Context(), place.ChangesSubject(), raw); err != nil {
		t.Fatal(err)
	}
}

// endpoints returns those of a receiver: two for "both", none for "nobody", one
// that hears no end for "quiet", one for all others. What they call has the full
// name of the endpoint in its path.
func (w *world) endpoints(t *testing.T, name string) []Endpoint {
	t.Helper()
	count := map[string]int{"both": 2, "nobody": 0}
	n, ok := count[name]
	if !ok {
		n = 1
	}
	var all []Endpoint
	for i := range n {
		e := Endpoint{Name: fmt.Sprintf("webhook%d", i+1), OnlyFiring: name == "quiet"}
		to, err := receiver.NewWebhook(receiver.WebhookConfig{
			URL:     receiver.Secret(w.endpoint.URL + w.path + "/" + fullName(name, &e)),
			Secrets: []receiver.Secret{secret}, AllowPrivate: true, Now: w.clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		e.To = to
		all = append(all, e)
	}
	return all
}

var errKilled = errors.New("killed")

// run runs a notifier on the world's disk until it has nothing left to do, or
// until fail kills it; then nothing of it gets any further.
func (w *world) run(t *testing.T, fail delivery.FailPoint) error {
	t.Helper()
	step := make(chan struct{}, 1)
	var mu sync.Mutex
	dead := false // guarded by mu
	o := Options{Conn: w.conn, Logger: w.log, DB: w.db, Clock: w.clock, BaseURL: "https://telltale.example", FailPoint: func(name string) error {
		mu.Lock()
		defer mu.Unlock()
		dead = dead || fail.At(name) != nil
		if dead {
			return errKilled
		}
		if name == delivery.PointNothingIsDue || name == PointAfterPosition {
			select {
			case step <- struct{}{}:
			default:
			}
		}
		return nil
	}}
	o.Receivers = make(map[string][]Endpoint)
	for _, name := range w.routes.Receivers {
		o.Receivers[name] = w.endpoints(t, name)
	}
	var err error
	if o.Tree, err = routing.New(w.routes); err != nil {
		t.Fatal(err)
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if w.mutate != nil {
		w.mutate(n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	end := make(chan error, 1)
	go func() { end <- n.Run(ctx) }()
	for err == nil {
		select {
		case <-step:
		case err = <-end:
			if err == nil {
				t.Fatal("the notifier ended by itself")
			}
			continue
		}
		if w.settled(t) {
			cancel()
			err = <-end
			break
		}
	}
	return err
}

// settled reports whether all changes were looked at and no lane is due: one whose
// call is under way is due until that is concluded.
func (w *world) settled(t *testing.T) bool {
	t.Helper()
	changes, err := stream.Identify(t.Context(), w.conn.JS, events.StreamChanges)
	if err != nil {
		t.Fatal(err)
	}
	open := false
	var at uint64
	err = w.db.View(func(r *store.Reader) (err error) {
		if at, err = position(r, changes.Incarnation()); err != nil {
			return err
		}
		const due = "n/due/"
		return r.Scan([]byte(due), nil, func(k, _ []byte) (bool, error) {
			open = binary.BigEndian.Uint64(k[len(due):]) <= uint64(w.clock.Now().UnixNano())
			return false, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return !open && at >= changes.Last
}

// mustRun runs a notifier that nobody kills and returns what the endpoint got.
func (w *world) mustRun(t *testing.T) []seen {
	t.Helper()
	if err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	return w.endpoint.got(true)
}

// titles returns what people read, in order.
func titles(calls []seen) []string {
	var out []string
	for _, c := range calls {
		out = append(out, c.message.Title)
	}
	return out
}

// records returns all messages of TT_ALERTS.
func (w *world) records(t *testing.T) []stream.Msg {
	t.Helper()
	identity, err := stream.Identify(t.Context(), w.conn.JS, events.StreamAlerts)
	if err != nil {
		t.Fatal(err)
	}
	if identity.Last == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all []stream.Msg
	reader := stream.NewReader(w.conn, stream.ReaderOptions{Stream: events.StreamAlerts})
	err = reader.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
		all = append(all, batch...)
		if batch[len(batch)-1].Seq >= identity.Last {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// alerts returns the steps of alerts on record, in the order of the stream.
func (w *world) alerts(t *testing.T) []Alert {
	t.Helper()
	var all []Alert
	for _, m := range w.records(t) {
		e, err := events.DecodeStored(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == events.TypeAlertFired || e.Type == events.TypeAlertResolved {
			var a Alert
			if err := e.DataAs(&a); err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
	}
	return all
}
