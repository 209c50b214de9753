package statemachine

import (
	"cmp"
	"slices"

	"github.com/telltale-dev/telltale/internal/glob"
)

// authority says that sources of a pattern know best about some statuses.
type authority struct {
	source   string // a pattern
	statuses set
}

// With returns the lifecycle with authority that other documents give beside its
// own: of the rows whose pattern matches a source the first counts, and one
// without statuses gives none. Statuses that the lifecycle does not have say
// nothing. It takes the place of what an earlier With gave; without rows it is
// the lifecycle as written.
func (l *Lifecycle) With(rows []AuthoritySpec) *Lifecycle {
	written := l.asWritten()
	if len(rows) == 0 {
		return written
	}
	with := *written
	with.written, with.given = written, make([]authority, len(rows))
	for i, row := range rows {
		with.given[i].source = row.Source
		for _, name := range row.Statuses {
			if status := l.byName[name]; status != 0 {
				with.given[i].statuses.add(status)
			}
		}
	}
	return &with
}

// asWritten returns the lifecycle without what [Lifecycle.With] gave.
func (l *Lifecycle) asWritten() *Lifecycle { return cmp.Or(l.written, l) }

// Same reports whether two lifecycles decide alike because they are one, with the
// same authority given to it.
func (l *Lifecycle) Same(other *Lifecycle) bool {
	return l.asWritten() == other.asWritten() && slices.Equal(l.given, other.given)
}

// knows reports whether a source has authority over a status, by the document or
// by what was given beside it.
func (l *Lifecycle) knows(source string, status index) bool {
	for _, a := range l.authority {
		if a.statuses.has(status) && glob.Match(a.source, source) {
			return true
		}
	}
	for _, a := range l.given {
		if glob.Match(a.source, source) {
			return a.statuses.has(status)
		}
	}
	return false
}

// Best returns the sources whose word goes before that of others in the status of
// a deployment, of those that claim anything of it.
func (l *Lifecycle) Best(s *State) []string {
	var best []string
	for _, c := range s.Claims {
		if l.knows(c.Source, l.byName[s.Status]) {
			best = append(best, c.Source)
		}
	}
	return best
}

// settleConflict clears a contradiction once the source that was contradicted
// says what is shown, or one that knows best does; and finds the source that
// knows best about what is shown and says something else. A judgement and a
// person's word are no claims: nobody contradicts them.
func (l *Lifecycle) settleConflict(s *State) {
	m := &s.memory
	if m.against != "" {
		if spoke := m.spoke(m.against); spoke != nil && spoke.status == m.status {
			m.against = ""
		}
	}
	m.dissent = ""
	if len(l.authority)+len(l.given) == 0 {
		return
	}
	var best *sourceMemory
	for i := range m.sources {
		src := &m.sources[i]
		if !l.knows(src.name, m.status) {
			continue
		}
		if src.status == m.status {
			m.against = ""
			return
		}
		waits := slices.ContainsFunc(s.Held, func(h Held) bool { return h.Source == src.name })
		if !waits && (best == nil || cmp.Compare(src.tau, best.tau) > 0) {
			best = src
		}
	}
	if best != nil && !m.override && !m.judged {
		m.dissent = best.name
	}
}
