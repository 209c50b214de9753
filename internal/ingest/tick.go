package ingest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// A tick at t is a promise: all that was acknowledged at my doors before t,
// TT_RAW included, stands before this tick in TT_EVENTS. The projector may then
// conclude from silence.
//
// Why it holds. Let t be given out by gate.turn at some moment M.
//
//   - An HTTP event acknowledged before M is in the stream already, and the tick
//     is not yet: it comes later.
//   - An event with a stamp up to t, acknowledged or not, was stamped by someone
//     who entered the gate before M, since stamps only grow. turn returns the
//     generations of all these, and the tick waits until they have left, which
//     they do when their commit is over. So no word that counts from before t is
//     ever found behind the tick either. What failed to commit in time may still
//     be stored later; its sender was not told that it is.
//   - A message acknowledged by TT_RAW before M was stored there before M, and
//     its sequence is at most the last one that the stream reports after M. A
//     message leaves the work queue only once TT_EVENTS or TT_QUARANTINE has it,
//     whichever ingest took it. So when the first sequence there is greater than
//     that last one, all of it stands before whatever is published from then on.
//
// Only then is the tick handed to the group committer, and the stream gives it a
// later sequence than all of these. Should its own commit fail and the tick be
// stored late, or never, the promise holds as well.
//
// While TT_RAW cannot be emptied no tick is written: the regions go dark, which
// is the truth.

// serveTicks writes a tick every TickEvery until ctx ends.
func (i *Ingest) serveTicks(ctx context.Context) {
	if i.opts.TickEvery == 0 {
		return
	}
	ticker := time.NewTicker(i.opts.TickEvery)
	defer ticker.Stop()
	for {
		if err := i.tick(ctx); err != nil && ctx.Err() == nil {
			i.log.WarnContext(ctx, "tick not written", "recorder", i.opts.Recorder, "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// tick writes one tick.
func (i *Ingest) tick(ctx context.Context) error {
	t, err := i.settle(ctx)
	if err != nil {
		return err
	}
	return i.writeTick(ctx, t, false)
}

// drain finishes what is under way and writes the closing tick. stopRaw ends
// the door of TT_RAW and returns when it has ended.
func (i *Ingest) drain(ctx context.Context, stopRaw func()) error {
	t, err := i.settle(ctx)
	if err != nil {
		return err
	}
	// What comes to TT_RAW from now on waits there for us or another ingest: it
	// is after t, and nothing of ours is to stand behind the closing tick.
	stopRaw()
	if i.opts.TickEvery == 0 {
		return nil
	}
	return i.writeTick(ctx, t, true)
}

// settle returns a time t once all that came in before t is stored.
func (i *Ingest) settle(ctx context.Context) (time.Time, error) {
	began := time.Now()
	t, before := i.pipeline.gate.turn()
	if err := await(ctx, before); err != nil {
		return t, fmt.Errorf("wait for events under way: %w", err)
	}
	if err := i.awaitRaw(ctx); err != nil {
		return t, fmt.Errorf("wait for %s to be emptied: %w", events.StreamRaw, err)
	}
	i.metrics.tickWait.Observe(time.Since(began).Seconds())
	return t, nil
}

// Bounds of the wait between two looks at TT_RAW.
const (
	rawPollMin = 2 * time.Millisecond
	rawPollMax = 250 * time.Millisecond
)

// awaitRaw waits until all that TT_RAW holds now has left it.
func (i *Ingest) awaitRaw(ctx context.Context) error {
	state, _, err := i.rawState(ctx)
	if err != nil {
		return err
	}
	last := state.LastSeq
	for wait := rawPollMin; state.Msgs > 0 && state.FirstSeq <= last; wait = min(2*wait, rawPollMax) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if state, _, err = i.rawState(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rawState returns the state of TT_RAW, and how far our clock is ahead of the
// server's: zero when the server's time lies within the time that the question
// took, since more cannot be known.
func (i *Ingest) rawState(ctx context.Context) (jetstream.StreamState, time.Duration, error) {
	asked := i.opts.Clock()
	s, err := i.opts.Conn.JS.Stream(ctx, events.StreamRaw)
	answered := i.opts.Clock()
	if err != nil {
		return jetstream.StreamState{}, 0, err
	}
	info := s.CachedInfo()
	var offset time.Duration
	switch {
	case asked.After(info.TimeStamp):
		offset = asked.Sub(info.TimeStamp)
	case answered.Before(info.TimeStamp):
		offset = answered.Sub(info.TimeStamp)
	}
	i.metrics.clockOffset.Set(offset.Seconds())
	return info.State, offset, nil
}

// ownSource is the CloudEvents source of what ingest itself says.
const ownSource = "/telltale"

func (i *Ingest) writeTick(ctx context.Context, t time.Time, closing bool) error {
	e := &events.Event{
		ID:           i.opts.Recorder + "-" + strconv.FormatInt(t.UnixNano(), 10),
		Source:       ownSource + "/" + i.opts.Recorder,
		Type:         events.TypeTick,
		Subject:      i.opts.Recorder,
		RecordedTime: t,
		Recorder:     i.opts.Recorder,
		Emitter:      i.opts.Recorder,
	}
	e.SetTime(t)
	if err := e.SetData(events.Tick{Regions: append([]string{}, i.opts.Regions...), Closing: closing}); err != nil {
		return fmt.Errorf("write tick: %w", err)
	}
	if err := i.publishOwn(ctx, e); err != nil {
		return fmt.Errorf("write tick: %w", err)
	}
	i.metrics.lastTick.Set(float64(t.UnixNano()) / 1e9)
	return nil
}

// publishOwn commits an event of our own, stamps included.
func (i *Ingest) publishOwn(ctx context.Context, e *events.Event) error {
	if err := e.Validate(); err != nil {
		return err
	}
	msg, err := i.pipeline.message(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, i.opts.CommitTimeout)
	defer cancel()
	var o outcome
	i.commit(ctx, doorOwn, []stream.Message{msg}, func(int) *outcome { return &o })
	return o.err
}
