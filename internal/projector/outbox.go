package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of the outbox.
const (
	maxRound    = 1000 // changes that are taken together, as many as an atomic batch holds
	settleEvery = 64   // rounds until slots are shown and the mark is set, while there is more to do
)

// outbox takes what is in the store to where others see it: first the changes,
// in order, then the slots. The mark says how far that came. It is written
// lazily, because it is only a saving: what lies behind it is published again
// after a crash, and the stream refuses what it has.
type outbox struct {
	db        *store.DB
	publisher *stream.Publisher
	current   *stream.Current
	metrics   *Metrics
	fail      func(point string) error

	settlement      // published, and not yet being settled
	due        int  // rounds since that was last begun
	more       bool // there is more to fold
}

// settlement is what was published, but not marked. Of each slot only the last
// row is worth showing, so slots wait until the projection has nothing more to
// fold.
type settlement struct {
	last  events.ChangeID
	slots map[string]view.Slot
	dirty []dirtySlot
}

func (p *Projector) outbox(ctx context.Context) (*outbox, error) {
	current, err := stream.NewCurrent(ctx, p.o.Conn)
	if err != nil {
		return nil, err
	}
	var forgiven string
	err = p.o.DB.View(func(r *store.Reader) (err error) {
		forgiven, err = r.Forgiven()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &outbox{
		db: p.o.DB, current: current, metrics: p.o.Metrics, fail: p.o.FailPoint,
		settlement: settlement{slots: make(map[string]view.Slot)},
		publisher: stream.NewPublisher(p.o.Conn, stream.PublisherOptions{
			Forgive: forgiven, Metrics: p.o.Stream, Logger: p.o.Logger,
		}),
	}, nil
}

func (o *outbox) close() error {
	return errors.Join(o.publisher.Close(), o.current.Close())
}

// resume publishes what an earlier run left in the store behind the mark.
func (o *outbox) resume(ctx context.Context) error {
	slots := map[string]bool{}
	var after events.ChangeID
	err := o.db.View(func(r *store.Reader) (err error) {
		if after, err = r.Published(); err != nil {
			return err
		}
		return r.Dirty(func(seq uint64, slot string) error {
			o.dirty = append(o.dirty, dirtySlot{seq, slot})
			slots[slot] = true
			return nil
		})
	})
	if err != nil {
		return err
	}
	for {
		var changes []view.Change
		err := o.db.View(func(r *store.Reader) error {
			return r.Changes(after, func(c view.Change) (bool, error) {
				changes = append(changes, c)
				return len(changes) < maxRound, nil
			})
		})
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			break
		}
		if err := o.publish(ctx, changes); err != nil {
			return err
		}
		for i := range changes {
			if c := &changes[i]; c.Raw == nil {
				slots[slotOf(c.Key)] = true
			} else if _, err := events.ParseSlot(c.Key); err == nil {
				slots[c.Key] = true
			}
		}
		after = changes[len(changes)-1].ID
	}
	// Slots go last: their rows say what all of these changes led to.
	if err := o.load(slots); err != nil {
		return err
	}
	s := o.settlement
	o.settlement = settlement{slots: make(map[string]view.Slot)}
	return o.settle(ctx, &s)
}

// load makes slots wait as they are in the store.
func (o *outbox) load(names map[string]bool) error {
	return o.db.View(func(r *store.Reader) error {
		for name := range names {
			at, err := events.ParseSlot(name)
			if err != nil {
				return err
			}
			if o.slots[name], err = r.Slot(at); err != nil {
				return fmt.Errorf("read slot %s: %w", name, err)
			}
		}
		return nil
	})
}

// run tells what comes in until there is no more. It takes together what waits.
// Slots are shown beside that, one settlement at a time, so that no change waits
// for them: people are told from changes.
func (o *outbox) run(ctx context.Context, in <-chan outgoing) (err error) {
	var settled chan error // of the settlement at work, nil: there is none
	defer func() {
		if settled != nil {
			err = errors.Join(err, <-settled)
		}
	}()
	for in != nil || settled != nil {
		select {
		case out, ok := <-in:
			if !ok {
				in = nil
				break
			}
			if err := o.tell(ctx, in, out); err != nil {
				return err
			}
		case err := <-settled:
			settled = nil
			if err != nil {
				return err
			}
		}
		if settled == nil && o.isDue(in) {
			done, s := make(chan error, 1), o.settlement
			settled = done
			o.settlement, o.due = settlement{slots: make(map[string]view.Slot)}, 0
			go func() { done <- o.settle(ctx, &s) }()
		}
	}
	return nil
}

// isDue reports whether what was published should be settled now: when nothing
// more is waiting to be published, or much has been.
func (o *outbox) isDue(in <-chan outgoing) bool {
	return o.due >= settleEvery || o.due > 0 && (in == nil || !o.more && len(in) == 0)
}

// tell publishes what came in, together with what waits behind it.
func (o *outbox) tell(ctx context.Context, in <-chan outgoing, out outgoing) error {
	for more := true; more && len(out.changes) < maxRound; {
		select {
		case next, ok := <-in:
			if more = ok; ok {
				out.changes = append(out.changes, next.changes...)
				out.slots = append(out.slots, next.slots...)
				out.dirty = append(out.dirty, next.dirty...)
				out.more = next.more
			}
		default:
			more = false
		}
	}
	if err := o.publish(ctx, out.changes); err != nil {
		return err
	}
	for _, s := range out.slots {
		o.slots[s.name] = s.row
	}
	o.dirty = append(o.dirty, out.dirty...)
	o.more = out.more
	o.due++
	return nil
}

// settle shows the slots that wait and marks how far the outbox came.
func (o *outbox) settle(ctx context.Context, s *settlement) error {
	if err := o.show(ctx, s); err != nil {
		return err
	}
	return o.mark(s)
}

// publish returns when TT_CHANGES has the changes.
//
// A crash before, in or behind it: the mark is not moved, the next start
// publishes the same changes again, and those that are there are left out.
func (o *outbox) publish(ctx context.Context, changes []view.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := o.fail(pointPublish); err != nil {
		return err
	}
	rendered, err := render(changes)
	if err != nil {
		return err
	}
	if err := o.publisher.Publish(ctx, rendered); err != nil {
		return err
	}
	o.last = changes[len(changes)-1].ID
	o.metrics.told(len(changes), o.last.Seq)
	return o.fail(pointPublished)
}

// render makes messages of changes. All share one buffer.
func render(changes []view.Change) ([]stream.Change, error) {
	out := make([]stream.Change, len(changes))
	buf := make([]byte, 0, len(changes)*768)
	for i := range changes {
		c := &changes[i]
		place, err := c.Place()
		if err != nil {
			return nil, fmt.Errorf("render change %s: %w", c.ID, err)
		}
		from := len(buf)
		buf = c.AppendJSON(buf)
		out[i] = stream.Change{
			Env: place.Env, Subject: place.ChangesSubject(), ID: c.ID, Data: slices.Clip(buf[from:]),
		}
	}
	return out, nil
}

// show returns when TT_CURRENT has the slots that wait. A crash in it or behind
// it: the mark is not moved, the next start shows the same slots again as they
// are then.
func (o *outbox) show(ctx context.Context, s *settlement) error {
	if len(s.slots) == 0 {
		return nil
	}
	entries := make([]stream.Entry, 0, len(s.slots))
	for name, row := range s.slots {
		at, err := events.ParseSlot(name)
		if err != nil {
			return fmt.Errorf("render slot %s: %w", name, err)
		}
		value, err := json.Marshal(row.Body(at))
		if err != nil {
			return fmt.Errorf("render slot %s: %w", name, err)
		}
		entries = append(entries, stream.Entry{Key: events.CurrentKey(at), Revision: row.Revision, Value: value})
	}
	if err := o.current.Put(ctx, entries); err != nil {
		return err
	}
	return o.fail(pointCurrent)
}

// mark notes in the store how far the outbox came.
func (o *outbox) mark(s *settlement) error {
	if s.last == (events.ChangeID{}) && len(s.dirty) == 0 {
		return nil
	}
	err := o.db.Update(func(w *store.Writer) error {
		for _, d := range s.dirty {
			if err := w.DeleteDirty(d.seq, d.name); err != nil {
				return err
			}
		}
		if s.last == (events.ChangeID{}) {
			return nil
		}
		return w.SetPublished(s.last)
	})
	if err != nil {
		return err
	}
	return o.fail(pointMarked)
}
