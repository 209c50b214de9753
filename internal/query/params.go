package query

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	defaultLimit = 100
	maxLimit     = 1000

	// maxStatuses bounds how often status may be repeated; no lifecycle has as
	// many states.
	maxStatuses = 64
)

// params are the query parameters of one request. Only those that the resource
// names are taken: a parameter that nothing reads would be a filter that
// silently does not filter. The first fault sticks; callers read all they need
// and then ask err once.
type params struct {
	values url.Values
	fault  *events.Error
}

// parseParams reads the query of r. allowed names every parameter of the
// resource.
func parseParams(r *http.Request, allowed ...string) *params {
	p := &params{}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.fail(events.CodeMalformed, "the query is not percent-encoded as name=value pairs")
		return p
	}
	p.values = values
	for name := range values {
		if !slices.Contains(allowed, name) {
			p.fault = events.Errorf(events.CodeSchema, "query parameter %s is unknown here", quoteShort(name)).
				WithHint(hintAllowed(allowed))
		}
	}
	return p
}

func hintAllowed(allowed []string) string {
	if len(allowed) == 0 {
		return "this resource takes none"
	}
	return "this resource takes: " + strings.Join(allowed, ", ")
}

// quoteShort quotes a piece of a request for an error, cut to a readable length
// and free of anything a terminal would act on.
func quoteShort(s string) string {
	const most = 40
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.QuoteToASCII(s)
}

func (p *params) fail(code events.Code, format string, args ...any) {
	if p.fault == nil {
		p.fault = events.Errorf(code, format, args...)
	}
}

// err returns the first fault found, nil when there is none.
func (p *params) err() error {
	if p.fault == nil {
		return nil // not p.fault: a nil *Error in an error is not nil
	}
	return p.fault
}

// one returns a parameter that may be given at most once, "" when it is not.
func (p *params) one(name string) string {
	v := p.values[name]
	if len(v) > 1 {
		p.fail(events.CodeSchema, "%s is given %d times, once is the most", name, len(v))
	}
	if len(v) == 0 {
		return ""
	}
	if v[0] == "" {
		p.fail(events.CodeSchema, "%s is empty; leave it out instead", name)
	}
	return v[0]
}

// name returns an env, region or component to filter by.
func (p *params) name(name string) string {
	v := p.one(name)
	if v != "" {
		p.check(events.CheckName(name, v))
	}
	return v
}

// release returns a release to filter by. Its alphabet is that of a release
// key, so it is checked as one.
func (p *params) release() string {
	v := p.one("release")
	if v != "" {
		_, err := events.ParseRelease("e/" + v)
		p.check(err)
	}
	return v
}

// statuses returns the statuses to filter by, nil for all.
func (p *params) statuses() []string {
	v := p.values["status"]
	if len(v) > maxStatuses {
		p.fail(events.CodeTooLarge, "status is given %d times, the limit is %d", len(v), maxStatuses)
		return nil
	}
	for _, s := range v {
		p.check(events.CheckName("status", s))
	}
	return v
}

// since returns an instant, zero when none is given.
func (p *params) since() time.Time { return p.instant("since") }

// instant returns a time, zero when none is given.
func (p *params) instant(name string) time.Time {
	v := p.one(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		p.fail(events.CodeSchema, "%s is not RFC 3339, as in 2026-03-01T10:00:00Z", name)
	}
	return t
}

// limit returns how many items a page may hold.
func (p *params) limit() int {
	n := p.number("limit", defaultLimit)
	if n < 1 || n > maxLimit {
		p.fail(events.CodeSchema, "limit is not 1 to %d", maxLimit)
		return defaultLimit
	}
	return int(n)
}

// number returns a whole number that is not negative, or absent when it is not
// given.
func (p *params) number(name string, absent uint64) uint64 {
	v := p.one(name)
	if v == "" {
		return absent
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		p.fail(events.CodeSchema, "%s is not a whole number", name)
	}
	return n
}

// cursor returns the key after which the page begins, "" for the first page.
func (p *params) cursor(of listing) string {
	v := p.one("cursor")
	if v == "" {
		return ""
	}
	after, err := decodeCursor(of, v)
	p.check(err)
	return after
}

// position returns the stream sequence in the cursor of a listing that is in no
// order of keys, 0 for the first page.
func (p *params) position(of listing) uint64 {
	c := p.cursor(of)
	if c == "" {
		return 0
	}
	n, err := strconv.ParseUint(c, 10, 64)
	if err != nil {
		p.fail(events.CodeMalformed, "cursor is not one that this listing gave")
	}
	return n
}

// change returns the change in the cursor of a listing of changes, zero for the
// first page.
func (p *params) change(of listing) events.ChangeID {
	c := p.cursor(of)
	if c == "" {
		return events.ChangeID{}
	}
	id, err := events.ParseChangeID(c)
	if err != nil {
		p.fail(events.CodeMalformed, "cursor is not one that this listing gave")
	}
	return id
}

func (p *params) check(err error) {
	if err != nil && p.fault == nil {
		p.fault = asProblem(err)
	}
}

// deploymentKey reads the key that a path names.
func deploymentKey(r *http.Request) (events.Key, error) {
	k, err := events.ParseKey(fmt.Sprintf("%s/%s/%s/%s", r.PathValue("env"), r.PathValue("region"),
		r.PathValue("component"), r.PathValue("deployment")))
	if err == nil && k.IsFollow() {
		err = events.Errorf(events.CodeBadID, "_ stands for whatever is rolling out; it is no deployment")
	}
	return k, err
}

// slotKey reads the slot that a path names.
func slotKey(r *http.Request) (events.Slot, error) {
	return events.ParseSlot(fmt.Sprintf("%s/%s/%s", r.PathValue("env"), r.PathValue("region"), r.PathValue("component")))
}
