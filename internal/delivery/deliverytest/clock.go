// Package deliverytest plays the time of delivery and of the notifier; tests
// only.
package deliverytest

import (
	"sync"
	"time"
)

// Clock is a [delivery.Clock] that stands still until it is advanced.
type Clock struct {
	mu      sync.Mutex
	now     time.Time // guarded by mu
	waiting []waiting // guarded by mu
}

type waiting struct {
	until time.Time
	ring  chan time.Time
}

// NewClock returns a clock that shows now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After returns a channel that receives once the clock was advanced by d.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ring := make(chan time.Time, 1)
	c.waiting = append(c.waiting, waiting{until: c.now.Add(d), ring: ring})
	c.ring()
	return ring
}

// Advance moves the clock on by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.ring()
}

// ring wakes those whose time has come. The caller holds mu.
func (c *Clock) ring() {
	rest := c.waiting[:0]
	for _, w := range c.waiting {
		if w.until.After(c.now) {
			rest = append(rest, w)
		} else {
			w.ring <- c.now
		}
	}
	c.waiting = rest
}
