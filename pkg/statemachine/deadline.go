package statemachine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Deadline says until when a deployment may be silent, and until when it may
// stay in its status. Unix nanoseconds; 0: for ever.
type Deadline struct{ Silent, Overdue int64 }

// deadline is what a document says of one status, in nanoseconds.
type deadline struct {
	stated          bool
	silent, overdue *int64
}

// override gives other deadlines to some deployments.
type override struct {
	env, region, component []string // patterns
	deadlines              map[index]deadline
}

func (o *override) matches(key *events.Key) bool {
	return matchAny(o.env, key.Env) && matchAny(o.region, key.Region) && matchAny(o.component, key.Component)
}

// Deadlines returns when silence and delay of a deployment get a name
// (DESIGN §4 "Time without a clock"). They count from the words as they were
// heard. A promise of a tool, next_expected_by, stands in for both until it has
// passed and something was heard since. What has landed, is held or over has
// deadlines only if the lifecycle says so.
func (l *Lifecycle) Deadlines(key events.Key, s *State) Deadline {
	now := l.byName[s.Status]
	d := l.states[now].deadline
	for i := range l.overrides {
		if own, ok := l.overrides[i].deadlines[now]; ok && l.overrides[i].matches(&key) {
			d = d.but(own)
			break
		}
	}
	if c := l.states[now].category; !d.stated && c != CategoryWaiting && c != CategoryActive {
		return Deadline{}
	}
	if s.NextBy != 0 && s.NextBy >= s.Heard {
		return Deadline{Silent: s.NextBy, Overdue: s.NextBy}
	}
	return Deadline{Silent: due(s.Heard, d.silent), Overdue: due(s.SinceHeard, d.overdue)}
}

func due(from int64, after *int64) int64 {
	if after == nil || *after == 0 {
		return 0
	}
	return from + *after
}

// but returns d, where own does not say otherwise.
func (d deadline) but(own deadline) deadline {
	d.stated = true
	if own.silent != nil {
		d.silent = own.silent
	}
	if own.overdue != nil {
		d.overdue = own.overdue
	}
	return d
}

func (c *compiler) declareDeadlines(d *Document) {
	for at, row := range c.deadlines("spec.deadlines", d.Spec.Deadlines) {
		c.states[at].deadline = row
	}
	for i, o := range d.Spec.Overrides {
		at := fmt.Sprintf("spec.overrides[%d]", i)
		c.patterns(at+".match.env", o.Match.Env)
		c.patterns(at+".match.region", o.Match.Region)
		c.patterns(at+".match.component", o.Match.Component)
		c.overrides = append(c.overrides, override{
			env: o.Match.Env, region: o.Match.Region, component: o.Match.Component,
			deadlines: c.deadlines(at+".deadlines", o.Deadlines),
		})
	}
}

var namePattern = regexp.MustCompile(`^[a-z0-9*][a-z0-9_*-]{0,62}$`)

func (c *compiler) patterns(path string, patterns []string) {
	if patterns != nil && len(patterns) == 0 {
		c.fault(path, "no pattern in the list matches nothing: leave it out to match all")
	}
	for i, p := range patterns {
		if !namePattern.MatchString(p) {
			c.fault(fmt.Sprintf("%s[%d]", path, i), "%q is not a pattern of names", p)
		}
	}
}

func (c *compiler) deadlines(path string, specs map[string]DeadlineSpec) map[index]deadline {
	out := make(map[index]deadline, len(specs))
	for _, status := range slices.Sorted(maps.Keys(specs)) {
		at := c.lookup(path+"."+status, status)
		out[at] = deadline{stated: true, silent: nanoseconds(specs[status].SilentAfter), overdue: nanoseconds(specs[status].OverdueAfter)}
	}
	return out
}

func nanoseconds(d *Duration) *int64 {
	if d == nil {
		return nil
	}
	n := int64(*d)
	return &n
}

// matchAny reports whether one of the patterns matches; without any, all do.
func matchAny(patterns []string, s string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, s) })
}
