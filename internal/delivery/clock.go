package delivery

import "time"

// Clock tells the time and waits. Implementations are safe for concurrent use.
type Clock interface {
	Now() time.Time
	// After returns a channel that receives once, when d has passed.
	After(d time.Duration) <-chan time.Time
}

// WallClock is the clock of the machine.
type WallClock struct{}

// Now returns time.Now.
func (WallClock) Now() time.Time { return time.Now() }

// After returns time.After.
func (WallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// FailPoint is called at the named durable steps of the notifier. Production
// leaves it nil. A test that returns an error from it stops the process's work
// there, as if it had been killed; one that returns nil learns how far it is.
type FailPoint func(name string) error

// At calls f, if there is one.
func (f FailPoint) At(name string) error {
	if f == nil {
		return nil
	}
	return f(name)
}

// The points of this package, in the order in which a notification passes them.
const (
	PointBeforeCommit = "journal.before_commit"   // nothing is written
	PointAfterCommit  = "journal.after_commit"    // in the stream; perhaps not in the cache
	PointBeforeFold   = "journal.before_fold"     // in the stream, not in the cache
	PointAfterFold    = "journal.after_fold"      // in both
	PointBeforeIntent = "delivery.before_intent"  // the lane is due, nothing says so yet
	PointAfterIntent  = "delivery.after_intent"   // intended, not called
	PointAfterCall    = "delivery.after_call"     // called, no outcome recorded
	PointAfterOutcome = "delivery.after_outcome"  // outcome recorded
	PointNothingIsDue = "delivery.nothing_is_due" // every lane is empty or waits
)
