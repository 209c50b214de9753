package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"
)

// ErrNotFound is returned for a key that the store does not have.
var ErrNotFound = errors.New("store: not found")

// Kind says what is wrong with a store's directory.
type Kind string

// The kinds of faults.
const (
	KindInUse    Kind = "in use"
	KindReadOnly Kind = "read-only"
	KindFull     Kind = "full"
	KindDamaged  Kind = "damaged"
	KindFormat   Kind = "of another format"
)

// OpenError is a fault of a store's directory that a person has to look at. It
// is returned by [Open] and by transactions.
type OpenError struct {
	Kind Kind
	Dir  string
	Hint string // what to do about it, one sentence
	Err  error  // the cause, may be nil
}

// Error returns one line with the hint at its end.
func (e *OpenError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("store %s is %s; %s", e.Dir, e.Kind, e.Hint)
	}
	return fmt.Sprintf("store %s is %s: %v; %s", e.Dir, e.Kind, e.Err, e.Hint)
}

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }

var hints = map[Kind]string{
	KindInUse:    "stop the other process that has it open, or give this one another data directory",
	KindReadOnly: "make the directory writable for this user",
	KindFull:     "free some space and start again: nothing that was accepted is lost, the stream has it",
	KindDamaged:  "the store is a cache of the stream: stop, move it away, run `telltale rebuild`",
	KindFormat:   "the store is a cache of the stream: stop, move it away, run `telltale rebuild`",
}

func newOpenError(kind Kind, dir string, err error) *OpenError {
	return &OpenError{Kind: kind, Dir: dir, Hint: hints[kind], Err: err}
}

// classifyOpen names what keeps a directory from being opened. What is neither
// a lock, a permission nor a full disk can only be the files themselves.
func classifyOpen(dir string, err error) error {
	var known *OpenError
	if errors.As(err, &known) {
		return err
	}
	kind := environment(err)
	switch {
	case kind != "":
	case strings.Contains(err.Error(), "Cannot acquire directory lock"):
		kind = KindInUse
	default:
		kind = KindDamaged
	}
	return newOpenError(kind, dir, err)
}

// classify names the fault of an open store, if it is the directory's.
func classify(dir string, err error) error {
	var known *OpenError
	if err == nil || errors.As(err, &known) {
		return err
	}
	if kind := environment(err); kind != "" {
		return newOpenError(kind, dir, err)
	}
	if errors.Is(err, badger.ErrTruncateNeeded) || strings.Contains(err.Error(), "checksum mismatch") || errors.Is(err, ErrCodec) {
		return newOpenError(KindDamaged, dir, err)
	}
	return err
}

func environment(err error) Kind {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), contains(err, syscall.ENOSPC):
		return KindFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission), contains(err, syscall.EROFS), contains(err, syscall.EACCES):
		return KindReadOnly
	}
	return ""
}

// contains looks for the text of an errno: Badger formats some causes away.
func contains(err error, errno syscall.Errno) bool {
	return strings.Contains(err.Error(), errno.Error())
}
