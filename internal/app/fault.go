package app

import (
	"errors"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Fault is why a process could not start, with what to do about it.
type Fault struct {
	Op   string // what was attempted
	Hint string
	Err  error
}

// Error returns what was attempted and the cause, without the hint.
func (f *Fault) Error() string { return f.Op + ": " + f.Err.Error() }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Hint returns what the person who started a process can do about an error of
// it, "" when the error does not say or says so in its text.
func Hint(err error) string {
	var (
		fault    *Fault
		server   *natsd.Error
		topology *stream.TopologyError
		write    *stream.Error
		refusal  *events.Error
	)
	switch {
	case errors.As(err, &fault):
		return fault.Hint
	case errors.As(err, &server):
		return server.Hint
	case errors.As(err, &topology):
		return topology.Hint
	case errors.As(err, &write):
		return write.Hint
	case errors.As(err, &refusal):
		return refusal.Hint
	}
	return ""
}
