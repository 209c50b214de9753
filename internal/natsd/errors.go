package natsd

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// Kind says what keeps a server from starting.
type Kind string

// The kinds of [Error].
const (
	KindConfig     Kind = "config"          // what was asked for cannot be
	KindPortInUse  Kind = "port_in_use"     // the listen address is taken or not ours
	KindUnwritable Kind = "store_read_only" // the store directory cannot be written
	KindInUse      Kind = "store_in_use"    // another process has the store directory
	KindDiskFull   Kind = "disk_full"       // no space left for the store
	KindOther      Kind = "other"
)

// Error is why a server did not start, with what to do about it.
type Error struct {
	Kind Kind
	Op   string // what was attempted
	Hint string // may be empty
	Err  error
}

// Error returns what was attempted and the cause, in one line without the hint.
func (e *Error) Error() string {
	return e.Op + ": " + strings.ReplaceAll(e.Err.Error(), "\n", ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// classify decides once what an error of the store directory means. The server
// hands its own over as text, hence the look at the message.
func classify(op, dir string, err error) *Error {
	e := &Error{Kind: KindOther, Op: op, Err: err}
	text := err.Error()
	is := func(target error) bool {
		return errors.Is(err, target) || strings.Contains(text, target.Error())
	}
	switch {
	case is(syscall.ENOSPC), is(syscall.EDQUOT), strings.Contains(text, "insufficient storage"):
		e.Kind, e.Hint = KindDiskFull, "free space on the disk of "+dir+"; nothing that was acknowledged is lost"
	case is(syscall.EROFS), is(syscall.EACCES), is(syscall.EPERM), is(syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		e.Kind, e.Hint = KindUnwritable, "give this user write access to "+dir+", or choose another --data-dir"
	}
	return e
}
