package obs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// checkTimeout is how long one readiness check may take. Probes commonly give
// up after a second or more; an answer that names the slow check is worth more
// to them than none.
const checkTimeout = 900 * time.Millisecond

// Check says whether one part of the process can do its work now. It returns
// nil when it can, else an error fit to be shown to anyone who can reach the
// listener. It must be safe for concurrent use and end when ctx does.
type Check func(ctx context.Context) error

// Health collects the named checks of a process. The zero value is ready to
// use and, without checks, healthy. All methods are safe for concurrent use.
type Health struct {
	mu       sync.RWMutex // guards all below
	checks   []namedCheck // sorted by name
	draining bool
}

type namedCheck struct {
	name string
	run  Check
}

// Register adds a readiness check. A second check under one name replaces the
// first.
func (h *Health) Register(name string, check Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, found := slices.BinarySearchFunc(h.checks, name, func(c namedCheck, name string) int {
		return strings.Compare(c.name, name)
	})
	if found {
		h.checks[i].run = check
		return
	}
	h.checks = slices.Insert(h.checks, i, namedCheck{name, check})
}

// Drain makes the process unready for the rest of its life, so that balancers
// send nothing more its way while it finishes what it has.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// Live answers GET /livez: 200 as long as the process can serve at all. It
// looks at nothing else on purpose: restarting a process does not mend what it
// depends on.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeReport(w, http.StatusOK, "ok\n")
	})
}

// Ready answers GET /readyz: 200 when every check passes, else 503. The body
// has a line for each check in order of name, "[+] name" when it passes and
// "[-] name: why" when it does not.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report, ok := h.report(r.Context())
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		writeReport(w, status, report)
	})
}

// report runs all checks at once, each under [checkTimeout].
func (h *Health) report(ctx context.Context) (report string, ok bool) {
	h.mu.RLock()
	checks, draining := slices.Clone(h.checks), h.draining
	h.mu.RUnlock()

	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errors.New("no answer in time"))
	defer cancel()
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			if errs[i] = c.run(ctx); errs[i] != nil && ctx.Err() != nil {
				errs[i] = context.Cause(ctx)
			}
		})
	}
	wg.Wait()

	var b strings.Builder
	ok = true
	for i, c := range checks {
		if errs[i] != nil {
			ok = false
			fmt.Fprintf(&b, "[-] %s: %v\n", c.name, errs[i])
			continue
		}
		fmt.Fprintf(&b, "[+] %s\n", c.name)
	}
	if draining {
		return b.String() + "draining\n", false
	}
	if !ok {
		return b.String() + "not ready\n", false
	}
	return b.String() + "ready\n", true
}

func writeReport(w http.ResponseWriter, status int, report string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write([]byte(report)); err != nil {
		return // the one who asked has gone
	}
}
