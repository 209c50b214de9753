package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestCommitStoresInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 999, 1000, 2345} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := testkit.NATS(t)
			k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
			res := must(k.Commit(testContext(t), messages("a", n)))(t)
			if len(res) != n || stored(t, c, events.StreamEvents) != n {
				t.Fatalf("%d results and %d stored for %d messages", len(res), stored(t, c, events.StreamEvents), n)
			}
			for i, r := range res {
				if r.Seq != uint64(i+1) || r.Duplicate || r.Err != nil {
					t.Fatalf("message %d: %+v", i, r)
				}
			}
		})
	}
}

// TestCommitRepeats covers each place where a repeat is recognised: within one
// call, by the committer's memory, and by the server in singles and in batches,
// first, last, everywhere.
func TestCommitRepeats(t *testing.T) {
	at := func(n int, repeat ...int) []stream.Message {
		fresh, old := messages("fresh", n), messages("old", n)
		for _, i := range repeat {
			fresh[i] = old[i]
		}
		return fresh
	}
	all := make([]int, 200)
	for i := range all {
		all[i] = i
	}
	for name, repeat := range map[string][]int{
		"single": {2}, "first": {0}, "last": {199}, "middle": {77, 78, 150}, "all": all,
	} {
		n := 200
		if name == "single" {
			n = 5
		}
		for _, other := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,other process=%t", name, other), func(t *testing.T) {
				c := testkit.NATS(t)
				k, stop := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
				before := must(k.Commit(testContext(t), messages("old", n)))(t)
				if other { // one that has no memory of what was committed
					if err := stop(); err != nil {
						t.Fatal(err)
					}
					k, _ = startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
				}
				res := must(k.Commit(testContext(t), at(n, repeat...)))(t)
				last := uint64(n)
				for i, r := range res {
					if slices.Contains(repeat, i) {
						if !r.Duplicate || r.Seq != before[i].Seq {
							t.Fatalf("repeat %d: %+v, was at %d", i, r, before[i].Seq)
						}
						continue
					}
					if last++; r.Duplicate || r.Seq != last {
						t.Fatalf("message %d: %+v, want sequence %d", i, r, last)
					}
				}
			})
		}
	}
}

func TestCommitRepeatsWithinOneCall(t *testing.T) {
	c := testkit.NATS(t)
	k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
	msgs := messages("a", 100)
	msgs = append(msgs, msgs[7], msgs[99], msgs[7])
	res := must(k.Commit(testContext(t), msgs))(t)
	for i, want := range []int{7, 99, 7} {
		if r := res[100+i]; !r.Duplicate || r.Seq != res[want].Seq {
			t.Errorf("repeat of %d: %+v, want %+v as a duplicate", want, r, res[want])
		}
	}
	if res[7].Duplicate || stored(t, c, events.StreamEvents) != 100 {
		t.Errorf("first %+v, %d stored", res[7], stored(t, c, events.StreamEvents))
	}
}

func TestCommitConcurrently(t *testing.T) {
	c := testkit.NATS(t)
	k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{QueueBytes: 40 << 10})
	const callers, each = 20, 50
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			res, err := k.Commit(testContext(t), messages(fmt.Sprint(i), each))
			if err != nil {
				t.Error(err)
				return
			}
			for j := 1; j < len(res); j++ {
				if res[j].Seq <= res[j-1].Seq {
					t.Errorf("caller %d: message %d at %d after one at %d", i, j, res[j].Seq, res[j-1].Seq)
				}
			}
		})
	}
	wg.Wait()
	if n := stored(t, c, events.StreamEvents); n != callers*each {
		t.Errorf("%d stored", n)
	}
}

// TestCommitFull fills a stream: what does not fit is refused with a code that
// says try again, and nothing of it is stored.
func TestCommitFull(t *testing.T) {
	for _, n := range []int{3, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			_, c := testkit.NATSServer(t)
			testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true, EventsBytes: 256 << 10})
			k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
			durable := 0
			var err error
			for i := 0; err == nil && i < 1000; i++ {
				var res []stream.Result
				res, err = k.Commit(testContext(t), messages(fmt.Sprint(i), n))
				for _, r := range res {
					if r.Err == nil {
						durable++
					}
				}
			}
			var e *stream.Error
			if !errors.As(err, &e) || e.Kind != stream.Full || e.Hint == "" {
				t.Fatalf("got %#v", err)
			}
			if events.CodeOf(err) != events.CodeUnavailable {
				t.Errorf("code %q", events.CodeOf(err))
			}
			if got := stored(t, c, events.StreamEvents); got != durable || durable == 0 {
				t.Errorf("%d stored, %d said to be durable", got, durable)
			}
		})
	}
}

// TestCommitTooLarge keeps one message that can never be stored from taking the
// others with it.
func TestCommitTooLarge(t *testing.T) {
	c := testkit.NATS(t)
	cfg := must(c.JS.Stream(testContext(t), events.StreamEvents))(t).CachedInfo().Config
	cfg.MaxMsgSize = 4 << 10
	must(c.JS.UpdateStream(testContext(t), cfg))(t)
	k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
	for name, size := range map[string]int{"for the stream": 5 << 10, "for the server": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			msgs := messages(name, 50)
			msgs[30].Data = make([]byte, size)
			res, err := k.Commit(testContext(t), msgs)
			if events.CodeOf(err) != events.CodeTooLarge {
				t.Fatalf("got %v", err)
			}
			for i, r := range res {
				if (r.Err != nil) != (i == 30) {
					t.Errorf("message %d: %v", i, r.Err)
				}
			}
		})
	}
}

// TestCommitDrains stops the committer while calls wait: what was accepted is
// stored, what comes later is refused.
func TestCommitDrains(t *testing.T) {
	c := testkit.NATS(t)
	k := stream.NewCommitter(c, events.StreamEvents, stream.CommitterOptions{})
	const callers = 8
	errs := make(chan error, callers)
	for i := range callers {
		go func() {
			_, err := k.Commit(testContext(t), messages(fmt.Sprint(i), 30))
			errs <- err
		}()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Run(ctx); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for range callers {
		switch err := <-errs; {
		case err == nil:
			accepted++
		case !errors.Is(err, stream.ErrClosed):
			t.Errorf("got %v", err)
		}
	}
	if n := stored(t, c, events.StreamEvents); n != 30*accepted {
		t.Errorf("%d stored, %d calls accepted", n, accepted)
	}
	if _, err := k.Commit(testContext(t), messages("late", 1)); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestCommitGivesUpWaiting(t *testing.T) {
	c := testkit.NATS(t)
	k := stream.NewCommitter(c, events.StreamEvents, stream.CommitterOptions{QueueBytes: 1 << 10}) // and nobody runs it
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := k.Commit(ctx, messages("a", 100))
		first <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := k.Commit(ctx, messages("b", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a full queue: %v", err)
	}
}

// TestCommitUnavailable has no stream to write to.
func TestCommitUnavailable(t *testing.T) {
	c := testkit.NATS(t)
	if err := c.JS.DeleteStream(testContext(t), events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{RetryFor: 1})
	for _, n := range []int{1, 100} {
		res, err := k.Commit(testContext(t), messages("a", n))
		if events.CodeOf(err) != events.CodeUnavailable || len(res) != n {
			t.Errorf("%d messages: %v", n, err)
		}
	}
}

// TestCommitOutlivesRestart restarts the server under a committer.
func TestCommitOutlivesRestart(t *testing.T) {
	r := newRestartable(t)
	k, _ := startCommitter(t, r.conn, events.StreamEvents, stream.CommitterOptions{})
	must(k.Commit(testContext(t), messages("before", 20)))(t)
	r.restart(t)
	must(k.Commit(testContext(t), messages("after", 20)))(t)
	if n := stored(t, r.conn, events.StreamEvents); n != 40 {
		t.Errorf("%d stored", n)
	}
}
