package projector

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Whatever comes, grows, shrinks and goes, a cache knows what it holds: it would
// else drop too much for ever, or nothing.
func TestCacheKnowsWhatItHolds(t *testing.T) {
	type thing struct{ cost, counted int }
	rapid.Check(t, func(t *rapid.T) {
		const most = 20
		cache, err := newLRU(most, func(v *thing) int { return v.cost }, func(v *thing) *int { return &v.counted })
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			name := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "name"))
			cost := rapid.IntRange(0, 9).Draw(t, "cost")
			if v, ok := cache.get(name); ok {
				v.cost = cost
				cache.weigh(v)
			} else {
				cache.add(name, &thing{cost: cost})
			}
			if rapid.IntRange(0, 3).Draw(t, "trim") == 0 {
				if cache.trim(); cache.over() {
					t.Fatalf("%d is left of at most %d", cache.total, most)
				}
			}
			held := 0
			for _, v := range cache.entries.Values() {
				held += v.cost
			}
			if cache.total != held {
				t.Fatalf("the cache counts %d and holds %d", cache.total, held)
			}
		}
	})
}

// What was used last stays.
func TestCacheKeepsTheLast(t *testing.T) {
	cost := func(*int) int { return 1 }
	cache, err := newLRU(10, cost, func(v *int) *int { return v })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		cache.add(fmt.Sprint(i), new(int))
	}
	if _, ok := cache.get("0"); !ok {
		t.Fatal("it drops by itself")
	}
	cache.trim()
	for name, want := range map[string]bool{"0": true, "1": false, "2": false, "3": true, "10": true} {
		if _, ok := cache.get(name); ok != want {
			t.Errorf("%s is there: %v", name, ok)
		}
	}
}
