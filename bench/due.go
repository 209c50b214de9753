package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// mostDecided is within how many seconds all of a tick's deadlines have to be
// decided.
const mostDecided = 2

// ticks measures one tick in which the deadlines of size.due deployments pass,
// and then the releases that these are of change: until all of that is decided,
// which is when the store has it, and until all changes are in TT_CHANGES. The
// server syncs.
func ticks(ctx context.Context, dir string, size scaleSize, progress func(string)) ([]Row, error) {
	rows := []Row{
		{Name: "tick-100k-decided", Unit: "s", Against: "allowed", Goal: 1, AtMost: true},
		{Name: "tick-100k", Unit: "s", Against: "bare atomic batches of the same changes", AtMost: true},
	}
	var decided, told measured
	for i := range size.pairs {
		t, err := tickOnce(ctx, dir, size.due)
		if err != nil {
			return nil, fmt.Errorf("tick-100k: %w", err)
		}
		decided.add(t.decided.Seconds(), mostDecided)
		told.add(t.told.Seconds(), t.bare.Seconds())
		progress(fmt.Sprintf("tick-100k: pair %d of %d: decided after %.3g s, told after %.3g s against %.3g s",
			i+1, size.pairs, t.decided.Seconds(), t.told.Seconds(), t.bare.Seconds()))
	}
	rows[0].settle(&decided)
	rows[1].settle(&told)
	return rows, nil
}

// ticked is how long things took.
type ticked struct{ decided, told, bare time.Duration }

func tickOnce(ctx context.Context, dir string, n int) (t ticked, err error) {
	c, err := newCrowd(ctx, dir, natsd.Config{}, n)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	c.clock = c.clock.Add(-24 * time.Hour) // no tick is from the future
	err = c.publish(ctx, n, func(i int) (deployment int, status string) { return i, statemachine.StatusPlanned })
	if err != nil {
		return t, err
	}
	db, err := c.openStore("projector")
	if err != nil {
		return t, err
	}
	if err := c.projectInto(ctx, db); err != nil {
		return t, err
	}
	if err := c.waitForMessages(ctx, events.StreamChanges, uint64(n)); err != nil {
		return t, err
	}
	tick, err := c.tick(c.clock.Add(25 * time.Hour)) // what is planned is overdue after a day
	if err != nil {
		return t, err
	}
	begun := time.Now()
	if err := c.write(ctx, 1, func(int) (stream.Message, error) { return tick, nil }); err != nil {
		return t, err
	}
	err = c.waitUntil(ctx, uint64(n)+1, "messages of TT_EVENTS in the store", func() (seq uint64, err error) {
		err = db.View(func(r *store.Reader) error {
			p, err := r.Position()
			seq = p.Seq
			return err
		})
		return seq, err
	})
	if err != nil {
		return t, err
	}
	t.decided = time.Since(begun)
	releases := (n + inFlight - 1) / inFlight
	if err := c.waitForMessages(ctx, events.StreamChanges, uint64(n+n+releases)); err != nil {
		return t, err
	}
	t.told = time.Since(begun)
	changes, err := c.read(ctx, events.StreamChanges, uint64(n)+1, n+releases)
	if err != nil {
		return t, err
	}
	t.bare, err = c.bareStore(ctx, len(changes), func(i int) []byte { return changes[i] })
	return t, err
}

// tick is a promise about all regions of the load, as ingest stores it.
func (c *crowd) tick(at time.Time) (stream.Message, error) {
	all := make([]string, regions)
	for i := range all {
		all[i] = fmt.Sprintf("region-%d", i)
	}
	e := &events.Event{
		ID: "tick", Source: "/telltale/ingest/bench", Type: events.TypeTick, Subject: "bench",
		Recorder: "bench", RecordedTime: at.UTC(),
	}
	e.SetTime(e.RecordedTime)
	if err := e.SetData(&events.Tick{Regions: all}); err != nil {
		return stream.Message{}, err
	}
	return stamped(e, events.TickSubject(e.Recorder))
}

// read returns the bodies of n messages of a stream.
func (r *rig) read(ctx context.Context, name string, first uint64, n int) ([][]byte, error) {
	c, err := r.conn.JS.OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: first,
	})
	if err != nil {
		return nil, err
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		return nil, err
	}
	defer msgs.Stop()
	out := make([][]byte, n)
	for i := range out {
		m, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		out[i] = m.Data()
	}
	return out, nil
}
