package events

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner reads JSON in one pass over bytes that it never changes, as strictly
// as package jsontext, but for duplicate names, which are its callers' to see.
// What is rare, odd numbers and \u escapes, it leaves to jsontext. After the
// first fault bad is set, at stays at the fault, and there is nothing more to
// read.
//
// It is here because one pass of it gives what takes package json several, and
// three times as long: bounds, attributes, and canonical data. A fuzz target
// holds the two equal.
type scanner struct {
	in    []byte
	at    int
	depth int // levels that may still be opened
	keys  int // names that may still come
	bad   bool

	// anyText lets text pass that is no text, invalid UTF-8 and halves of
	// surrogates: what batches are cut with.
	anyText bool
}

// maxDepth is how deep jsontext goes, for callers that set no bound.
const maxDepth = 10000

// scan returns a scanner without bounds of its own.
func scan(in []byte) scanner { return scanner{in: in, depth: maxDepth, keys: len(in)} }

func (s *scanner) fail() { s.bad = true }

// peek skips white space and returns the first byte of what comes next, 0 at
// the end and after a fault.
func (s *scanner) peek() byte {
	for ; s.at < len(s.in) && !s.bad; s.at++ {
		if c := s.in[s.at]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// take reads one byte of punctuation.
func (s *scanner) take(c byte) {
	if s.peek() != c {
		s.fail()
		return
	}
	s.at++
}

// end reports whether all was read and nothing was wrong.
func (s *scanner) end() bool { return s.peek() == 0 && !s.bad && s.at == len(s.in) }

// open begins an object or an array, whose members [scanner.more] walks.
func (s *scanner) open(c byte) {
	if s.take(c); s.depth == 0 {
		s.fail()
	}
	s.depth--
}

// more reports whether an object or array has another member, n being how many
// were read, and reads the comma before it, or else the end.
func (s *scanner) more(end byte, n int) bool {
	c := s.peek()
	if c == end {
		s.at++
		s.depth++
		return false
	}
	if n > 0 {
		s.take(',')
	}
	return !s.bad
}

// name reads a name and its colon. It is returned as it stands between the
// quotes.
func (s *scanner) name() (raw []byte, escaped bool) {
	raw, escaped = s.text()
	s.take(':')
	if s.keys == 0 {
		s.fail()
	}
	s.keys--
	return raw, escaped
}

// text reads a string and returns it as it stands between the quotes.
func (s *scanner) text() (raw []byte, escaped bool) {
	if s.take('"'); s.bad {
		return nil, false
	}
	in, at := s.in, s.at
	ascii, unicodes := true, false
	for at += plainBytes(in[at:]); at < len(in) && in[at] != '"'; at += plainBytes(in[at:]) {
		switch c := in[at]; {
		case c == '\\':
			n := escape(in[at:])
			if n == 0 {
				s.fail()
				return nil, false
			}
			escaped, unicodes = true, unicodes || n > 2
			at += n
		case c < ' ':
			s.fail()
			return nil, false
		default:
			ascii = ascii && c < utf8.RuneSelf
			at++
		}
	}
	if at == len(in) {
		s.fail()
		return nil, false
	}
	raw = in[s.at:at]
	// jsontext knows which escapes are a surrogate's other half.
	if !s.anyText && (!ascii && !utf8.Valid(raw) || unicodes && !jsontext.Value(in[s.at-1:at+1]).IsValid()) {
		s.fail()
		return nil, false
	}
	s.at = at + 1
	return raw, escaped
}

// escape returns the length of the escape that in begins with, 0 for none.
func escape(in []byte) int {
	switch {
	case len(in) < 2:
		return 0
	case strings.IndexByte(`"\/bfnrt`, in[1]) >= 0:
		return 2
	case in[1] == 'u' && len(in) >= 6 && isHex(string(in[2:6])):
		return 6
	}
	return 0
}

// plainBytes returns how many bytes at the start of in are ASCII that a string
// holds as it is: neither control characters nor '"' nor '\'. It stops short of
// the last seven bytes of in.
//
// It looks at eight bytes at a time: strings are most of every event. For a
// byte b < 0x80, b-1 has the high bit only when b is zero, and likewise b-0x20
// for what is below a space; a borrow disturbs only bytes behind the first hit.
func plainBytes(in []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(in); n += 8 {
		w := binary.LittleEndian.Uint64(in[n:])
		quote, slash := w^ones*'"', w^ones*'\\'
		if hit := (w | (w - ones*' ') | (quote - ones) | (slash - ones)) & highs; hit != 0 {
			return n + bits.TrailingZeros64(hit)/8
		}
	}
	return n
}

// number reads a number and returns it as it stands.
func (s *scanner) number() []byte {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.fail()
		return nil
	}
	start := s.at
	s.at += numberBytes(s.in[start:])
	raw := s.in[start:s.at]
	if !isPlainInteger(raw) && !jsontext.Value(raw).IsValid() {
		s.fail()
	}
	return raw
}

// numberBytes returns how many bytes at the start of in may be of a number.
func numberBytes(in []byte) int {
	n := 0
	for n < len(in) && (in[n]-'0' <= 9 || in[n] == '-' || in[n] == '.' || in[n] == '+' || in[n]|0x20 == 'e') {
		n++
	}
	return n
}

// isPlainInteger reports whether b is an integer of at most 15 digits that
// canonical JSON writes in the same way.
func isPlainInteger(b []byte) bool {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '0' && len(b) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// literal reads true, false or null and returns it as it stands.
func (s *scanner) literal() []byte {
	word := ""
	switch s.peek() {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	}
	end := s.at + len(word)
	if word == "" || end > len(s.in) || string(s.in[s.at:end]) != word {
		s.fail()
		return nil
	}
	s.at = end
	return s.in[end-len(word) : end]
}

// value reads a value of any kind and returns it as it stands.
func (s *scanner) value() []byte {
	c := s.peek()
	start := s.at
	switch c {
	case '{':
		s.open('{')
		for n := 0; s.more('}', n); n++ {
			s.name()
			s.value()
		}
	case '[':
		s.open('[')
		for n := 0; s.more(']', n); n++ {
			s.value()
		}
	case '"':
		s.text()
	case 't', 'f', 'n':
		s.literal()
	default:
		s.number()
	}
	if s.bad {
		return nil
	}
	return s.in[start:s.at]
}
