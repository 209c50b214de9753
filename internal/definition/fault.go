package definition

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/statemachine"
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

// maxFaults bounds what is told of one document.
const maxFaults = 20

// faulty returns the faults of a document as an error, nil when there are none.
func faulty(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Faults: faults[:min(len(faults), maxFaults)]}
}

// faultsOf returns the faults that an error holds.
func faultsOf(err error) []Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Faults
	}
	return []Fault{{Detail: err.Error()}}
}

// ofLifecycle returns what the compiler of lifecycles says as an [*Error].
func ofLifecycle(err error) error {
	var found statemachine.Faults
	if !errors.As(err, &found) {
		return err
	}
	faults := make([]Fault, len(found))
	for i, f := range found {
		faults[i] = Fault{Line: f.Line, Column: f.Column, Detail: f.Message}
	}
	return faulty(faults)
}
