package receiver

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// TestPlainTextSteersNothing: whatever came in, a title is one line, a text is
// lines, and a token is a word that every endpoint takes as it is.
func TestPlainTextSteersNothing(t *testing.T) {
	nasty := rapid.StringOf(rapid.OneOf(
		rapid.Rune(), rapid.SampledFrom([]rune("\r\n\t\x00\x1b\u0085\u2028\u202e\u2066^=\"{<>")),
	))
	rapid.Check(t, func(rt *rapid.T) {
		s := nasty.Draw(rt, "s")
		if got := oneLine(s); strings.ContainsFunc(got, isControl) || strings.ContainsAny(got, "\u2028\u2029") || got != strings.TrimSpace(got) {
			rt.Errorf("%q became %q", s, got)
		}
		text := plainText(Message{Text: s, Link: s, Labels: map[string]string{s: s}})
		for line := range strings.Lines(text) {
			if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r != '\t' && isControl(r) }) {
				rt.Errorf("%q became %q", s, text)
			}
		}
		other := nasty.Draw(rt, "other")
		if got := token(s); got == "" || strings.ContainsFunc(got, func(r rune) bool {
			return r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-')
		}) || (s != other) != (got != token(other)) {
			rt.Errorf("%q and %q became %q and %q", s, other, got, token(other))
		}
	})
}
