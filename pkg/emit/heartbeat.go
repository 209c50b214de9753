package emit

import (
	"context"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Heartbeat sends what beat returns, every so often, until ctx ends; it returns
// only then. The first beat comes after the first interval. Each beat has one
// interval to arrive and is not spooled: an old sign of life says nothing that
// the next one does not. A beat that does not arrive is logged, a row of them
// once. It returns at once if every is not positive.
func (c *Client) Heartbeat(ctx context.Context, every time.Duration, beat func() []events.Event) {
	if every <= 0 {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		beatCtx, cancel := context.WithTimeout(ctx, every)
		err := c.Send(beatCtx, beat()...)
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "a heartbeat did not arrive", "error", err)
		}
		failing = err != nil
	}
}
