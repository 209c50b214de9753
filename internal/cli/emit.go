package cli

import (
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// newEmitCommand returns the verb emit, which the emitter binary has as well.
func newEmitCommand(env Env) *cobra.Command { return emitcli.NewEmitCommand(emitcli.Env(env)) }
