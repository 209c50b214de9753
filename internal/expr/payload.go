package expr

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of a payload. A tool's own body is wider than an event of ours: GitHub
// alone sends some 400 keys.
const (
	maxPayloadDepth  = 64
	maxPayloadKeys   = 20_000
	maxPayloadValues = 100_000 // names and values together
)

// Payload is a JSON text as expressions read it: scanned once into a flat list
// of nodes, in the order of the text, by whose places the values of expressions
// know where they stand. The texts in it share memory with the JSON. Reading
// fills what is remembered below, so that one goroutine at a time may read a
// Payload and its values.
type Payload struct {
	text  string
	nodes []node

	// index finds the members of objects that have many: an open hash table of
	// the nodes of their names, 0 for a free place (the root is nobody's name).
	// With it an object of 20,000 members costs no more to read than 20,000 of one.
	index []int32
	seed  maphash.Seed

	unescaped map[int32]string // the strings with escapes that were read, by node
	trees     []tree           // room for the next lists and objects that are read
	scratch   []byte           // where escapes are undone
}

// node is a value of a payload, or the name of a member, which is followed by
// its value. There are no pointers in it: hostile bodies are mostly nodes, and
// nobody should have to look through them for garbage.
type node struct {
	start   int32 // of the text; of a string without its quotes
	end     int32 // of the text; of a list or an object, the node after all that is in it
	size    int32 // elements or members; of a name, the node of its object
	kind    kind
	escaped bool // a string that is not what stands between its quotes
}

// kind is what JSON knows of a value.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindText
	kindList
	kindObject
)

// ReadPayload scans one JSON text. It refuses with E_MALFORMED what two parsers
// could read differently: duplicate names, invalid UTF-8, halves of surrogates,
// numbers that are none, a byte-order mark, what comes after the value; and with
// E_TOO_LARGE what is nested deeper than 64, has more than 20,000 names or more
// than 100,000 names and values. What it costs is bounded by the length of the
// text alone.
func ReadPayload(text string) (*Payload, error) {
	if len(text) > maxPayloadBytes {
		return nil, events.Errorf(events.CodeTooLarge, "the payload has more than %d bytes", maxPayloadBytes)
	}
	p := &Payload{text: text}
	s := payloadScanner{in: text, nodes: nodesFor(atMost(text))}
	s.value()
	s.end()
	p.nodes = s.nodes
	err := s.err
	if err == nil {
		err = p.indexNames(s.many)
	}
	if err != nil {
		p.Release()
		return nil, err
	}
	return p, nil
}

// freeNodes keeps the nodes of payloads that were released: most of what a body
// costs that is all brackets is memory.
var freeNodes sync.Pool // of *[]node

// mostFree is the most nodes that are kept for the next payload, 1 MiB.
const mostFree = 64 << 10

// nodesFor returns no nodes, with room for as many.
func nodesFor(most int) []node {
	if free, ok := freeNodes.Get().(*[]node); ok && cap(*free) >= most {
		return (*free)[:0]
	}
	return make([]node, 0, most)
}

// Release gives back memory for the next payload. The payload and the values of
// it that are lists, objects or odd numbers may not be used any more; texts may.
// What is never released is garbage like any other.
func (p *Payload) Release() {
	if nodes := p.nodes; cap(nodes) <= mostFree {
		freeNodes.Put(&nodes)
	}
	p.nodes = nil
}

// atMost returns how many names and values a text may hold, so that the nodes are
// allocated once: one behind each of the four, and the root. Texts have them too,
// which makes it more than there are, but never more than bytes for them.
func atMost(text string) int {
	n := 1
	for _, c := range []string{",", ":", "[", "{"} {
		n += strings.Count(text, c)
	}
	return min(n, maxPayloadValues)
}

// maxPayloadBytes keeps offsets within an int32, doors are far stricter.
const maxPayloadBytes = 64 << 20

// Root returns the whole payload as a value.
func (p *Payload) Root() Value { return Value{p.value(0)} }

// Object returns a payload of one object of texts, with the names in the given
// order: what an expression sees of things that did not come as JSON.
func Object(pairs ...Pair) (*Payload, error) {
	text := []byte{'{'}
	for i, pair := range pairs {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(AppendQuoted(text, pair.Key), ':')
		text = AppendQuoted(text, pair.Value)
	}
	return ReadPayload(string(append(text, '}')))
}

// after returns the node that follows a value and all that is in it.
func (p *Payload) after(at int32) int32 {
	if n := &p.nodes[at]; n.kind >= kindList {
		return n.end
	}
	return at + 1
}

// element returns an element of a list. It walks there, and what walks through a
// list does so once, see [tree.Fold].
func (p *Payload) element(list int32, i int64) (value int32, ok bool) {
	if i < 0 || i >= int64(p.nodes[list].size) {
		return 0, false
	}
	at := list + 1
	for ; i > 0; i-- {
		at = p.after(at)
	}
	return at, true
}

// string returns the text of a string. One with escapes is copied the first time
// it is read, so that reading it often costs no more than its length.
func (p *Payload) string(at int32) string {
	if !p.nodes[at].escaped {
		return p.unquoted(at)
	}
	text, ok := p.unescaped[at]
	if !ok {
		if p.unescaped == nil {
			p.unescaped = make(map[int32]string)
		}
		text = p.unquoted(at)
		p.unescaped[at] = text
	}
	return text
}

// unquoted is string for what is not read again.
func (p *Payload) unquoted(at int32) string {
	n := &p.nodes[at]
	if !n.escaped {
		return p.text[n.start:n.end]
	}
	text, err := jsontext.AppendUnquote(p.scratch[:0], p.text[n.start-1:n.end+1])
	if err != nil {
		return "" // cannot be: the scanner takes what jsontext takes
	}
	p.scratch = text
	return string(text)
}

// AppendQuoted appends a text as JSON. What is no UTF-8 in it is replaced.
func AppendQuoted(to []byte, s string) []byte {
	out, err := jsontext.AppendQuote(to, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(to, strings.ToValidUTF8(s, "\uFFFD")) // cannot fail: it is UTF-8 now
	}
	return out
}
