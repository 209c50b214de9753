package stream

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Errors that callers branch on.
var (
	// ErrClosed says that a [Committer] takes nothing more: its Run has ended
	// or is about to.
	ErrClosed = errors.New("the committer is closed")

	// ErrQuota says that a caller has put more into quarantine than it may.
	ErrQuota = errors.New("over the quarantine quota")

	// ErrNotFound says that there is no such message.
	ErrNotFound = errors.New("no such message")
)

// Kind says what becomes of a failed write when it is tried again.
type Kind uint8

// The kinds of [Error].
const (
	// Transient: it may work when tried again, and whether the message was
	// stored may be unknown. The Msg-Id makes trying again safe.
	Transient Kind = iota
	// Permanent: this message will never be taken.
	Permanent
	// Full: the stream or its disk has no room. Nothing was stored.
	Full
	// Duplicate: a batch holds a message that the stream already has.
	Duplicate
	// Moved: an expected last sequence was wrong: another writer was faster.
	Moved
)

// Error is a write or a connect that failed, classified once, where the
// server's answer was read. Its [events.Code] is E_UNAVAILABLE when trying
// again makes sense and E_TOO_LARGE when the message was too large.
type Error struct {
	Kind Kind
	Op   string
	Hint string // may be empty
	Err  error
}

// Error returns what was attempted and why it failed.
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause and, for those who answer a client, its code.
func (e *Error) Unwrap() []error {
	switch {
	case e.Kind == Transient, e.Kind == Full:
		return []error{e.Err, events.Errorf(events.CodeUnavailable, "%s", e.Op).WithHint(e.Hint)}
	case isTooLarge(e.Err):
		return []error{e.Err, events.Errorf(events.CodeTooLarge, "%s: the message is too large", e.Op)}
	default:
		return []error{e.Err}
	}
}

// Error codes of the server that the client library has no name for.
const (
	codeAccountResources  = 10002
	codeInsufficient      = 10023
	codeStorageExceeded   = 10047
	codeMessageTooLarge   = 10054
	codeWrongLastSequence = 10071
	codeStoreFailed       = 10077
	codeHeaderTooLarge    = 10097
	codeDuplicateInFlight = 10158
	codeWrongLastConstant = 10164
	codeBatchIncomplete   = 10176
	codeBatchDuplicate    = 10201
	codeBatchInflight     = 10210
)

// classify is the one place that decides what an answer means.
func classify(op string, err error) *Error {
	var done *Error
	if errors.As(err, &done) {
		return done
	}
	e := &Error{Kind: Transient, Op: op, Err: err}
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api):
		e.Kind, e.Hint = kindOf(api)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrPermissionViolation):
		e.Kind = Permanent
	case errors.Is(err, nats.ErrNoResponders):
		e.Hint = "the stream does not answer: is JetStream up, and the disk not full?"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		e.Hint = "the server did not answer in time; whether it stored the message is unknown, a repeat is safe"
	}
	return e
}

func kindOf(api *jetstream.APIError) (Kind, string) {
	const room = "the stream is full: raise its max_bytes, or free space on the server's disk"
	switch int(api.ErrorCode) {
	case codeAccountResources, codeInsufficient, codeStorageExceeded:
		return Full, room
	case codeStoreFailed:
		// The server has one code for everything its store refuses.
		if strings.Contains(api.Description, "too large") {
			return Permanent, ""
		}
		return Full, room
	case codeBatchDuplicate:
		return Duplicate, ""
	case codeWrongLastSequence, codeWrongLastConstant:
		return Moved, ""
	case codeDuplicateInFlight, codeBatchIncomplete, codeBatchInflight:
		return Transient, ""
	}
	if api.Code >= 500 || api.Code == 429 {
		return Transient, ""
	}
	return Permanent, ""
}

func isTooLarge(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch int(api.ErrorCode) {
		case codeMessageTooLarge, codeHeaderTooLarge, codeStoreFailed:
			return true
		}
	}
	return errors.Is(err, nats.ErrMaxPayload)
}

// isIncomplete says that the server lost a part of a batch: a break of the
// connection, or one message that it refused by itself.
func isIncomplete(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && int(api.ErrorCode) == codeBatchIncomplete
}

// redact takes passwords out of a list of URLs.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		u, err := url.Parse(strings.TrimSpace(p))
		if err != nil {
			parts[i] = "(not a URL)"
			continue
		}
		if u.User != nil {
			u.User = url.User("xxxxx")
		}
		parts[i] = u.String()
	}
	return strings.Join(parts, ",")
}
