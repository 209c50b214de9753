// Package cli is the command line of Telltale: one file for each verb, over
// package app for those that serve and over the HTTP API for those that ask.
//
// A verb writes data to stdout and everything else to stderr, and returns an
// error instead of ending the process. [Main] turns the error into a sentence
// and an exit code of the contract.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/internal/obs"
)

// Env is what a command line may touch of the world outside: the streams, and
// how to look up a variable.
type Env = emitcli.Env

// OS returns the Env of this process.
func OS() Env {
	return Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
}

// commands are the verbs, in the order in which the help shows them.
func commands(env Env) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(env),
		newServeCommand(env),
		newRunCommand(env),
		newEmitCommand(env),
		newFlushCommand(env),
		newImportCommand(env),
		newAnnotateCommand(env, time.Now),
		newOverrideCommand(env, time.Now),
		newExpectCommand(env, time.Now),
		newReleaseCommand(env, time.Now),
		newFreezeCommand(env, time.Now),
		newApplyCommand(env, time.Now),
		newGetCommand(env, time.Now),
		newExplainCommand(env, time.Now),
		newWatchCommand(env, time.Now),
		newWaitCommand(env),
		newLifecycleCommand(env),
		newMappingCommand(env),
		newRouteCommand(env, time.Now),
		newQuarantineCommand(env, time.Now),
		newDoctorCommand(env),
		newRebuildCommand(env, app.Rebuild),
		newBenchCommand(env),
		newConfigCommand(env),
		newVersionCommand(env),
	}
}

// Main runs a command line, without the program's name, and returns the exit
// code. What went wrong stands on env.Stderr by then. The end of ctx is the
// person's wish to stop: a verb that stops in order returns 0.
func Main(ctx context.Context, args []string, env Env) int {
	root := &cobra.Command{
		Use:   "telltale",
		Short: "Tells what is true about deployments, and why",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(commands(env)...)
	return execute(ctx, root, args, env)
}

// execute runs a command tree.
func execute(ctx context.Context, root *cobra.Command, args []string, env Env) int {
	obs.TuneMemory(env.Getenv)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	classifyUsage(root)
	return report(env, root.Name(), root.ExecuteContext(ctx))
}

// classifyUsage makes the arguments that a command refuses an error of usage,
// for cmd and all below it.
func classifyUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError(cmd, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		classifyUsage(sub)
	}
}

// usageError adds to a wrong command line where the right one is described.
func usageError(cmd *cobra.Command, err error) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf("%w\nhint: see %s --help", err, cmd.CommandPath())}
}

// report tells the person what went wrong and returns the exit code for it.
func report(env Env, program string, err error) int {
	if err == nil {
		return ExitOK
	}
	code := ExitFailure
	var exit *ExitError
	if errors.As(err, &exit) {
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	}
	text := program + ": " + escapeLines(err.Error()) + "\n"
	if hint := app.Hint(err); hint != "" && !strings.Contains(text, hint) {
		text += "hint: " + escapeLines(hint) + "\n"
	}
	if _, werr := io.WriteString(env.Stderr, text); werr != nil && code == ExitOK {
		return ExitFailure
	}
	return code
}

// escapeLines is [escape] for a text of several lines, such as all faults of a
// configuration.
func escapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = escape(line)
	}
	return strings.Join(lines, "\n")
}
