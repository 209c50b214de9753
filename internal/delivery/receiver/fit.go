package receiver

import "unicode/utf8"

// ellipsis ends a text that was cut.
const ellipsis = "…"

// fitBytes returns s, or as much of it as fits into limit bytes with an ellipsis
// at its end. No rune is cut in two. limit is at least that of the ellipsis.
func fitBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// fitRunes is [fitBytes] for a limit in runes.
func fitRunes(s string, limit int) string {
	n := 0
	for i := range s {
		if n++; n == limit && utf8.RuneCountInString(s[i:]) > 1 {
			return s[:i] + ellipsis
		}
	}
	return s
}
