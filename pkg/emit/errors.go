package emit

import (
	"errors"
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// The three ways in which a server does not take an event. Every error that a
// server caused is an [*Error] and matches exactly one of them with [errors.Is].
var (
	// ErrForbidden means that the credentials are missing, wrong, or not enough.
	// Trying again does not help until somebody mends them.
	ErrForbidden = errors.New("not allowed")

	// ErrRefused means that the event itself cannot be used. The server has put
	// it into quarantine, unless it was too large to be read.
	ErrRefused = errors.New("refused")

	// ErrUnavailable means that no server answered as one should, for now. The
	// events may or may not have arrived: sending them again is harmless.
	ErrUnavailable = errors.New("unavailable")
)

// ErrSpoolFull means that the spool is at one of its bounds.
var ErrSpoolFull = errors.New("the spool is full")

// ErrSpooled means that the server has not got all events, but that every one of
// them is durable in the spool. It always comes with one of the errors above.
var ErrSpooled = errors.New("kept in the spool")

// Error is a server's refusal, or its absence. It never holds a token or the
// payload of an event.
type Error struct {
	Kind       error         // ErrForbidden, ErrRefused or ErrUnavailable
	Status     int           // HTTP status, 0 when there was none
	Code       events.Code   // "" when the answer named none
	Detail     string        // one clause for people
	Hint       string        // what to do about it, may be empty
	RetryAfter time.Duration // the server's wish, 0 when it has none
	Err        error         // the cause, may be nil
}

// Error returns kind, code, detail and cause on one line.
func (e *Error) Error() string {
	s := e.Kind.Error()
	if e.Code != "" {
		s += " (" + string(e.Code) + ")"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func unavailable(err error, format string, args ...any) *Error {
	return &Error{Kind: ErrUnavailable, Detail: fmt.Sprintf(format, args...), Err: err}
}

// Refusal is one event of a delivery that the server could not use.
type Refusal struct {
	Index  int         `json:"index"` // position in the call, from 0
	ID     string      `json:"id"`
	Code   events.Code `json:"code"`
	Detail string      `json:"detail"`
}

// err returns the refusal as an error of its kind.
func (r Refusal) err() *Error {
	kind := ErrRefused
	switch r.Code {
	case events.CodeAuth, events.CodeForbidden:
		kind = ErrForbidden
	case events.CodeQuota, events.CodeUnavailable:
		kind = ErrUnavailable
	}
	return &Error{Kind: kind, Code: r.Code, Detail: r.Detail}
}

// Receipt is what became of a delivery. Over NATS every event counts as
// accepted: repeats and what cannot be used are found out behind that door.
type Receipt struct {
	Accepted   int
	Duplicates int
	Refused    []Refusal
}

func (r *Receipt) add(o Receipt, offset int) {
	r.Accepted += o.Accepted
	r.Duplicates += o.Duplicates
	for _, f := range o.Refused {
		f.Index += offset
		r.Refused = append(r.Refused, f)
	}
}
