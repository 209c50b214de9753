package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Activation is an event that puts a document in force.
type Activation struct {
	Source, ID string   // identity of the event
	Tau        int64    // its effective time, Unix ns
	From       int64    // in force from then on, Unix ns: effective_from, else Tau
	Envs       []string // the environments it is for; none: all
	Kind       string
	Document   string
}

// Set is every Component and Source that was ever activated, and finds the one
// that is in force for a slot or a source at a time. The zero value is empty. It
// depends on what was activated alone, not on the order in which that was heard.
//
// Of the activations of one name, for one environment, that with the latest From
// not after the time is in force; among equal ones the greatest (τ, source, id).
// Of the documents in force that match, the most specific one counts as a whole:
// by the pattern of the component, then of the environment, then of the region,
// each a name before a pattern, and a pattern that fixes more characters before
// one that fixes fewer; at last by name, the first in byte order.
//
// A Set may be read by many goroutines, but by none while Activate runs.
type Set struct {
	components index[Component]
	sources    index[Source]
	authority  authority
}

// Activate adds an activation, in place of one with the same source and id. A
// kind other than Component and Source is no fault and changes nothing. It fails
// on a document that cannot be used, and then changes nothing either.
func (s *Set) Activate(a Activation) error {
	switch a.Kind {
	case KindComponent:
		c, err := ParseComponent([]byte(a.Document))
		if err != nil {
			return fmt.Errorf("component: %w", err)
		}
		s.Drop(a.Source, a.ID)
		s.components.add(entry[Component]{a, c, c.Name, &c.Match}, c.Match.Component)
	case KindSource:
		src, err := ParseSource([]byte(a.Document))
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		s.Drop(a.Source, a.ID)
		s.addSource(entry[Source]{a, src, src.Name, &src.Match})
	}
	return nil
}

// Drop takes back what the event with this source and id activated, if
// anything: of two contents of one identity another may come to count.
func (s *Set) Drop(source, id string) {
	s.components.drop(identity{source, id})
	s.sources.drop(identity{source, id})
	s.authority.forget()
}

// Component returns the document in force for a slot at a time, Unix ns; nil
// without one. It is shared: nobody may write to it.
func (s *Set) Component(slot events.Slot, at int64) *Component {
	return s.components.find(slot.Component, slot.Env, at, func(m *Match) (precisions, bool) {
		component, ok := best(m.Component, slot.Component)
		env, inEnv := best(m.Env, slot.Env)
		region, inRegion := best(m.Region, slot.Region)
		return precisions{component, env, region}, ok && inEnv && inRegion
	})
}

// Source returns the document in force for a source's words of an environment
// at a time, Unix ns; nil without one. env "" stands for words that belong to
// none: then only documents for all environments count. It is shared: nobody may
// write to it.
func (s *Set) Source(env, source string, at int64) *Source {
	return s.sources.find(source, env, at, func(m *Match) (precisions, bool) {
		p, ok := best(m.Source, source)
		return precisions{p}, ok
	})
}

// precisions of a match, the weightiest first.
type precisions [3]int

// entry is a document and what put it in force.
type entry[T any] struct {
	Activation
	doc   *T
	name  string
	match *Match
}

// identity of an event.
type identity struct{ source, id string }

func (e *entry[T]) identity() identity { return identity{e.Activation.Source, e.ID} }

// index holds the documents of one kind. A lookup asks for the names that some
// version of a document fixes, not for all documents: the whole of what is
// looked up, and every beginning of it that is as long as some pattern's.
type index[T any] struct {
	byName map[string]*history[T]
	said   map[identity]*history[T]
	whole  map[string][]*history[T] // by a pattern without '*'
	begin  map[string][]*history[T] // by what stands before a pattern's first '*'
	lens   []int                    // the lengths of the keys of begin, ascending
}

// history is every version of the document of one name, the strongest first.
type history[T any] struct{ entries []entry[T] }

func (x *index[T]) add(e entry[T], patterns []string) {
	if x.byName == nil {
		x.byName, x.said = make(map[string]*history[T]), make(map[identity]*history[T])
		x.whole, x.begin = make(map[string][]*history[T]), make(map[string][]*history[T])
	}
	h := x.byName[e.name]
	if h == nil {
		h = &history[T]{}
		x.byName[e.name] = h
	}
	at, _ := slices.BinarySearchFunc(h.entries, e, stronger)
	h.entries = slices.Insert(h.entries, at, e)
	x.said[e.identity()] = h
	for _, p := range patterns {
		key, open := literal(p)
		under := x.whole
		if open {
			under = x.begin
			if i, found := slices.BinarySearch(x.lens, len(key)); !found {
				x.lens = slices.Insert(x.lens, i, len(key))
			}
		}
		if !slices.Contains(under[key], h) {
			under[key] = append(under[key], h)
		}
	}
}

func (x *index[T]) drop(id identity) {
	if h := x.said[id]; h != nil {
		h.entries = slices.DeleteFunc(h.entries, func(e entry[T]) bool { return e.identity() == id })
		delete(x.said, id)
	}
}

// stronger orders activations, the strongest first. The order is total and knows
// nothing of arrival.
func stronger[T any](a, b entry[T]) int {
	return cmp.Or(
		cmp.Compare(b.From, a.From), cmp.Compare(b.Tau, a.Tau),
		strings.Compare(b.Activation.Source, a.Activation.Source), strings.Compare(b.ID, a.ID),
	)
}

// find returns the document in force that matches best.
func (x *index[T]) find(s, env string, at int64, match func(*Match) (precisions, bool)) *T {
	var found *entry[T]
	var most precisions
	try := func(h *history[T]) {
		e := h.inForce(env, at)
		if e == nil {
			return
		}
		p, ok := match(e.match)
		if !ok {
			return
		}
		if by := slices.Compare(p[:], most[:]); found == nil || by > 0 || by == 0 && e.name < found.name {
			found, most = e, p
		}
	}
	for _, h := range x.whole[s] {
		try(h)
	}
	for _, n := range x.lens {
		if n > len(s) {
			break
		}
		for _, h := range x.begin[s[:n]] {
			try(h)
		}
	}
	if found == nil {
		return nil
	}
	return found.doc
}

// inForce returns the version of an environment and a time, nil without one.
func (h *history[T]) inForce(env string, at int64) *entry[T] {
	for i := range h.entries {
		e := &h.entries[i]
		if e.From <= at && (len(e.Envs) == 0 || slices.Contains(e.Envs, env)) {
			return e
		}
	}
	return nil
}
