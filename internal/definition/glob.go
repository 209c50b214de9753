package definition

import "strings"

// matches reports whether a pattern, in which '*' stands for any characters,
// matches the whole of s. It never backs further than to the last '*', so its
// cost is at most the product of the lengths.
func matches(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0 // the last '*', and what it has eaten up to
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

// precision says how much a pattern leaves open: of two that match the same, the
// one with the greater precision is the more specific one. A name without '*'
// comes before every pattern, then what fixes more characters counts; -1 is the
// precision of what says nothing.
func precision(pattern string) int {
	stars := strings.Count(pattern, "*")
	if stars == 0 {
		return exact
	}
	return len(pattern) - stars
}

// exact is the precision of a name: more than any pattern has.
const exact = 1 << 10

// best returns the greatest precision among the patterns that match s, and
// whether one does. No patterns match everything.
func best(patterns []string, s string) (int, bool) {
	if len(patterns) == 0 {
		return -1, true
	}
	most, found := 0, false
	for _, p := range patterns {
		if matches(p, s) {
			most, found = max(most, precision(p)), true
		}
	}
	return most, found
}

// literal returns the beginning of a pattern up to its first '*', and whether
// there is one.
func literal(pattern string) (prefix string, open bool) {
	prefix, _, open = strings.Cut(pattern, "*")
	return prefix, open
}
