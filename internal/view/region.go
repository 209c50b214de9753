package view

import (
	"cmp"
	"slices"
	"time"
)

// Watermarks are the settings by which ticks become watermarks. The zero value
// of a field means its default.
type Watermarks struct {
	// Grace is how far a watermark stays behind the tick that moved it, so that
	// a word on its way is not missed by a hair. Default 5 s.
	Grace time.Duration

	// DarkAfter is how far a region may fall behind the others before it counts
	// as dark, and a recorder behind the others of its region before it is no
	// longer waited for. Default 60 s, six ticks.
	DarkAfter time.Duration
}

func (w Watermarks) orDefault() Watermarks {
	return Watermarks{
		Grace:     cmp.Or(w.Grace, 5*time.Second),
		DarkAfter: cmp.Or(w.DarkAfter, time.Minute),
	}
}

// Tick is the last promise of one recorder.
type Tick struct {
	Recorder string
	Regions  []string // that it stands for
	At       time.Time
	Closing  bool // it has said that it stops
}

// Region says how far we know what happened in a region.
type Region struct {
	Region     string    `json:"region"`
	Watermark  time.Time `json:"watermark"`   // all that was acknowledged before is known
	LagSeconds float64   `json:"lag_seconds"` // how far Watermark is behind
	Dark       bool      `json:"dark"`        // it stands still while others advance
}

// Regions returns every region that a recorder stands for, by name. Lag counts
// from now; a zero now means the newest tick of any recorder, which makes the
// answer a function of the ticks alone.
func Regions(ticks []Tick, settings Watermarks, now time.Time) []Region {
	settings = settings.orDefault()
	var newest time.Time
	byRegion := make(map[string][]Tick)
	for _, t := range ticks {
		if t.At.After(newest) {
			newest = t.At
		}
		for _, region := range t.Regions {
			byRegion[region] = append(byRegion[region], t)
		}
	}
	if now.IsZero() {
		now = newest
	}
	out := make([]Region, 0, len(byRegion))
	for region, own := range byRegion {
		tick := promised(own, settings.DarkAfter)
		w := tick.Add(-settings.Grace)
		out = append(out, Region{
			Region:     region,
			Watermark:  w,
			LagSeconds: max(now.Sub(w).Seconds(), 0),
			Dark:       newest.Sub(tick) >= settings.DarkAfter,
		})
	}
	slices.SortFunc(out, func(a, b Region) int { return cmp.Compare(a.Region, b.Region) })
	return out
}

// promised returns up to when all living recorders of a region have promised:
// the least of their last ticks, without those that fell behind another one.
// When all have closed, the last of them stands.
func promised(ticks []Tick, darkAfter time.Duration) time.Time {
	var newest time.Time
	for _, t := range ticks {
		if t.At.After(newest) {
			newest = t.At
		}
	}
	least := newest
	for _, t := range ticks {
		if !t.Closing && newest.Sub(t.At) < darkAfter && t.At.Before(least) {
			least = t.At
		}
	}
	return least
}
