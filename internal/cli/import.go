package cli

import (
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

// newImportCommand returns the verb import.
func newImportCommand(env Env) *cobra.Command { return emitcli.NewImportCommand(emitcli.Env(env)) }
