package routing

import (
	"errors"
	"slices"
	"testing"
)

// TestFaults finds all that is wrong at once, each at its key.
func TestFaults(t *testing.T) {
	_, err := New(Config{
		Receivers: []string{"r"},
		Route: Route{
			Matchers: []string{"a=b"}, Continue: true, MuteTimeIntervals: []string{"nights"}, GroupBy: []string{"...", "a"},
			Routes: []Route{
				{Receiver: "s", Matchers: []string{"fine=1", "a=~("}, Match: map[string]string{"a b": "c"}, MatchRE: map[string]string{"a": "("}},
				{HoldFor: "5 minutes", GroupInterval: "0s", GroupBy: []string{"a", "a"}, Routes: []Route{{ActiveTimeIntervals: []string{"days"}}}},
			},
		},
		TimeIntervals: []TimeInterval{
			{Name: "nights", TimeIntervals: []Interval{{
				Times: []TimeRange{{"22:00", "06:00"}, {"22", "23:00"}}, Weekdays: []string{"friday", "fryday"}, DaysOfMonth: []string{"0"},
				Months: []string{"13:1"}, Years: []string{"x"}, Location: "Mars/Olympus",
			}}},
			{Name: "nights"},
			{},
		},
		InhibitRules: []InhibitRule{{SourceMatchers: []string{"="}, TargetMatchRE: map[string]string{"a": "("}, Equal: []string{" "}}},
	})
	var all *Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range all.Faults {
		if f.Detail == "" {
			t.Errorf("%s says nothing", f.Key)
		}
		got = append(got, f.Key)
	}
	want := []string{
		"time_intervals[0].time_intervals[0].weekdays[1]",
		"time_intervals[0].time_intervals[0].days_of_month[0]",
		"time_intervals[0].time_intervals[0].months[0]",
		"time_intervals[0].time_intervals[0].years[0]",
		"time_intervals[0].time_intervals[0].times[0]",
		"time_intervals[0].time_intervals[0].times[1]",
		"time_intervals[0].time_intervals[0].location",
		"time_intervals[1].name",
		"time_intervals[2].name",
		"route.receiver",
		"route.matchers",
		"route.continue",
		"route.mute_time_intervals",
		"route.group_by",
		"route.routes[0].receiver",
		"route.routes[0].match.a b",
		"route.routes[0].match_re.a",
		"route.routes[0].matchers[1]",
		"route.routes[1].hold_for",
		"route.routes[1].group_interval",
		"route.routes[1].group_by",
		"route.routes[1].routes[0].active_time_intervals[0]",
		"inhibit_rules[0].target_match_re.a",
		"inhibit_rules[0].source_matchers[0]",
		"inhibit_rules[0].equal[0]",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("faults are\n%q, want\n%q", got, want)
	}
}

func TestNotUsed(t *testing.T) {
	c := Config{
		Route:        Route{GroupBy: []string{"a"}, Routes: []Route{{GroupWait: "1s"}, {GroupWait: "2s", RepeatInterval: "1h"}}},
		InhibitRules: []InhibitRule{{}},
	}
	if got := c.NotUsed(); !slices.Equal(got, []string{"group_by", "group_wait", "inhibit_rules", "repeat_interval"}) {
		t.Errorf("not used are %q", got)
	}
}
