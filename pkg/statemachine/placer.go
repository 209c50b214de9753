package statemachine

import (
	"math"
	"slices"
)

// Placer keeps the placement of a slot's follow words while words come and go.
// It says at each moment what [Place] says of the same words, and looks only at
// follow words that the change may concern: those from the lead word up to the
// next that shares the ref and, when it is the first to have the ref, those
// before it. Make one with [NewPlacer]; it is not safe for concurrent use.
//
// It holds every lead word of the slot; a slot without follow words needs none.
type Placer struct {
	named    map[string]*names // by ref, version or name
	underWay names             // lead words that were under way, follow words without refs
	placed   map[identity]*follow
}

// names is who shares one name, both in their order.
type names struct {
	leads   []*Lead
	follows []*follow
	loose   bool // nobody is placed on what comes after
}

// follow is a follow word and where it is placed now.
type follow struct {
	FollowWord
	names []string
	Placement
}

// identity names a word: no two of a slot share it.
type identity struct{ source, id string }

// NewPlacer returns a placer of a slot without words.
func NewPlacer() *Placer {
	return &Placer{named: make(map[string]*names), underWay: names{loose: true}, placed: make(map[identity]*follow)}
}

// AddLead adds a lead word, which must not be there yet, and returns the follow
// words that it moved, in the order of (τ, source, id).
func (p *Placer) AddLead(l Lead) []Moved {
	var touched []*follow
	p.eachOf(&l, func(n *names) {
		i, _ := slices.BinarySearchFunc(n.leads, &l, compareLeads)
		touched = append(touched, n.around(i, l.Tau)...)
		n.leads = slices.Insert(n.leads, i, &l)
	})
	return p.replace(touched)
}

// RemoveLead removes a lead word as it was added, and returns the follow words
// that it moved. A word that is not there moves none.
func (p *Placer) RemoveLead(l Lead) []Moved {
	var touched []*follow
	p.eachOf(&l, func(n *names) {
		i, found := slices.BinarySearchFunc(n.leads, &l, compareLeads)
		if found {
			n.leads = slices.Delete(n.leads, i, i+1)
			touched = append(touched, n.around(i, l.Tau)...)
		}
	})
	moved := p.replace(touched)
	for _, name := range l.names() {
		p.forget(name)
	}
	return moved
}

// AddFollow adds a follow word, which must not be there yet, and returns its
// placement.
func (p *Placer) AddFollow(w FollowWord) Placement {
	f := &follow{FollowWord: w, names: w.names()}
	p.placed[identity{w.Source, w.ID}] = f
	p.eachFor(f, func(n *names) {
		i, _ := slices.BinarySearchFunc(n.follows, f, compareFollows)
		n.follows = slices.Insert(n.follows, i, f)
	})
	f.Placement = p.place(f)
	return f.Placement
}

// RemoveFollow removes a follow word by its identity, if it is there.
func (p *Placer) RemoveFollow(source, id string) {
	f, ok := p.placed[identity{source, id}]
	if !ok {
		return
	}
	delete(p.placed, identity{source, id})
	p.eachFor(f, func(n *names) {
		if i, found := slices.BinarySearchFunc(n.follows, f, compareFollows); found {
			n.follows = slices.Delete(n.follows, i, i+1)
		}
	})
	for _, name := range f.names {
		p.forget(name)
	}
}

// Placement returns where a follow word is placed; ok is false when it is not
// there.
func (p *Placer) Placement(source, id string) (at Placement, ok bool) {
	f, ok := p.placed[identity{source, id}]
	if !ok {
		return Placement{}, false
	}
	return f.Placement, true
}

// Unplaced counts the follow words that wait for a name.
func (p *Placer) Unplaced() int {
	n := 0
	for _, f := range p.placed {
		if f.Deployment == "" {
			n++
		}
	}
	return n
}

// eachOf visits all lists that a lead word stands in.
func (p *Placer) eachOf(l *Lead, visit func(*names)) {
	for _, name := range l.names() {
		visit(p.list(name))
	}
	if l.UnderWay {
		visit(&p.underWay)
	}
}

// eachFor visits all lists that a follow word stands in.
func (p *Placer) eachFor(f *follow, visit func(*names)) {
	for _, name := range f.names {
		visit(p.list(name))
	}
	if len(f.names) == 0 {
		visit(&p.underWay)
	}
}

func (p *Placer) list(name string) *names {
	n := p.named[name]
	if n == nil {
		n = &names{}
		p.named[name] = n
	}
	return n
}

// forget drops the list of a name that nobody has any more.
func (p *Placer) forget(name string) {
	if n := p.named[name]; n != nil && len(n.leads)+len(n.follows) == 0 {
		delete(p.named, name)
	}
}

// around returns the follow words that a lead word at tau may concern. It
// stands, or stood, before leads[i], and is itself not among leads.
func (n *names) around(i int, tau int64) []*follow {
	from := int64(math.MinInt64)
	if i > 0 || n.loose {
		from = tau // those before it are placed on an earlier one, or on none
	}
	end := len(n.follows)
	if i < len(n.leads) {
		end = n.search(n.leads[i].Tau)
	}
	return n.follows[min(n.search(from), end):end]
}

// search returns the index of the first follow word not before tau.
func (n *names) search(tau int64) int {
	i, _ := slices.BinarySearchFunc(n.follows, tau, func(f *follow, tau int64) int {
		if f.Tau < tau {
			return -1
		}
		return 1
	})
	return i
}

// replace places the touched follow words again.
func (p *Placer) replace(touched []*follow) []Moved {
	slices.SortFunc(touched, compareFollows)
	var moved []Moved
	for i, f := range touched {
		if i > 0 && f == touched[i-1] {
			continue
		}
		if to := p.place(f); to != f.Placement {
			moved = append(moved, Moved{Source: f.Source, ID: f.ID, Tau: f.Tau, From: f.Placement, To: to})
			f.Placement = to
		}
	}
	return moved
}

// place is Place for one follow word.
func (p *Placer) place(f *follow) Placement {
	var best *Lead
	p.eachFor(f, func(n *names) {
		i := n.after(f.Tau)
		switch {
		case i > 0:
			i--
		case n.loose || len(n.leads) == 0:
			return
		}
		if l := n.leads[i]; best == nil || nearer(f.Tau, l, best) {
			best = l
		}
	})
	return placeOn(best, f.names)
}

// after returns the index of the first lead word after tau.
func (n *names) after(tau int64) int {
	i, _ := slices.BinarySearchFunc(n.leads, tau, func(l *Lead, tau int64) int {
		if l.Tau <= tau {
			return -1
		}
		return 1
	})
	return i
}
