package routing

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // a Friday

func leafWith(t interface {
	Helper()
	Fatal(...any)
}, mute, active []Interval,
) *Leaf {
	t.Helper()
	below := Route{}
	c := Config{Receivers: []string{"r"}, Route: Route{Receiver: "r"}}
	if mute != nil {
		below.MuteTimeIntervals = []string{"muted"}
		c.TimeIntervals = append(c.TimeIntervals, TimeInterval{Name: "muted", TimeIntervals: mute})
	}
	if active != nil {
		below.ActiveTimeIntervals = []string{"hours"}
		c.TimeIntervals = append(c.TimeIntervals, TimeInterval{Name: "hours", TimeIntervals: active})
	}
	c.Route.Routes = []Route{below}
	leaf := mustNew(t, c).Match(nil)[0]
	return &leaf
}

func TestEarliest(t *testing.T) {
	office := []Interval{{
		Times: []TimeRange{{"09:00", "17:00"}}, Weekdays: []string{"monday:friday"}, Location: "Europe/Berlin",
	}}
	cases := []struct {
		name         string
		mute, active []Interval
		from, want   string // "" want: never
		mutedBy      string
	}{
		{"nothing is muted", nil, nil, "2026-11-20T12:00:30Z", "2026-11-20T12:00:30Z", ""},
		{"in office hours", nil, office, "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", ""},
		{"over a weekend", nil, office, "2026-11-20T16:00:00Z", "2026-11-23T08:00:00Z", "not hours"},
		{"the end of a day", []Interval{{Times: []TimeRange{{"12:00", "24:00"}}}}, nil, "2026-11-20T12:00:01Z", "2026-11-21T00:00:00Z", "muted"},
		{"the last minute counts", []Interval{{Times: []TimeRange{{"11:00", "12:00"}}}}, nil, "2026-11-20T11:59:59.9Z", "2026-11-20T12:00:00Z", "muted"},
		{"the last days of a month", []Interval{{DaysOfMonth: []string{"-2:-1"}}}, nil, "2028-02-28T06:00:00Z", "2028-03-01T00:00:00Z", "muted"},
		{"over a new year", []Interval{{Months: []string{"november:december"}}}, nil, "2026-11-20T12:00:00Z", "2027-01-01T00:00:00Z", "muted"},
		{"both", []Interval{{Weekdays: []string{"Monday"}}}, office, "2026-11-20T16:00:00Z", "2026-11-24T08:00:00Z", "not hours"},
		{"for ever", []Interval{{Years: []string{"2020:2040"}}}, nil, "2026-11-20T12:00:00Z", "", "muted"},
		{
			"the clock is put forward over its end",
			[]Interval{{Times: []TimeRange{{"01:00", "02:30"}}, Location: "Europe/Berlin"}},
			nil,
			"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "muted",
		},
		{
			"the clock is put back into it",
			[]Interval{{Times: []TimeRange{{"00:00", "03:00"}}, Location: "Europe/Berlin"}},
			nil,
			"2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "muted",
		},
		{
			"the clock is put back to its end",
			nil,
			[]Interval{{Times: []TimeRange{{"02:00", "02:30"}}, Location: "Europe/Berlin"}},
			"2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z", "not hours",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			from, err := time.Parse(time.RFC3339Nano, c.from)
			if err != nil {
				t.Fatal(err)
			}
			at, by, ok := leafWith(t, c.mute, c.active).Earliest(from)
			got := ""
			if ok {
				got = at.UTC().Format(time.RFC3339Nano)
			}
			if got != c.want || by != c.mutedBy {
				t.Errorf("told at %q, muted by %q; want %q, %q", got, by, c.want, c.mutedBy)
			}
		})
	}
}

// TestEarliestIsTheFirstMinute looks at every minute, as one would by hand.
func TestEarliestIsTheFirstMinute(t *testing.T) {
	zones := []string{"", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"}
	starts := []time.Time{
		noon, time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC),
		time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC),
	}
	waited := 0
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []Interval {
			var all []Interval
			for range rapid.IntRange(0, 2).Draw(t, name) {
				in := Interval{Location: rapid.SampledFrom(zones).Draw(t, "zone")}
				for range rapid.IntRange(0, 2).Draw(t, "times") {
					begin := rapid.IntRange(0, 23).Draw(t, "begin")
					end := rapid.IntRange(begin+1, 24).Draw(t, "end")
					in.Times = append(in.Times, TimeRange{
						time.Date(0, 1, 1, begin, 0, 0, 0, time.UTC).Format("15:04"),
						map[bool]string{true: "24:00", false: time.Date(0, 1, 1, end, 0, 0, 0, time.UTC).Format("15:04")}[end == 24],
					})
				}
				if rapid.Bool().Draw(t, "days") {
					in.Weekdays = []string{rapid.SampledFrom([]string{"saturday", "sunday", "monday:friday"}).Draw(t, "weekdays")}
				}
				all = append(all, in)
			}
			return all
		}
		leaf := leafWith(t, draw("mute"), draw("active"))
		from := rapid.SampledFrom(starts).Draw(t, "start").Add(time.Duration(rapid.IntRange(0, 36*3600).Draw(t, "seconds")) * time.Second)
		at, by, ok := leaf.Earliest(from)
		if (by == "") != (ok && at.Equal(from)) {
			t.Fatalf("told at %v, and muted by %q at %v", at, by, from)
		}
		const days = 3
		want := from
		for minute := from.Truncate(time.Minute); leaf.mutedBy(want) != ""; want = minute {
			if minute = minute.Add(time.Minute); minute.Sub(from) > days*24*time.Hour {
				if ok && at.Before(minute) {
					t.Fatalf("told at %v, while it is muted until %v", at, minute)
				}
				return
			}
		}
		if !ok || !at.Equal(want) {
			t.Fatalf("told at %v (%v), want %v", at, ok, want)
		}
		if want.After(from) {
			waited++
		}
	})
	if waited == 0 {
		t.Error("nothing ever had to wait")
	}
}
