package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
)

// serve makes the one call that a lane wants now: intent, call, outcome. What
// is older in the lane is closed with it.
func (l *Lanes) serve(ctx context.Context, name string) error {
	var (
		row  lane
		has  told
		gone []byte
	)
	err := l.db.View(func(r *store.Reader) error {
		var err error
		if row, err = readLane(r, name); err != nil || len(row.Open) == 0 {
			return err
		}
		if _, err = ReadJSON(r, toldKey(name), &has); err != nil {
			return err
		}
		gone, err = r.Get(goneKey(row.newest().Receiver))
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read a lane: %w", err)
	}
	if len(row.Open) == 0 {
		return nil
	}
	if err := l.fail.At(PointBeforeIntent); err != nil {
		return err
	}
	now := l.clock.Now()
	why := ""
	switch {
	case row.isOver(&has):
		why = "the problem was over before anybody was told"
	case row.newest().Unsaid:
		why = "the receiver is not told when a problem is over"
	}
	if why != "" {
		records, err := l.supersede(now, row.Open, why)
		if err != nil {
			return err
		}
		return l.journal.Append(ctx, records...)
	}
	o := row.newest()
	records, err := l.supersede(now, row.Open[:len(row.Open)-1], "a newer notification takes its place")
	if err != nil {
		return err
	}
	again := has.Doubt || row.inDoubt()
	to, known := l.receivers[o.Receiver]
	endpoint := ""
	if known {
		endpoint = to.Endpoint()
	}
	if known && endpoint == string(gone) {
		l.metrics.dead.WithLabelValues(o.Receiver).Inc()
		outcome, err := o.concluded(now, Concluded{
			Endpoint: endpoint, Attempt: o.Attempts, Class: receiver.Permanent, Dead: true,
			Detail: "the endpoint said earlier that it is gone; give the receiver another address",
		})
		if err != nil {
			return err
		}
		return l.journal.Append(ctx, append(records, outcome)...)
	}

	// Dying before this append, nothing was sent and the lane is still due. Dying
	// after it, the call may have been made: the lane is still due, too, and the
	// endpoint knows the repeat by its id.
	intent, err := o.intended(now, endpoint)
	if err != nil {
		return err
	}
	if err := l.journal.Append(ctx, append(records, intent)...); err != nil {
		return err
	}
	if err := l.fail.At(PointAfterIntent); err != nil {
		return err
	}
	result := receiver.Result{Class: receiver.Environment, Detail: "the receiver is not configured"}
	if known {
		result = l.call(ctx, to, o, receiver.Call{ID: o.ID, Message: o.Message, Ref: has.Ref, Again: again})
	}
	if err := l.fail.At(PointAfterCall); err != nil {
		return err
	}
	outcome, err := l.conclude(ctx, o, endpoint, result)
	if err != nil {
		return err
	}
	if err := l.journal.Append(ctx, outcome); err != nil {
		return err
	}
	return l.fail.At(PointAfterOutcome)
}

// supersede closes what nobody needs to be told any more. Whether the endpoint
// saw some of it or not, the newest state is the one to know.
func (l *Lanes) supersede(now time.Time, pointless []open, why string) ([]Entry, error) {
	records := make([]Entry, 0, len(pointless)+1)
	for i := range pointless {
		o := &pointless[i]
		l.metrics.superseded.WithLabelValues(o.Receiver).Inc()
		outcome, err := o.concluded(now, Concluded{
			Attempt: o.Attempts, Class: Superseded, Detail: why,
		})
		if err != nil {
			return nil, err
		}
		records = append(records, outcome)
	}
	return records, nil
}

func (l *Lanes) call(ctx context.Context, to receiver.Receiver, o *open, c receiver.Call) receiver.Result {
	began := l.clock.Now()
	result := to.Send(ctx, c)
	l.metrics.seconds.WithLabelValues(o.Receiver).Observe(l.clock.Now().Sub(began).Seconds())
	l.metrics.calls.WithLabelValues(o.Receiver, string(result.Class)).Inc()
	return result
}

// conclude turns the verdict on a call into the record of its outcome.
func (l *Lanes) conclude(ctx context.Context, o *open, endpoint string, r receiver.Result) (Entry, error) {
	now := l.clock.Now()
	c := Concluded{
		Endpoint: endpoint, Attempt: o.Attempts + 1, Class: r.Class, Status: r.Status,
		ProviderID: r.ProviderID, Ref: r.Ref, Detail: r.Detail, Gone: r.Gone,
	}
	if r.Class == receiver.Delivered {
		return o.concluded(now, c)
	}
	log := l.log.With("notification_id", o.ID, "receiver", o.Receiver, "endpoint", endpoint,
		"attempt", c.Attempt, "class", r.Class, "reason", r.Detail)
	if next, ok := l.ladder.next(o, c.Attempt, r, now); ok {
		c.NextAt = next.UTC()
		log.WarnContext(ctx, "a notification was not delivered and will be tried again", "next_at", c.NextAt)
		return o.concluded(now, c)
	}
	c.Dead = true
	l.metrics.dead.WithLabelValues(o.Receiver).Inc()
	log.ErrorContext(ctx, "a notification was given up")
	return o.concluded(now, c)
}
