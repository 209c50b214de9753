package expr

import "hash/maphash"

// few is how many members an object may have to be searched from its beginning.
const few = 8

// indexNames fills the index with the names of objects that have many, and finds
// those that stand twice in one object.
func (p *Payload) indexNames(many int) error {
	if many > 0 {
		size := 2
		for size < 2*many {
			size *= 2
		}
		p.index, p.seed = make([]int32, size), maphash.MakeSeed()
	}
	for i := range p.nodes {
		if n := &p.nodes[i]; n.kind != kindObject || n.size < 2 {
			continue
		}
		if name, twice := p.indexObject(int32(i)); twice {
			return malformed(int(p.nodes[name].start), "a name stands twice in one object")
		}
	}
	return nil
}

// indexObject enters the names of an object that has many, and returns the one
// that stands in it twice.
func (p *Payload) indexObject(object int32) (name int32, twice bool) {
	n := &p.nodes[object]
	for at := object + 1; at < n.end; at = p.after(at + 1) {
		if n.size > few {
			if !p.enter(at) {
				return at, true
			}
			continue
		}
		text := p.unquoted(at)
		for before := object + 1; before < at; before = p.after(before + 1) {
			if p.is(before, text) {
				return at, true
			}
		}
	}
	return 0, false
}

// enter adds a name to the index; false when its object has it already.
func (p *Payload) enter(name int32) bool {
	object, text, mask := p.nodes[name].size, p.unquoted(name), len(p.index)-1
	for i := p.place(object, text); ; i = (i + 1) & mask {
		switch found := p.index[i]; {
		case found == 0:
			p.index[i] = name
			return true
		case p.nodes[found].size == object && p.is(found, text):
			return false
		}
	}
}

// place is where in the index the search for a name begins.
func (p *Payload) place(object int32, name string) int {
	return int(maphash.String(p.seed, name)+uint64(object)*0x9e3779b97f4a7c15) & (len(p.index) - 1)
}

// member returns the value of a member of an object.
func (p *Payload) member(object int32, name string) (value int32, ok bool) {
	n := &p.nodes[object]
	if n.size <= few {
		for at := object + 1; at < n.end; at = p.after(at + 1) {
			if p.is(at, name) {
				return at + 1, true
			}
		}
		return 0, false
	}
	mask := len(p.index) - 1
	for i := p.place(object, name); p.index[i] != 0; i = (i + 1) & mask {
		if found := p.index[i]; p.nodes[found].size == object && p.is(found, name) {
			return found + 1, true
		}
	}
	return 0, false
}

// longestEscape is how many bytes one byte of text may take.
const longestEscape = len(`\u0000`)

// is reports whether a name is this one.
func (p *Payload) is(at int32, name string) bool {
	n := &p.nodes[at]
	if !n.escaped {
		return p.text[n.start:n.end] == name
	}
	// Long names with escapes are not unescaped each time that one looks for a short
	// one.
	return int(n.end-n.start) <= longestEscape*len(name) && p.unquoted(at) == name
}
