package definition

import (
	"errors"

	"github.com/telltale-dev/telltale/internal/document"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Fault is one thing wrong with a document.
type Fault = document.Fault

// Error is what is wrong with a document, or with the documents of files, from top
// to bottom.
type Error = document.Error

// ofLifecycle returns what the compiler of lifecycles says as an [*Error].
func ofLifecycle(err error) error {
	var found statemachine.Faults
	if !errors.As(err, &found) {
		return err
	}
	var r document.Reader
	for _, f := range found {
		r.Faults = append(r.Faults, Fault{Line: f.Line, Column: f.Column, Detail: f.Message})
	}
	return r.Err()
}
