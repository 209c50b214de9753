package events

import (
	"errors"
	"fmt"
)

// Code names why something was refused. Codes are part of the contract: they
// appear in HTTP problems, in quarantine subjects and in metrics.
type Code string

// The codes of the contract.
const (
	CodeMalformed   Code = "E_MALFORMED"   // not JSON that every parser reads alike
	CodeTooLarge    Code = "E_TOO_LARGE"   // over a size or count limit
	CodeBadID       Code = "E_BAD_ID"      // an identifier outside its alphabet
	CodeType        Code = "E_TYPE"        // an event type that nobody registered
	CodeSchema      Code = "E_SCHEMA"      // attributes or data that break their schema
	CodeClock       Code = "E_CLOCK"       // a time that cannot be
	CodeSource      Code = "E_SOURCE"      // a source that is not the emitter's to use
	CodeAuth        Code = "E_AUTH"        // no or wrong credentials
	CodeForbidden   Code = "E_FORBIDDEN"   // known, but not allowed to do this
	CodeQuota       Code = "E_QUOTA"       // over a rate or a quota
	CodeUnmapped    Code = "E_UNMAPPED"    // a payload that no mapping could place
	CodeConflict    Code = "E_CONFLICT"    // made against a state that has moved on
	CodeNotFound    Code = "E_NOT_FOUND"   // no such thing
	CodeUnavailable Code = "E_UNAVAILABLE" // cannot be done now, try again
)

// Error is a refusal that people and programs can act on. Detail says what was
// wrong, never quoting a payload or a secret; Hint, which may be empty, says
// what to do about it.
type Error struct {
	Code   Code
	Detail string
	Hint   string
}

// Error returns the code and the detail on one line.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

// Errorf builds an [*Error] without a hint.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e that carries hint.
func (e *Error) WithHint(hint string) *Error {
	c := *e
	c.Hint = hint
	return &c
}

// CodeOf returns the code that err carries, or "" when it carries none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
