package routing

import (
	"slices"
	"strings"
)

// Config is what a [Tree] is made of.
type Config struct {
	Route         Route
	TimeIntervals []TimeInterval
	InhibitRules  []InhibitRule
	Receivers     []string // the names that routes may name
}

// Route is one node of the tree. Of the comments of its fields, and of those of
// the structs below, the page of the configuration is made.
type Route struct {
	// Name of the receiver. Optional below the first route, where the parent's
	// counts.
	Receiver string `yaml:"receiver"`

	// What an alert's labels have to be for this route, all of them, such as
	// severity="critical" or component=~"pay.*|cart". The first route takes
	// everything and has none.
	Matchers []string `yaml:"matchers"`

	// The same for labels that are equal, in the older way to say it.
	Match map[string]string `yaml:"match"`

	// The same for labels that match a regular expression.
	MatchRE map[string]string `yaml:"match_re"`

	// Whether routes behind this one are asked too when this one matches.
	Continue bool `yaml:"continue"`

	// How long a problem has to last before anybody is told, such as 5m. What is
	// over by then is told to nobody. A rule that waits longer by itself goes on
	// doing so. Optional; the parent's counts then.
	HoldFor string `yaml:"hold_for"`

	// Names of time_intervals in which nobody is told. What came meanwhile and
	// still stands is told after them. Not the parent's; not of the first route.
	MuteTimeIntervals []string `yaml:"mute_time_intervals"`

	// Names of time_intervals outside which nobody is told, as above.
	ActiveTimeIntervals []string `yaml:"active_time_intervals"`

	// Labels by which alerts will be told together. Kept, and not used yet, as are
	// the three intervals.
	GroupBy []string `yaml:"group_by"`

	// How long to wait for others of a new group.
	GroupWait string `yaml:"group_wait"`

	// How long to wait before a group is told of again.
	GroupInterval string `yaml:"group_interval"`

	// How long until what still stands is told again.
	RepeatInterval string `yaml:"repeat_interval"`

	// Routes below this one. The first that matches counts; if none does, this one.
	Routes []Route `yaml:"routes"`
}

// isEmpty reports whether nothing at all is said.
func (r *Route) isEmpty() bool {
	return r.Receiver == "" && len(r.Matchers)+len(r.Match)+len(r.MatchRE)+len(r.Routes)+len(r.GroupBy) == 0 &&
		len(r.MuteTimeIntervals)+len(r.ActiveTimeIntervals) == 0 && !r.Continue &&
		r.HoldFor+r.GroupWait+r.GroupInterval+r.RepeatInterval == ""
}

// TimeInterval is a name for some times.
type TimeInterval struct {
	// Name by which routes know it.
	Name string `yaml:"name"`

	// The times: any of these.
	TimeIntervals []Interval `yaml:"time_intervals"`
}

// Interval is the times that are in all of what it names.
type Interval struct {
	// Times of day; any of these.
	Times []TimeRange `yaml:"times"`

	// Days of the week, such as monday:friday or sunday.
	Weekdays []string `yaml:"weekdays"`

	// Days of the month, such as 1:7; -1 is the last.
	DaysOfMonth []string `yaml:"days_of_month"`

	// Months, such as december or 1:3.
	Months []string `yaml:"months"`

	// Years, such as 2026:2028.
	Years []string `yaml:"years"`

	// Time zone, such as Europe/Berlin. Optional; without it UTC.
	Location string `yaml:"location"`
}

// TimeRange is a part of a day.
type TimeRange struct {
	// First minute, as 22:00.
	StartTime string `yaml:"start_time"`

	// Minute behind the last one; 24:00 is the end of the day.
	EndTime string `yaml:"end_time"`
}

// InhibitRule says which alerts are not told while others stand.
type InhibitRule struct {
	// Name of the rule. Optional.
	Name string `yaml:"name"`

	// What the alerts that stand match. Kept, and not used yet, like the rest of
	// the rule.
	SourceMatchers []string `yaml:"source_matchers"`

	// The same for labels that are equal, in the older way to say it.
	SourceMatch map[string]string `yaml:"source_match"`

	// The same for labels that match a regular expression.
	SourceMatchRE map[string]string `yaml:"source_match_re"`

	// What the alerts match that are not told.
	TargetMatchers []string `yaml:"target_matchers"`

	// The same for labels that are equal, in the older way to say it.
	TargetMatch map[string]string `yaml:"target_match"`

	// The same for labels that match a regular expression.
	TargetMatchRE map[string]string `yaml:"target_match_re"`

	// Labels that have to be the same on both.
	Equal []string `yaml:"equal"`
}

// Fault is one thing that is wrong with a [Config].
type Fault struct {
	Key    string // such as route.routes[0].matchers[1], as the file would name it
	Detail string
	Hint   string // what to do about it; may be ""
}

// Error is everything that is wrong with a [Config], in the order of its keys.
type Error struct {
	Faults []Fault // never empty
}

// Error returns one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.Key + ": " + f.Detail
		if f.Hint != "" {
			lines[i] += " (" + f.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// NotUsed lists what of c is kept and has no effect yet, by key, each once.
func (c *Config) NotUsed() []string {
	var names []string
	if len(c.InhibitRules) > 0 {
		names = append(names, "inhibit_rules")
	}
	var walk func(r *Route)
	walk = func(r *Route) {
		for _, k := range []struct {
			name string
			said bool
		}{
			{"group_by", len(r.GroupBy) > 0},
			{"group_wait", r.GroupWait != ""},
			{"group_interval", r.GroupInterval != ""},
			{"repeat_interval", r.RepeatInterval != ""},
		} {
			if k.said && !slices.Contains(names, k.name) {
				names = append(names, k.name)
			}
		}
		for i := range r.Routes {
			walk(&r.Routes[i])
		}
	}
	walk(&c.Route)
	slices.Sort(names)
	return names
}
