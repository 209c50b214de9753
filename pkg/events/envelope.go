package events

import (
	"bytes"
	"slices"
	"strings"
)

// attribute is one attribute as it stands in a message; a nil value is null.
type attribute struct{ name, value []byte }

// event reads an event as nearly all are. It is not ok with what is wrong, which
// [decode] has the words for, nor with what is rare, which decode reads as well.
func (s *scanner) event() (e *Event, ok bool) {
	var room [24]attribute
	given, size := room[:0], 0
	e = new(Event)
	s.open('{')
	for n := 0; s.more('}', n); n++ {
		name, escaped := s.name()
		same := func(a attribute) bool { return bytes.Equal(a.name, name) }
		if escaped || n == len(room) || slices.ContainsFunc(given, same) {
			return nil, false
		}
		a := attribute{name: name}
		if string(name) == "data" {
			s.peek()
			e.Data = s.appendCanonical(make([]byte, 0, len(s.in)-s.at))
		} else if a.value, ok = s.attribute(string(name)); !ok {
			return nil, false
		}
		given = append(given, a)
		size += len(a.name) + len(a.value)
	}
	return e, s.end() && e.setAll(given, size)
}

// attribute reads the value of an attribute. It is not ok when its canonical
// string is not what stands there.
func (s *scanner) attribute(name string) (value []byte, ok bool) {
	switch s.peek() {
	case '"':
		value, escaped := s.text()
		return value, !s.bad && !escaped
	case 't', 'f':
		value := s.literal()
		return value, !s.bad && !mustBeString(name) && name != "specversion"
	case 'n':
		s.literal()
		return nil, !s.bad && name != "specversion"
	}
	return nil, false
}

// setAll sets attributes from one piece of memory of the given size. It reports
// false on the first that cannot be set.
func (e *Event) setAll(given []attribute, size int) bool {
	var text strings.Builder
	text.Grow(size)
	speaks := false
	for _, a := range given {
		at := text.Len()
		text.Write(a.name)
		text.Write(a.value)
		name, value := text.String()[at:at+len(a.name)], text.String()[at+len(a.name):]
		switch {
		case a.value == nil: // data, or null, which counts as absent
		case name == "specversion":
			speaks = value == specVersion
		case name == "data_base64":
			e.DataBase64 = value
		case name == "subject":
			// Keys are parts of it, and live as long as their deployments.
			e.Subject = strings.Clone(value)
		case e.SetAttribute(name, value) != nil:
			return false
		}
	}
	return speaks && (e.Data == nil || e.DataBase64 == "")
}
