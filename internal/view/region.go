package view

import (
	"cmp"
	"maps"
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

	// Ahead is how far a tick may run ahead of the stream's own timestamp before
	// it moves nothing and marks its recorder. Default 5 s.
	Ahead time.Duration
}

func (w Watermarks) orDefault() Watermarks {
	return Watermarks{
		Grace:     cmp.Or(w.Grace, 5*time.Second),
		DarkAfter: cmp.Or(w.DarkAfter, time.Minute),
		Ahead:     cmp.Or(w.Ahead, 5*time.Second),
	}
}

// Tick is the last promise of one recorder.
type Tick struct {
	Recorder string
	Regions  []string // that it stands for
	At       time.Time
	Closing  bool // it has said that it stops
	Ahead    bool // its last tick ran ahead of the stream: At is the one before
}

// Region says how far we know what happened in a region.
type Region struct {
	Region     string    `json:"region"`
	Watermark  time.Time `json:"watermark"`      // all that was acknowledged before is known
	LagSeconds float64   `json:"lag_seconds"`    // how far Watermark is behind
	Dark       bool      `json:"dark"`           // it stands still while others advance
	Ahead      []string  `json:"ahead,omitzero"` // recorders whose clock ran ahead, by name
}

// Clock turns ticks, in the order of the stream, into watermarks. A watermark
// never goes back: a recorder that comes, or comes back, with an earlier time
// takes back no promise. Make one with [NewClock]; it is not safe for concurrent
// use.
type Clock struct {
	settings   Watermarks
	recorders  map[string]Tick
	watermarks map[string]time.Time // by region
}

// NewClock returns a clock that stands where another stopped: with the last tick
// of every recorder and the watermark of every region. Regions that are missing
// from watermarks get theirs from the ticks.
func NewClock(settings Watermarks, ticks []Tick, watermarks map[string]time.Time) *Clock {
	c := &Clock{
		settings: settings.orDefault(), recorders: make(map[string]Tick, len(ticks)),
		watermarks: make(map[string]time.Time, len(watermarks)),
	}
	maps.Copy(c.watermarks, watermarks)
	for _, t := range ticks {
		c.recorders[t.Recorder] = t
	}
	c.advance()
	return c
}

// Tick takes the next tick, which the stream stored at that time, and returns
// the regions whose watermark moved, by name, and the recorder's row as it is
// now. A tick that runs ahead moves nothing; one that is earlier than its
// recorder's last changes only what it says beside the time.
func (c *Clock) Tick(t Tick, stored time.Time) (moved []string, row Tick) {
	last, known := c.recorders[t.Recorder]
	row = t
	switch {
	case t.At.Sub(stored) > c.settings.Ahead:
		if !known {
			last = Tick{Recorder: t.Recorder} // it has promised nothing yet
		}
		row, row.Ahead = last, true
	case known && t.At.Before(last.At):
		row.At = last.At
	}
	c.recorders[t.Recorder] = row
	return c.advance(), row
}

// Clone returns a clock that goes its own way from here.
func (c *Clock) Clone() *Clock {
	return &Clock{settings: c.settings, recorders: maps.Clone(c.recorders), watermarks: maps.Clone(c.watermarks)}
}

// Watermark returns up to when everything about a region is known; zero for one
// that no recorder has stood for.
func (c *Clock) Watermark(region string) time.Time { return c.watermarks[region] }

// advance moves every watermark as far as the ticks allow.
func (c *Clock) advance() (moved []string) {
	for region, ticks := range c.byRegion() {
		w := promised(ticks, c.settings.DarkAfter).Add(-c.settings.Grace)
		if was, known := c.watermarks[region]; !known || w.After(was) {
			c.watermarks[region] = w
			moved = append(moved, region)
		}
	}
	slices.Sort(moved)
	return moved
}

func (c *Clock) byRegion() map[string][]Tick {
	out := make(map[string][]Tick)
	for _, t := range c.recorders {
		for _, region := range t.Regions {
			out[region] = append(out[region], t)
		}
	}
	return out
}

// newest returns the latest tick of any recorder.
func (c *Clock) newest() time.Time {
	var newest time.Time
	for _, t := range c.recorders {
		if t.At.After(newest) {
			newest = t.At
		}
	}
	return newest
}

// Regions returns every region that a recorder ever stood for, by name. Lag
// counts from now; a zero now means the newest tick of any recorder, which makes
// the answer a function of the ticks alone. A region is dark when the newest
// tick is DarkAfter past what its own recorders have promised.
func (c *Clock) Regions(now time.Time) []Region {
	newest := c.newest()
	if now.IsZero() {
		now = newest
	}
	ticks := c.byRegion()
	out := make([]Region, 0, len(c.watermarks))
	for region, w := range c.watermarks {
		r := Region{
			Region: region, Watermark: w, LagSeconds: max(now.Sub(w).Seconds(), 0),
			Dark: newest.Sub(w.Add(c.settings.Grace)) >= c.settings.DarkAfter,
		}
		for _, t := range ticks[region] {
			if t.Ahead {
				r.Ahead = append(r.Ahead, t.Recorder)
			}
		}
		slices.Sort(r.Ahead)
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Region) int { return cmp.Compare(a.Region, b.Region) })
	return out
}

// Regions returns the regions of a clock that has these ticks.
func Regions(ticks []Tick, settings Watermarks, now time.Time) []Region {
	return NewClock(settings, ticks, nil).Regions(now)
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
