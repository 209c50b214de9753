package bench

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// latency sends n things at a rate and returns the 99th percentile, in
// milliseconds, from when a thing was due to the return of a receive that gave
// its index; receive gives -1 for what is to be left out. A send that is late
// counts from when it was due: what waits behind a slow one is slow, too.
func latency(ctx context.Context, n, rate int, send func(int) error, receive func(context.Context) (int, error)) (float64, error) {
	due := make([]time.Time, n)
	start := time.Now().Add(50 * time.Millisecond)
	for i := range due {
		due[i] = start.Add(time.Duration(i) * time.Second / time.Duration(rate))
	}
	took := make([]float64, 0, n)
	// A send that fails ends the wait for what will not come.
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return paced(ctx, due, send) })
	g.Go(func() error {
		for len(took) < n {
			i, err := receive(ctx)
			if err != nil {
				return err
			}
			if i >= 0 {
				took = append(took, float64(time.Since(due[i]))/float64(time.Millisecond))
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return 0, err
	}
	slices.Sort(took)
	return took[n*99/100], nil
}

// senders is how many may wait for an acknowledgement at once.
const senders = 16

// paced calls send when it is due, each in turn on one of a few senders, so
// that a slow acknowledgement delays nobody else.
func paced(ctx context.Context, due []time.Time, send func(int) error) error {
	work := make(chan int)
	g, ctx := errgroup.WithContext(ctx)
	for range senders {
		g.Go(func() error {
			for i := range work {
				if err := send(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(work)
		timer := time.NewTimer(0)
		defer timer.Stop()
		for i := range due {
			timer.Reset(time.Until(due[i]))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case work <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}
