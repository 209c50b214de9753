package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/delivery/deliverytest"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// typeCause is the record that makes notifications here, as alerts do in the
// notifier: its data is an Intent.
const typeCause = "test.cause.v1"

func foldCause(t *Tx, e *events.Event) error {
	var in Intent
	if err := e.DataAs(&in); err != nil {
		return err
	}
	return Enqueue(t, in)
}

// script is a receiver that answers as it is told, then with success.
type script struct {
	mu       sync.Mutex
	answers  []receiver.Result // guarded by mu
	calls    []string          // guarded by mu: ids in the order of calls
	last     receiver.Call     // guarded by mu
	endpoint string
	hold     chan struct{} // when set, each call receives from it before it answers
	called   chan string   // when set, each call sends its id when it begins
}

func (s *script) Endpoint() string { return s.endpoint }

func (s *script) Send(_ context.Context, c receiver.Call) receiver.Result {
	if s.called != nil {
		s.called <- c.ID
	}
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.last = append(s.calls, c.ID), c
	if len(s.answers) == 0 {
		return receiver.Result{Class: receiver.Delivered, Status: 200}
	}
	r := s.answers[0]
	s.answers = s.answers[1:]
	return r
}

func (s *script) wantCall(t *testing.T, ref string, again bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Ref != ref || s.last.Again != again {
		t.Fatalf("the last call was %+v, want ref %q, again %t", s.last, ref, again)
	}
}

func (s *script) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.calls, want) {
		t.Fatalf("calls were %v, want %v", s.calls, want)
	}
}

// bench is lanes on a real stream and a real database, with one receiver.
type bench struct {
	conn  *stream.Conn
	db    *store.DB
	clock *deliverytest.Clock
	recv  *script

	journal *Journal
	lanes   *Lanes
	idle    chan struct{} // holds a token after the lanes had nothing to do
	stop    func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		conn:  testkit.NATS(t),
		clock: deliverytest.NewClock(noon),
		recv:  &script{endpoint: "script:1"},
	}
	b.openDB(t)
	b.start(t)
	return b
}

// openDB opens an empty database until the end of the test.
func (b *bench) openDB(t *testing.T) {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{Sync: true, CacheBytes: 1 << 20, KeepFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	b.db = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// start runs a journal and lanes until stop or the end of the test.
func (b *bench) start(t *testing.T) {
	t.Helper()
	folds := Folds()
	folds[typeCause] = foldCause
	b.idle = make(chan struct{}, 1)
	idle := b.idle
	point := func(name string) error {
		if name == PointNothingIsDue {
			select {
			case idle <- struct{}{}:
			default:
			}
		}
		return nil
	}
	b.journal = NewJournal(JournalOptions{Conn: b.conn, DB: b.db, Folds: folds, Clock: b.clock})
	b.lanes = New(Options{
		Journal: b.journal, DB: b.db, Clock: b.clock, FailPoint: point,
		Receivers: map[string]receiver.Receiver{"on-call": b.recv},
	})
	ctx, cancelLanes := context.WithCancel(t.Context())
	journal, cancelJournal := context.WithCancel(context.WithoutCancel(t.Context()))
	lanesEnd, journalEnd := make(chan error, 1), make(chan error, 1)
	go func() { journalEnd <- b.journal.Run(journal) }()
	go func() { lanesEnd <- b.lanes.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancelLanes()
		err := <-lanesEnd
		cancelJournal()
		if err := errors.Join(err, <-journalEnd); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
}

// restart is a clean stop and a start, with an empty disk if told so.
func (b *bench) restart(t *testing.T, emptyDisk bool) {
	t.Helper()
	b.stop()
	if emptyDisk {
		b.openDB(t)
	}
	b.start(t)
	<-b.journal.Ready()
}

// notify makes a notification in a lane that a problem stands.
func (b *bench) notify(t *testing.T, id, lane string) {
	t.Helper()
	b.say(t, id, lane, receiver.StatusFiring)
}

func (b *bench) say(t *testing.T, id, lane string, status receiver.Status) {
	t.Helper()
	e := &events.Event{ID: "cause-" + id, Source: "/test", Type: typeCause, Subject: lane}
	subject := events.AlertSubject("warning", "prod", "checkout")
	err := e.SetData(Intent{
		ID: id, Lane: lane, Receiver: "on-call", Subject: subject, Born: b.clock.Now(),
		Message: receiver.Message{Alert: lane, Status: status, Title: id},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.journal.Append(t.Context(), Entry{Subject: subject, Event: e}); err != nil {
		t.Fatal(err)
	}
}

// settle waits until nothing is due and nothing is in flight: a lane stays due
// until its call is concluded.
func (b *bench) settle(t *testing.T) {
	t.Helper()
	for {
		due, _, err := b.lanes.due(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		<-b.idle
	}
}

// records returns what the stream says about deliveries, in order: one line
// each, as "intended nt_1 1" or "concluded nt_1 1 transient".
func (b *bench) records(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, e := range b.readAll(t) {
		switch e.Type {
		case events.TypeDeliveryIntended:
			var d Intended
			if err := e.DataAs(&d); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("intended %s %d", d.Notification, d.Attempt))
		case events.TypeDeliveryConcluded:
			var d Concluded
			if err := e.DataAs(&d); err != nil {
				t.Fatal(err)
			}
			line := fmt.Sprintf("concluded %s %d %s", d.Notification, d.Attempt, d.Class)
			if d.Dead {
				line += " dead"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// readAll returns the events of TT_ALERTS.
func (b *bench) readAll(t *testing.T) []*events.Event {
	t.Helper()
	var all []*events.Event
	for _, m := range b.messages(t) {
		e, err := events.DecodeStored(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// messages returns TT_ALERTS as it is.
func (b *bench) messages(t *testing.T) []stream.Msg {
	t.Helper()
	identity, err := stream.Identify(t.Context(), b.conn.JS, events.StreamAlerts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all []stream.Msg
	reader := stream.NewReader(b.conn, stream.ReaderOptions{Stream: events.StreamAlerts})
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

func (b *bench) wantRecords(t *testing.T, want ...string) {
	t.Helper()
	if got := b.records(t); !slices.Equal(got, want) {
		t.Errorf("records are\n%q, want\n%q", got, want)
	}
}

func (b *bench) deadLetters(t *testing.T) []DeadLetter {
	t.Helper()
	var letters []DeadLetter
	err := b.db.View(func(r *store.Reader) (err error) {
		letters, err = DeadLetters(r, "", 100)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return letters
}
