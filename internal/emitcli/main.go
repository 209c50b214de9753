package emitcli

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Main runs the emitter binary with args, without the program's name, and
// returns its exit code.
func Main(ctx context.Context, args []string, env Env) int {
	root := command(&cobra.Command{
		Use:     "telltale-emit",
		Short:   "Say what happens to a deployment, from a pipeline",
		Version: version(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown verb %q: emit, run or flush", args[0])
			}
			return cmd.Help()
		},
	})
	root.AddCommand(NewEmitCommand(env), NewRunCommand(env), NewFlushCommand(env))
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *ExitError
	if !errors.As(err, &exit) {
		env.say("%v", err)
		return codeUsage // cobra's own: an unknown verb
	}
	if exit.Err != nil {
		env.say("%v", exit.Err)
	}
	return exit.Code
}

// version is the module's, as the go command stamped it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
