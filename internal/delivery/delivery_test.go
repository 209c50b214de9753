package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/pkg/events"
)

var (
	broken = receiver.Result{Class: receiver.Transient, Status: 503, Detail: "the endpoint answered 503"}
	unsure = receiver.Result{Class: receiver.Ambiguous, Detail: "the endpoint did not answer in time"}
	never  = receiver.Result{Class: receiver.Permanent, Status: 400, Detail: "the endpoint answered 400"}
	gone   = receiver.Result{Class: receiver.Permanent, Status: 410, Gone: true, Detail: "the endpoint answered 410"}
)

func TestEveryCallStandsBetweenIntentAndOutcome(t *testing.T) {
	b := newBench(t)
	b.recv.answers = []receiver.Result{broken, unsure}
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.recv.wantCalls(t, "nt_1")

	b.clock.Advance(5*time.Second - 1)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1") // the ladder's second rung is at 5 s, or a little later
	b.clock.Advance(time.Second)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_1")
	b.clock.Advance(33 * time.Second)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_1", "nt_1")
	b.wantRecords(t,
		"intended nt_1 1", "concluded nt_1 1 transient",
		"intended nt_1 2", "concluded nt_1 2 ambiguous",
		"intended nt_1 3", "concluded nt_1 3 delivered")
}

func TestRestartsSendNothingTwice(t *testing.T) {
	for _, emptyDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("empty disk %t", emptyDisk), func(t *testing.T) {
			b := newBench(t)
			b.recv.answers = []receiver.Result{{Class: receiver.Delivered}, broken}
			b.notify(t, "nt_1", "a")
			b.settle(t)
			b.notify(t, "nt_2", "b")
			b.settle(t)
			b.restart(t, emptyDisk)
			b.settle(t)
			b.recv.wantCalls(t, "nt_1", "nt_2")

			// What waits for its next call goes on waiting, then goes out.
			b.clock.Advance(6 * time.Second)
			b.settle(t)
			b.recv.wantCalls(t, "nt_1", "nt_2", "nt_2")
			b.restart(t, emptyDisk)
			b.clock.Advance(100 * time.Hour)
			b.settle(t)
			b.recv.wantCalls(t, "nt_1", "nt_2", "nt_2")

			// The same notification again is known.
			b.notify(t, "nt_2", "b")
			b.settle(t)
			b.recv.wantCalls(t, "nt_1", "nt_2", "nt_2")
		})
	}
}

func TestNewestStateWins(t *testing.T) {
	b := newBench(t)
	b.recv.answers = []receiver.Result{broken}
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.notify(t, "nt_2", "a") // at once, not when the other was due
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_2")
	b.wantRecords(t,
		"intended nt_1 1", "concluded nt_1 1 transient",
		"concluded nt_1 1 superseded", "intended nt_2 1", "concluded nt_2 1 delivered")
	b.clock.Advance(time.Hour)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1", "nt_2")
}

func TestALaneHasOneCallInFlight(t *testing.T) {
	b := newBench(t)
	b.recv.hold, b.recv.called = make(chan struct{}), make(chan string)
	b.notify(t, "nt_1", "a")
	if id := <-b.recv.called; id != "nt_1" {
		t.Fatal(id)
	}
	b.notify(t, "nt_2", "a") // waits, and takes the place of no call in flight
	b.notify(t, "nt_3", "a") // takes the place of nt_2
	b.notify(t, "nt_4", "b") // another lane does not wait
	if id := <-b.recv.called; id != "nt_4" {
		t.Fatalf("%s was called for while nt_1 was in flight", id)
	}
	b.recv.hold <- struct{}{}
	b.recv.hold <- struct{}{}
	if id := <-b.recv.called; id != "nt_3" {
		t.Fatalf("%s was called for after nt_1", id)
	}
	b.recv.hold <- struct{}{}
	b.settle(t)
}

func TestCallsInFlightEndBeforeAStop(t *testing.T) {
	b := newBench(t)
	b.recv.hold, b.recv.called = make(chan struct{}), make(chan string)
	b.notify(t, "nt_1", "a")
	<-b.recv.called
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.stop()
	}()
	b.recv.hold <- struct{}{}
	<-stopped
	b.wantRecords(t, "intended nt_1 1", "concluded nt_1 1 delivered")
}

func TestGivingUp(t *testing.T) {
	t.Run("permanent", func(t *testing.T) {
		b := newBench(t)
		b.recv.answers = []receiver.Result{never}
		b.notify(t, "nt_1", "a")
		b.settle(t)
		b.clock.Advance(time.Hour)
		b.settle(t)
		b.recv.wantCalls(t, "nt_1")
		letters := b.deadLetters(t)
		if len(letters) != 1 || letters[0].Intent.ID != "nt_1" || letters[0].Outcome.Status != 400 {
			t.Errorf("dead letters are %+v", letters)
		}
	})
	t.Run("too old", func(t *testing.T) {
		b := newBench(t)
		for range 100 {
			b.recv.answers = append(b.recv.answers, broken)
		}
		b.notify(t, "nt_1", "a")
		for range 100 {
			b.settle(t)
			b.clock.Advance(66 * time.Minute)
		}
		b.settle(t)
		letters := b.deadLetters(t)
		if len(letters) != 1 || letters[0].Intent.ID != "nt_1" {
			t.Fatalf("dead letters are %+v", letters)
		}
		if calls := len(b.recv.calls); calls != letters[0].Outcome.Attempt || calls < 60 || calls > 72 {
			t.Errorf("%d calls in three days, the last was the %d.", calls, letters[0].Outcome.Attempt)
		}
	})
	t.Run("gone", func(t *testing.T) {
		b := newBench(t)
		b.recv.answers = []receiver.Result{gone}
		b.notify(t, "nt_1", "a")
		b.settle(t)
		b.restart(t, true)
		b.notify(t, "nt_2", "b")
		b.settle(t)
		b.recv.wantCalls(t, "nt_1")
		b.wantRecords(t, "intended nt_1 1", "concluded nt_1 1 permanent dead", "concluded nt_2 0 permanent dead")

		b.stop()
		b.recv.endpoint = "script:2" // another address
		b.start(t)
		b.notify(t, "nt_3", "c")
		b.settle(t)
		b.recv.wantCalls(t, "nt_1", "nt_3")
	})
}

// TestRecordsFitTheirSchema makes every kind of record: others read TT_ALERTS by
// the published schemas.
func TestRecordsFitTheirSchema(t *testing.T) {
	b := newBench(t)
	sent := receiver.Result{Class: receiver.Delivered, Status: 202, ProviderID: "req-1"}
	b.recv.answers = []receiver.Result{broken, sent, gone}
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.notify(t, "nt_2", "a") // takes the place of nt_1
	b.settle(t)
	b.notify(t, "nt_3", "b") // the endpoint is gone
	b.settle(t)
	b.notify(t, "nt_4", "c") // and not called again
	b.settle(t)
	delete(b.lanes.receivers, "on-call")
	b.notify(t, "nt_5", "d") // nobody knows the receiver any more
	b.settle(t)
	b.wantRecords(t,
		"intended nt_1 1", "concluded nt_1 1 transient",
		"concluded nt_1 1 superseded", "intended nt_2 1", "concluded nt_2 1 delivered",
		"intended nt_3 1", "concluded nt_3 1 permanent dead", "concluded nt_4 0 permanent dead",
		"intended nt_5 1", "concluded nt_5 1 environment")
	for _, m := range b.messages(t) {
		if e, err := events.DecodeStored(m.Data); err != nil || e.Type != typeCause {
			schematest.Event(t, m.Data)
		}
	}
}

func TestAReceiverThatIsNotConfiguredIsWaitedFor(t *testing.T) {
	b := newBench(t)
	delete(b.lanes.receivers, "on-call")
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.wantRecords(t, "intended nt_1 1", "concluded nt_1 1 environment")
	b.restart(t, false)
	b.clock.Advance(time.Minute)
	b.settle(t)
	b.recv.wantCalls(t, "nt_1")
}

func TestAnotherJournalIsRefused(t *testing.T) {
	b := newBench(t)
	b.notify(t, "nt_1", "a")
	b.settle(t)
	b.stop()
	old, err := b.conn.JS.Stream(t.Context(), events.StreamAlerts)
	if err != nil {
		t.Fatal(err)
	}
	cfg := old.CachedInfo().Config
	if err := b.conn.JS.DeleteStream(t.Context(), events.StreamAlerts); err != nil {
		t.Fatal(err)
	}
	if _, err := b.conn.JS.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	err = NewJournal(JournalOptions{Conn: b.conn, DB: b.db}).Run(t.Context())
	var other *OtherJournalError
	if !errors.As(err, &other) {
		t.Errorf("the journal went on: %v", err)
	}
}

func TestLadder(t *testing.T) {
	l := DefaultLadder()
	born := noon
	cases := []struct {
		name    string
		attempt int
		result  receiver.Result
		now     time.Time
		least   time.Duration // 0: given up
	}{
		{"first", 1, broken, noon, 5 * time.Second},
		{"second", 2, broken, noon, 30 * time.Second},
		{"third", 3, unsure, noon, 2 * time.Minute},
		{"sixth", 6, broken, noon, time.Hour},
		{"far up", 60, broken, noon, time.Hour},
		{"permanent", 1, never, noon, 0},
		{"asked to wait", 1, receiver.Result{Class: receiver.Transient, RetryAfter: time.Minute}, noon, time.Minute},
		{"asked to hurry", 3, receiver.Result{Class: receiver.Transient, RetryAfter: time.Second}, noon, 2 * time.Minute},
		{"asked for a year", 1, receiver.Result{Class: receiver.Transient, RetryAfter: 365 * 24 * time.Hour}, noon, 6 * time.Hour},
		{"old", 9, broken, born.Add(72*time.Hour - 30*time.Minute), 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := &open{Intent: Intent{ID: "nt_1", Born: born}}
			at, ok := l.next(o, c.attempt, c.result, c.now)
			if ok != (c.least > 0) {
				t.Fatalf("goes on: %t", ok)
			}
			if wait := at.Sub(c.now); ok && (wait < c.least || wait > c.least+c.least/10) {
				t.Errorf("waits %s, want %s and at most a tenth more", wait, c.least)
			}
		})
	}
}

func TestDueKeysOrderByTime(t *testing.T) {
	times := []time.Time{{}, noon, noon.Add(1), noon.Add(time.Second), noon.Add(time.Hour)}
	var before []byte
	for i, at := range times {
		key := dueKey(at, "al_1/on/call")
		if bytes.Compare(before, key) >= 0 {
			t.Errorf("%s does not come after %s", at, times[i-1])
		}
		before = key
		got, lane, err := splitDueKey(key)
		if err != nil || lane != "al_1/on/call" || !at.IsZero() && !got.Equal(at) || at.IsZero() && got.Unix() != 0 {
			t.Errorf("%s reads back as %s of %s, %v", at, got, lane, err)
		}
	}
	if _, _, err := splitDueKey([]byte(prefixDue + "short")); err == nil {
		t.Error("a damaged key is read")
	}
}

func TestIDDependsOnEachPart(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{"ab"}, {"a", "b"}, {"b", "a"}, {"", "ab"}, {"ab", ""}, {}} {
		id := ID("al_", parts...)
		if len(id) != 23 || seen[id] {
			t.Errorf("%q gives %s", parts, id)
		}
		seen[id] = true
	}
	if first, again := ID("", "x"), ID("", "x"); first != again {
		t.Error("the same parts give two ids")
	}
}
