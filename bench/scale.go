package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// scaleSize is how far [Scale] goes.
type scaleSize struct {
	pairs        int
	small, large int // deployments
	warm         int // updates until caches are as they stay
	updates      int // measured
	due          int // deadlines that pass in one tick
}

var scaleFull = scaleSize{pairs: 5, small: 10_000, large: 1_000_000, warm: 20_000, updates: 40_000, due: 100_000}

// What a store of a million deployments may take.
const (
	mostMemory = 1.5 // GiB, resident
	mostStart  = 10  // seconds
)

const gib = 1 << 30

// Scale measures what a million deployments cost: an update of one of them,
// picked by chance, against one of ten thousand with the same caches; memory;
// the time from nothing to the first change told; and disk. Before that it
// measures one tick in which 100,000 deadlines pass. It takes some minutes and 6
// GiB of disk.
//
// Events are written straight into TT_EVENTS by a server that does not sync, so
// that neither HTTP nor the disk hides what the store costs; the server of the
// tick does. All of it, the server and the generator of the load included, is
// this one process.
func Scale(ctx context.Context, o Options) ([]Row, error) {
	size := scaleFull
	if o.Pairs > 0 {
		size.pairs = o.Pairs
	}
	return inFolder(ctx, o.Dir, func(dir string) ([]Row, error) { return scale(ctx, dir, size, o.Progress) })
}

func scale(ctx context.Context, dir string, size scaleSize, progress func(string)) (rows []Row, err error) {
	if progress == nil {
		progress = func(string) {}
	}
	if rows, err = ticks(ctx, dir, size, progress); err != nil {
		return rows, err
	}
	small, err := newCrowd(ctx, dir, relaxed, size.small)
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, small.stop()) }()
	large, err := newCrowd(ctx, dir, relaxed, size.large)
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, large.stop()) }()
	for _, c := range []*crowd{small, large} {
		c.tell = progress
		progress(fmt.Sprintf("scale: making %d deployments of three events each", len(c.landed)))
		if err := c.grow(ctx); err != nil {
			return rows, err
		}
		_, cost, err := c.project(ctx, 0)
		if err != nil {
			return rows, err
		}
		progress(fmt.Sprintf("scale: %d deployments are projected, %v an event", len(c.landed), cost))
	}
	// The other one's projector is stopped meanwhile, so that neither pays for
	// what the other left to do.
	update := func(c *crowd) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			if err := c.update(ctx, size.warm+size.updates); err != nil {
				return 0, err
			}
			_, cost, err := c.project(ctx, size.warm)
			return float64(cost.Nanoseconds()) / 1e3, err
		}
	}
	cost := pair{
		name: "scale-cost", unit: "µs/event", against: fmt.Sprintf("at %d deployments", size.small), goal: 2, atMost: true,
		limit: update(small), row: update(large),
	}
	row, err := cost.measure(ctx, size.pairs, progress)
	if err != nil {
		return rows, err
	}
	rows = append(rows, row)
	// Only the large one counts for memory.
	if err := small.stop(); err != nil {
		return rows, err
	}
	whole, err := large.weigh(ctx, size)
	return append(rows, whole...), err
}

// weigh restarts everything and measures the start, the memory while updates
// are projected, and the size on disk.
func (c *crowd) weigh(ctx context.Context, size scaleSize) ([]Row, error) {
	if err := c.update(ctx, size.warm+size.updates); err != nil {
		return nil, err
	}
	if err := c.down(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // what went before is not this process's
	var start time.Duration
	held, err := watchMemory(ctx, func(ctx context.Context) (err error) {
		start, err = c.up(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	log, err := c.state(ctx, events.StreamEvents)
	if err != nil {
		return nil, err
	}
	kept, err := c.bytesOf("projector")
	if err != nil {
		return nil, err
	}
	n := float64(len(c.landed))
	return []Row{
		single("scale-memory", "GiB", "allowed", float64(held.own)/gib, mostMemory, 1),
		single("scale-mapped", "GiB", "of the store", float64(held.mapped)/gib, float64(kept)/gib, 0),
		single("scale-start", "s", "allowed", start.Seconds(), mostStart, 1),
		single("scale-disk", "B/deployment", "for its events in TT_EVENTS", float64(kept)/n, float64(log.Bytes)/n, 0),
	}, nil
}

// single makes a row of one measurement whose ratio to the limit may be at most
// the goal.
func single(name, unit, against string, figure, limit, goal float64) Row {
	r := Row{Name: name, Unit: unit, Against: against, Goal: goal, AtMost: true}
	var m measured
	m.add(figure, limit)
	r.settle(&m)
	return r
}
