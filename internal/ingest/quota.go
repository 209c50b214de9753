package ingest

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the memory of a quota: callers beyond it share one bucket
// until others have been idle.
const maxBuckets = 4096

// quota is one token bucket for each caller. A nil quota allows everything.
type quota struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex // guards all below
	buckets map[string]*rate.Limiter
	shared  *rate.Limiter // for whoever finds no room
}

// newQuota returns a quota of perSecond with bursts of burst; nil when
// perSecond is zero.
func newQuota(perSecond float64, burst int) *quota {
	if perSecond == 0 {
		return nil
	}
	return &quota{
		perSecond: rate.Limit(perSecond),
		burst:     burst,
		buckets:   make(map[string]*rate.Limiter),
		shared:    rate.NewLimiter(rate.Limit(perSecond), burst),
	}
}

// allow takes n from the bucket of name, or nothing when it does not hold n.
func (q *quota) allow(name string, now time.Time, n int) bool {
	return q == nil || n == 0 || q.bucket(name, now).AllowN(now, n)
}

func (q *quota) bucket(name string, now time.Time) *rate.Limiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b, ok := q.buckets[name]; ok {
		return b
	}
	if len(q.buckets) >= maxBuckets {
		for name, b := range q.buckets {
			if b.TokensAt(now) >= float64(q.burst) {
				delete(q.buckets, name) // full: forgetting it changes nothing
			}
		}
	}
	if len(q.buckets) >= maxBuckets {
		return q.shared
	}
	b := rate.NewLimiter(q.perSecond, q.burst)
	q.buckets[name] = b
	return b
}
