package view

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// spoken makes slot words out of "deployment/attempt=version@second" as landings
// and "-deployment@second" as removals.
func spoken(t testing.TB, texts ...string) []statemachine.SlotWord {
	t.Helper()
	words := make([]statemachine.SlotWord, len(texts))
	for i, text := range texts {
		w := statemachine.SlotWord{Kind: statemachine.SlotLanded, Attempt: 1, Source: "ci", ID: fmt.Sprint(i)}
		var err error
		if text[0] == '-' {
			w.Kind = statemachine.SlotRemoved
			_, err = fmt.Sscanf(text[1:], "%1s@%d", &w.Deployment, &w.Tau)
		} else {
			_, err = fmt.Sscanf(text, "%1s/%d=%1s@%d", &w.Deployment, &w.Attempt, &w.Version, &w.Tau)
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if w.Version == "?" {
			w.Version = ""
		}
		w.Tau *= 1e9
		words[i] = w
	}
	return words
}

func TestPutBack(t *testing.T) {
	for name, c := range map[string]struct {
		words   []statemachine.SlotWord
		failed  string
		attempt uint32
		started int64 // seconds
		want    string
	}{
		"nothing landed":                     {nil, "2", 1, 90, ""},
		"landed, then the old one":           {spoken(t, "1/1=1@0", "2/1=2@100", "1/1=1@420"), "2", 1, 90, "1@420"},
		"landed, then the old under a name":  {spoken(t, "1/1=1@0", "2/1=2@100", "k/1=1@420"), "2", 1, 90, "k@420"},
		"landed, then yet another":           {spoken(t, "1/1=1@0", "2/1=2@100", "3/1=3@420"), "2", 1, 90, ""},
		"landed, another, then the old one":  {spoken(t, "1/1=1@0", "2/1=2@100", "3/1=3@200", "1/1=1@420"), "2", 1, 90, ""},
		"landed first of all":                {spoken(t, "2/1=2@100", "1/1=1@420"), "2", 1, 90, ""},
		"landed into an empty slot":          {spoken(t, "1/1=1@0", "-1@50", "2/1=2@100", "1/1=1@420"), "2", 1, 90, ""},
		"landed, removed, then the old one":  {spoken(t, "1/1=1@0", "2/1=2@100", "-2@150", "1/1=1@420"), "2", 1, 90, "1@420"},
		"landed a second time":               {spoken(t, "1/1=1@0", "2/1=2@100", "2/2=2@200", "1/1=1@420"), "2", 2, 190, "1@420"},
		"an absent version equals nothing":   {spoken(t, "1/1=?@0", "2/1=2@100", "1/1=?@420"), "2", 1, 90, ""},
		"never landed, and nothing changed":  {spoken(t, "1/1=1@0", "1/1=1@420"), "2", 1, 100, ""},
		"never landed, then the old anew":    {spoken(t, "1/1=1@0", "1/2=1@420"), "2", 1, 100, "1@420"},
		"never landed, then another":         {spoken(t, "1/1=1@0", "3/1=3@420"), "2", 1, 100, ""},
		"never landed, another, the old one": {spoken(t, "1/1=1@0", "3/1=3@150", "1/1=1@420"), "2", 1, 100, ""},
		"never landed, the old one before":   {spoken(t, "1/1=1@0", "1/2=1@50", "3/1=3@420"), "2", 1, 100, ""},
		"never landed, and empty by then":    {spoken(t, "1/1=1@0", "-1@50", "1/2=1@420"), "2", 1, 100, ""},
		"never landed, emptied afterwards":   {spoken(t, "1/1=1@0", "-1@150", "1/2=1@420"), "2", 1, 100, "1@420"},
		"never landed anew":                  {spoken(t, "1/1=1@0", "2/1=2@100", "1/1=1@420"), "2", 2, 200, "1@420"},
	} {
		got := ""
		if p := FoldSlot(slices.Clone(c.words)).PutBack(c.failed, c.attempt, c.started*1e9); p != nil {
			got = fmt.Sprintf("%s@%d", p.Deployment, p.Tau/1e9)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRunningAt(t *testing.T) {
	f := FoldSlot(spoken(t, "1/1=1@10", "2/1=2@100", "-2@150", "1/1=1@420"))
	for second, want := range map[int64]string{9: "", 10: "1", 99: "1", 100: "2", 149: "2", 150: "", 419: "", 420: "1", 999: "1"} {
		if got, ok := f.RunningAt(second * 1e9); got.Deployment != want || ok != (want != "") {
			t.Errorf("at %d s it runs %q, want %q", second, got.Deployment, want)
		}
	}
	if got := f.PresentLanding("1", 1); got != 420e9 {
		t.Errorf("1 runs since %d", got)
	}
	if f.PresentLanding("1", 2) != 0 || f.PresentLanding("2", 1) != 0 {
		t.Error("what does not run has a present landing")
	}
}

// expects asks a slot for first words at and between all times of the law below.
func expects(f *SlotFold) (out []bool) {
	for first := range int64(20) {
		out = append(out, f.Expects(first*15e9), f.Expects(first*15e9+1))
	}
	return out
}

// A shift concerns everyone whose answer is another one, in whatever order words
// come and go; and the answers are those of all words at once.
func TestShiftConcernsAllThatChange(t *testing.T) {
	type failed struct {
		deployment string
		attempt    uint32
		started    int64
	}
	var all []failed
	for _, d := range []string{"1", "2", "3"} {
		for number := range uint32(2) {
			for started := range int64(9) {
				all = append(all, failed{d, number + 1, started * 30e9})
			}
		}
	}
	answers := func(f *SlotFold) []string {
		out := make([]string, len(all))
		for i, a := range all {
			p := f.PutBack(a.deployment, a.attempt, a.started)
			out[i] = fmt.Sprint(f.PresentLanding(a.deployment, a.attempt), p != nil)
			if p != nil {
				out[i] += fmt.Sprint(*p)
			}
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		f := FoldSlot(nil)
		var words []statemachine.SlotWord
		before, expected := answers(f), expects(f)
		for i := range rapid.IntRange(1, 14).Draw(t, "steps") {
			var shift Shift
			name := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "deployment")
			if rapid.IntRange(0, 4).Draw(t, "op") == 0 {
				words = slices.DeleteFunc(words, func(w statemachine.SlotWord) bool { return w.Deployment == name })
				_, _, shift = f.Replace(name, nil)
			} else {
				w := statemachine.SlotWord{
					Kind: rapid.SampledFrom([]statemachine.SlotKind{
						statemachine.SlotLanded, statemachine.SlotLanded, statemachine.SlotReverted, statemachine.SlotRemoved,
					}).Draw(t, "kind"),
					Deployment: name, ID: fmt.Sprint(i), Attempt: rapid.Uint32Range(1, 2).Draw(t, "attempt"),
					Tau: rapid.Int64Range(0, 8).Draw(t, "tau") * 30e9, Version: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "version"),
				}
				words = append(words, w)
				shift = f.Add(w)
			}
			after := answers(f)
			for j, a := range all {
				if before[j] != after[j] && !shift.Concerns(a.deployment, a.started) {
					t.Fatalf("%+v: %s became %s, but %+v does not concern it", a, before[j], after[j], shift)
				}
			}
			now := expects(f)
			from, ok := f.Expected(shift)
			for j := range now {
				if first := int64(j/2*15e9) + int64(j%2); now[j] != expected[j] && (!ok || first < from) {
					t.Fatalf("a release from %d on: %v became %v, but %+v says from %d, %v", first, expected[j], now[j], shift, from, ok)
				}
			}
			if ok && slices.Equal(now, expected) && shift.gaps.from > 0 {
				t.Fatalf("%+v says from %d, and nobody has another answer", shift, from)
			}
			expected = now
			whole := FoldSlot(slices.Clone(words))
			if got := answers(whole); !slices.Equal(got, after) || slotText(whole) != slotText(f) {
				t.Fatalf("word by word %s %v\nat once      %s %v", slotText(f), after, slotText(whole), got)
			}
			before = after
		}
	})
}

// A landing or a removal in order concerns two deployments, however long the
// history is.
func TestShiftConcernsFew(t *testing.T) {
	f := FoldSlot(nil)
	for i := range int64(100) {
		name := fmt.Sprint(i)
		f.Add(statemachine.SlotWord{Kind: statemachine.SlotLanded, Tau: i * 1e12, Deployment: name, Version: name, Attempt: 1})
	}
	got := f.Add(statemachine.SlotWord{Kind: statemachine.SlotLanded, Tau: 200e12, Deployment: "x", Version: "x", Attempt: 1})
	want := Shift{Changed: true, Deployments: []string{"99", "x"}, From: 99e12, To: 200e12}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the shift of a landing is %+v, want %+v", got, want)
	}
	if from, ok := f.Expected(got); ok {
		t.Errorf("after a landing in order releases from %d on expect another slot", from)
	}
	got = f.Add(statemachine.SlotWord{Kind: statemachine.SlotRemoved, Tau: 300e12, Deployment: "x"})
	want.gaps = gapShift{changed: true, from: 300e12, ended: true}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the shift of a removal is %+v, want %+v", got, want)
	}
	if from, ok := f.Expected(got); from != 1 || !ok {
		t.Errorf("after a removal releases from %d on expect another slot, want all behind the first landing", from)
	}
}
