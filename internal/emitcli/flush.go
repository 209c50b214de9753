package emitcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/emit"
)

// NewFlushCommand returns the verb flush.
func NewFlushCommand(env Env) *cobra.Command {
	var (
		c       connection
		timeout time.Duration
		output  string
	)
	cmd := command(&cobra.Command{
		Use:   "flush [flags]",
		Short: "Send what waits in the spool",
		Long: `Send what waits in the spool. Ends with 5 if something stays, with 4 if the
credentials are not enough, and with 1 if files were damaged or events refused:
those are set aside as .bad and never hold up the others.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("flush takes no arguments")
			}
			return nil
		},
	})
	fs := cmd.Flags()
	c.register(fs)
	fs.DurationVar(&timeout, "timeout", time.Minute, "how long to try")
	fs.StringVarP(&output, "output", "o", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := fromEnvironment(fs, env.Getenv); err != nil {
			return err
		}
		if output != "text" && output != "json" {
			return usage("--output is none of text, json")
		}
		opts, err := c.options(env)
		if err != nil {
			return err
		}
		if opts.SpoolDir == "" {
			return usage("no home directory for a spool: give --spool-dir")
		}
		client, err := emit.New(opts)
		if err != nil {
			return &ExitError{Code: codeError, Err: err}
		}
		defer closeClient(env, client)
		ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, errTimeUp)
		defer cancel()
		report, err := client.Flush(ctx)
		if printErr := printFlush(env, output, report); printErr != nil {
			err = errors.Join(err, printErr)
		}
		return flushed(report, err)
	}
	return cmd
}

func printFlush(env Env, output string, r emit.FlushReport) error {
	if output == "json" {
		// Lists are never null: scripts count them.
		r.Refused = append([]emit.Refusal{}, r.Refused...)
		r.Damaged = append([]string{}, r.Damaged...)
		return json.NewEncoder(env.Stdout).Encode(r)
	}
	for _, name := range r.Damaged {
		env.say("damaged, set aside as %s", name)
	}
	for _, f := range r.Refused {
		env.say("refused (%s): %s", f.Code, f.Detail)
	}
	if r.Busy {
		env.say("another flush is under way")
	}
	_, err := fmt.Fprintf(env.Stdout, "sent %d, remaining %d\n", r.Sent, r.Remaining)
	return err
}

// flushed turns a flush into the verb's end.
func flushed(r emit.FlushReport, err error) error {
	switch {
	case err != nil && r.Remaining > 0 && exitCode(err) != codeAuth:
		return &ExitError{Code: codeNotAccepted, Err: errors.New(describe(err))}
	case err != nil:
		return &ExitError{Code: exitCode(err), Err: errors.New(describe(err))}
	case r.Remaining > 0:
		return &ExitError{Code: codeNotAccepted, Err: fmt.Errorf("%d events stay in the spool", r.Remaining)}
	case len(r.Refused)+len(r.Damaged) > 0:
		return &ExitError{Code: codeError, Err: fmt.Errorf("%d events were set aside", len(r.Refused)+len(r.Damaged))}
	}
	return nil
}
