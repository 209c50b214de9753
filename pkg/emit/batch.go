package emit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Batch is a set of events on its way to the server. It is not safe for
// concurrent use.
type Batch struct {
	client *Client
	rest   []entry // what the server has not got yet
	err    error   // why some of it is not in the spool, nil when all is
}

// Stage makes events durable in the spool and contacts nobody. If that fails the
// batch keeps them in memory and can still be delivered; [Batch.Spooled] says
// which. The only error is an event that cannot be encoded.
//
// An event whose (source, id) already waits in the spool, or was accepted from
// it within seven days and 256 events, is replaced by the one that was said
// first: an emitter with ids derived from what it says, repeated, says the same
// bytes again and so a duplicate.
func (c *Client) Stage(evs ...events.Event) (*Batch, error) {
	raw, err := c.encode(evs)
	if err != nil {
		return nil, err
	}
	b := &Batch{client: c}
	now := time.Now()
	for i := range evs {
		source := evs[i].Source
		if source == "" {
			source = c.opts.Source
		}
		e := entry{identity: identityOf(source, evs[i].ID), raw: raw[i]}
		if c.spool == nil {
			b.err = errNoSpool
		} else if spooled, err := c.spool.put(e.identity, e.raw, now.Add(time.Duration(i))); err != nil {
			b.err = err
		} else {
			e = spooled
		}
		b.rest = append(b.rest, e)
	}
	return b, nil
}

var errNoSpool = errors.New("there is no spool")

// Spooled returns nil if every event of the batch is durable on this machine or
// at the server, and else why it is not.
func (b *Batch) Spooled() error {
	for _, e := range b.rest {
		if e.name == "" {
			return b.err
		}
	}
	return nil
}

// Deliver brings to the server what it has not got yet; it may be called again
// after an error. nil means that the server has all of it. Otherwise the error
// joins an [*Error] for each event that was refused, which is then done with,
// and the one that stopped the delivery; it matches [ErrSpooled] when what is
// left is durable in the spool, and says why not when it is not.
func (b *Batch) Deliver(ctx context.Context) error {
	if len(b.rest) == 0 {
		return nil
	}
	out, err := b.client.settle(ctx, b.rest)
	b.rest = out.rest
	errs := []error{err}
	for _, r := range out.refused {
		errs = append(errs, r.err())
	}
	if len(b.rest) > 0 {
		if spooled := b.Spooled(); spooled != nil {
			errs = append(errs, fmt.Errorf("not kept: %w", spooled))
		} else {
			errs = append(errs, ErrSpooled)
		}
	}
	return errors.Join(errs...)
}

// Drop forgets what the server has not got, in the spool too.
func (b *Batch) Drop() error {
	var errs []error
	for _, e := range b.rest {
		if e.name != "" {
			errs = append(errs, b.client.spool.drop(e))
		}
	}
	b.rest = nil
	return errors.Join(errs...)
}

// Emit stages events and delivers them once: see [Client.Stage] and
// [Batch.Deliver].
func (c *Client) Emit(ctx context.Context, evs ...events.Event) error {
	b, err := c.Stage(evs...)
	if err != nil {
		return err
	}
	return b.Deliver(ctx)
}

// outcome is what became of entries that were sent.
type outcome struct {
	accepted int
	rest     []entry   // the server has not got them, in order
	refused  []Refusal // set aside; Index counts in the entries that were sent
	stopped  bool      // the server takes nothing more for now
}

// settle sends entries and takes each out of the spool as soon as its fate is
// known. It returns the error that stopped it, and errors of the spool, which
// cost no event: what could not be taken out is sent again some time.
func (c *Client) settle(ctx context.Context, entries []entry) (outcome, error) {
	var out outcome
	var errs []error
	for start := 0; start < len(entries); {
		raw := make([][]byte, 0, maxBatchEvents)
		for _, e := range entries[start:min(len(entries), start+maxBatchEvents)] {
			raw = append(raw, e.raw)
		}
		raw = raw[:batchLen(raw)]
		batch := entries[start : start+len(raw)]
		receipt, err := c.send(ctx, raw)
		if err != nil {
			out.rest, out.stopped = append(out.rest, entries[start:]...), true
			return out, errors.Join(append(errs, err)...)
		}
		refused := make(map[int]Refusal, len(receipt.Refused))
		for _, r := range receipt.Refused {
			refused[r.Index] = r
		}
		for i, e := range batch {
			r, bad := refused[i]
			switch {
			case bad && errors.Is(r.err(), ErrUnavailable):
				out.rest = append(out.rest, e)
				errs = append(errs, r.err())
			case bad:
				r.Index += start
				out.refused = append(out.refused, r)
				if e.name != "" {
					errs = append(errs, c.spool.setAside(e.name))
				}
			default:
				out.accepted++
				if e.name != "" {
					errs = append(errs, c.spool.accepted(e))
				}
			}
		}
		start += len(batch)
	}
	return out, errors.Join(errs...)
}
