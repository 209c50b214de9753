package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func newCurrent(t testing.TB, c *stream.Conn) *stream.Current {
	t.Helper()
	return must(stream.NewCurrent(testContext(t), c))(t)
}

// entries returns one entry for each of n slots.
func entries(n int, revision uint64) []stream.Entry {
	out := make([]stream.Entry, n)
	for i := range out {
		key := events.CurrentKey(events.Slot{Env: "prod", Region: "eu-west-1", Component: fmt.Sprint("c", i)})
		out[i] = stream.Entry{Key: key, Revision: revision, Value: fmt.Append(nil, revision)}
	}
	return out
}

// shown reads what the bucket holds for the first n slots, as any client would.
func shown(t testing.TB, c *stream.Conn, n int) []string {
	t.Helper()
	kv := must(c.JS.KeyValue(testContext(t), events.BucketCurrent))(t)
	out := make([]string, n)
	for i, e := range entries(n, 0) {
		v, err := kv.Get(testContext(t), e.Key)
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			t.Fatal(err)
		}
		if err == nil {
			out[i] = string(v.Value())
		}
	}
	return out
}

func TestCurrentNeverGoesBack(t *testing.T) {
	for _, n := range []int{1, 9, 10, 1500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := testkit.NATS(t)
			a, b := newCurrent(t, c), newCurrent(t, c)
			for _, step := range []struct {
				by       *stream.Current
				revision uint64
				want     string
			}{{a, 5, "5"}, {a, 4, "5"}, {b, 3, "5"}, {b, 7, "7"}, {a, 6, "7"}, {a, 8, "8"}, {b, 8, "8"}} {
				if err := step.by.Put(testContext(t), entries(n, step.revision)); err != nil {
					t.Fatal(err)
				}
				for i, got := range shown(t, c, min(n, 20)) {
					if got != step.want {
						t.Fatalf("slot %d shows %q after revision %d, want %q", i, got, step.revision, step.want)
					}
				}
			}
		})
	}
}

func TestCurrentLatestOfABatch(t *testing.T) {
	c := testkit.NATS(t)
	k := newCurrent(t, c)
	batch := append(append(entries(30, 2), entries(30, 9)...), entries(30, 4)...)
	if err := k.Put(testContext(t), batch); err != nil {
		t.Fatal(err)
	}
	s := must(c.JS.Stream(testContext(t), "KV_"+events.BucketCurrent))(t).CachedInfo().State
	if s.LastSeq != 30 || shown(t, c, 1)[0] != "9" {
		t.Errorf("%d writes, shows %q", s.LastSeq, shown(t, c, 1)[0])
	}
}

func TestCurrentRacing(t *testing.T) {
	c := testkit.NATS(t)
	var wg sync.WaitGroup
	for w := range 3 {
		k := newCurrent(t, c)
		wg.Go(func() {
			for r := range uint64(20) {
				if err := k.Put(testContext(t), entries(15, 1+3*r+uint64(w))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, got := range shown(t, c, 15) {
		if got != "60" {
			t.Errorf("slot %d shows %q", i, got)
		}
	}
}

func TestCurrentErrors(t *testing.T) {
	c := testkit.NATS(t)
	k := newCurrent(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Put(ctx, entries(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s := must(c.JS.Stream(testContext(t), "KV_"+events.BucketCurrent))(t)
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = 100
	must(c.JS.UpdateStream(testContext(t), cfg))(t)
	var e *stream.Error
	if err := k.Put(testContext(t), entries(20, 1)); !errors.As(err, &e) || e.Kind != stream.Full {
		t.Errorf("with a full bucket: %v", err)
	}
	if err := c.JS.DeleteStream(testContext(t), s.CachedInfo().Config.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.NewCurrent(testContext(t), c); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("without a bucket: %v", err)
	}
}
