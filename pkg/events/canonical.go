package events

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Canonical returns raw as canonical JSON (RFC 8785), in memory of its own. It
// fails with [CodeMalformed] on what is not JSON, and on duplicate keys.
func Canonical(raw jsontext.Value) (jsontext.Value, error) {
	return appendCanonical(make([]byte, 0, len(raw)), raw)
}

func appendCanonical(dst, raw []byte) ([]byte, error) {
	s := scan(raw)
	if out := s.appendCanonical(dst); s.end() {
		return out, nil
	}
	v := jsontext.Value(raw).Clone()
	if err := v.Canonicalize(); err != nil {
		return dst, malformed(err)
	}
	return append(dst, v...), nil
}

// appendCanonical reads a value and appends its canonical form to dst. Beside
// what is no JSON it calls bad what it cannot bring in order by itself: names
// with escapes or beyond ASCII, and duplicates, which all are for jsontext.
func (s *scanner) appendCanonical(dst []byte) []byte {
	switch s.peek() {
	case '{':
		return s.appendObject(dst)
	case '[':
		dst = append(dst, '[')
		s.open('[')
		for n := 0; s.more(']', n); n++ {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = s.appendCanonical(dst)
		}
		return append(dst, ']')
	case '"':
		start := s.at
		raw, escaped := s.text()
		if escaped && !isCanonicalText(raw) {
			return s.appendRare(dst, s.in[start:s.at])
		}
		dst = append(dst, '"')
		dst = append(dst, raw...)
		return append(dst, '"')
	case 't', 'f', 'n':
		return append(dst, s.literal()...)
	}
	raw := s.number()
	if isPlainInteger(raw) {
		return append(dst, raw...)
	}
	if checkNumber(raw) != nil {
		s.fail()
	}
	return s.appendRare(dst, raw)
}

// appendRare appends one number or string that has another canonical form.
func (s *scanner) appendRare(dst, raw []byte) []byte {
	if s.bad {
		return dst
	}
	v := jsontext.Value(raw).Clone()
	if v.Canonicalize() != nil {
		s.fail()
	}
	return append(dst, v...)
}

// isCanonicalText reports whether a string has only escapes that canonical JSON
// writes in the same way.
func isCanonicalText(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if i++; raw[i] == 'u' || raw[i] == '/' {
				return false
			}
		}
	}
	return true
}

// appended is one member of an object where it stands in what was appended.
type appended struct {
	head       uint64 // of the name, see [head]
	start, end int
}

func (s *scanner) appendObject(dst []byte) []byte {
	var room [16]appended
	members, inOrder := room[:0], true
	dst = append(dst, '{')
	first := len(dst)
	s.open('{')
	for n := 0; s.more('}', n); n++ {
		name, escaped := s.name()
		if escaped || !isASCII(name) {
			s.fail()
			break
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		m := appended{head: head(name), start: len(dst)}
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		inOrder = inOrder && (n == 0 || members[n-1].compare(m, dst) < 0)
		dst = s.appendCanonical(dst)
		m.end = len(dst)
		members = append(members, m)
	}
	if !inOrder {
		dst = s.reorder(dst, first, members)
	}
	return append(dst, '}')
}

// reorder sorts members, which stand from first to the end of dst.
func (s *scanner) reorder(dst []byte, first int, members []appended) []byte {
	slices.SortFunc(members, func(a, b appended) int { return a.compare(b, dst) })
	var room [1 << 10]byte
	ordered := room[:0]
	for i, m := range members {
		if i > 0 {
			if members[i-1].compare(m, dst) == 0 {
				s.fail()
			}
			ordered = append(ordered, ',')
		}
		ordered = append(ordered, dst[m.start:m.end]...)
	}
	return append(dst[:first], ordered...)
}

// compare orders members of dst by their names, most of which differ in their
// heads.
func (m appended) compare(o appended, dst []byte) int {
	if m.head != o.head {
		return cmp.Compare(m.head, o.head)
	}
	return bytes.Compare(m.name(dst), o.name(dst))
}

// name returns the name, in which no quote can be.
func (m appended) name(dst []byte) []byte {
	name := dst[m.start+1:]
	return name[:bytes.IndexByte(name, '"')]
}

// head returns the first bytes of a name as a number of the same order.
func head(name []byte) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var h uint64
	for _, c := range name {
		h = h<<8 | uint64(c)
	}
	return h << (8 * (8 - len(name)))
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
