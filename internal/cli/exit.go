package cli

import (
	"fmt"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// The exit codes of the contract, those that some verb has a use for.
const (
	ExitOK       = 0
	ExitFailure  = 1
	ExitUsage    = 2
	ExitNotFound = 3
	ExitAuth     = 4
)

// ExitError is an error with the exit code that it deserves. Any other error
// exits with [ExitFailure].
type ExitError = emitcli.ExitError

// usagef returns an error of wrong usage.
func usagef(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}
