package routing

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// builder makes a tree and notes what is wrong on the way. It goes on after a
// fault, so that all of them are reported.
type builder struct {
	receivers []string
	intervals map[string]named
	faults    []Fault
}

func (b *builder) fault(key, detail, hint string) {
	b.faults = append(b.faults, Fault{Key: key, Detail: detail, Hint: hint})
}

// New returns the tree that c describes, nil when c says nothing: then nobody is
// told. What is wrong with c is reported together, as an [*Error].
func New(c Config) (*Tree, error) {
	b := &builder{receivers: c.Receivers, intervals: make(map[string]named, len(c.TimeIntervals))}
	for i := range c.TimeIntervals {
		b.interval(fmt.Sprintf("time_intervals[%d]", i), &c.TimeIntervals[i])
	}
	var tree *Tree
	if !c.Route.isEmpty() || len(c.Receivers) > 0 {
		b.first(&c.Route)
		// What holds when nobody says otherwise, as in Alertmanager.
		defaults := Leaf{GroupWait: 30 * time.Second, GroupInterval: 5 * time.Minute, RepeatInterval: 4 * time.Hour}
		tree = &Tree{root: b.node("route", &c.Route, defaults)}
	}
	for i := range c.InhibitRules {
		b.inhibition(fmt.Sprintf("inhibit_rules[%d]", i), &c.InhibitRules[i])
	}
	if len(b.faults) > 0 {
		return nil, &Error{Faults: b.faults}
	}
	return tree, nil
}

// first checks what the first route may not say: it takes everything at any
// time.
func (b *builder) first(r *Route) {
	if r.Receiver == "" {
		b.fault("route.receiver", "is empty, so nobody would be told", "name one of the receivers")
	}
	for _, k := range []struct {
		name string
		said bool
	}{
		{"matchers", len(r.Matchers) > 0},
		{"match", len(r.Match) > 0},
		{"match_re", len(r.MatchRE) > 0},
		{"continue", r.Continue},
		{"mute_time_intervals", len(r.MuteTimeIntervals) > 0},
		{"active_time_intervals", len(r.ActiveTimeIntervals) > 0},
	} {
		if k.said {
			b.fault("route."+k.name, "is not for the first route, which takes everything at any time", "say it in one of its routes")
		}
	}
}

// node makes a route, given what it takes from its parent.
func (b *builder) node(key string, r *Route, inherited Leaf) *node {
	leaf := inherited
	leaf.Path = key
	if r.Receiver != "" {
		leaf.Receiver = r.Receiver
		if !slices.Contains(b.receivers, r.Receiver) {
			b.fault(key+".receiver", "names no receiver", "add it to receivers")
		}
	}
	n := &node{cont: r.Continue, matchers: b.matchers(key, "match", r.Matchers, r.Match, r.MatchRE)}
	leaf.HoldFor = b.duration(key+".hold_for", r.HoldFor, inherited.HoldFor, mayBeZero)
	leaf.GroupWait = b.duration(key+".group_wait", r.GroupWait, inherited.GroupWait, mayBeZero)
	leaf.GroupInterval = b.duration(key+".group_interval", r.GroupInterval, inherited.GroupInterval, notZero)
	leaf.RepeatInterval = b.duration(key+".repeat_interval", r.RepeatInterval, inherited.RepeatInterval, notZero)
	if len(r.GroupBy) > 0 {
		leaf.GroupBy = b.groupBy(key+".group_by", r.GroupBy)
	}
	leaf.mute = b.named(key+".mute_time_intervals", r.MuteTimeIntervals)
	leaf.active = b.named(key+".active_time_intervals", r.ActiveTimeIntervals)
	n.leaf = leaf
	for i := range r.Routes {
		n.children = append(n.children, b.node(fmt.Sprintf("%s.routes[%d]", key, i), &r.Routes[i], leaf))
	}
	return n
}

// matchers reads the three ways to say what labels have to be. prefix is what
// their keys begin with: match, source_match or target_match.
func (b *builder) matchers(key, prefix string, lines []string, equal, expressions map[string]string) labels.Matchers {
	var all labels.Matchers
	for _, kind := range []struct {
		key  string
		of   labels.MatchType
		said map[string]string
	}{
		{key + "." + prefix, labels.MatchEqual, equal},
		{key + "." + prefix + "_re", labels.MatchRegexp, expressions},
	} {
		for _, name := range slices.Sorted(maps.Keys(kind.said)) {
			at := kind.key + "." + name
			if !model.LegacyValidation.IsValidLabelName(name) {
				b.fault(at, "is not the name of a label", "names are [a-zA-Z_][a-zA-Z0-9_]*; matchers take others")
				continue
			}
			m, err := labels.NewMatcher(kind.of, name, kind.said[name])
			if err != nil {
				b.fault(at, "is not a regular expression: "+err.Error(), "")
				continue
			}
			all = append(all, m)
		}
	}
	for i, line := range lines {
		found, err := parseMatchers(line)
		if err != nil {
			b.fault(fmt.Sprintf("%s.%sers[%d]", key, prefix, i), "is not a matcher: "+err.Error(), `such as severity="critical"`)
		}
		all = append(all, found...)
	}
	sort.Sort(all)
	return all
}

// parseMatchers reads a line as Alertmanager does unless told otherwise: what
// the classic parser reads counts, and only what it refuses is left to the newer
// one, which also takes names in quotes.
func parseMatchers(line string) (labels.Matchers, error) {
	classic, err := labels.ParseMatchers(line)
	if err == nil {
		return classic, nil
	}
	if newer, newerErr := parse.Matchers(line); newerErr == nil {
		return newer, nil
	}
	return nil, err
}

type zero bool

const (
	mayBeZero zero = true
	notZero   zero = false
)

// duration reads a time as Prometheus writes it, such as 1d12h.
func (b *builder) duration(key, text string, inherited time.Duration, z zero) time.Duration {
	if text == "" {
		return inherited
	}
	d, err := model.ParseDuration(text)
	switch {
	case err != nil:
		b.fault(key, fmt.Sprintf("%q is not a time such as 30s, 5m or 1d12h", text), "")
	case d == 0 && z == notZero:
		b.fault(key, "is 0", "")
	}
	return time.Duration(d)
}

const allLabels = "..."

func (b *builder) groupBy(key string, names []string) []string {
	sorted := slices.Sorted(slices.Values(names))
	if slices.Contains(sorted, allLabels) && len(sorted) > 1 {
		b.fault(key, "has other labels beside ..., which stands for all", "")
	}
	for i, name := range sorted {
		if i > 0 && name == sorted[i-1] {
			b.fault(key, fmt.Sprintf("has %q twice", name), "")
		}
		if name != allLabels && !model.UTF8Validation.IsValidLabelName(name) {
			b.fault(key, fmt.Sprintf("%q is not the name of a label", name), "")
		}
	}
	return sorted
}

// inhibition checks a rule that is kept for later, so that it is not found wrong
// then.
func (b *builder) inhibition(key string, r *InhibitRule) {
	b.matchers(key, "source_match", r.SourceMatchers, r.SourceMatch, r.SourceMatchRE)
	b.matchers(key, "target_match", r.TargetMatchers, r.TargetMatch, r.TargetMatchRE)
	for i, name := range r.Equal {
		if strings.TrimSpace(name) == "" {
			b.fault(fmt.Sprintf("%s.equal[%d]", key, i), "is empty", "")
		}
	}
}
