package receiver

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// isControl reports whether r steers what shows it: a terminal, or the direction
// in which a line is read.
func isControl(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// oneLine returns s with each run of white space and control characters as one
// space: a title that came in over an event cannot end a line, and what follows
// cannot be taken for a header.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || isControl(r) }), " ")
}

// lines returns s without control characters, but for tabs and the ends of lines.
func lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case isControl(r):
			return -1
		}
		return r
	}, s)
}

// plainText returns the message below its title: the text, the link, the labels
// in the order of their names.
func plainText(m Message) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(lines(m.Text)))
	if m.Link != "" {
		b.WriteString("\n\n" + oneLine(m.Link))
	}
	if len(m.Labels) > 0 {
		b.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		b.WriteString("\n" + oneLine(name) + ": " + oneLine(m.Labels[name]))
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// token returns s if it may stand as it is in an address, a query or a header
// of any endpoint, and a hash of it if not. Our own ids may.
func token(s string) string {
	ok := s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
	if ok {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
