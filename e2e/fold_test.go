package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// said is one word and the key of the deployment it is about.
type said struct {
	key  string
	word statemachine.Word
}

// sayings turns recorded events into the words of the fold.
func sayings(t testing.TB, all []*events.Event) []said {
	t.Helper()
	out := make([]said, 0, len(all))
	for i, e := range all {
		content, err := e.Content()
		if err != nil {
			t.Fatal(err)
		}
		w, ok, err := statemachine.NewWord(e, uint64(i+1), events.MsgID(e.Source, e.ID, content))
		if err != nil || !ok {
			t.Fatalf("%s %s is no word: %v", e.Type, e.ID, err)
		}
		out = append(out, said{e.Subject, w})
	}
	return out
}

// history is what the pure fold makes of words, without a process, a stream or
// a store.
type history struct {
	deployments map[string]*statemachine.State
	landings    map[string][]view.Landing // by slot, oldest first
	current     map[string]view.Landing   // what each slot runs
}

// foldAll folds words in the order in which they stand: each deployment from
// its own words, then each slot from what they say of it.
func foldAll(t testing.TB, l *statemachine.Lifecycle, words []said) history {
	t.Helper()
	own := map[string][]statemachine.Word{}
	for _, s := range words {
		own[s.key] = append(own[s.key], s.word)
	}
	h := history{
		deployments: map[string]*statemachine.State{}, landings: map[string][]view.Landing{}, current: map[string]view.Landing{},
	}
	ofSlot := map[string][]statemachine.SlotWord{}
	for key, words := range own {
		cut := strings.LastIndexByte(key, '/')
		state, steps := l.Fold(parseKey(t, key), words)
		h.deployments[key] = state
		for _, step := range steps {
			if step.Slot != nil {
				ofSlot[key[:cut]] = append(ofSlot[key[:cut]], *step.Slot)
			}
		}
	}
	for slot, words := range ofSlot {
		f := view.FoldSlot(words)
		h.landings[slot] = f.Landings()
		if now, ok := f.Current(); ok {
			h.current[slot] = now
		}
	}
	return h
}

// digest is one hash over everything: two histories that differ in a
// deployment or in a landing differ in it.
func (h history) digest() [sha256.Size]byte {
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(h.deployments)) {
		fmt.Fprintf(sum, "%s %x\n", key, h.deployments[key].Digest())
	}
	for _, slot := range slices.Sorted(maps.Keys(h.landings)) {
		fmt.Fprintf(sum, "%s %+v %+v\n", slot, h.landings[slot], h.current[slot])
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// shuffles calls fn n times with the same things in ever another order. A
// failing run names the seed.
func shuffles[T any](t testing.TB, n int, things []T, fn func([]T)) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	things = slices.Clone(things)
	for range n {
		rnd.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
		fn(things)
	}
}

// encode writes events as they stand in a file or a request.
func encode(t testing.TB, all []*events.Event) []string {
	t.Helper()
	out := make([]string, len(all))
	for i, e := range all {
		raw, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(raw)
	}
	return out
}

// tick is the promise of one recorder for some regions.
func tick(t testing.TB, recorder string, at time.Time, regions ...string) *events.Event {
	t.Helper()
	e := &events.Event{
		ID: fmt.Sprint("tick-", at.UnixNano()), Source: "/telltale/" + recorder, Type: events.TypeTick,
		Subject: recorder, Time: at, RecordedTime: at, Recorder: recorder,
	}
	if err := e.SetData(events.Tick{Regions: regions}); err != nil {
		t.Fatal(err)
	}
	return e
}

func parseKey(t testing.TB, s string) events.Key {
	t.Helper()
	key, err := events.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
