package projector

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// publish puts words into TT_EVENTS as ingest does.
func publish(t testing.TB, c *stream.Conn, words []said) {
	t.Helper()
	for _, w := range words {
		m := &nats.Msg{Subject: w.subject, Data: w.data, Header: nats.Header{"Nats-Msg-Id": {w.msgID}}}
		if _, err := c.JS.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// errKilled ends a run at a fail point.
var errKilled = errors.New("killed")

// run runs a projector until its store has followed the stream and everything
// is told, or a fail point ends it, whose error it returns.
func run(t testing.TB, c *stream.Conn, dir string, failPoint func(string) error, more ...func(*store.DB, string) error) error {
	t.Helper()
	id, err := stream.Identify(t.Context(), c.JS, events.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, dir)
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// Each mark or transaction may be the last step of the run.
	check := func() {
		err := db.View(func(r *store.Reader) error {
			at, err := r.Position()
			if err != nil || at.Seq < id.Last {
				return err
			}
			published, err := r.Published()
			if err != nil {
				return err
			}
			pending := false
			err = r.Changes(published, func(view.Change) (bool, error) {
				pending = true
				return false, nil
			})
			if err != nil {
				return err
			}
			err = r.Dirty(func(uint64, string) error {
				pending = true
				return nil
			})
			if !pending {
				cancel()
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	check()
	var once sync.Mutex // two stages have fail points
	err = New(Options{Conn: c, DB: db, FailPoint: func(point string) error {
		once.Lock()
		defer once.Unlock()
		if failPoint != nil {
			if err := failPoint(point); err != nil {
				return err
			}
		}
		for _, f := range more {
			if err := f(db, point); err != nil {
				return err
			}
		}
		if point == pointMarked || point == pointCommitted {
			check()
		}
		return nil
	}}).Run(ctx)
	return err
}

// changesOf reads TT_CHANGES from its beginning.
func changesOf(t testing.TB, c *stream.Conn) []view.Change {
	t.Helper()
	id, err := stream.Identify(t.Context(), c.JS, events.StreamChanges)
	if err != nil {
		t.Fatal(err)
	}
	var out []view.Change
	if id.Last == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamChanges})
	err = r.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
		for _, m := range batch {
			change, err := view.ReadChange(m.Data)
			if err != nil {
				return err
			}
			out = append(out, change)
			if m.Seq == id.Last {
				cancel()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkInvariants holds the store, TT_CHANGES and TT_CURRENT against a fold of
// the same words that nothing disturbed.
func checkInvariants(t testing.TB, c *stream.Conn, dir string, words []said) {
	t.Helper()
	want, told := folded(t, words, 1)
	db := open(t, dir)
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, want := digestOf(t, db), digestOf(t, want); got != want {
		t.Errorf("store = %+v, an undisturbed one is %+v", got, want)
	}
	var expected []view.Change
	for _, o := range told {
		expected = append(expected, o.changes...)
	}
	got := changesOf(t, c)
	if len(got) != len(expected) {
		t.Errorf("TT_CHANGES has %d changes, want %d", len(got), len(expected))
	}
	for i := range min(len(got), len(expected)) {
		g, w := got[i], expected[i]
		w.ID.Incarnation = g.ID.Incarnation
		w.Raw = bytes.Replace(w.Raw, []byte(`"id":"t.`), []byte(`"id":"`+g.ID.Incarnation+"."), 1)
		if w.Amends.Incarnation != "" {
			w.Amends.Incarnation = g.ID.Incarnation
		}
		if !bytes.Equal(g.Raw, w.Raw) {
			t.Errorf("change %d is %s, want %s", i, g.Raw, w.Raw)
		}
		if g.ID != w.ID || g.Key != w.Key || g.From != w.From || !sameFacts(&g.Facts, &w.Facts) || g.Digest != w.Digest ||
			g.At != w.At || g.Recorded != w.Recorded || g.Late != w.Late || g.Amends != w.Amends || g.Cause != w.Cause || g.Reason != w.Reason {
			t.Errorf("change %d is\n%+v, want\n%+v", i, g, w)
		}
	}
	kv, err := c.JS.KeyValue(t.Context(), events.BucketCurrent)
	if err != nil {
		t.Fatal(err)
	}
	err = want.View(func(r *store.Reader) error {
		return r.Slots("", "", func(name string, s view.Slot) (bool, error) {
			at, err := events.ParseSlot(name)
			if err != nil {
				return false, err
			}
			e, err := kv.Get(t.Context(), events.CurrentKey(at))
			if err != nil {
				return false, err
			}
			if want := bodyOf(t, at, s); string(e.Value()) != want {
				t.Errorf("TT_CURRENT %s is\n%s, want\n%s", name, e.Value(), want)
			}
			return true, nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRunTellsWhatItFolds(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir()
	words := story(t)
	publish(t, c, words[:6])
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, c, words[6:])
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, c, dir, words)
}

// TestKilledAtEachPoint ends a run at each point between two durable steps, the
// first and the second time it comes there, then starts again.
func TestKilledAtEachPoint(t *testing.T) {
	points := []string{pointCommit, pointCommitted, pointPublish, pointPublished, pointCurrent, pointMarked}
	words := story(t)
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			c := testkit.NATS(t)
			dir := t.TempDir()
			for _, part := range [][]said{words[:6], words[6:11], words[11:]} {
				publish(t, c, part)
				killed := false
				err := run(t, c, dir, func(at string) error {
					if at == point && !killed {
						killed = true
						return errKilled
					}
					return nil
				})
				if !errors.Is(err, errKilled) {
					t.Fatalf("the run ended with %v, not at %s", err, point)
				}
				if err := run(t, c, dir, nil); err != nil {
					t.Fatal(err)
				}
			}
			checkInvariants(t, c, dir, words)
		})
	}
}

func TestRecreatedStreamStops(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir()
	words := story(t)
	publish(t, c, words)
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.JS.DeleteStream(t.Context(), events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true})
	publish(t, c, words[:3])
	db := open(t, dir)
	before := digestOf(t, db)
	err := New(Options{Conn: c, DB: db}).Run(t.Context())
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) || mismatch.Hint == "" {
		t.Errorf("Run = %v, want a MismatchError with a hint", err)
	}
	if after := digestOf(t, db); after != before {
		t.Errorf("the store moved from %+v to %+v", before, after)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTwoProjectors: two stores, one TT_CHANGES.
func TestTwoProjectors(t *testing.T) {
	c := testkit.NATS(t)
	words := story(t)
	publish(t, c, words)
	dirs := []string{t.TempDir(), t.TempDir()}
	var wg sync.WaitGroup
	for _, dir := range dirs {
		wg.Go(func() {
			if err := run(t, c, dir, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, dir := range dirs {
		checkInvariants(t, c, dir, words)
	}
}

func TestUnusableGoesToQuarantine(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir()
	words := story(t)
	bad := said{events.Place{Env: "prod", Region: "eu", Component: "web"}.EventsSubject(), "x", []byte(`{"specversion":"1.0","id":1`)}
	publish(t, c, append([]said{bad}, words...))
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := stream.NewQuarantine(c).List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Stage != "projector" || string(entries[0].Raw) != string(bad.data) {
		t.Errorf("quarantine = %+v, want the bad message whole", entries)
	}
	checkInvariants(t, c, dir, append([]said{bad}, words...))
}

func TestTicksKeepTheirPromise(t *testing.T) {
	tick := func(n, second int, closing bool) said {
		e := &events.Event{
			ID: "tick", Source: "/telltale/ingest/r1", Type: events.TypeTick, Subject: "r1", Recorder: "r1",
			RecordedTime: epoch.Add(time.Duration(second) * time.Second),
		}
		e.SetTime(e.RecordedTime)
		e.SetData(&events.Tick{Regions: []string{"eu"}, Closing: closing})
		return stored(t, e)
	}
	for _, tt := range []struct {
		name  string
		ticks []said
		at    int
		ahead bool
	}{
		{"moves on", []said{tick(1, 10, false), tick(2, 20, false)}, 20, false},
		{"a clock set back takes nothing back", []said{tick(1, 20, false), tick(2, 10, false)}, 20, false},
		{"a clock ahead of the stream moves nothing", []said{tick(1, 20, false), tick(2, 2*24*3600, false)}, 20, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, _ := folded(t, tt.ticks, 1)
			err := db.View(func(r *store.Reader) error {
				ticks, err := r.Ticks()
				if len(ticks) != 1 || ticks[0].At != epoch.Add(time.Duration(tt.at)*time.Second).UnixNano() || ticks[0].Ahead != tt.ahead {
					t.Errorf("ticks = %+v", ticks)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
