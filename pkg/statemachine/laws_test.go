package statemachine

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

// drawWords draws a deployment's words: few sources, few instants, so that
// ties, lifting, echoes and attempts all happen.
func drawWords(t *rapid.T, most int) []Word {
	statuses := append(Standard().Statuses(), "nonsense", StatusUnknown, "stalled", "superseded")
	n := rapid.IntRange(1, most).Draw(t, "n")
	words := make([]Word, n)
	for i := range words {
		tau := t0.UnixNano() + int64(rapid.SampledFrom([]int{0, 1, 30, 61, 61, 400, 700, 5000}).Draw(t, "tau"))*1e9
		w := Word{
			Mark: events.Mark{
				Source: rapid.SampledFrom([]string{"ci", "argo", "k8s"}).Draw(t, "source"),
				ID:     fmt.Sprintf("w%d", i),
				Tau:    tau,
			},
			Kind: KindReported, Percent: -1, Recorded: tau, Stream: uint64(i + 1),
			Role:    rapid.SampledFrom([]Role{RoleLead, RoleLead, RoleLead, RoleNamed, RoleLoose}).Draw(t, "role"),
			Emitter: rapid.SampledFrom([]string{"bot", "robot"}).Draw(t, "emitter"),
		}
		if rapid.IntRange(0, 3).Draw(t, "late") == 0 {
			w.Recorded += int64(rapid.SampledFrom([]int{1, 3600, 7 * 3600}).Draw(t, "lateness")) * 1e9
		}
		if rapid.IntRange(0, 2).Draw(t, "numbered") == 0 {
			w.Sequence = events.Sequence(fmt.Sprint(rapid.IntRange(1, 12).Draw(t, "sequence")))
		}
		if rapid.IntRange(0, 3).Draw(t, "given") == 0 {
			w.Attempt = rapid.Uint32Range(1, 3).Draw(t, "attempt")
		}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			w.Kind, w.Percent = KindProgressed, float64(rapid.IntRange(0, 100).Draw(t, "percent"))
		case 1:
			w.Kind, w.SubKind = KindEvidence, rapid.SampledFrom([]string{"tests", EvidenceApproval}).Draw(t, "evidence")
			w.Name = rapid.SampledFrom([]string{"", "smoke"}).Draw(t, "name")
			w.Verdict = rapid.SampledFrom([]events.Verdict{events.VerdictPass, events.VerdictFail}).Draw(t, "verdict")
		case 2:
			w.Kind, w.SubKind, w.Text = KindAnnotated, "comment", w.ID
		case 3:
			w.Kind, w.Status = KindOverridden, rapid.SampledFrom(statuses).Draw(t, "status")
		default:
			w.Status = rapid.SampledFrom(statuses).Draw(t, "status")
			w.Version = rapid.SampledFrom([]string{"", "1.0", "2.0"}).Draw(t, "version")
			w.Labels = []Label{{rapid.SampledFrom([]string{"by", "jira"}).Draw(t, "label"), w.ID}}
			w.Refs = []string{rapid.SampledFrom([]string{"git:a", "git:b"}).Draw(t, "ref")}
		}
		words[i] = w
	}
	return words
}

// drawLifecycle draws the standard lifecycle, or one with a guard, a policy, an
// authority, an alias and marks of every kind.
func drawLifecycle(t *rapid.T) *Lifecycle {
	if rapid.Bool().Draw(t, "standard") {
		return Standard()
	}
	return strict(t)
}

// The same words give the same bytes in any order, split anywhere, and the
// stored form is lossless at every step on the way.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLifecycle(t)
		words := drawWords(t, 12)
		want, _ := l.Fold(key2, words)
		shuffled := rapid.Permutation(words).Draw(t, "order")

		s := NewState()
		for i := range shuffled {
			if rapid.IntRange(0, 3).Draw(t, "reload") == 0 {
				s = reload(t, s)
			}
			before := string(s.AppendBinary(nil))
			if _, ok := l.Apply(key2, s, &shuffled[i]); !ok {
				if string(s.AppendBinary(nil)) != before {
					t.Fatalf("a refused Apply changed the state")
				}
				s, _ = l.Fold(key2, shuffled[:i+1])
			}
		}
		if string(s.AppendBinary(nil)) != string(want.AppendBinary(nil)) {
			t.Fatalf("stepping along gives\n%+v\nfolding gives\n%+v", s, want)
		}
		if s.Digest() != want.Digest() {
			t.Fatal("equal states, different digests")
		}
		stored, digest := s.AppendDigested(nil)
		if string(stored) != string(want.AppendBinary(nil)) || digest != want.Digest() {
			t.Fatal("AppendDigested says something else")
		}
	})
}

func reload(t *rapid.T, s *State) *State {
	c, err := DecodeState(s.AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The O(1) path and the fold tell the same story of a word that sorts last.
func TestApplyTellsWhatFoldTells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLifecycle(t)
		words := drawWords(t, 8)
		s := NewState()
		for i := range words {
			got, ok := l.Apply(key2, s, &words[i])
			whole, steps := l.Fold(key2, words[:i+1])
			if !ok {
				s = whole
				continue
			}
			want := steps[len(steps)-1]
			if got.Word.ID != want.Word.ID || got.Verdict != want.Verdict || got.From != want.From || got.To != want.To ||
				got.Attempt != want.Attempt || (got.Slot == nil) != (want.Slot == nil) {
				t.Fatalf("word %d: Apply says %+v, Fold says %+v", i, got, want)
			}
		}
	})
}

// A source's own sequence is never broken within an attempt.
func TestStepsRespectSequences(t *testing.T) {
	l := Standard()
	rapid.Check(t, func(t *rapid.T) {
		_, steps := l.Fold(key2, drawWords(t, 12))
		type chainKey struct {
			source  string
			attempt uint32
		}
		last := map[chainKey]events.Sequence{}
		for _, s := range steps {
			if s.Mark.Sequence == "" {
				continue
			}
			k := chainKey{s.Mark.Source, s.Mark.Attempt}
			if s.Mark.Sequence.Compare(last[k]) < 0 {
				t.Fatalf("%s of %s comes after %s", s.Mark.Sequence, s.Mark.Source, last[k])
			}
			last[k] = s.Mark.Sequence
		}
	})
}

// A refused word never changes the status.
func TestRefusalsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLifecycle(t)
		_, steps := l.Fold(key2, drawWords(t, 12))
		for _, s := range steps {
			if s.Verdict == VerdictRefused && (s.From != s.To || s.Slot != nil) {
				t.Fatalf("refused, but moved: %+v", s)
			}
			if s.Verdict == VerdictRefused && s.Reason == "" {
				t.Fatal("refused without a reason")
			}
		}
	})
}

// What is stored comes back whole, to the last field.
func TestStateCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := drawLifecycle(t).Fold(key2, drawWords(t, 8))
		if got, want := fmt.Sprintf("%+v", *reload(t, s)), fmt.Sprintf("%+v", *s); got != want {
			t.Fatalf("stored\n%s\nread\n%s", want, got)
		}
		if got, err := DecodeHead(s.AppendBinary(nil)); err != nil || *got != *s.Head() {
			t.Fatalf("the head was %+v and is read as %+v, %v", s.Head(), got, err)
		}
	})
}

func TestWordCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, w := range drawWords(t, 3) {
			b := w.AppendBinary(nil)
			got, err := DecodeWord(b)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.AppendBinary(nil)) != string(b) {
				t.Fatalf("%+v became %+v", w, got)
			}
			for cut := range b {
				if _, err := DecodeWord(b[:cut]); err == nil {
					t.Fatalf("%d of %d bytes were taken for a word", cut, len(b))
				}
			}
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	s, _ := Standard().Fold(key2, []Word{{Mark: events.Mark{Source: "ci", ID: "1", Tau: 1}, Kind: KindReported, Status: StatusFailed}})
	f.Add(s.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, headless := DecodeHead(b)
		if s, err := DecodeState(b); err == nil {
			if s.AppendBinary(nil); headless != nil || *head != *s.Head() {
				t.Errorf("a state begins with %+v, its head is %+v, %v", s.Head(), head, headless)
			}
		}
	})
}
