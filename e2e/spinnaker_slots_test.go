package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// spoken is what one build said of itself, read without the help of anything
// that is under test: in order of time, in the tool's words.
type spoken struct {
	slot  string // master and component
	times []int64
	words []string // RUNNING or how it ended
}

// readSpoken groups the recording by key. It is in order of time.
func readSpoken(all []build, component func(*build) string) map[string]*spoken {
	out := map[string]*spoken{}
	for i := range all {
		b := &all[i]
		key := b.key(component)
		if out[key] == nil {
			out[key] = &spoken{slot: key[:strings.LastIndexByte(key, '/')]}
		}
		word := b.Content.Project.LastBuild.Result
		if b.Content.Project.LastBuild.Building {
			word = "RUNNING"
		}
		out[key].times = append(out[key].times, b.InsertedTime)
		out[key].words = append(out[key].words, word)
	}
	return out
}

// TestSpinnakerSlots folds the builds with one slot for each job: it runs what
// landed last, and each build that landed is one landing.
func TestSpinnakerSlots(t *testing.T) {
	all, _ := readBuilds(t)
	told, _ := toldAll(t, all, ofJob)
	h := foldAll(t, statemachine.Standard(), sayings(t, told))
	type running struct {
		build string
		since int64 // Unix milliseconds
	}
	last, count := map[string]running{}, map[string]int{}
	for key, b := range readSpoken(all, ofJob) {
		for i, word := range b.words {
			if word != "SUCCESS" && word != "UNSTABLE" {
				continue
			}
			count[b.slot]++
			if b.times[i] > last[b.slot].since {
				last[b.slot] = running{key[len(b.slot)+1:], b.times[i]}
			}
		}
	}
	for slot, want := range last {
		got := running{h.current[slot].Deployment, h.current[slot].Tau / int64(time.Millisecond)}
		if got != want || len(h.landings[slot]) != count[slot] {
			t.Errorf("%s runs %+v after %d landings, want %+v after %d", slot, got, len(h.landings[slot]), want, count[slot])
		}
	}
	if len(h.current) != len(last) || len(last) == 0 {
		t.Errorf("%d slots run something, want %d", len(h.current), len(last))
	}
}
