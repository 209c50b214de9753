package stream

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Defaults of the quarantine's quota, per caller.
const (
	defaultQuotaRate  = 20 // entries a second
	defaultQuotaBurst = 1000
	quotaCallers      = 4096 // callers that are told apart
)

// quota is a token bucket per caller. Callers are told apart up to a bound; when
// there are more, those who have been quiet are forgotten first, and when none
// has, newcomers share one bucket: inventing names gives nobody more.
type quota struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	callers map[string]*rate.Limiter // guarded by mu
	swept   time.Time                // guarded by mu
	others  *rate.Limiter
}

func newQuota(perSecond float64, burst int) *quota {
	return &quota{
		rate: rate.Limit(perSecond), burst: burst,
		callers: make(map[string]*rate.Limiter),
		others:  rate.NewLimiter(rate.Limit(perSecond), burst),
	}
}

func (q *quota) allow(caller string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, ok := q.callers[caller]
	if !ok {
		l = q.admit(caller, now)
	}
	return l.AllowN(now, 1)
}

// admit returns the bucket of a caller that has none. mu is held.
func (q *quota) admit(caller string, now time.Time) *rate.Limiter {
	// Looking at all callers takes time, so it is not done for every newcomer.
	if len(q.callers) >= quotaCallers && now.Sub(q.swept) >= time.Second {
		q.swept = now
		for name, l := range q.callers {
			if l.TokensAt(now) >= float64(q.burst) {
				delete(q.callers, name)
			}
		}
	}
	if len(q.callers) >= quotaCallers {
		return q.others
	}
	l := rate.NewLimiter(q.rate, q.burst)
	q.callers[caller] = l
	return l
}
