package statemachine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// memory is what the next step needs to know and nobody is shown. Everything
// in it follows from the words alone, so that a state that was folded anew
// equals one that was stepped along.
type memory struct {
	status  index
	visited set    // states passed in this attempt, implied ones included
	said    string // the source of the current status
	landTau int64  // τ of the latest landing of this attempt, 0: none

	// judged says that the current status was concluded, not reported; before is
	// the one that it was concluded from.
	judged bool
	before index
	// prior is τ at which the attempt before entered its last status, 0 in the
	// first: an approval of then is none for this attempt.
	prior int64
	// against is the source whose claim the current status contradicts, dissent
	// one that knows best about that status and says another.
	against, dissent string
	// override is set while a person's word stands against automation.
	override bool
	ahead    bool // some word's clock ran ahead

	sources []sourceMemory // those that spoke in this attempt, by name

	// For the O(1) path: where the order ends, and what lifting knows.
	last    events.Mark // the last word, lifted
	hasLast bool
	begun   []begin // given attempts by number
	bareTau int64   // greatest unlifted τ of a word without attempt
	bare    bool
	chains  []chain // sequences of the last given attempt, by source
}

// sourceMemory is what one source said in this attempt.
type sourceMemory struct {
	name   string
	status index // its last status
	tau    int64 // of that
	// ended says that it reported a landing or a final status, and where.
	ended  bool
	endTau int64
	endSeq events.Sequence
}

// stands returns the status that the next fact is held against. A bad end that
// was only concluded, such as a refused approval, stops nobody: what goes on all
// the same goes on from where it was.
func (l *Lifecycle) stands(m *memory) index {
	if m.judged && l.states[m.status].category == CategoryFinalBad {
		return m.before
	}
	return m.status
}

// begin says from when on words without an attempt belong to a given one.
type begin struct {
	attempt uint32
	tau     int64
}

// chain is the end of one source's sequence within a given attempt.
type chain struct {
	source   string
	sequence events.Sequence
	tau      int64
	rank     uint8
}

// source returns what m knows of a source, adding it when it is new.
func (m *memory) source(name string) *sourceMemory {
	i, found := slices.BinarySearchFunc(m.sources, name, func(s sourceMemory, name string) int {
		return strings.Compare(s.name, name)
	})
	if !found {
		m.sources = slices.Insert(m.sources, i, sourceMemory{name: name})
	}
	return &m.sources[i]
}

// spoke returns what a source said in this attempt, nil when nothing.
func (m *memory) spoke(name string) *sourceMemory {
	i, found := slices.BinarySearchFunc(m.sources, name, func(s sourceMemory, name string) int {
		return strings.Compare(s.name, name)
	})
	if !found {
		return nil
	}
	return &m.sources[i]
}

// attemptAt returns the highest given attempt that had begun by τ.
func attemptAt(begun []begin, tau int64) uint32 {
	var at uint32
	for _, b := range begun {
		if b.tau <= tau {
			at = b.attempt
		}
	}
	return at
}

// begins notes that a word with a given attempt stands at τ.
func begins(begun []begin, attempt uint32, tau int64) []begin {
	i, found := slices.BinarySearchFunc(begun, attempt, func(b begin, a uint32) int {
		return cmp.Compare(b.attempt, a)
	})
	if !found {
		return slices.Insert(begun, i, begin{attempt, tau})
	}
	begun[i].tau = min(begun[i].tau, tau)
	return begun
}

// follows reports whether w, whose mark is unlifted yet, sorts behind everything
// that m has seen without changing where any of that sorts. If so it lifts and
// places w.
func (m *memory) follows(w *placed) bool {
	mark := w.Mark
	mark.Attempt = w.given()
	if mark.Attempt == 0 {
		mark.Attempt = attemptAt(m.begun, mark.Tau)
	} else if m.bare && mark.Tau <= m.bareTau && m.wouldBegin(mark.Attempt, mark.Tau) {
		return false // words without an attempt may belong to it now
	}
	if mark.Sequence != "" && mark.Attempt == m.last.Attempt {
		for _, c := range m.chains {
			if c.source != mark.Source {
				continue
			}
			if mark.Sequence.Compare(c.sequence) <= 0 {
				return false
			}
			if mark.Tau < c.tau {
				mark.Tau = c.tau
			}
			if mark.Tau == c.tau && mark.Rank < c.rank {
				mark.Rank = c.rank
			}
		}
	}
	if m.hasLast && m.last.Compare(&mark) >= 0 {
		return false
	}
	w.Mark = mark
	return true
}

func (m *memory) wouldBegin(attempt uint32, tau int64) bool {
	for _, b := range m.begun {
		if b.attempt == attempt {
			return tau < b.tau
		}
	}
	return true
}

// track remembers where the order ends now that w stands last.
func (m *memory) track(w *placed) {
	mark := &w.Mark
	if given, tau := w.given(), w.Word.Tau; given != 0 {
		m.begun = begins(m.begun, given, tau)
	} else if !m.bare || tau > m.bareTau {
		m.bare, m.bareTau = true, tau
	}
	if !m.hasLast || mark.Attempt != m.last.Attempt {
		m.chains = nil
	}
	m.last, m.hasLast = *mark, true
	if mark.Sequence == "" {
		return
	}
	i, found := slices.BinarySearchFunc(m.chains, mark.Source, func(c chain, s string) int {
		return strings.Compare(c.source, s)
	})
	if !found {
		m.chains = slices.Insert(m.chains, i, chain{source: mark.Source})
	}
	c := &m.chains[i]
	if mark.Sequence.Compare(c.sequence) > 0 {
		c.sequence = mark.Sequence
	}
	// In canonical order τ and rank of one chain never go back.
	if mark.Tau > c.tau || mark.Tau == c.tau && mark.Rank > c.rank || !found {
		c.tau, c.rank = mark.Tau, mark.Rank
	}
}

// clone returns a copy that shares nothing that changes.
func (m *memory) clone() memory {
	c := *m
	c.sources = slices.Clone(m.sources)
	c.begun = slices.Clone(m.begun)
	c.chains = slices.Clone(m.chains)
	return c
}
