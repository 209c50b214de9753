package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// changes returns the changes of n causes from sequence first on, two for each,
// spread over environments.
func changes(incarnation string, first, n int, envs ...string) []stream.Change {
	out := make([]stream.Change, 0, 2*n)
	for i := range n {
		env := envs[(first+i)%len(envs)]
		for index := range uint32(2) {
			id := events.ChangeID{Incarnation: incarnation, Seq: uint64(first + i), Index: index}
			out = append(out, stream.Change{
				Env:     env,
				Subject: events.Place{Env: env, Region: "eu-west-1", Component: fmt.Sprint("c", i%5)}.ChangesSubject(),
				ID:      id,
				Data:    fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"data":{}}`, id),
			})
		}
	}
	return out
}

// published reads all ids in TT_CHANGES.
func published(t testing.TB, c *stream.Conn) []events.ChangeID {
	t.Helper()
	total := stored(t, c, events.StreamChanges)
	if total == 0 {
		return nil
	}
	var out []events.ChangeID
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	err := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamChanges}).
		Run(ctx, func(_ context.Context, batch []stream.Msg) error {
			for _, m := range batch {
				var e struct{ ID string }
				if err := json.Unmarshal(m.Data, &e); err != nil {
					return err
				}
				id, err := events.ParseChangeID(e.ID)
				if err != nil {
					return err
				}
				if m.MsgID != "" {
					return fmt.Errorf("the server keeps the id %q of change %q", m.MsgID, e.ID)
				}
				out = append(out, id)
			}
			if len(out) == total {
				cancel()
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantOnce checks that exactly these changes are in the stream, and those of
// each environment in order.
func wantOnce(t testing.TB, c *stream.Conn, want []stream.Change) {
	t.Helper()
	env := make(map[events.ChangeID]string, len(want))
	for _, ch := range want {
		env[ch.ID] = ch.Env
	}
	last := make(map[string]events.ChangeID)
	got := published(t, c)
	for _, id := range got {
		e, ok := env[id]
		if !ok {
			t.Fatalf("%s is there and was not published, or is there twice", id)
		}
		delete(env, id)
		if l, ok := last[e]; ok && id.Compare(l) <= 0 {
			t.Fatalf("%s comes after %s", id, l)
		}
		last[e] = id
	}
	if len(env) > 0 {
		t.Fatalf("%d of %d changes are missing", len(env), len(want))
	}
}

func TestPublish(t *testing.T) {
	for _, n := range []int{1, 3, 5, 100, 1234} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := testkit.NATS(t)
			all := changes("inc", 1, n, "dev", "prod")
			p := stream.NewPublisher(c, stream.PublisherOptions{})
			if err := p.Publish(testContext(t), all[:n]); err != nil {
				t.Fatal(err)
			}
			if err := p.Publish(testContext(t), all); err != nil { // the first half is a repeat
				t.Fatal(err)
			}
			wantOnce(t, c, all)
			again := stream.NewPublisher(c, stream.PublisherOptions{})
			if err := again.Publish(testContext(t), all); err != nil {
				t.Fatal(err)
			}
			wantOnce(t, c, all)
		})
	}
}

// TestPublishRacing lets publishers with the same changes, cut differently, run
// at once, and one that pauses come back later with what it had not published.
func TestPublishRacing(t *testing.T) {
	r := newRestartable(t)
	all := changes("inc", 1, 600, "dev", "prod", "qa")
	paused := stream.NewPublisher(r.conn, stream.PublisherOptions{})
	if err := paused.Publish(testContext(t), all[:50]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, size := range []int{1200, 7, 100, 33} {
		wg.Go(func() {
			p := stream.NewPublisher(r.conn, stream.PublisherOptions{})
			for i := 0; i < len(all); i += size {
				if err := p.Publish(testContext(t), all[i:min(i+size, len(all))]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantOnce(t, r.conn, all)
	// Longer than any window of the server, as far as it can know.
	r.restart(t)
	more := append(all[50:len(all):len(all)], changes("inc", 601, 10, "dev", "prod", "qa")...)
	if err := paused.Publish(testContext(t), more); err != nil {
		t.Fatal(err)
	}
	wantOnce(t, r.conn, append(all[:50:50], more...))
}

// TestPublishFewBesideAnother has a second publisher write another environment
// in between: to guess sequences, so as not to wait for each acknowledgement,
// would lose changes. One that was refused for a wrong guess is the guess of one
// that comes later.
func TestPublishFewBesideAnother(t *testing.T) {
	c := testkit.NATS(t)
	prod, dev := changes("inc", 1, 4, "prod"), changes("inc", 11, 3, "dev")
	a, b := stream.NewPublisher(c, stream.PublisherOptions{}), stream.NewPublisher(c, stream.PublisherOptions{})
	for _, step := range []struct {
		p       *stream.Publisher
		changes []stream.Change
	}{{a, prod[:2]}, {b, dev[:2]}, {a, prod[2:6]}, {b, dev[2:]}, {a, prod[6:]}} {
		if err := step.p.Publish(testContext(t), step.changes); err != nil {
			t.Fatal(err)
		}
	}
	wantOnce(t, c, append(prod, dev...))
}

func TestPublishOutlivesRestart(t *testing.T) {
	r := newRestartable(t)
	all := changes("inc", 1, 400, "dev", "prod")
	p := stream.NewPublisher(r.conn, stream.PublisherOptions{})
	done := make(chan error, 1)
	go func() {
		for i := 0; i < len(all); i += 8 {
			if err := p.Publish(testContext(t), all[i:i+8]); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	r.restart(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantOnce(t, r.conn, all)
}

func TestPublishForeign(t *testing.T) {
	c := testkit.NATS(t)
	old, fresh := changes("old", 1, 3, "prod"), changes("new", 1, 3, "prod")
	if err := stream.NewPublisher(c, stream.PublisherOptions{}).Publish(testContext(t), old); err != nil {
		t.Fatal(err)
	}
	var e *stream.MismatchError
	err := stream.NewPublisher(c, stream.PublisherOptions{}).Publish(testContext(t), fresh)
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if err := stream.NewPublisher(c, stream.PublisherOptions{Forgive: "old"}).Publish(testContext(t), fresh); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, c, events.StreamChanges); n != 12 {
		t.Errorf("%d stored", n)
	}
}

func TestPublishFull(t *testing.T) {
	_, c := testkit.NATSServer(t)
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true, ChangesBytes: 8 << 10})
	p := stream.NewPublisher(c, stream.PublisherOptions{})
	err := p.Publish(testContext(t), changes("inc", 1, 400, "prod"))
	var e *stream.Error
	if !errors.As(err, &e) || e.Kind != stream.Full {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Publish(ctx, changes("inc", 1, 1, "prod")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
