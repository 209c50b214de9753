package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// checkOrderFree adds the words in other orders, one by one and by replacing,
// and wants the same landings.
func checkOrderFree(t *testing.T, words []statemachine.SlotWord) {
	t.Helper()
	want := slotText(FoldSlot(slices.Clone(words)))
	rng := rand.New(rand.NewPCG(7, 7))
	for range 10 {
		rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		added := FoldSlot(nil)
		for _, w := range words {
			added.Add(w)
		}
		if got := slotText(added); got != want {
			t.Fatalf("added in another order: %s, want %s", got, want)
		}
		for _, w := range words {
			own := slices.DeleteFunc(slices.Clone(words), func(o statemachine.SlotWord) bool { return o.Deployment != w.Deployment })
			if removed, _, _ := added.Replace(w.Deployment, own[1:]); len(removed) != 1 || removed[0] != own[0] {
				t.Fatalf("Replace removed %v, want %v", removed, own[0])
			}
			if _, back, _ := added.Replace(w.Deployment, own); len(back) != 1 {
				t.Fatalf("Replace added %v, want one word", back)
			}
		}
		if got := slotText(added); got != want {
			t.Fatalf("after replacing and putting back: %s, want %s", got, want)
		}
	}
}

// slotText renders a slot as the scenarios do.
func slotText(f *SlotFold) string {
	var landings []string
	for _, l := range f.Landings() {
		s := l.Deployment + ":" + l.Class.String()
		if l.Restored {
			s += "(restored)"
		}
		landings = append(landings, s)
	}
	name := "-"
	if c, ok := f.Current(); ok {
		name = c.Deployment
	}
	return fmt.Sprintf("%s [%s]", name, strings.Join(landings, " "))
}

// TestLandings holds what the situations leave open.
func TestLandings(t *testing.T) {
	n := 0
	say := func(kind statemachine.SlotKind, deployment, version string, second int, source string) statemachine.SlotWord {
		n++
		return statemachine.SlotWord{
			Kind: kind, Tau: int64(second) * 1e9, Source: source, Deployment: deployment, ID: strconv.Itoa(n),
			Attempt: 1, Version: version,
		}
	}
	land := func(deployment, version string, second int) statemachine.SlotWord {
		return say(statemachine.SlotLanded, deployment, version, second, "ci")
	}
	reverted := func(deployment string, second int) statemachine.SlotWord {
		return say(statemachine.SlotReverted, deployment, deployment, second, "ci")
	}
	removed := func(deployment string, second int) statemachine.SlotWord {
		return say(statemachine.SlotRemoved, deployment, deployment, second, "ci")
	}
	again := land("1", "1", 400)
	again.Attempt = 2
	lastSecond, tooLate := land("1", "1", 160), land("1", "1", 161)
	for _, tt := range []struct {
		name  string
		words []statemachine.SlotWord
		want  string
	}{
		{"nothing", nil, "- []"},
		{"overtaken: older, and the first time", []statemachine.SlotWord{land("2", "2", 0), land("1", "1", 100)}, "1 [2:forward 1:overtaken]"},
		{"same version under another name", []statemachine.SlotWord{land("a", "1.0", 0), land("b", "v1.0.0", 100)}, "b [a:forward b:same]"},
		{"same attempt runs: nothing happened", []statemachine.SlotWord{land("1", "1", 0), land("1", "1", 9999)}, "1 [1:forward]"},
		{"another attempt lands again", []statemachine.SlotWord{land("1", "1", 0), again}, "1 [1:forward 1:same]"},
		{"an old landing within skew is an echo", []statemachine.SlotWord{land("1", "1", 0), land("2", "2", 100), lastSecond}, "2 [1:forward 2:forward]"},
		{"behind skew it is a rollback", []statemachine.SlotWord{land("1", "1", 0), land("2", "2", 100), tooLate}, "1 [1:forward 2:forward 1:rollback]"},
		{"a rollback undone is forward", []statemachine.SlotWord{land("1", "1", 0), land("2", "2", 100), land("1", "1", 200), land("2", "2", 300)}, "2 [1:forward 2:forward 1:rollback 2:forward]"},
		{"no version: nothing to compare", []statemachine.SlotWord{land("b", "", 0), land("a", "", 100)}, "a [b:forward a:forward]"},
		{"reverted with nothing before", []statemachine.SlotWord{land("1", "1", 0), reverted("1", 100)}, "- [1:forward]"},
		{"reverted twice goes back twice", []statemachine.SlotWord{land("1", "1", 0), land("2", "2", 100), land("3", "3", 200), reverted("3", 300), reverted("2", 400)}, "1 [1:forward 2:forward 3:forward 2:rollback(restored) 1:rollback(restored)]"},
		{"reverted while another runs", []statemachine.SlotWord{land("1", "1", 0), land("2", "2", 100), reverted("1", 200)}, "2 [1:forward 2:forward]"},
		{"removed, then landed", []statemachine.SlotWord{land("1", "1", 0), removed("1", 100), land("2", "2", 200)}, "2 [1:forward 2:forward]"},
		{"equal times go by source", []statemachine.SlotWord{say(statemachine.SlotLanded, "1", "1", 5, "b"), say(statemachine.SlotLanded, "2", "2", 5, "a")}, "1 [2:forward 1:overtaken]"},
		{"hashes go by when they were heard of", []statemachine.SlotWord{land("k1", "abc", 0), land("k2", "def", 100), land("k3", "abc", 200)}, "k3 [k1:forward k2:forward k3:rollback]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := slotText(FoldSlot(slices.Clone(tt.words))); got != tt.want {
				t.Errorf("slot is %s\nwant     %s", got, tt.want)
			}
			checkOrderFree(t, tt.words)
		})
	}
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		order int
		ok    bool
	}{
		{"1.0", "2.0", -1, true},
		{"v1.10.0", "1.9.0", 1, true},
		{"1.0.0-rc.1", "1.0.0", -1, true},
		{"1.0", "v1.0.0", 0, true},
		{"1.0.0+a", "1.0.0+b", 0, false},
		{"release_99", "release_100", -1, true},
		{"release_1.9", "release_1.10", -1, true},
		{"r007", "r7", 0, true},
		{"abc", "abd", 0, false},
		{"vim", "vix", 0, false},
		{"build-1", "release-2", 0, false},
		{"", "", 0, false},
		{"1", "", 0, false},
		{"x", "x", 0, true},
		{"99999999999999999999", "100000000000000000000", -1, true},
	} {
		order, ok := CompareVersions(tt.a, tt.b)
		if order != tt.order || ok != tt.ok {
			t.Errorf("CompareVersions(%q, %q) = %d, %v, want %d, %v", tt.a, tt.b, order, ok, tt.order, tt.ok)
		}
		if back, _ := CompareVersions(tt.b, tt.a); back != -order {
			t.Errorf("CompareVersions(%q, %q) = %d, the other way round %d", tt.b, tt.a, back, order)
		}
	}
}
