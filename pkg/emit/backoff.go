package emit

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Bounds of the wait between two attempts. The jitter halves the wait at most,
// so that a hundred pipelines that met the same outage do not return together.
const (
	firstWait = 200 * time.Millisecond
	maxWait   = 5 * time.Second
)

// backoff returns how long to wait after the given attempt, counted from 0,
// failed. A server's wish for a longer wait is granted up to maxWait.
func backoff(attempt int, wish time.Duration) time.Duration {
	wait := maxWait
	if attempt < 5 {
		wait = min(firstWait<<attempt, maxWait)
	}
	wait = wait/2 + rand.N(wait/2)
	return max(wait, min(wish, maxWait))
}

// sleep waits for d or until ctx ends, and then returns why.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retry calls try until it succeeds, fails for good, has failed attempts times
// (negative: without limit), or ctx ends. It returns the last error of try.
func retry(ctx context.Context, attempts int, try func(context.Context) error) error {
	for n := 0; ; n++ {
		err := try(ctx)
		var e *Error
		if err == nil || !errors.As(err, &e) || e.Kind != ErrUnavailable || n+1 == attempts {
			return err
		}
		if sleep(ctx, backoff(n, e.RetryAfter)) != nil {
			return err // the last answer says more than that time was up
		}
	}
}
