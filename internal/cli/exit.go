package cli

import (
	"fmt"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// The exit codes of the contract.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitAuth        = 4
	ExitNotAccepted = 5 // events are not durably with the server
	ExitTimeout     = 6 // waited for long enough
	ExitEndedBadly  = 7 // what was waited for came to another end
	ExitRefused     = 8 // refused by a policy
)

// ExitError is an error with the exit code that it deserves. Any other error
// exits with [ExitFailure].
type ExitError = emitcli.ExitError

// usagef returns an error of wrong usage.
func usagef(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}
