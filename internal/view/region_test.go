package view

import (
	"slices"
	"testing"
	"time"
)

func TestRegions(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	tick := func(recorder string, seconds int, regions ...string) Tick {
		return Tick{Recorder: recorder, Regions: regions, At: at(seconds)}
	}
	closing := func(t Tick) Tick {
		t.Closing = true
		return t
	}
	region := func(name string, watermark int, lag float64, dark bool) Region {
		return Region{Region: name, Watermark: at(watermark), LagSeconds: lag, Dark: dark}
	}
	settings := Watermarks{Grace: 5 * time.Second, DarkAfter: time.Minute}
	for name, c := range map[string]struct {
		ticks []Tick
		now   time.Time
		want  []Region
	}{
		"nobody ticks":                   {nil, noon, []Region{}},
		"a recorder of two regions":      {[]Tick{tick("a", 100, "eu", "us")}, at(110), []Region{region("eu", 95, 15, false), region("us", 95, 15, false)}},
		"without a clock":                {[]Tick{tick("a", 100, "eu"), tick("b", 90, "us")}, time.Time{}, []Region{region("eu", 95, 5, false), region("us", 85, 15, false)}},
		"a clock behind the ticks":       {[]Tick{tick("a", 100, "eu")}, noon, []Region{region("eu", 95, 0, false)}},
		"the slowest recorder decides":   {[]Tick{tick("a", 100, "eu"), tick("b", 80, "eu")}, at(100), []Region{region("eu", 75, 25, false)}},
		"one that fell behind is left":   {[]Tick{tick("a", 100, "eu"), tick("b", 40, "eu")}, at(100), []Region{region("eu", 95, 5, false)}},
		"one that nearly fell behind":    {[]Tick{tick("a", 100, "eu"), tick("b", 41, "eu")}, at(100), []Region{region("eu", 36, 64, false)}},
		"one that closed is left":        {[]Tick{tick("a", 100, "eu"), closing(tick("b", 80, "eu"))}, at(100), []Region{region("eu", 95, 5, false)}},
		"all closed: time stands still":  {[]Tick{closing(tick("a", 100, "eu")), closing(tick("b", 80, "eu"))}, at(200), []Region{region("eu", 95, 105, false)}},
		"behind the others: dark":        {[]Tick{tick("a", 100, "eu"), tick("b", 40, "us")}, at(100), []Region{region("eu", 95, 5, false), region("us", 35, 65, true)}},
		"the last to be heard of is not": {[]Tick{tick("a", 0, "eu")}, at(900), []Region{region("eu", -5, 905, false)}},
	} {
		if got := Regions(c.ticks, settings, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWatermarksDefault(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	got := Regions([]Tick{{Regions: []string{"eu"}, At: now}}, Watermarks{}, now)
	if got[0].LagSeconds != 5 {
		t.Errorf("the default grace gives a lag of %v", got[0].LagSeconds)
	}
}
