package projector

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Bounds of one part of a tick: how many deployments it looks at, and how many of
// them together, before it asks whether the transaction should end.
const (
	maxDue      = 2000
	dueTogether = 5
)

// watermark returns up to when everything about a region is known, in Unix
// nanoseconds; 0: nothing is.
func (e *engine) watermark(region string) int64 {
	if w := e.clock.Watermark(region); !w.IsZero() {
		return w.UnixNano()
	}
	return 0
}

// schedule lets a later tick look at d again when its next deadline passes. A
// deployment has one row of this kind at most, and keeps it when its deadline
// moves back: the tick finds out that it is too early. So heartbeats write none.
func (b *batch) schedule(d *deployment, due statemachine.Deadline) error {
	w := b.watermark(d.key.Region)
	var next int64
	for _, at := range [...]int64{due.Silent, due.Overdue} {
		if at > w && (next == 0 || at < next) {
			next = at
		}
	}
	if next == 0 || d.row.Check != 0 && d.row.Check <= next {
		return nil
	}
	if err := b.unschedule(d); err != nil {
		return err
	}
	d.row.Check = next
	b.noteDue(d.key.Region, store.Due{At: next, Deployment: d.name})
	return b.w.PutDue(d.key.Region, next, d.name)
}

// unschedule lets no tick look at d.
func (b *batch) unschedule(d *deployment) error {
	at := d.row.Check
	if at == 0 {
		return nil
	}
	d.row.Check = 0
	return b.w.DeleteDue(d.key.Region, at, d.name)
}

// noteDue keeps the earliest deadline of each region in memory, so that most
// ticks need not look.
func (e *engine) noteDue(region string, d store.Due) {
	if first, ok := e.firstDue[region]; !ok || d.Before(first) {
		e.firstDue[region] = d
	}
}

// isQuiet reports whether a tick only moves watermarks: no deadline passes, no
// region becomes dark or light, and no release has to be told of.
func (e *engine) isQuiet(m *message) bool {
	if len(e.unsettled) > 0 || len(e.expected) > 0 || e.position.Seq == m.seq-1 && e.position.Part > 0 {
		return false
	}
	next := e.clock.Clone()
	next.Tick(tickOf(m.tick), m.stored)
	for region, first := range e.firstDue {
		if w := next.Watermark(region); !w.IsZero() && first.At <= w.UnixNano() {
			return false
		}
	}
	return maps.Equal(e.dark, darkOf(next))
}

// loadClock reads how far everything is known, and what was told of that.
func (e *engine) loadClock(r *store.Reader) error {
	rows, err := r.Ticks()
	if err != nil {
		return err
	}
	ticks := make([]view.Tick, len(rows))
	for i := range rows {
		ticks[i] = tickOf(&rows[i])
	}
	watermarks, err := r.Watermarks()
	if err != nil {
		return err
	}
	known := make(map[string]time.Time, len(watermarks))
	e.dark = make(map[string]bool)
	for region, w := range watermarks {
		known[region] = time.Unix(0, w.At).UTC()
		if w.Dark {
			e.dark[region] = true
		}
	}
	e.clock = view.NewClock(view.Watermarks{}, ticks, known)
	e.firstDue, err = r.FirstDue()
	return err
}

// tick does all that a recorder's promise allows to be decided: in as many
// transactions as that takes, each one part of the message. A crash between two
// of them goes on with what is left, for a deadline that was looked at is no row
// any more.
func (e *engine) tick(ctx context.Context, m *message) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	resumed := e.position.Seq == m.seq-1 && e.position.Part > 0
	for e.position.Seq < m.seq {
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			next := e.position
			next.Part++
			b.begin(m.seq)
			b.index = e.position.Index
			if !resumed {
				if err := b.applyTick(m); err != nil {
					return next, err
				}
			}
			more, err := b.passDeadlines(m)
			if err == nil && !more {
				more, err = b.unsettleNamed()
			}
			// Releases are read from the store: what this part changed is there in the
			// next.
			more = more || len(b.dirty) > 0 && len(b.unsettled) > 0
			if err == nil && !more {
				more, err = b.settleReleases(m)
			}
			if err == nil && !more {
				err = b.settleRegions(m)
				next = store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}
			}
			next.Index = b.index
			if !more {
				next.Index = 0
			}
			return next, err
		})
		if err != nil {
			return err
		}
		// The next part, and the next tick, read what this one wrote.
		if err := e.sync(ctx); err != nil {
			return err
		}
		resumed = true
	}
	return nil
}

// applyTick moves the watermarks.
func (b *batch) applyTick(m *message) error {
	b.metrics.applied(appliedTick)
	moved, row := b.clock.Tick(tickOf(m.tick), m.stored)
	for _, region := range moved {
		if err := b.putWatermark(region); err != nil {
			return err
		}
	}
	return b.w.PutTick(tickRow(row, m.seq))
}

// passDeadlines looks at deployments whose deadline has passed, in the order of
// regions, deadlines and keys. more: some are left for another part.
func (b *batch) passDeadlines(m *message) (more bool, err error) {
	looked := 0
	for _, region := range slices.Sorted(maps.Keys(b.firstDue)) {
		w := b.watermark(region)
		first, ok := b.firstDue[region]
		if !ok || first.At > w {
			continue
		}
		delete(b.firstDue, region)
		var passed []store.Due
		err := b.w.DueFrom(region, first, func(d store.Due) (bool, error) {
			if d.At > w || looked+len(passed) == maxDue {
				b.firstDue[region] = d
				more = more || d.At <= w
				return false, nil
			}
			passed = append(passed, d)
			return true, nil
		})
		if err != nil {
			return false, err
		}
		for _, p := range passed {
			if looked%dueTogether == 0 {
				if err := b.settle(m.cause()); err != nil {
					return false, err
				}
				if b.full() {
					b.firstDue[region] = p
					return true, nil
				}
			}
			looked++
			if err := b.w.DeleteDue(region, p.At, p.Deployment); err != nil {
				return false, err
			}
			key, ok := deploymentKey(p.Deployment)
			if !ok {
				return false, store.ErrCodec
			}
			d, err := b.deployment(key, p.Deployment)
			if err != nil {
				return false, err
			}
			if d.row.State == nil || d.row.Check != p.At {
				continue // it is gone, or another row is about it
			}
			b.mark(d)
			b.touch(d)
			d.row.Check = 0
		}
		if more {
			break
		}
	}
	return more, b.settle(m.cause())
}

func (b *batch) putWatermark(region string) error {
	return b.w.PutWatermark(region, store.Watermark{At: b.watermark(region), Dark: b.dark[region]})
}

// darkOf returns the regions that are dark.
func darkOf(c *view.Clock) map[string]bool {
	out := make(map[string]bool)
	for _, r := range c.Regions(time.Time{}) {
		if r.Dark {
			out[r.Region] = true
		}
	}
	return out
}

// settleRegions tells of regions that became dark, or are no more, in every
// environment that has a slot there.
func (b *batch) settleRegions(m *message) error {
	now := darkOf(b.clock)
	for _, r := range b.clock.Regions(time.Time{}) {
		if now[r.Region] == b.dark[r.Region] {
			continue
		}
		b.dark[r.Region] = now[r.Region]
		if !now[r.Region] {
			delete(b.dark, r.Region)
		}
		if err := b.putWatermark(r.Region); err != nil {
			return err
		}
		envs, err := b.w.EnvironmentsIn(r.Region)
		if err != nil {
			return err
		}
		for _, env := range envs {
			if err := b.tellRegion(env, &r, m.cause()); err != nil {
				return err
			}
		}
	}
	return nil
}

// tickOf returns a tick as watermarks need it.
func tickOf(t *store.Tick) view.Tick {
	return view.Tick{Recorder: t.Recorder, Regions: t.Regions, At: time.Unix(0, t.At).UTC(), Closing: t.Closing, Ahead: t.Ahead}
}

func tickRow(t view.Tick, seq uint64) *store.Tick {
	row := &store.Tick{Recorder: t.Recorder, Regions: t.Regions, Seq: seq, Closing: t.Closing, Ahead: t.Ahead}
	if !t.At.IsZero() {
		row.At = t.At.UnixNano()
	}
	return row
}
