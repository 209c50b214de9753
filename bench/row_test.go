package bench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{4, 1}, 2.5},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 7}, 6},
	} {
		before := slices.Clone(c.of)
		if got := median(c.of); got != c.want || !slices.Equal(c.of, before) {
			t.Errorf("median of %v is %v, want %v; it left %v", before, got, c.want, c.of)
		}
	}
}

// TestJudge: what counts is the median, unless the pairs contradict each other
// and lie too far apart to mean anything.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name             string
		atMost           bool
		goal             float64
		low, ratio, high float64
		want             Verdict
	}{
		{"at least: all above", false, 0.6, 0.61, 0.7, 0.9, Passed},
		{"at least: just met", false, 0.6, 0.6, 0.6, 0.6, Passed},
		{"at least: all below", false, 0.6, 0.2, 0.5, 0.59, Missed},
		{"at least: close on both sides, above", false, 0.6, 0.58, 0.61, 0.65, Passed},
		{"at least: close on both sides, below", false, 0.6, 0.55, 0.59, 0.61, Missed},
		{"at least: far on both sides, above", false, 0.6, 0.4, 0.7, 0.8, Inconclusive},
		{"at least: far on both sides, below", false, 0.6, 0.3, 0.5, 0.7, Inconclusive},
		{"at least: far apart, on one side", false, 0.6, 0.7, 1, 2, Passed},
		{"at least: far apart, on the other side", false, 0.6, 0.1, 0.3, 0.5, Missed},
		{"at most: all below", true, 6, 2, 3, 5.9, Passed},
		{"at most: just met", true, 6, 6, 6, 6, Passed},
		{"at most: all above", true, 6, 6.1, 7, 9, Missed},
		{"at most: close on both sides", true, 6, 5, 5.9, 7, Passed},
		{"at most: far on both sides", true, 6, 3, 5.9, 9, Inconclusive},
		{"no goal", true, 0, 1, 2, 9, NoGoal},
	} {
		r := Row{Goal: c.goal, AtMost: c.atMost, Low: c.low, Ratio: c.ratio, High: c.high}
		r.judge()
		if ok := c.want == Passed || c.want == NoGoal; r.Verdict != c.want || r.OK != ok {
			t.Errorf("%s: %s, ok is %v, want %s", c.name, r.Verdict, r.OK, c.want)
		}
	}
}

// TestMeasure: limit and row are measured in turn, and the ratio is that of the
// pairs: not of the medians.
func TestMeasure(t *testing.T) {
	var order []string
	next := func(name string, values ...float64) func(context.Context) (float64, error) {
		return func(context.Context) (v float64, err error) {
			order = append(order, name)
			v, values = values[0], values[1:]
			return v, nil
		}
	}
	p := pair{
		name: "row", unit: "events/s", against: "nothing", goal: 0.5,
		limit: next("limit", 100, 10, 1000), row: next("row", 50, 9, 10),
	}
	var told []string
	got, err := p.measure(t.Context(), 3, func(line string) { told = append(told, line) })
	want := Row{
		Name: "row", Figure: 10, Unit: "events/s", Limit: 100, Ratio: 0.5, Goal: 0.5, Low: 0.01, High: 0.9, Pairs: 3,
		Verdict: Inconclusive, Against: "nothing",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if s := strings.Join(order, " "); s != "limit row limit row limit row" {
		t.Errorf("measured %s", s)
	}
	if len(told) != 3 || told[1] != "row: pair 2 of 3: 9 against 10 events/s, ratio 0.900" {
		t.Errorf("told %q", told)
	}
}

func TestMeasureFails(t *testing.T) {
	broken := errors.New("broken")
	good := func(context.Context) (float64, error) { return 1, nil }
	bad := func(context.Context) (float64, error) { return 0, broken }
	for _, p := range []pair{{name: "row", limit: bad, row: good}, {name: "row", limit: good, row: bad}} {
		if _, err := p.measure(t.Context(), 2, nil); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "row: ") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPrint(t *testing.T) {
	rows := []Row{
		{
			Name: "rebuild", Figure: 61234.5, Unit: "events/s", Limit: 250000, Ratio: 0.24494, Goal: 0.22, OK: true,
			Low: 0.23, High: 0.25, Pairs: 5, Verdict: Passed, Against: "bare ordered read",
		},
		{Name: "scale-disk", Figure: 1.234, Unit: "B", Limit: 2, Ratio: 0.617, OK: true, Pairs: 1, Verdict: NoGoal, Against: "more"},
	}
	var table, markdown strings.Builder
	if err := errors.Join(Print(&table, rows), PrintMarkdown(&markdown, rows)); err != nil {
		t.Fatal(err)
	}
	wantTable := `ROW          FIGURE           AGAINST                    RATIO   SPREAD           GOAL     VERDICT
rebuild      61234 events/s   250000 bare ordered read   0.245   0.230 to 0.250   ≥ 0.22   passed
scale-disk   1.23 B           2 more                     0.617   -                -        no goal
`
	if table.String() != wantTable {
		t.Errorf("table:\n%s", table.String())
	}
	wantMarkdown := `| row | figure | against | ratio | spread | goal | verdict |
|---|---|---|---|---|---|---|
| rebuild | 61234 events/s | 250000 bare ordered read | 0.245 | 0.230 to 0.250 | ≥ 0.22 | passed |
| scale-disk | 1.23 B | 2 more | 0.617 | - | - | no goal |

go`
	if !strings.HasPrefix(markdown.String(), wantMarkdown) {
		t.Errorf("markdown:\n%s", markdown.String())
	}
}
