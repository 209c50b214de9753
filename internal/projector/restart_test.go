package projector

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRestartsChangeNothing: whatever the order of the words, wherever the
// engine is thrown away and loaded again from the store, and however many
// messages each transaction takes, the same changes are told under the same ids
// and the same is believed.
func TestRestartsChangeNothing(t *testing.T) {
	words := append(story(t), activate(t, 1, patient(t)))
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(words).Draw(rt, "order")
		order = append(order, rapid.SliceOfN(rapid.SampledFrom(words), 0, 4).Draw(rt, "again")...)
		want, told := foldedFor(t, rt, order, 1)
		db, got := interrupted(t, rt, order, true)
		if a, b := digestOf(t, db), digestOf(t, want); a != b {
			rt.Fatalf("after restarts %+v, without %+v", a, b)
		}
		sameViews(t, want, db)
		sameChanges(rt, got, changesIn(told))
	})
}
