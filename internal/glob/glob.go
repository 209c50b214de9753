// Package glob matches the patterns of documents: names in which * stands for any
// characters, slashes too. It is all that a pattern can say.
package glob

import "strings"

// Match reports whether a pattern matches the whole of s. What stands between two
// *s is looked for once, from the left, so its cost is that of reading both.
func Match(pattern, s string) bool {
	part, pattern, more := strings.Cut(pattern, "*")
	if !more {
		return s == part
	}
	s, ok := strings.CutPrefix(s, part)
	for ok {
		if part, pattern, more = strings.Cut(pattern, "*"); !more {
			return strings.HasSuffix(s, part)
		}
		_, s, ok = strings.Cut(s, part)
	}
	return false
}
