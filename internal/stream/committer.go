package stream

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/telltale-dev/telltale/pkg/events"
)

// CommitterOptions tune a [Committer]. The zero value is right for the server
// as we run it.
type CommitterOptions struct {
	MinBatch   int           // fewer waiting messages go out singly; default 10
	MaxBatch   int           // messages in one batch; default and limit 1000
	BatchBytes int           // bytes in one batch; default 8 MiB
	QueueBytes int64         // bytes accepted and not yet stored; default 64 MiB
	AckTimeout time.Duration // for one try; default 5 s
	RetryFor   time.Duration // for all tries of a group; default 10 s, at most 20 s
	Metrics    *Metrics      // optional
	Logger     *slog.Logger  // optional
}

func (o CommitterOptions) orDefault() CommitterOptions {
	if o.MinBatch <= 0 {
		o.MinBatch = minBatch
	}
	if o.MaxBatch <= 0 || o.MaxBatch > maxBatch {
		o.MaxBatch = maxBatch
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = maxBatchBytes
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = 5 * time.Second
	}
	if o.RetryFor <= 0 {
		o.RetryFor = 10 * time.Second
	}
	// A repeat must fall into the window in which the server knows the id.
	o.RetryFor = min(o.RetryFor, repeatWindow-10*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Result is what became of one message.
type Result struct {
	Seq       uint64 // in the stream; 0 when Err is set
	Duplicate bool   // the stream had it already
	Err       error  // an *[Error]; nil: the message is durable
}

// Committer is the group committer of one stream: all that wait for an fsync
// share one. Run does the work in one goroutine; Commit may be called from many.
// A lone message goes out at once; while one group is being stored the next
// gathers.
type Committer struct {
	w      *writer
	o      CommitterOptions
	room   *semaphore.Weighted // bytes of the queue
	known  recent              // of Run only
	group  []*pending          // scratch of Run
	stored int                 // messages of the group before; of Run only

	wake chan struct{} // has one element when the queue may have grown, or closed

	mu     sync.Mutex
	queue  []*pending // guarded by mu, FIFO
	want   int        // guarded by mu; a shorter queue need not wake Run
	closed bool       // guarded by mu; once set the queue only shrinks
}

// pending is a message in the queue.
type pending struct {
	msg  *Message
	size int
	call *call
	res  *Result
}

// call is one Commit: done is closed when the last of its messages is settled.
type call struct {
	left   int   // of Run only, once queued
	weight int64 // bytes of the queue, given back by Run
	done   chan struct{}
}

// NewCommitter returns a committer for a stream. Nothing happens before Run.
func NewCommitter(c *Conn, streamName string, o CommitterOptions) *Committer {
	o = o.orDefault()
	return &Committer{
		w:     newWriter(c, streamName, o.AckTimeout),
		o:     o,
		room:  semaphore.NewWeighted(o.QueueBytes),
		known: newRecent(repeatWindow),
		wake:  make(chan struct{}, 1),
	}
}

// Commit stores the messages, in this order, and returns when it is known what
// became of each. The error is nil exactly when all are durable; otherwise it
// is the first failed message's, and the results say which others are durable.
//
// Messages of concurrent calls share batches. When the queue is full Commit
// waits. When ctx ends first, its error is returned without results, and the
// messages may or may not become durable: a caller that repeats them with the
// same IDs is safe, one that changes them is not, as they may still be in the
// queue. After the end of Run the error is [ErrClosed] and nothing
// was stored.
func (c *Committer) Commit(ctx context.Context, msgs []Message) ([]Result, error) {
	results := make([]Result, len(msgs))
	call := &call{done: make(chan struct{})}
	items := make([]*pending, 0, len(msgs))
	var weight int64
	limit := c.w.c.NC.MaxPayload()
	for i := range msgs {
		p := &pending{msg: &msgs[i], size: msgs[i].size(), call: call, res: &results[i]}
		if int64(p.size) > limit {
			p.res.Err = &Error{
				Kind: Permanent, Op: "store a message in " + c.w.stream,
				Err: events.Errorf(events.CodeTooLarge, "%d bytes, the limit is %d", p.size, limit),
			}
			continue
		}
		weight += int64(p.size)
		items = append(items, p)
	}
	if len(items) == 0 {
		return results, firstError(results)
	}
	call.left = len(items)
	// What is more than the whole queue waits until the queue is empty.
	weight = min(weight, c.o.QueueBytes)
	if err := c.room.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	call.weight = weight
	if !c.enqueue(items) {
		c.room.Release(weight)
		return nil, ErrClosed
	}
	select {
	case <-call.done:
		return results, firstError(results)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func firstError(results []Result) error {
	for i := range results {
		if err := results[i].Err; err != nil {
			return err
		}
	}
	return nil
}

func (c *Committer) enqueue(items []*pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.queue = append(c.queue, items...)
	c.o.Metrics.queued(c.w.stream, len(c.queue))
	if len(c.queue) >= c.want {
		c.signal()
	}
	return true
}

func (c *Committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // Run has not seen the last signal yet
	}
}

func (c *Committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.signal()
}
