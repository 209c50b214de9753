package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestFreezes(t *testing.T) {
	second := func(s int64) time.Time { return time.Unix(s, 0) }
	word := func(name string, tau, from, to int64) FreezeWord {
		return FreezeWord{
			Tau: tau * 1e9, Source: "cal", ID: fmt.Sprint(name, tau),
			Freeze: events.Freeze{Name: name, From: second(from), To: second(to)},
		}
	}
	lifted := func(w FreezeWord) FreezeWord {
		w.Lifted = true
		return w
	}
	of := func(w FreezeWord, regions, components string) FreezeWord {
		w.Regions, w.Components = strings.Fields(regions), strings.Fields(components)
		return w
	}
	words := []FreezeWord{
		word("xmas", 10, 100, 200), lifted(word("xmas", 150, 100, 200)), word("xmas", 180, 180, 300),
		of(word("audit", 50, 0, 120), "eu us", "web"),
		lifted(word("never", 10, 0, 999)),
	}
	web := events.Slot{Env: "prod", Region: "eu", Component: "web"}
	for _, c := range []struct {
		slot events.Slot
		at   int64
		want string
	}{
		{web, 49, ""},
		{web, 50, "audit"}, // declared late: it does not hold before
		{web, 99, "audit"},
		{web, 100, "audit xmas"},
		{web, 119, "audit xmas"},
		{web, 120, "xmas"}, // its end is outside
		{web, 149, "xmas"},
		{web, 150, ""}, // lifted
		{web, 180, "xmas"},
		{web, 300, ""},
		{events.Slot{Region: "us", Component: "web"}, 60, "audit"},
		{events.Slot{Region: "ap", Component: "web"}, 60, ""},
		{events.Slot{Region: "eu", Component: "pay"}, 60, ""},
		{events.Slot{Region: "eu", Component: "pay"}, 110, "xmas"},
	} {
		rng := rand.New(rand.NewPCG(1, uint64(c.at)))
		for range 5 {
			var f Freezes
			rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
			for _, w := range words {
				f.Add(w)
				f.Remove(w)
				f.Add(w)
			}
			var names []string
			for _, z := range f.At(c.slot, c.at*1e9) {
				names = append(names, z.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%s at %d: %q, want %q", c.slot, c.at, got, c.want)
			}
		}
	}
	var f Freezes
	for _, w := range words {
		f.Add(w)
	}
	for at, want := range map[int64]string{110: "audit true, xmas true, ", 160: "audit false, xmas false, ", 190: "audit false, xmas true, "} {
		got := ""
		for _, b := range f.Bodies("prod", at*1e9) {
			got += fmt.Sprint(b.Name, " ", b.InForce, ", ")
		}
		if got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	f.Add(lifted(word("xmas", 250, 0, 1)))
	if b := f.Bodies("prod", 260e9)[1]; !b.LiftedAt.Equal(second(250)) || b.InForce || b.Regions == nil {
		t.Errorf("a lifted freeze is %+v", b)
	}
}

// A word concerns whatever its coming or going changes, and the order in which
// words come does not matter.
func TestFreezesConcern(t *testing.T) {
	slot := events.Slot{Env: "prod", Region: "eu", Component: "web"}
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Int64Range(0, 9)
		var words []FreezeWord
		for i := range rapid.IntRange(1, 6).Draw(t, "words") {
			words = append(words, FreezeWord{
				Tau: small.Draw(t, "tau"), ID: fmt.Sprint(i), Lifted: rapid.IntRange(0, 2).Draw(t, "lifted") == 0,
				Freeze: events.Freeze{
					Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"),
					From: time.Unix(0, small.Draw(t, "from")), To: time.Unix(0, small.Draw(t, "to")),
				},
			})
		}
		var f, other Freezes
		for i, w := range words {
			before := Freezes{words: slices.Clone(f.words)}
			f.Add(w)
			other.Add(words[len(words)-1-i])
			for at := range int64(10) {
				if !slices.Equal(before.At(slot, at), f.At(slot, at)) && !f.Concerns(w, slot, at) {
					t.Fatalf("%+v changed what is in force at %d, and does not concern it", w, at)
				}
			}
		}
		for at := range int64(10) {
			if a, b := f.At(slot, at), other.At(slot, at); !slices.Equal(a, b) {
				t.Fatalf("at %d: %v, in another order %v", at, a, b)
			}
		}
	})
}
