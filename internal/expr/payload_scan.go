package expr

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/telltale-dev/telltale/pkg/events"
)

// payloadScanner reads a JSON text in one pass, as strictly as package jsontext,
// but for names that stand twice, which are found in the nodes. A fuzz target
// holds the two equal. After the first fault err is set and nothing more is read.
//
// It is here because jsontext's own tokens take three times as long, and every
// webhook pays for them.
type payloadScanner struct {
	in    string
	at    int
	nodes []node
	depth int
	names int // of all objects
	many  int // of those that have more than few
	err   error
}

func malformed(at int, what string) error {
	return events.Errorf(events.CodeMalformed, "the payload is not JSON that every parser reads alike: %s (byte %d)", what, at)
}

func (s *payloadScanner) fail(what string) {
	if s.err == nil {
		s.err = malformed(s.at, what)
	}
}

// refuse records that there is too much of something.
func (s *payloadScanner) refuse(format string, limit int) {
	if s.err == nil {
		s.err = events.Errorf(events.CodeTooLarge, format, limit)
	}
}

// peek skips white space and returns the first byte of what comes next, 0 at the
// end.
func (s *payloadScanner) peek() byte {
	for ; s.at < len(s.in); s.at++ {
		if c := s.in[s.at]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// end reads the end of the text.
func (s *payloadScanner) end() {
	if s.peek(); s.at < len(s.in) {
		s.fail("something comes after the value")
	}
}

// open adds a node that begins here.
func (s *payloadScanner) open(k kind) int {
	at := len(s.nodes)
	s.nodes = append(s.nodes, node{start: int32(s.at), kind: k})
	if at == maxPayloadValues {
		s.refuse("the payload has more than %d names and values", maxPayloadValues)
	}
	return at
}

// close ends the node that was opened at a place: where its text ends, or after
// which node.
func (s *payloadScanner) close(at, end int) { s.nodes[at].end = int32(end) }

// value reads a value of any kind.
func (s *payloadScanner) value() {
	switch s.peek() {
	case '{':
		s.object()
	case '[':
		s.list()
	case '"':
		s.text(s.open(kindText))
	case 't':
		s.literal(kindTrue, "true")
	case 'f':
		s.literal(kindFalse, "false")
	case 'n':
		s.literal(kindNull, "null")
	default:
		s.number()
	}
}

// enter opens a list or an object, and a level of nesting, which leave gives
// back. more is false when there is nothing in it.
func (s *payloadScanner) enter(k kind, end byte) (at int, more bool) {
	at = s.open(k)
	s.at++
	if s.depth++; s.depth > maxPayloadDepth {
		s.refuse("the payload is nested deeper than %d", maxPayloadDepth)
	}
	if s.peek() == end {
		s.at++
		return at, false
	}
	return at, s.err == nil
}

// more reports whether a list or an object goes on, and reads the comma, or else
// the end. After a fault none does.
func (s *payloadScanner) more(end byte) bool {
	switch c := s.peek(); {
	case s.err != nil:
		return false
	case c == ',':
		s.at++
		return true
	case c == end:
		s.at++
		return false
	}
	s.fail("a comma is missing")
	return false
}

func (s *payloadScanner) leave(at int, size int32) {
	s.depth--
	s.nodes[at].size = size
	s.close(at, len(s.nodes))
}

func (s *payloadScanner) object() {
	at, more := s.enter(kindObject, '}')
	size := int32(0)
	for ; more; more = s.more('}') {
		if s.peek() != '"' {
			s.fail("a name is missing")
			return
		}
		size++
		name := s.open(kindText)
		s.text(name)
		s.nodes[name].size = int32(at)
		if s.peek() != ':' {
			s.fail("a colon is missing")
			return
		}
		s.at++
		s.value()
	}
	if s.names += int(size); s.names > maxPayloadKeys {
		s.refuse("the payload has more than %d names", maxPayloadKeys)
	}
	if size > few {
		s.many += int(size)
	}
	s.leave(at, size)
}

func (s *payloadScanner) list() {
	at, more := s.enter(kindList, ']')
	size := int32(0)
	for ; more; more = s.more(']') {
		size++
		s.value()
	}
	s.leave(at, size)
}

// text reads a string into a node.
func (s *payloadScanner) text(at int) {
	in, from := s.in, s.at+1
	i, ascii := from, true
	for i += plainBytes(in[i:]); i < len(in) && in[i] != '"'; i += plainBytes(in[i:]) {
		switch c := in[i]; {
		case c == '\\':
			n := escapeBytes(in[i:])
			if n == 0 {
				s.fail("an escape that there is not")
				return
			}
			s.nodes[at].escaped = true
			i += n
		case c < ' ':
			s.fail("a control character in a string")
			return
		default:
			for ascii = ascii && c < utf8.RuneSelf; i < len(in) && in[i] >= utf8.RuneSelf; i++ {
			}
			if c < utf8.RuneSelf {
				i++
			}
		}
	}
	if i >= len(in) {
		s.fail("a string has no end")
		return
	}
	if !ascii && !utf8.ValidString(in[from:i]) {
		s.fail("a string is not UTF-8")
		return
	}
	s.nodes[at].start = int32(from)
	s.close(at, i)
	s.at = i + 1
}

// escapeBytes returns the length of the escape that in begins with, 0 for none:
// two halves of a surrogate are one, and one half is none.
func escapeBytes(in string) int {
	if len(in) < 2 {
		return 0
	}
	switch in[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	}
	unit, ok := escapedUnit(in)
	switch {
	case !ok || unit >= 0xDC00 && unit <= 0xDFFF:
		return 0
	case unit < 0xD800 || unit > 0xDFFF:
		return longestEscape
	}
	if low, ok := escapedUnit(in[longestEscape:]); !ok || low < 0xDC00 || low > 0xDFFF {
		return 0
	}
	return 2 * longestEscape
}

// escapedUnit returns the UTF-16 code unit of a \u0000 that in begins with.
func escapedUnit(in string) (unit uint32, ok bool) {
	if len(in) < longestEscape || in[0] != '\\' || in[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(in[2:longestEscape]) {
		switch letter := c | 0x20; {
		case c >= '0' && c <= '9':
			unit = unit<<4 | uint32(c-'0')
		case letter >= 'a' && letter <= 'f':
			unit = unit<<4 | uint32(letter-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// plainBytes returns how many bytes at the start of in are ASCII that a string
// holds as it is: neither control characters nor '"' nor '\'. It stops short of
// the last seven bytes of in.
//
// It looks at eight bytes at a time: strings are most of every payload. For a
// byte b < 0x80, b-1 has the high bit only when b is zero, and likewise b-0x20
// for what is below a space; a borrow disturbs only bytes behind the first hit.
func plainBytes(in string) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(in); n += 8 {
		b := in[n : n+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		quote, slash := w^ones*'"', w^ones*'\\'
		if hit := (w | (w - ones*' ') | (quote - ones) | (slash - ones)) & highs; hit != 0 {
			return n + bits.TrailingZeros64(hit)/8
		}
	}
	return n
}

func (s *payloadScanner) literal(k kind, word string) {
	if !strings.HasPrefix(s.in[s.at:], word) {
		s.fail("there is no value")
		return
	}
	end := s.at + len(word)
	s.close(s.open(k), end)
	s.at = end
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *payloadScanner) number() {
	in, i := s.in, s.at
	if i < len(in) && in[i] == '-' {
		i++
	}
	digits := digitBytes(in[i:])
	ok := digits == 1 || digits > 1 && in[i] != '0'
	i += digits
	if ok && i < len(in) && in[i] == '.' {
		digits = digitBytes(in[i+1:])
		ok = digits > 0
		i += 1 + digits
	}
	if ok && i < len(in) && in[i]|0x20 == 'e' {
		i++
		if i < len(in) && (in[i] == '+' || in[i] == '-') {
			i++
		}
		digits = digitBytes(in[i:])
		ok = digits > 0
		i += digits
	}
	if !ok {
		s.fail("there is no value")
		return
	}
	s.close(s.open(kindNumber), i)
	s.at = i
}

// digitBytes returns how many digits in begins with.
func digitBytes(in string) int {
	n := 0
	for n < len(in) && in[n]-'0' <= 9 {
		n++
	}
	return n
}
