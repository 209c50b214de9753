package view

import (
	"fmt"
	"reflect"
	"strings"
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
		if got := Regions(c.ticks, settings, c.now); !reflect.DeepEqual(got, c.want) {
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

// TestClock tells a clock one tick after another: recorder, second, regions, and
// the second at which the stream stored it.
func TestClock(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type said struct {
		recorder   string
		at, stored int
		regions    string
		closing    bool
		want       string // region=watermark[!dark] after it, and "ahead" by whom
	}
	for name, story := range map[string][]said{
		"one recorder": {
			{"a", 10, 10, "eu us", false, "eu=5 us=5"},
			{"a", 20, 21, "eu us", false, "eu=15 us=15"},
		},
		"the slower of two": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"b", 110, 110, "eu", false, "eu=95"},
			{"a", 110, 111, "eu", false, "eu=105"},
		},
		"one stops, and comes back late": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"b", 100, 100, "eu", false, "eu=95"},
			{"b", 159, 159, "eu", false, "eu=95"},
			{"b", 160, 160, "eu", false, "eu=155"}, // a is no longer waited for
			{"a", 130, 161, "eu", false, "eu=155"}, // and takes nothing back
			{"b", 170, 170, "eu", false, "eu=155"}, // but is waited for again
			{"a", 171, 171, "eu", false, "eu=165"},
		},
		"one closes": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"b", 100, 100, "eu", false, "eu=95"},
			{"a", 105, 105, "eu", true, "eu=95"},
			{"b", 140, 140, "eu", false, "eu=135"},
			{"a", 150, 150, "eu", false, "eu=135"}, // it was started again
			{"b", 150, 150, "eu", false, "eu=145"},
		},
		"a clock ahead moves nothing": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"b", 3700, 110, "eu us", false, "eu=95"},
			{"a", 115, 115, "eu", false, "eu=110"},
			{"b", 120, 115, "eu us", false, "eu=110 us=115"}, // 5 s are allowed
			{"b", 3720, 130, "eu us", false, "eu=110 us=115 ahead eu:b us:b"},
			{"a", 180, 180, "eu", false, "eu=175 us=115! ahead eu:b us:b"},
		},
		"an older tick of the same": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"a", 90, 101, "eu", false, "eu=95"},
			{"b", 150, 150, "eu", false, "eu=95"}, // 50 s behind: a is still waited for
			{"a", 100, 151, "eu us", false, "eu=95 us=95"},
		},
		"a region goes dark and heals": {
			{"a", 100, 100, "eu", false, "eu=95"},
			{"b", 100, 100, "us", false, "eu=95 us=95"},
			{"b", 160, 160, "us", false, "eu=95! us=155"},
			{"a", 165, 165, "eu", false, "eu=160 us=155"},
		},
		"nobody stands for it any more": {
			{"a", 100, 100, "eu us", false, "eu=95 us=95"},
			{"a", 170, 170, "eu", false, "eu=165 us=95!"},
		},
	} {
		c := NewClock(Watermarks{}, nil, nil)
		rows, marks := map[string]Tick{}, map[string]time.Time{}
		for i, s := range story {
			tick := Tick{Recorder: s.recorder, Regions: strings.Fields(s.regions), At: noon.Add(time.Duration(s.at) * time.Second), Closing: s.closing}
			moved, row := c.Tick(tick, noon.Add(time.Duration(s.stored)*time.Second))
			rows[row.Recorder] = row
			for _, region := range moved {
				if !c.Watermark(region).After(marks[region]) {
					t.Errorf("%s, tick %d: the watermark of %s did not move", name, i, region)
				}
				marks[region] = c.Watermark(region)
			}
			var kept []Tick
			for _, r := range rows {
				kept = append(kept, r)
			}
			for _, clock := range []*Clock{c, NewClock(Watermarks{}, kept, marks)} { // also after a restart
				var texts, ahead []string
				for _, r := range clock.Regions(time.Time{}) {
					text := fmt.Sprintf("%s=%v", r.Region, r.Watermark.Sub(noon).Seconds())
					if r.Dark {
						text += "!"
					}
					texts = append(texts, text)
					for _, a := range r.Ahead {
						ahead = append(ahead, r.Region+":"+a)
					}
				}
				if len(ahead) > 0 {
					texts = append(texts, "ahead", strings.Join(ahead, " "))
				}
				if got := strings.Join(texts, " "); got != s.want {
					t.Errorf("%s, tick %d: %s, want %s", name, i, got, s.want)
				}
			}
		}
	}
}
