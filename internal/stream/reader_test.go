package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// reading is a reader that runs and hands its messages to the test.
type reading struct {
	msgs chan stream.Msg
	end  chan error
}

// read starts a reader. The channel is unbuffered: what the test does not take,
// the reader still holds.
func read(t testing.TB, c *stream.Conn, o stream.ReaderOptions) *reading {
	o.Stream = events.StreamEvents
	r := &reading{msgs: make(chan stream.Msg), end: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r.end <- stream.NewReader(c, o).Run(ctx, func(ctx context.Context, batch []stream.Msg) error {
			if len(batch) == 0 {
				return errors.New("an empty batch")
			}
			for _, m := range batch {
				select {
				case r.msgs <- m:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-r.end
	})
	return r
}

// want takes messages with the sequences from first to last.
func (r *reading) want(t testing.TB, first, last uint64) {
	t.Helper()
	for want := first; want <= last; want++ {
		select {
		case m := <-r.msgs:
			if m.Seq != want {
				t.Fatalf("got sequence %d, want %d", m.Seq, want)
			}
		case err := <-r.end:
			r.end <- err
			t.Fatalf("the reader ended at %d: %v", want, err)
		case <-testContext(t).Done():
			t.Fatalf("sequence %d did not come", want)
		}
	}
}

// mismatch waits for the reader to refuse the stream.
func (r *reading) mismatch(t testing.TB) {
	t.Helper()
	for {
		select {
		case m := <-r.msgs:
			t.Fatalf("got %d of another stream", m.Seq)
		case err := <-r.end:
			r.end <- err
			var e *stream.MismatchError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			return
		}
	}
}

func commit(t testing.TB, c *stream.Conn, prefix string, n int) {
	t.Helper()
	k, stop := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
	must(k.Commit(testContext(t), messages(prefix, n)))(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestReadFromPosition(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 2500)
	id := must(stream.Identify(testContext(t), c.JS, events.StreamEvents))(t)
	for _, from := range []uint64{0, 1, 2, 1000, 1001, 2500} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			r := read(t, c, stream.ReaderOptions{From: from, Incarnation: id.Incarnation()})
			r.want(t, max(from, 1), 2500)
		})
	}
	t.Run("what comes next", func(t *testing.T) {
		r := read(t, c, stream.ReaderOptions{From: 2501})
		commit(t, c, "b", 3)
		r.want(t, 2501, 2503)
	})
}

func TestReadWhatIsInAMessage(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 12) // a batch
	commit(t, c, "b", 1)  // a single
	r := read(t, c, stream.ReaderOptions{})
	for i := range 13 {
		m := <-r.msgs
		id := fmt.Sprintf("a-%d", i)
		if i == 12 {
			id = "b-0"
		}
		if m.MsgID != id || m.Subject != "tt.v1.events.prod.eu-west-1.checkout" || string(m.Data) != string(payload) || m.Time.IsZero() {
			t.Fatalf("message %d: %+v", i, m)
		}
	}
}

func TestReadFiltered(t *testing.T) {
	c := testkit.NATS(t)
	k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
	msgs := messages("a", 30)
	for i := range msgs {
		msgs[i].Subject = events.Place{Env: []string{"dev", "prod", "qa"}[i%3]}.EventsSubject()
	}
	must(k.Commit(testContext(t), msgs))(t)
	r := read(t, c, stream.ReaderOptions{Filters: []string{"tt.v1.events.dev.>", "tt.v1.events.qa.>"}})
	for i := range uint64(10) {
		r.want(t, 3*i+1, 3*i+1)
		r.want(t, 3*i+3, 3*i+3)
	}
}

func TestReadBatchBound(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 100)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamEvents, MaxBatch: 7}).
		Run(ctx, func(_ context.Context, batch []stream.Msg) error {
			if len(batch) > 7 || len(batch) == 0 {
				t.Errorf("a batch of %d", len(batch))
			}
			if seen += len(batch); seen == 100 {
				cancel()
			}
			return nil
		})
	if err != nil || seen != 100 {
		t.Errorf("%d messages, %v", seen, err)
	}
}

func TestReadHandlerFails(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 1)
	broken := errors.New("broken")
	err := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamEvents}).
		Run(t.Context(), func(context.Context, []stream.Msg) error { return broken })
	if err != broken {
		t.Errorf("got %v", err)
	}
}

// TestReadRefusesAtStart gives positions that do not belong to the stream.
func TestReadRefusesAtStart(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 10)
	ctx := testContext(t)
	id := must(stream.Identify(ctx, c.JS, events.StreamEvents))(t)
	s := must(c.JS.Stream(ctx, events.StreamEvents))(t)
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(5)); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]stream.ReaderOptions{
		"another incarnation":     {From: 7, Incarnation: "abc"},
		"ahead of the stream":     {From: 12, Incarnation: id.Incarnation()},
		"ahead, without identity": {From: 12},
		"its next was removed":    {From: 4, Incarnation: id.Incarnation()},
	} {
		t.Run(name, func(t *testing.T) { read(t, c, o).mismatch(t) })
	}
	t.Run("no such stream", func(t *testing.T) {
		if err := c.JS.DeleteStream(ctx, events.StreamEvents); err != nil {
			t.Fatal(err)
		}
		read(t, c, stream.ReaderOptions{From: 7, Incarnation: id.Incarnation()}).mismatch(t)
	})
}

// TestReadRefusesRecreatedStream deletes the stream under a reader and makes
// one of the same name that goes further than the old one did.
func TestReadRefusesRecreatedStream(t *testing.T) {
	c := testkit.NATS(t)
	commit(t, c, "a", 7)
	r := read(t, c, stream.ReaderOptions{From: 1})
	r.want(t, 1, 7)
	if err := c.JS.DeleteStream(testContext(t), events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true})
	commit(t, c, "b", 20)
	r.mismatch(t)
}

// TestReadGoesOn breaks what is under the reader in each way it can break.
func TestReadGoesOn(t *testing.T) {
	dropConsumers := func(t *testing.T, r *restartable) {
		ctx := testContext(t)
		s := must(r.conn.JS.Stream(ctx, events.StreamEvents))(t)
		for name := range s.ConsumerNames(ctx).Name() {
			if err := s.DeleteConsumer(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, disturb := range map[string]func(*testing.T, *restartable){
		"consumer deleted": dropConsumers,
		"server restarted": func(t *testing.T, r *restartable) { r.restart(t) },
		"connection broken": func(t *testing.T, r *restartable) {
			if err := r.conn.NC.ForceReconnect(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRestartable(t)
			commit(t, r.conn, "a", 5000)
			got := read(t, r.conn, stream.ReaderOptions{From: 1, MaxBatch: 100})
			got.want(t, 1, 1234)
			disturb(t, r)
			got.want(t, 1235, 5000)
			commit(t, r.conn, "b", 10)
			got.want(t, 5001, 5010)
		})
	}
}
