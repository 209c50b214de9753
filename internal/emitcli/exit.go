package emitcli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/telltale-dev/telltale/pkg/emit"
)

// Env is what a verb gets from its process. Files among Stdin, Stdout and Stderr
// are handed to the child of run as they are, without a pipe in between. Writers
// that are no files must be two.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
}

// Exit codes of the contract that these verbs use.
const (
	codeError       = 1
	codeUsage       = 2
	codeAuth        = 4
	codeNotAccepted = 5
)

// ExitError carries the code that the process has to end with. Err is what to
// tell the user; nil when everything has been said.
type ExitError struct {
	Code int
	Err  error
}

// Error returns the text of the cause.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error {
	return &ExitError{Code: codeUsage, Err: fmt.Errorf(format, args...)}
}

// exitCode returns the code for an error of a delivery.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, emit.ErrForbidden):
		return codeAuth
	case errors.Is(err, emit.ErrUnavailable):
		return codeNotAccepted
	}
	return codeError
}

// say writes a line for people. Stderr is the last place to complain, so that
// it cannot be written to has no consequence.
func (env Env) say(format string, args ...any) {
	line := printable(fmt.Sprintf(format, args...))
	if _, err := fmt.Fprintln(env.Stderr, "telltale: "+line); err != nil {
		return
	}
}

// shared returns w for the use of run and its child at the same time. A file is
// that already, and must stay one.
func shared(w io.Writer) io.Writer {
	if _, ok := w.(*os.File); ok {
		return w
	}
	return &turns{w: w}
}

// turns writes one after the other; mu is held during a write.
type turns struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *turns) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

// printable keeps what a server or an environment says from moving the cursor,
// and joined errors on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ';'
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// describe renders an error of a delivery for people, with the server's hint.
func describe(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	var e *emit.Error
	if errors.As(err, &e) && e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}
