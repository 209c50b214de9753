package access

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Emitters yields, in order of name, the SHA-256 of every token whose holder may
// send something: what the NATS server has to know to tell emitters apart. A
// name comes twice while its token is being rotated. It yields nothing when
// open.
func (a *Auth) Emitters() iter.Seq2[string, [sha256.Size]byte] {
	return func(yield func(string, [sha256.Size]byte) bool) {
		if a.open() {
			return
		}
		byToken := a.table.Load().byToken
		sums := slices.SortedFunc(maps.Keys(byToken), func(x, y [sha256.Size]byte) int {
			return cmp.Or(strings.Compare(byToken[x].Name, byToken[y].Name), bytes.Compare(x[:], y[:]))
		})
		for _, sum := range sums {
			if c := byToken[sum]; c.MaySend() && !yield(c.Name, sum) {
				return
			}
		}
	}
}
