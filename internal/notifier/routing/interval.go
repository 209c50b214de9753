package routing

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/alertmanager/timeinterval"
)

// named is a time interval with its name.
type named struct {
	name string
	any  []timeinterval.TimeInterval
}

func (n *named) contains(t time.Time) bool {
	for i := range n.any {
		if n.any[i].ContainsTime(t.UTC()) {
			return true
		}
	}
	return false
}

// named looks up the intervals that a route names.
func (b *builder) named(key string, names []string) []named {
	var found []named
	for i, name := range names {
		n, ok := b.intervals[name]
		if !ok {
			b.fault(fmt.Sprintf("%s[%d]", key, i), "names no time interval", "add it to time_intervals")
			continue
		}
		found = append(found, n)
	}
	return found
}

// interval reads one entry of time_intervals.
func (b *builder) interval(key string, said *TimeInterval) {
	switch _, known := b.intervals[said.Name]; {
	case said.Name == "":
		b.fault(key+".name", "is empty", "")
	case known:
		b.fault(key+".name", "is the name of an earlier time interval too", "")
	}
	n := named{name: said.Name}
	for i := range said.TimeIntervals {
		n.any = append(n.any, b.times(fmt.Sprintf("%s.time_intervals[%d]", key, i), &said.TimeIntervals[i]))
	}
	b.intervals[said.Name] = n
}

func (b *builder) times(key string, said *Interval) timeinterval.TimeInterval {
	out := timeinterval.TimeInterval{
		Weekdays:    ranges[timeinterval.WeekdayRange](b, key+".weekdays", said.Weekdays),
		DaysOfMonth: ranges[timeinterval.DayOfMonthRange](b, key+".days_of_month", said.DaysOfMonth),
		Months:      ranges[timeinterval.MonthRange](b, key+".months", said.Months),
		Years:       ranges[timeinterval.YearRange](b, key+".years", said.Years),
	}
	for i, times := range said.Times {
		var r timeinterval.TimeRange
		b.readInto(fmt.Sprintf("%s.times[%d]", key, i), &r, map[string]string{
			"start_time": times.StartTime, "end_time": times.EndTime,
		})
		out.Times = append(out.Times, r)
	}
	if said.Location != "" {
		out.Location = new(timeinterval.Location)
		b.readInto(key+".location", out.Location, said.Location)
	}
	return out
}

// ranges reads texts such as monday:friday.
func ranges[R any, P interface {
	*R
	UnmarshalJSON([]byte) error
}](b *builder, key string, texts []string) []R {
	var out []R
	for i, text := range texts {
		var r R
		b.readInto(fmt.Sprintf("%s[%d]", key, i), P(&r), text)
		out = append(out, r)
	}
	return out
}

// readInto gives what was said to Alertmanager's own reader of it.
func (b *builder) readInto(key string, into interface{ UnmarshalJSON([]byte) error }, said any) {
	raw, err := json.Marshal(said)
	if err == nil {
		err = into.UnmarshalJSON(raw)
	}
	if err != nil {
		b.fault(key, err.Error(), "")
	}
}
