package rehearse

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// text renders what is believed, so that two worlds can be compared and a
// difference be read.
func (w *World) text() string {
	lines := []string{"digest " + w.Digest()}
	for key, d := range w.Deployments {
		lines = append(lines, d.text(key))
	}
	for at, s := range w.Slots {
		lines = append(lines, fmt.Sprintf("slot %s: runs %+v, %d unplaced, observed %+v, landings %+v", at, s.Current, s.Unplaced, s.Observed, s.Landings))
	}
	for key, r := range w.Releases {
		f := r.Facts()
		digest := f.Digest(key)
		lines = append(lines, fmt.Sprintf("release %s: %s (%s) %v refused %v %x", key, f.Status, f.Reason, f.Members, r.Refused != nil, digest[:4]))
	}
	slices.Sort(lines)
	return strings.Join(append(lines, fmt.Sprint("regions ", w.Regions)), "\n")
}

func (d *Deployment) text(key events.Key) string {
	observed := d.Shown.Observed
	shown := d.Shown
	shown.Observed = nil
	digest := d.State.Digest()
	return fmt.Sprintf("%s by %v base %x shown %+v observed %+v", key, d.Lifecycle.Ref(), digest[:4], shown, observed)
}

// The same events give the same answer: whatever the order of words, and however
// often each of them came, before or after whichever tick.
func TestAnyOrderGivesTheSameWorld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words, ticks := situation(t)
		h := into(t, words, ticks)
		want := h.World(h.Len(), nil).text()
		again := slices.Clone(words)
		for range rapid.IntRange(0, 4).Draw(t, "duplicates") {
			again = append(again, rapid.SampledFrom(words).Draw(t, "once more"))
		}
		o := into(t, rapid.Permutation(again).Draw(t, "order"), ticks)
		if got := o.World(o.Len(), nil).text(); got != want {
			t.Fatalf("in another order\n%s\nwant\n%s", got, want)
		}
	})
}

// A walk shows after each message what the definitions give for the stream up to
// there, under the recorded lifecycles and under a given one.
func TestWalkIsWorld(t *testing.T) {
	given := Always(compiled(t, hasty("given")))
	rapid.Check(t, func(t *rapid.T) {
		words, ticks := situation(t)
		h := into(t, words, ticks)
		for _, l := range []Lifecycles{nil, given} {
			w := newWalk(h, l)
			for i := range h.Len() {
				before := maps.Clone(w.shown)
				changes := w.step(i)
				world := h.World(i+1, l)
				checkShown(t, i, w.shown, world.Deployments)
				checkChanges(t, i, changes, before, world.Deployments)
			}
		}
	})
}

func checkShown(t *rapid.T, i int, got, want map[events.Key]*Deployment) {
	if len(got) != len(want) {
		t.Fatalf("after message %d the walk shows %d deployments, want %d", i, len(got), len(want))
	}
	for key, d := range want {
		g := got[key]
		if g == nil || !g.Lifecycle.Same(d.Lifecycle) || g.State.Digest() != d.State.Digest() || !reflect.DeepEqual(g.Shown, d.Shown) {
			text := "nothing"
			if g != nil {
				text = g.text(key)
			}
			t.Fatalf("after message %d the walk shows\n%s\nwant\n%s", i, text, d.text(key))
		}
	}
}

// checkChanges wants exactly the changes that lie between two worlds, by key.
func checkChanges(t *rapid.T, i int, got []Change, before, after map[events.Key]*Deployment) {
	var want []string
	for key := range after {
		if isToldApart(before[key], after[key]) {
			want = append(want, key.String())
		}
	}
	for key := range before {
		if after[key] == nil {
			want = append(want, key.String())
		}
	}
	slices.Sort(want)
	var keys []string
	for j := range got {
		keys = append(keys, got[j].Key().String())
	}
	if !slices.Equal(keys, want) {
		t.Fatalf("message %d changed %v, want %v", i, keys, want)
	}
}

func compiled(t testing.TB, doc string) *statemachine.Lifecycle {
	t.Helper()
	l, err := statemachine.Compile([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return l
}
