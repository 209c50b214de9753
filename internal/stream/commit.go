package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Waits between the tries of a group.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
)

// errDrain ends the writes of a committer that was stopped and could not get
// rid of its queue in time.
var errDrain = errors.New("the committer was stopped before the stream answered")

// Run stores what is committed until ctx ends; then it takes nothing new,
// stores what it has accepted (for at most RetryFor and one AckTimeout), and
// returns nil. It runs once.
func (c *Committer) Run(ctx context.Context) error {
	// Writes outlive ctx: what was accepted is to be stored, and a write that is
	// cut off leaves unknown what became of it.
	write, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		c.close()
		time.AfterFunc(c.o.RetryFor+c.o.AckTimeout, func() { cancel(errDrain) })
	})
	defer stop()
	for c.next() {
		c.store(write)
	}
	return c.w.close()
}

// gatherFor is how long a group may wait for the other half of its like.
const gatherFor = 500 * time.Microsecond

// next waits for messages and moves a group of them from the queue to c.group.
// It returns false when there will be none.
//
// Those whose group was just stored come back together, a moment later. To take
// the first of them alone would cost an fsync for one and make all others wait
// for it, so after a batch the next group waits until half as many are there
// again, for [gatherFor] at most. Half, because then one half is stored while
// the other comes in. Where few are under way nobody waits.
func (c *Committer) next() bool {
	enough := 0
	if c.stored >= c.o.MinBatch {
		enough = c.stored / 2
	}
	var timer *time.Timer
	var late <-chan time.Time
	for {
		n, left, closed := c.grab(enough)
		c.o.Metrics.queued(c.w.stream, left)
		if n > 0 {
			c.stored = n
			if timer != nil {
				timer.Stop()
			}
			return true
		}
		if closed {
			return false
		}
		if left > 0 && timer == nil {
			timer = time.NewTimer(gatherFor)
			late = timer.C
		}
		select {
		case <-c.wake:
		case <-late:
			enough, late = 0, nil
		}
	}
}

// grab moves a group from the queue to c.group once enough messages are there.
func (c *Committer) grab(enough int) (n, left int, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) < enough && !c.closed {
		// Run sleeps until there are enough, but for the first, which starts the
		// clock of gatherFor.
		if c.want = enough; len(c.queue) == 0 {
			c.want = 1
		}
		return 0, len(c.queue), false
	}
	c.want = 0
	for bytes := 0; n < len(c.queue) && n < c.o.MaxBatch; n++ {
		if bytes += c.queue[n].size; bytes > c.o.BatchBytes && n > 0 {
			break
		}
	}
	c.group = append(c.group[:0], c.queue[:n]...)
	clear(c.queue[:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return n, len(c.queue), c.closed
}

// store settles c.group.
func (c *Committer) store(ctx context.Context) {
	start := time.Now()
	c.known.turn(start, c.w.c.NC.Stats().Reconnects)
	msgs := make([]*Message, 0, len(c.group))
	first := make(map[string]int, len(c.group)) // id -> index into msgs
	of := make([]int, len(c.group))             // group index -> index into msgs, -1: already stored
	for i, p := range c.group {
		id := p.msg.ID
		if id != "" {
			if seq, ok := c.known.find(id); ok {
				*p.res, of[i] = Result{Seq: seq, Duplicate: true}, -1
				continue
			}
			if at, ok := first[id]; ok {
				of[i] = at
				continue
			}
			first[id] = len(msgs)
		}
		of[i] = len(msgs)
		msgs = append(msgs, p.msg)
	}
	t := &task{c: c, deadline: start.Add(c.o.RetryFor)}
	results := make([]Result, len(msgs))
	t.settle(ctx, msgs, results)
	seen := make([]bool, len(msgs))
	for i, p := range c.group {
		if at := of[i]; at >= 0 {
			r := results[at]
			if seen[at] && r.Err == nil {
				r.Duplicate = true // the first of the group is the one stored
			}
			seen[at] = true
			*p.res = r
			if r.Err == nil && p.msg.ID != "" {
				c.known.add(p.msg.ID, r.Seq)
			}
		}
		c.o.Metrics.settled(c.w.stream, p.res)
		if p.call.left--; p.call.left == 0 {
			c.room.Release(p.call.weight)
			close(p.call.done)
		}
	}
	clear(c.group)
	c.o.Metrics.committed(c.w.stream, len(msgs), time.Since(start))
}

// task is the work on one group.
type task struct {
	c        *Committer
	deadline time.Time // for another try
	tries    int
}

// settle finds out the result of every message.
//
// A batch that is refused for what one message is (a duplicate, too large) is
// split in halves until singles settle it: with few such messages among many
// that is far cheaper than publishing all of them singly. A batch that was
// perhaps stored is tried again: then its first message decides whether it was,
// because a batch is stored whole or not at all.
func (t *task) settle(ctx context.Context, msgs []*Message, res []Result) {
	if len(msgs) < t.c.o.MinBatch {
		t.singles(ctx, msgs, res)
		return
	}
	for incomplete := 0; ; {
		last, err := t.c.w.batch(ctx, msgs)
		if err == nil {
			for i := range res {
				res[i] = Result{Seq: last - uint64(len(msgs)-1-i)}
			}
			return
		}
		e := classify("", err)
		if isIncomplete(e) {
			incomplete++
		}
		switch {
		case e.Kind == Duplicate, e.Kind == Permanent, incomplete > 1:
			t.c.o.Metrics.retried(t.c.w.stream, e.Kind)
			half := len(msgs) / 2
			t.settle(ctx, msgs[:half], res[:half])
			t.settle(ctx, msgs[half:], res[half:])
			return
		case e.Kind != Transient || !t.again(ctx, e):
			for i := range res {
				res[i] = Result{Err: e}
			}
			return
		}
		if isIncomplete(e) {
			continue // the server said that it stored nothing
		}
		t.singles(ctx, msgs[:1], res[:1])
		switch {
		case res[0].Err != nil:
			for i := range res {
				res[i] = Result{Err: res[0].Err}
			}
		case res[0].Duplicate:
			t.singles(ctx, msgs[1:], res[1:])
		default:
			t.settle(ctx, msgs[1:], res[1:])
		}
		return
	}
}

// singles publishes the messages one by one, those that fail for a passing
// reason again.
func (t *task) singles(ctx context.Context, msgs []*Message, res []Result) {
	out := make([]outcome, len(msgs))
	t.c.w.singles(ctx, msgs, out)
	var failed *Error
	var again []*Message
	var at []int // of again in msgs
	for i, o := range out {
		if o.err == nil {
			res[i] = Result{Seq: o.seq, Duplicate: o.duplicate}
			continue
		}
		res[i] = Result{Err: o.err}
		if o.err.Kind == Transient {
			failed = o.err
			again, at = append(again, msgs[i]), append(at, i)
		}
	}
	if failed == nil || !t.again(ctx, failed) {
		return
	}
	rest := make([]Result, len(again))
	t.singles(ctx, again, rest)
	for i, r := range rest {
		res[at[i]] = r
	}
}

// again waits before another try; false when there is to be none.
func (t *task) again(ctx context.Context, e *Error) bool {
	wait := min(retryFirst<<min(t.tries, 10), retryMost)
	wait = wait/2 + rand.N(wait)
	t.tries++
	if time.Now().Add(wait).After(t.deadline) {
		return false
	}
	t.c.o.Metrics.retried(t.c.w.stream, e.Kind)
	t.c.o.Logger.WarnContext(ctx, "stream write failed, trying again", "stream", t.c.w.stream, "error", e.Err, "try", t.tries)
	return sleep(ctx, wait)
}
