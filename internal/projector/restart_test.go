package projector

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/view"
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
		var expected []view.Change
		for _, o := range told {
			expected = append(expected, o.changes...)
		}

		db := open(t, t.TempDir())
		defer func() {
			if err := db.Close(); err != nil {
				rt.Error(err)
			}
		}()
		var got []view.Change
		messages := toMsgs(order)
		for len(messages) > 0 {
			e := testEngine(db)
			e.emit = func(_ context.Context, o outgoing) error {
				got = append(got, o.changes...)
				return nil
			}
			if err := e.load(); err != nil {
				rt.Fatal(err)
			}
			e.position.Incarnation = "t"
			n := rapid.IntRange(1, len(messages)).Draw(rt, "until the restart")
			for i := 0; i < n; {
				more := rapid.IntRange(1, n-i).Draw(rt, "batch")
				if err := e.run(t.Context(), decodeAll(messages[i:i+more])); err != nil {
					rt.Fatal(err)
				}
				i += more
			}
			if err := e.sync(t.Context()); err != nil {
				rt.Fatal(err)
			}
			messages = messages[n:]
		}
		if a, b := digestOf(t, db), digestOf(t, want); a != b {
			rt.Fatalf("after restarts %+v, without %+v", a, b)
		}
		sameViews(t, want, db)
		if len(got) != len(expected) {
			rt.Fatalf("%d changes after restarts, %d without", len(got), len(expected))
		}
		for i := range got {
			if got[i].ID != expected[i].ID || got[i].Before != expected[i].Before || !sameFacts(&got[i].Facts, &expected[i].Facts) {
				rt.Fatalf("change %d is %+v, without restarts %+v", i, got[i], expected[i])
			}
		}
	})
}
