package cli

import (
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// newFlushCommand returns the verb flush, which the emitter binary has as well.
func newFlushCommand(env Env) *cobra.Command { return emitcli.NewFlushCommand(emitcli.Env(env)) }
