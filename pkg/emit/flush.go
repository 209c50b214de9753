package emit

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"
)

// FlushReport is what a flush did. The zero value did nothing.
type FlushReport struct {
	Sent      int       `json:"sent"`      // accepted by the server, or known to it already
	Remaining int       `json:"remaining"` // still in the spool
	Refused   []Refusal `json:"refused"`   // set aside as .bad; Index is meaningless
	Damaged   []string  `json:"damaged"`   // files that were set aside as .bad
	Busy      bool      `json:"busy"`      // another process flushes; nothing was done
}

// Flush sends what waits in the spool, oldest first, until it is empty, the
// server stops taking events, or ctx ends. Damaged files and events that the
// server puts into quarantine are set aside and never hold up the others; when
// the credentials are turned away, everything stays. If another process is flushing, Flush leaves
// the work to it and reports so. Without a spool there is nothing to do.
//
// The error is the one that stopped it, see [Client.Send]; the report counts
// in any case.
func (c *Client) Flush(ctx context.Context) (report FlushReport, err error) {
	if c.spool == nil {
		return report, nil
	}
	unlock, err := lock(filepath.Join(c.spool.dir, lockFile))
	if err != nil {
		return report, err
	}
	if unlock == nil {
		report.Busy = true
		report.Remaining, err = c.Pending()
		return report, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := c.spool.sweep(time.Now()); err != nil {
		c.logger.WarnContext(ctx, "cannot tidy the spool", "error", err)
	}
	err = c.flush(ctx, &report)
	left, listErr := c.Pending()
	report.Remaining = left
	return report, errors.Join(err, listErr)
}

// Pending returns how many events wait in the spool.
func (c *Client) Pending() (int, error) {
	if c.spool == nil {
		return 0, nil
	}
	names, _, err := c.spool.list()
	return len(names), err
}

// flush works on what waits now. What is staged meanwhile is brought by whoever
// stages it, or by the next flush.
func (c *Client) flush(ctx context.Context, report *FlushReport) error {
	names, _, err := c.spool.list()
	if err != nil {
		return err
	}
	var errs []error
	for len(names) > 0 && ctx.Err() == nil {
		chunk := names[:min(len(names), maxBatchEvents)]
		names = names[len(chunk):]
		entries := make([]entry, 0, len(chunk))
		for _, name := range chunk {
			e, err := c.spool.read(name)
			switch {
			case err == nil:
				entries = append(entries, e)
			case errors.Is(err, fs.ErrNotExist): // its own process delivered it
			case errors.Is(err, errDamaged):
				report.Damaged = append(report.Damaged, name+damaged)
				errs = append(errs, c.spool.setAside(name))
			default:
				errs = append(errs, err)
			}
		}
		out, err := c.settle(ctx, entries)
		report.Sent += out.accepted
		report.Refused = append(report.Refused, out.refused...)
		errs = append(errs, err)
		if out.stopped {
			break
		}
	}
	if ctx.Err() != nil && len(names) > 0 {
		errs = append(errs, unavailable(context.Cause(ctx), "time was up"))
	}
	return errors.Join(errs...)
}
