package delivery

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// Ladder says when a call is repeated.
type Ladder struct {
	// Waits are the pauses before the 1st, 2nd, … call; the last one repeats.
	// Each is lengthened by up to a tenth, so that what failed together does not
	// come back together.
	Waits []time.Duration

	// MaxAge is when a notification is given up, counted from when it might first
	// have been told. Each is called for at least once, however old.
	MaxAge time.Duration
}

// DefaultLadder returns the ladder that a zero [Options.Ladder] stands for.
func DefaultLadder() Ladder {
	return Ladder{
		Waits: []time.Duration{
			0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
		},
		MaxAge: 3 * 24 * time.Hour,
	}
}

// maxRetryAfter bounds what an endpoint can ask for: a slip of its clock must
// not put a page off for a year.
const maxRetryAfter = 6 * time.Hour

// next returns when the call after the attempt-th is made, or ok false when the
// notification is given up.
func (l Ladder) next(o *open, attempt int, r receiver.Result, now time.Time) (at time.Time, ok bool) {
	if r.Class == receiver.Permanent {
		return time.Time{}, false
	}
	wait := l.Waits[min(attempt, len(l.Waits)-1)]
	wait += jitter(wait, o.ID, attempt)
	wait = max(wait, min(r.RetryAfter, maxRetryAfter))
	at = now.Add(wait)
	since := o.Born
	if o.NotBefore.After(since) {
		since = o.NotBefore
	}
	return at, at.Sub(since) <= l.MaxAge
}

// jitter returns up to a tenth of wait. It depends on the call alone, so that a
// test can expect it.
func jitter(wait time.Duration, id string, attempt int) time.Duration {
	sum := sha256.Sum256([]byte(id + strconv.Itoa(attempt)))
	const steps = 1 << 10
	return wait / 10 / steps * time.Duration(binary.BigEndian.Uint64(sum[:])%steps)
}
