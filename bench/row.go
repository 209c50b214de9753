package bench

import (
	"context"
	"fmt"
	"slices"
)

// Row is one measured promise.
type Row struct {
	Name   string  `json:"name"`
	Figure float64 `json:"figure"` // median of the pairs
	Unit   string  `json:"unit"`
	Limit  float64 `json:"limit"` // median of what it is measured against, same unit
	Ratio  float64 `json:"ratio"` // median of figure/limit, pair by pair
	Goal   float64 `json:"goal"`  // for the ratio; 0: none
	OK     bool    `json:"ok"`

	AtMost  bool    `json:"at_most,omitempty"` // the goal is an upper bound
	Low     float64 `json:"low"`               // least ratio of a pair
	High    float64 `json:"high"`              // greatest
	Pairs   int     `json:"pairs"`
	Verdict Verdict `json:"verdict"`
	Against string  `json:"against"` // what the limit is
}

// Verdict says what a row came to.
type Verdict string

// The verdicts. Only missed and inconclusive ones are not OK.
const (
	Passed       Verdict = "passed"
	Missed       Verdict = "missed"
	Inconclusive Verdict = "inconclusive" // the pairs lie on both sides of the goal, too far apart
	NoGoal       Verdict = "no goal"      // told for the record
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

func (p *pair) measure(ctx context.Context, pairs int, progress func(string)) (Row, error) {
	r := Row{Name: p.name, Unit: p.unit, Against: p.against, Goal: p.goal, AtMost: p.atMost}
	var m measured
	for i := range pairs {
		limit, err := p.limit(ctx)
		if err != nil {
			return r, fmt.Errorf("%s: the limit: %w", p.name, err)
		}
		figure, err := p.row(ctx)
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.name, err)
		}
		m.add(figure, limit)
		if progress != nil {
			progress(fmt.Sprintf("%s: pair %d of %d: %.4g against %.4g %s, ratio %.3f",
				p.name, i+1, pairs, figure, limit, p.unit, figure/limit))
		}
	}
	r.settle(&m)
	return r, nil
}

// measured is what was measured for a row, pair by pair.
type measured struct{ figures, limits, ratios []float64 }

func (m *measured) add(figure, limit float64) {
	m.figures, m.limits, m.ratios = append(m.figures, figure), append(m.limits, limit), append(m.ratios, figure/limit)
}

// settle fills in what follows from the measurements.
func (r *Row) settle(m *measured) {
	r.Figure, r.Limit, r.Ratio = median(m.figures), median(m.limits), median(m.ratios)
	r.Low, r.High = slices.Min(m.ratios), slices.Max(m.ratios)
	r.Pairs = len(m.ratios)
	r.judge()
}

// judge compares the ratio with the goal.
func (r *Row) judge() {
	good := func(ratio float64) bool { return ratio >= r.Goal }
	if r.AtMost {
		good = func(ratio float64) bool { return ratio <= r.Goal }
	}
	switch {
	case r.Goal == 0:
		r.Verdict = NoGoal
	case good(r.Low) != good(r.High) && (r.High-r.Low)/r.Ratio > tooWide:
		r.Verdict = Inconclusive
	case good(r.Ratio):
		r.Verdict = Passed
	default:
		r.Verdict = Missed
	}
	r.OK = r.Verdict == Passed || r.Verdict == NoGoal
}

// median of at least one value.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
