// Package glob matches the patterns of documents: names in which * stands for any
// characters, slashes too. It is all that a pattern can say.
package glob

import "strings"

// Match reports whether a pattern matches the whole of s. It never backs further
// than to the last *, so its cost is at most the product of the lengths.
func Match(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0 // the last *, and what it has eaten up to
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
