package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

func (w *world) ticks() (out []stored) {
	w.Helper()
	for _, s := range w.stored() {
		if s.Type == events.TypeTick {
			out = append(out, s)
		}
	}
	return out
}

func tickData(t *testing.T, s stored) (data events.Tick) {
	t.Helper()
	if err := s.DataAs(&data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTick(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.post("/v1/events", event("before")); a.Accepted != 1 {
		t.Fatal(a.Text)
	}
	if err := w.in.tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := w.stored()
	if len(list) != 2 || list[1].Type != events.TypeTick {
		t.Fatalf("stored %v", list)
	}
	tick := list[1]
	data := tickData(t, tick)
	if tick.RawStreamMsg.Subject != "tt.v1.ticks.rec-1" || tick.RawStreamMsg.Header.Get("Nats-Msg-Id") == "" ||
		len(data.Regions) != 1 || data.Regions[0] != "eu-west-1" || data.Closing ||
		!tick.Event.Time.Equal(tick.RecordedTime) || tick.Recorder != "rec-1" {
		t.Errorf("tick %s %+v %+v", tick.RawStreamMsg.Subject, tick.Event, data)
	}
	if !tick.Event.Time.After(list[0].RecordedTime) {
		t.Error("the tick's time is not after the stamp of what stands before it")
	}
}

// While a message that TT_RAW acknowledged before the tick's time is in someone's
// hands, no tick is written.
func TestTickWaitsForRaw(t *testing.T) {
	w := newWorld(t, nil)
	var consumer jetstream.Consumer
	w.until("the RAW door has made its consumer", func() (made bool) {
		var err error
		consumer, err = w.conn.JS.Consumer(t.Context(), events.StreamRaw, rawConsumer)
		return err == nil
	})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, event("held"))
	held, err := consumer.Next() // another ingest has it, and is slow
	if err != nil {
		t.Fatal(err)
	}
	var looks atomic.Int32
	clock := func() time.Time { looks.Add(1); return time.Now() }
	w.run(func(o *Options) { o.Clock = clock })
	ticked := make(chan error, 1)
	go func() { ticked <- w.in.tick(t.Context()) }()
	before := looks.Load()
	w.until("the tick has looked at TT_RAW several times", func() bool { return looks.Load() > before+12 })
	select {
	case err := <-ticked:
		t.Fatalf("the tick did not wait: %v", err)
	default:
	}
	if n := len(w.stored()); n != 0 {
		t.Fatalf("%d messages stored", n)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, event("after"))
	if err := held.Nak(); err != nil { // the slow one gives up: we get it
		t.Fatal(err)
	}
	if err := <-ticked; err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range w.stored() {
		if s.Type == events.TypeTick && !seen["held"] {
			t.Error("the tick stands before what was acknowledged before it")
		}
		seen[s.ID] = true
	}
	if !seen["held"] {
		t.Error("the held message is lost")
	}
}

// An event that was stamped before the tick's time and is still on its way must
// not be overtaken.
func TestTickWaitsForEventsUnderWay(t *testing.T) {
	w := newWorld(t, nil)
	gen := w.in.pipeline.gate.enter()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.in.tick(ended); err == nil {
		t.Error("the tick did not wait for an event under way")
	}
	w.in.pipeline.gate.leave(gen)
	if err := w.in.tick(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(w.ticks()); n != 1 {
		t.Errorf("%d ticks", n)
	}
}

func TestTicksFollowTheirPeriodAndTheLastOneCloses(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.TickEvery = 5 * time.Millisecond })
	w.until("three ticks", func() bool { return len(w.ticks()) >= 3 })
	w.publishRaw("tt.v1.raw.em-a", nil, event("late"))
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	list := w.stored()
	last := time.Time{}
	for i, s := range list {
		if s.Type != events.TypeTick {
			continue
		}
		if closing := tickData(t, s).Closing; closing != (i == len(list)-1) {
			t.Errorf("message %d of %d: closing %t", i+1, len(list), closing)
		}
		if !s.Event.Time.After(last) {
			t.Errorf("tick %d is not later than the one before", i)
		}
		last = s.Event.Time
	}
	if !slices.ContainsFunc(list, func(s stored) bool { return s.ID == "late" }) {
		t.Error("what TT_RAW acknowledged is not before the closing tick")
	}
	a := w.post("/v1/events", event("too late"))
	if a.Status != http.StatusServiceUnavailable || a.RetryAfter == "" {
		t.Errorf("after the end: %d %s", a.Status, a.Text)
	}
}

func TestNoTicksMeansNone(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.stored()); n != 0 {
		t.Errorf("%d messages stored", n)
	}
}

// A drain that cannot keep the promise says so, writes no closing tick, and
// leaves what it could not move where it was.
func TestDrainIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.TickEvery = time.Hour
		o.DrainTimeout = 50 * time.Millisecond
		o.CommitTimeout = 20 * time.Millisecond
	})
	w.until("the first tick", func() bool { return len(w.ticks()) == 1 })
	if err := w.conn.JS.DeleteStream(t.Context(), events.StreamQuarantine); err != nil {
		t.Fatal(err)
	}
	w.publishRaw("tt.v1.raw.em-a", nil, []byte("poison"))
	if err := w.stop(); err == nil {
		t.Error("a drain that did not finish is no error")
	}
	state, _, err := w.in.rawState(t.Context())
	if err != nil || state.Msgs != 1 {
		t.Errorf("TT_RAW holds %d messages, %v", state.Msgs, err)
	}
	if ticks := w.ticks(); len(ticks) != 1 || tickData(t, ticks[0]).Closing {
		t.Errorf("ticks %v", ticks)
	}
}

func TestReady(t *testing.T) {
	var offset atomic.Int64
	w := newWorld(t, func(o *Options) {
		o.Clock = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	})
	for _, tc := range []struct {
		offset time.Duration
		ready  bool
	}{{0, true}, {3 * time.Second, true}, {-3 * time.Second, true}, {8 * time.Second, false}, {-8 * time.Second, false}, {0, true}} {
		offset.Store(int64(tc.offset))
		if err := w.in.Ready(t.Context()); (err == nil) != tc.ready {
			t.Errorf("clock %v off: %v", tc.offset, err)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if w.in.Ready(t.Context()) == nil {
		t.Error("ready after the end")
	}
}

func TestStampsContinueAfterARestartWithAClockSetBack(t *testing.T) {
	ahead := func() time.Time { return time.Now().Add(time.Hour) }
	w := newWorld(t, func(o *Options) { o.Clock = ahead })
	if a := w.post("/v1/events", event("first")); a.Accepted != 1 {
		t.Fatal(a.Text)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.run(nil)
	if a := w.post("/v1/events", event("second")); a.Accepted != 1 {
		t.Fatal(a.Text)
	}
	if list := w.stored(); !list[1].RecordedTime.After(list[0].RecordedTime) {
		t.Errorf("%v is not after %v", list[1].RecordedTime, list[0].RecordedTime)
	}
}

func TestDefinitionsAreActivatedOnce(t *testing.T) {
	first := StandardLifecycle()
	second := first
	second.Document += "# changed\n"
	second.Digest = "sha256:" + digestOf(second.Document)
	w := newWorld(t, func(o *Options) { o.Definitions = []events.DefinitionActivated{first} })
	for _, defs := range [][]events.DefinitionActivated{{first}, {first, second}, {second, first}} {
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.run(func(o *Options) { o.Definitions = defs })
	}
	list := w.stored()
	if len(list) != 2 || list[0].RawStreamMsg.Subject != "tt.v1.events._._._" {
		t.Fatalf("%d messages, want one for each definition", len(list))
	}
	var got events.DefinitionActivated
	if err := list[0].DataAs(&got); err != nil || got.Document != first.Document || got.Actor != "user:telltale" || got.EffectiveFrom.Year() != 2000 {
		t.Errorf("definition %+v, %v", got, err)
	}
}

func digestOf(doc string) string {
	sum := sha256.Sum256([]byte(doc))
	return hex.EncodeToString(sum[:])
}
