package definition

import (
	"strings"

	"github.com/telltale-dev/telltale/internal/glob"
)

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
		if glob.Match(p, s) {
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
