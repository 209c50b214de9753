package definition

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// authority is what a [Set] knows of the Source documents as a whole, for the
// lifecycles that they give authority to.
type authority struct {
	given bool            // some document gave authority, whether or not it is in force still
	froms []int64         // the instants at which a document came in force, ascending
	envs  map[string]bool // that a document was for by name

	mu sync.Mutex // guards derived, which readers fill
	// derived are the lifecycles that Follow returned, so that it returns the same
	// ones again. It has as many as there are lifecycles and periods at most.
	derived map[derivation]*statemachine.Lifecycle
}

// period is an environment and an instant from which on, up to the next one, the
// same Source documents are in force. Environments that no document is for by
// name are one, "".
type period struct {
	env  string
	from int64
}

type derivation struct {
	of *statemachine.Lifecycle
	in period
}

// addSource adds a Source.
func (s *Set) addSource(e entry[Source]) {
	s.sources.add(e, e.match.Source)
	a := &s.authority
	a.forget()
	a.given = a.given || len(e.doc.Authority) > 0
	if i, found := slices.BinarySearch(a.froms, e.From); !found {
		a.froms = slices.Insert(a.froms, i, e.From)
	}
	if a.envs == nil {
		a.envs = make(map[string]bool)
	}
	for _, env := range e.Envs {
		a.envs[env] = true
	}
}

// forget drops what was derived from other documents than there are now. What a
// document that is gone began makes periods shorter than they could be, no more.
func (a *authority) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.derived = nil
}

func (a *authority) period(env string, at int64) period {
	p := period{env, math.MinInt64}
	if !a.envs[env] {
		p.env = ""
	}
	i, found := slices.BinarySearch(a.froms, at)
	if found {
		i++
	}
	if i > 0 {
		p.from = a.froms[i-1]
	}
	return p
}

// Follow returns what a deployment of env follows whose first word was at an
// instant, Unix ns, and for which this lifecycle is in force: with the authority
// that the Source documents in force then give beside the lifecycle's own. While
// nothing is activated, the same question has the same pointer for an answer;
// without a Source that gives authority that is l itself.
func (s *Set) Follow(l *statemachine.Lifecycle, env string, at int64) *statemachine.Lifecycle {
	a := &s.authority
	if !a.given {
		return l
	}
	d := derivation{l, a.period(env, at)}
	a.mu.Lock()
	defer a.mu.Unlock()
	out, known := a.derived[d]
	if !known {
		out = l.With(s.authorityIn(d.in))
		if a.derived == nil {
			a.derived = make(map[derivation]*statemachine.Lifecycle)
		}
		a.derived[d] = out
	}
	return out
}

// authorityIn lists what the Source documents of a period say of authority, the
// pattern that fixes most first, so that of the rows that match a source the
// first is of the document that [Set.Source] returns. A document that gives none
// has its row where it takes away what a less specific one gives.
func (s *Set) authorityIn(p period) []statemachine.AuthoritySpec {
	type row struct {
		statemachine.AuthoritySpec
		name string
	}
	var rows []row
	for name, h := range s.sources.byName {
		if e := h.inForce(p.env, p.from); e != nil {
			for _, pattern := range e.match.Source {
				rows = append(rows, row{statemachine.AuthoritySpec{Source: pattern, Statuses: e.doc.Authority}, name})
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(precision(b.Source), precision(a.Source)), strings.Compare(a.name, b.name), strings.Compare(a.Source, b.Source))
	})
	var out []statemachine.AuthoritySpec
	for i, r := range rows {
		takes := func(other row) bool { return len(other.Statuses) > 0 && mayMeet(r.Source, other.Source) }
		if len(r.Statuses) > 0 || slices.ContainsFunc(rows[i+1:], takes) {
			out = append(out, r.AuthoritySpec)
		}
	}
	return out
}

// mayMeet reports whether one source may match both patterns. It may say so of
// two that none matches.
func mayMeet(a, b string) bool {
	headA, openA := literal(a)
	headB, openB := literal(b)
	switch {
	case !openA:
		return glob.Match(b, a)
	case !openB:
		return glob.Match(a, b)
	}
	return strings.HasPrefix(headA, headB) || strings.HasPrefix(headB, headA)
}

// Without returns the Source documents as they are without what the event with
// this source and id activated, and without any Component.
func (s *Set) Without(source, id string) *Set {
	out := new(Set)
	for _, h := range s.sources.byName {
		for _, e := range h.entries {
			if e.identity() != (identity{source, id}) {
				out.addSource(e)
			}
		}
	}
	return out
}

// Authorizes reports whether anywhere, at any time, authority is another than it
// would be without what the event with this source and id activated.
func (s *Set) Authorizes(source, id string) bool {
	if !s.authority.given {
		return false
	}
	h := s.sources.said[identity{source, id}]
	if h == nil {
		return false
	}
	at := slices.IndexFunc(h.entries, func(e entry[Source]) bool { return e.identity() == identity{source, id} })
	envs := h.entries[at].Envs
	if len(envs) == 0 {
		envs = append(slices.Collect(maps.Keys(s.authority.envs)), "")
	}
	// Of what was before it came in force it says nothing.
	first, _ := slices.BinarySearch(s.authority.froms, h.entries[at].From)
	before := s.Without(source, id)
	for _, from := range s.authority.froms[first:] {
		for _, env := range envs {
			if p := (period{env, from}); !slices.EqualFunc(s.authorityIn(p), before.authorityIn(p), sameRow) {
				return true
			}
		}
	}
	return false
}

func sameRow(a, b statemachine.AuthoritySpec) bool {
	return a.Source == b.Source && slices.Equal(a.Statuses, b.Statuses)
}
