package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/pkg/events"
)

// The bucket TT_CURRENT as a stream.
const (
	bucketStream    = "KV_" + events.BucketCurrent
	currentPrefix   = "$KV." + events.BucketCurrent + "."
	currentSubjects = currentPrefix + ">"
)

// headerRevision carries [Entry.Revision] beside the value.
const headerRevision = "Telltale-Revision"

// currentTimeout is how long Put waits for one acknowledgement.
const currentTimeout = 5 * time.Second

// currentEvery is how long Put leaves between two writes of the bucket. Each is
// synced, as events and changes are, and a disk syncs only so often: what comes
// closer together is written at once, the latest of each key.
const currentEvery = 100 * time.Millisecond

// Entry is what a slot is to show.
type Entry struct {
	Key      string // from events.CurrentKey
	Revision uint64 // sequence in TT_EVENTS of the last cause
	Value    []byte // JSON
}

// Current writes the bucket TT_CURRENT. It is not safe for concurrent use, but
// shares nothing with a [Publisher]: Put may run beside Publish. Two processes
// may write the same bucket.
type Current struct {
	c    *Conn
	w    *writer
	seen map[string]version // by key; a key that is absent was never read
	last time.Time          // when the last Put ended
}

// version is what the bucket holds for a key; zero: nothing.
type version struct {
	seq      uint64 // in the bucket's stream
	revision uint64
}

// NewCurrent returns a writer of the bucket, which must exist.
func NewCurrent(ctx context.Context, c *Conn) (*Current, error) {
	if _, err := Identify(ctx, c.JS, bucketStream); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", events.BucketCurrent, err)
	}
	return &Current{c: c, w: newWriter(c, bucketStream, currentTimeout), seen: make(map[string]version)}, nil
}

// Close ends the writer's subscription. It may be dropped without it when the
// connection is closed anyway.
func (k *Current) Close() error { return k.w.close() }

// Put writes the latest entry of each key, by compare-and-set: an entry of a
// lower revision than the bucket's is dropped, whoever wrote that. One of the
// same revision is written, because the work on one cause may come in parts.
// Put goes on until all is written or ctx ends, and gives up at once only when
// the bucket is full or refuses for good (*[Error]). It begins no sooner than 100
// ms after the Put before has ended.
func (k *Current) Put(ctx context.Context, entries []Entry) error {
	if early := currentEvery - time.Since(k.last); early > 0 && !sleep(ctx, early) {
		return fmt.Errorf("write %s: %w", events.BucketCurrent, context.Cause(ctx))
	}
	defer func() { k.last = time.Now() }()
	todo := latest(entries)
	for wait := retryFirst; len(todo) > 0; {
		n := min(len(todo), maxBatch)
		left, err := k.some(ctx, todo[:n])
		if err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("write %s: %w", events.BucketCurrent, errors.Join(context.Cause(ctx), err))
			}
			if e := classify("", err); e.Kind == Full || e.Kind == Permanent {
				return fmt.Errorf("write %s: %w", events.BucketCurrent, err)
			}
		}
		todo = append(left, todo[n:]...)
		if len(left) == 0 {
			wait = retryFirst
			continue
		}
		if !sleep(ctx, wait) {
			return fmt.Errorf("write %s: %w", events.BucketCurrent, context.Cause(ctx))
		}
		wait = min(2*wait, retryMost)
	}
	return nil
}

// latest returns the entry of the highest revision of each key, the later of
// equals, in the order in which the keys first appear.
func latest(entries []Entry) []Entry {
	at := make(map[string]int, len(entries))
	out := make([]Entry, 0, len(entries))
	for _, e := range entries {
		i, ok := at[e.Key]
		switch {
		case !ok:
			at[e.Key] = len(out)
			out = append(out, e)
		case e.Revision >= out[i].Revision:
			out[i] = e
		}
	}
	return out
}

// some tries to write the entries once and returns those that are still to be
// written, with the last reason.
func (k *Current) some(ctx context.Context, entries []Entry) ([]Entry, error) {
	if err := k.load(ctx, entries); err != nil {
		return entries, err
	}
	var todo []Entry
	var msgs []*Message
	for _, e := range entries {
		v := k.seen[e.Key]
		if e.Revision < v.revision {
			continue
		}
		todo = append(todo, e)
		msgs = append(msgs, &Message{Subject: currentPrefix + e.Key, Data: e.Value, Header: nats.Header{
			headerExpectedSeq: {strconv.FormatUint(v.seq, 10)},
			headerRevision:    {strconv.FormatUint(e.Revision, 10)},
		}})
	}
	if len(todo) >= minBatch {
		last, err := k.w.batch(ctx, msgs)
		if err == nil {
			for i, e := range todo {
				k.seen[e.Key] = version{last - uint64(len(todo)-1-i), e.Revision}
			}
			return nil, nil
		}
		if classify("", err).Kind == Transient {
			// Stored or not, only the bucket knows.
			k.forget(todo)
			return todo, err
		}
		// One key was moved by another writer: singly, the others go through.
	}
	return k.singly(ctx, todo, msgs)
}

func (k *Current) singly(ctx context.Context, todo []Entry, msgs []*Message) (left []Entry, err error) {
	out := make([]outcome, len(todo))
	k.w.singles(ctx, msgs, out)
	for i, e := range todo {
		if out[i].err == nil {
			k.seen[e.Key] = version{out[i].seq, e.Revision}
			continue
		}
		left = append(left, e)
		if err == nil || classify("", err).Kind == Moved {
			err = out[i].err // a worse reason than a lost race is the one to tell
		}
	}
	k.forget(left)
	return left, err
}

func (k *Current) forget(entries []Entry) {
	for _, e := range entries {
		delete(k.seen, e.Key)
	}
}

// load reads the versions of keys that are not known, all in one request.
func (k *Current) load(ctx context.Context, entries []Entry) error {
	var subjects []string
	for _, e := range entries {
		if _, ok := k.seen[e.Key]; !ok {
			subjects = append(subjects, currentPrefix+e.Key)
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	found := make(map[string]version, len(subjects))
	err := lastOf(ctx, k.c, bucketStream, subjects, func(m *nats.Msg) error {
		seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return fmt.Errorf("read a sequence: %w", err)
		}
		// An entry that somebody else put there has no revision, and counts as
		// older than any of ours.
		revision, err := strconv.ParseUint(m.Header.Get(headerRevision), 10, 64)
		if err != nil {
			revision = 0
		}
		found[m.Header.Get("Nats-Subject")] = version{seq, revision}
		return nil
	})
	if err != nil {
		return classify("read "+events.BucketCurrent, err)
	}
	for _, s := range subjects {
		k.seen[s[len(currentPrefix):]] = found[s]
	}
	return nil
}

// lastOf calls fn with the last message of each of at most 1,000 subjects, by a
// direct get of many.
func lastOf(ctx context.Context, c *Conn, stream string, subjects []string, fn func(*nats.Msg) error) error {
	ctx, cancel := c.wait(ctx, apiTimeout)
	defer cancel()
	req, err := json.Marshal(map[string]any{"multi_last": subjects})
	if err != nil {
		return err
	}
	in := make(chan *nats.Msg, len(subjects)+1)
	nc := c.NC
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, in)
	if err != nil {
		return err
	}
	err = func() error {
		if err := nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, req); err != nil {
			return err
		}
		for {
			select {
			case m := <-in:
				switch status := m.Header.Get("Status"); status {
				case "":
					if err := fn(m); err != nil {
						return err
					}
				case "204", "404": // the end, or nothing there at all
					return nil
				case "503":
					return nats.ErrNoResponders
				default:
					return fmt.Errorf("direct get: %s %s", status, m.Header.Get("Description"))
				}
			case <-ctx.Done():
				return why(ctx, ctx.Err())
			}
		}
	}()
	if nc.IsClosed() {
		return err
	}
	return errors.Join(err, sub.Unsubscribe())
}
