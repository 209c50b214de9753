package receiver

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in          string
		limit       int
		bytes, rune string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 5, "ab…", "abcd…"},
		{"äöüß", 5, "ä…", "äöüß"},
		{"äöüß", 3, "…", "äö…"},
		{"", 3, "", ""},
	} {
		if got := fitBytes(c.in, c.limit); got != c.bytes {
			t.Errorf("%q in %d bytes is %q, want %q", c.in, c.limit, got, c.bytes)
		}
		if got := fitRunes(c.in, c.limit); got != c.rune {
			t.Errorf("%q in %d runes is %q, want %q", c.in, c.limit, got, c.rune)
		}
	}
}

// TestFitKeepsItsLimit: whatever the text, the result fits, is whole runes, and
// begins as the text does.
func TestFitKeepsItsLimit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.String().Draw(rt, "text")
		limit := rapid.IntRange(len(ellipsis), 40).Draw(rt, "limit")
		inBytes, inRunes := fitBytes(s, limit), fitRunes(s, limit)
		if len(inBytes) > limit || utf8.RuneCountInString(inRunes) > limit {
			rt.Fatalf("%q and %q are over %d", inBytes, inRunes, limit)
		}
		for _, got := range []string{inBytes, inRunes} {
			if !utf8.ValidString(got) || !strings.HasPrefix(s, strings.TrimSuffix(got, ellipsis)) {
				rt.Fatalf("%q became %q", s, got)
			}
		}
	})
}
