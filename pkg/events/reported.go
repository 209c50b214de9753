package events

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxShared bounds what a short string may keep in memory that shares it with
// others.
const maxShared = 1 << 10

// read reads data that has no duplicate keys as package json would, but without
// reflection; its strings share one copy of data. It answers false, and leaves r
// as it was, when package json has to read the data, or to refuse it.
func (r *Reported) read(data jsontext.Value) bool {
	if len(data) > maxShared {
		return false
	}
	text, out := string(data), Reported{}
	s := scan(data)
	s.open('{')
	for n := 0; s.more('}', n); n++ {
		switch name := unquote(s.name()); string(name) {
		case "attempt":
			attempt, err := strconv.ParseUint(string(s.number()), 10, 32)
			if err != nil {
				return false
			}
			out.Attempt = uint32(attempt)
		case "native":
			out.Native = jsontext.Value(s.value()).Clone()
		case "artifact":
			out.Artifact = s.artifact(text)
		case "labels":
			out.Labels = make(map[string]string)
			s.open('{')
			for n := 0; s.more('}', n); n++ {
				name := s.string(text, s.name)
				out.Labels[name] = s.string(text, s.text)
			}
		case "refs":
			out.Refs = make([]string, 0, 4)
			s.open('[')
			for n := 0; s.more(']', n); n++ {
				out.Refs = append(out.Refs, s.string(text, s.text))
			}
		default:
			if field := out.text(name); field != nil {
				*field = s.string(text, s.text)
			} else {
				s.value()
			}
		}
	}
	if !s.end() {
		return false
	}
	*r = out
	return true
}

// text returns where a string member is kept, or nil.
func (r *Reported) text(name []byte) *string {
	switch string(name) {
	case "status":
		return &r.Status
	case "version":
		return &r.Version
	case "release":
		return &r.Release
	case "class":
		return (*string)(&r.Class)
	case "reason":
		return &r.Reason
	case "message":
		return &r.Message
	case "url":
		return &r.URL
	case "actor":
		return &r.Actor
	case "owner":
		return &r.Owner
	}
	return nil
}

func (s *scanner) artifact(text string) *Artifact {
	a := new(Artifact)
	s.open('{')
	for n := 0; s.more('}', n); n++ {
		switch name := unquote(s.name()); string(name) {
		case "name":
			a.Name = s.string(text, s.text)
		case "digest":
			a.Digest = s.string(text, s.text)
		default:
			s.value()
		}
	}
	return a
}

// string reads a string, or a name, by next: a part of text, which is a copy of
// s.in, where it stands there as it is.
func (s *scanner) string(text string, next func() ([]byte, bool)) string {
	raw, escaped := next()
	if escaped || raw == nil {
		return string(unquote(raw, escaped))
	}
	at := cap(s.in) - cap(raw) // raw is cut from s.in, never its end
	return text[at : at+len(raw)]
}
