package events

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// check reads exactly one JSON value and says what is wrong with it, "" when
// nothing is. The reader stops at the first problem, so a check that has found
// one may leave the value half read. What is no JSON at all is for the scanner
// to say, and the problem then does not matter.
type check func(s *scanner) (problem string)

// member is one member of an object that the vocabulary knows.
type member struct {
	name     string
	required bool
	check    check
}

// broken is the problem of a value that is not JSON at all.
const broken = "is not valid JSON"

// object checks the members it is given and lets others pass: within v1 things
// are added. Null is no value of any member.
func object(members ...member) check {
	return func(s *scanner) string {
		if s.peek() != '{' {
			return "is not an object"
		}
		s.open('{')
		var seen uint32 // bit i: members[i] was there
		for n := 0; s.more('}', n); n++ {
			name := unquote(s.name())
			i := 0
			for i < len(members) && members[i].name != string(name) {
				i++
			}
			if i == len(members) {
				s.value()
				continue
			}
			if problem := members[i].check(s); problem != "" {
				return within(members[i].name, problem)
			}
			seen |= 1 << i
		}
		for i, m := range members {
			if m.required && seen&(1<<i) == 0 {
				return within(m.name, "is missing")
			}
		}
		return ""
	}
}

// within names the member that has the problem: "artifact.name is too long".
func within(name, problem string) string {
	if first, _, _ := strings.Cut(problem, " "); first == "is" || first == "has" {
		return name + " " + problem
	}
	return name + "." + problem
}

// list checks an array of at least least and at most limit elements.
func list(least, limit int, element check) check {
	return func(s *scanner) string {
		if s.peek() != '[' {
			return "is not an array"
		}
		s.open('[')
		n := 0
		for ; s.more(']', n); n++ {
			if n == limit {
				return "has too many elements"
			}
			if problem := element(s); problem != "" {
				return within("element", problem)
			}
		}
		if n < least {
			return "has too few elements"
		}
		return ""
	}
}

// dictionary checks an object of free names with at most limit members.
func dictionary(limit, nameLimit int, value check) check {
	return func(s *scanner) string {
		if s.peek() != '{' {
			return "is not an object"
		}
		s.open('{')
		for n := 0; s.more('}', n); n++ {
			if n == limit {
				return "has too many members"
			}
			if name := unquote(s.name()); len(name) == 0 || len(name) > nameLimit {
				return "has a name that is empty or too long"
			}
			if problem := value(s); problem != "" {
				return within("member", problem)
			}
		}
		return ""
	}
}

// anyObject checks that the value is an object, whatever is in it.
func anyObject(s *scanner) string {
	if s.peek() != '{' {
		return "is not an object"
	}
	s.value()
	return ""
}

func boolean(s *scanner) string {
	if c := s.peek(); c != 't' && c != 'f' {
		return "is not a boolean"
	}
	s.literal()
	return ""
}

// number checks a number between low and high; whole asks for an integer.
func number(low, high float64, whole bool, problem string) check {
	return func(s *scanner) string {
		if c := s.peek(); c != '-' && (c < '0' || c > '9') {
			return problem
		}
		f, err := strconv.ParseFloat(string(s.number()), 64)
		if err != nil || f < low || f > high || whole && f != float64(int64(f)) {
			return problem
		}
		return ""
	}
}

// text checks a string of least to limit bytes, kept as it is.
func text(least, limit int) check {
	return str("is empty or too long", func(s []byte) bool { return least <= len(s) && len(s) <= limit })
}

// str checks a string by ok, which must not keep it.
func str(problem string, ok func(text []byte) bool) check {
	return func(s *scanner) string {
		if s.peek() != '"' {
			return "is not a string"
		}
		if !ok(unquote(s.text())) {
			return problem
		}
		return ""
	}
}

// oneOf checks a string against a short list.
func oneOf(words ...string) check {
	return str("is not one of "+strings.Join(words, ", "), func(s []byte) bool {
		for _, w := range words {
			if string(s) == w {
				return true
			}
		}
		return false
	})
}

// unquote returns the text of a JSON string from what stands between its
// quotes: the same bytes unless there are escapes.
func unquote(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	quoted := append(append([]byte{'"'}, raw...), '"')
	s, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil { // a scanner lets no such string pass
		return nil
	}
	return s
}

// timestamp checks a strict RFC 3339 time of the years 2000 to 2199: what
// int64 nanoseconds can hold, with room to compute.
var timestamp = str("is not an RFC 3339 time of the years 2000 to 2199", func(s []byte) bool {
	if len(s) < 4 || s[0] != '2' || s[1] != '0' && s[1] != '1' {
		return false
	}
	_, ok := parseTime(string(s))
	return ok
})

// printable reports whether s is ASCII from '!' to '~'.
func printable(s []byte) bool {
	for _, c := range s {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

// noControls reports whether s holds neither C0 control characters nor DEL.
func noControls(s []byte) bool {
	for _, c := range s {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(s)
}
