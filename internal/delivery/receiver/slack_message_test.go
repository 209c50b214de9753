package receiver

import (
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// TestSlackEscape: whatever the text, the result fits, has no markup and no
// broken entity, and says what the text says as far as it goes.
func TestSlackEscape(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune("<>&;ampé😀… \n"))).Draw(rt, "text")
		limit := rapid.IntRange(1, 30).Draw(rt, "limit")
		got := slackEscape(s, limit)
		if n := len(utf16.Encode([]rune(got))); n > limit {
			rt.Fatalf("%q has %d characters, not %d", got, n, limit)
		}
		if strings.ContainsAny(got, "<>") {
			rt.Fatalf("%q has markup", got)
		}
		read := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(got)
		if read != s && (!strings.HasSuffix(read, ellipsis) || !strings.HasPrefix(s, strings.TrimSuffix(read, ellipsis))) {
			rt.Fatalf("%q reads as %q", s, read)
		}
	})
}

func TestSlackRef(t *testing.T) {
	for ref, want := range map[string]slackPlace{
		"C1/1795172400.000001": {"C1", "1795172400.000001"},
		"":                     {},
		"INC-1":                {}, // of another receiver under the same name
		"C1/":                  {},
		"C1/1e9":               {},
		"C1/../chat.delete":    {},
	} {
		if got := parseSlackRef(ref); got != want {
			t.Errorf("%q is %+v", ref, got)
		}
	}
	if ref := (slackPlace{"C1", "1.2"}).ref(); parseSlackRef(ref).ref() != ref {
		t.Errorf("%q does not come back", ref)
	}
}
