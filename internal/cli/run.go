package cli

import (
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// newRunCommand returns the verb run, which the emitter binary has as well.
func newRunCommand(env Env) *cobra.Command { return emitcli.NewRunCommand(emitcli.Env(env)) }
