package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Row is one measured promise.
type Row struct {
	Name   string  `json:"name"`
	Figure float64 `json:"figure"` // median of the pairs
	Unit   string  `json:"unit"`
	Limit  float64 `json:"limit"` // median of the raw limit, same unit
	Ratio  float64 `json:"ratio"` // median of figure/limit, pair by pair
	Goal   float64 `json:"goal"`
	OK     bool    `json:"ok"`

	AtMost  bool    `json:"at_most,omitempty"` // the goal is an upper bound
	Low     float64 `json:"low"`               // least ratio of a pair
	High    float64 `json:"high"`              // greatest
	Pairs   int     `json:"pairs"`
	Verdict string  `json:"verdict"` // passed, missed, inconclusive
	Against string  `json:"against"` // what the limit is
}

// The verdicts.
const (
	passed       = "passed"
	missed       = "missed"
	inconclusive = "inconclusive"
)

// tooWide is the greatest (high-low)/median that still means something when the
// goal lies between low and high.
const tooWide = 0.5

// pair is one row's definition: the limit and the row are measured in turn.
type pair struct {
	name, unit, against string
	goal                float64
	atMost              bool
	limit, row          func(ctx context.Context) (float64, error)
}

func (p *pair) measure(ctx context.Context, pairs int, progress io.Writer) (Row, error) {
	r := Row{Name: p.name, Unit: p.unit, Against: p.against, Goal: p.goal, AtMost: p.atMost, Pairs: pairs}
	var limits, figures, ratios []float64
	for i := range pairs {
		limit, err := p.limit(ctx)
		if err != nil {
			return r, fmt.Errorf("bench %s: the limit: %w", p.name, err)
		}
		figure, err := p.row(ctx)
		if err != nil {
			return r, fmt.Errorf("bench %s: %w", p.name, err)
		}
		limits, figures, ratios = append(limits, limit), append(figures, figure), append(ratios, figure/limit)
		fmt.Fprintf(progress, "%s: pair %d of %d: %.4g against %.4g %s, ratio %.3f\n",
			p.name, i+1, pairs, figure, limit, p.unit, figure/limit)
	}
	r.Figure, r.Limit, r.Ratio = median(figures), median(limits), median(ratios)
	r.Low, r.High = slices.Min(ratios), slices.Max(ratios)
	r.judge()
	return r, nil
}

// judge compares the ratio with the goal.
func (r *Row) judge() {
	good := func(ratio float64) bool { return ratio >= r.Goal }
	if r.AtMost {
		good = func(ratio float64) bool { return ratio <= r.Goal }
	}
	switch {
	case good(r.Low) != good(r.High) && (r.High-r.Low)/r.Ratio > tooWide:
		r.Verdict = inconclusive
	case good(r.Ratio):
		r.Verdict = passed
	default:
		r.Verdict = missed
	}
	r.OK = r.Verdict == passed
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// Print writes rows as a table.
func Print(w io.Writer, rows []Row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ROW\tFIGURE\tLIMIT\tRATIO\tSPREAD\tGOAL\tVERDICT")
	for _, r := range rows {
		sign := "≥"
		if r.AtMost {
			sign = "≤"
		}
		fmt.Fprintf(tw, "%s\t%.5g %s\t%.5g %s\t%.3f\t%.3f–%.3f\t%s %g\t%s\n",
			r.Name, r.Figure, r.Unit, r.Limit, r.Against, r.Ratio, r.Low, r.High, sign, r.Goal, r.Verdict)
	}
	return tw.Flush()
}
