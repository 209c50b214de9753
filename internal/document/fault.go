package document

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a document.
type Fault struct {
	File         string // "" of a document that is in no file
	Line, Column int    // from 1; 0: of the document as a whole
	Key          string // dotted, such as spec.match.component; may be ""
	Detail       string
}

// String returns the fault on one line: "a.yaml:3:5: spec.owner: is not text".
func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
	}
	switch {
	case f.Line > 0:
		fmt.Fprintf(&b, "%d:%d: ", f.Line, f.Column)
	case f.File != "":
		b.WriteString(" ")
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Detail)
	return b.String()
}

// Error is what is wrong with a document, or with the documents of files, from top
// to bottom: all of it, but for what comes after the first 20 faults of a
// document.
type Error struct {
	Faults []Fault // never empty
}

// Error returns one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// MaxFaults bounds what is told of one document.
const MaxFaults = 20

// Err returns the faults as an [*Error], nil when there are none.
func (r *Reader) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	faults := slices.Clone(r.Faults)
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Faults: faults[:min(len(faults), MaxFaults)]}
}

// FaultsOf returns the faults that an error holds.
func FaultsOf(err error) []Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Faults
	}
	return []Fault{{Detail: err.Error()}}
}
