package cli

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/demo"
	"github.com/telltale-dev/telltale/internal/obs"
)

// demoPace is how long a line of the story stands before the next.
const demoPace = 150 * time.Millisecond

// newDemoCommand returns `telltale demo`: a story with a real server.
func newDemoCommand(env Env) *cobra.Command {
	var (
		opts demo.Options
		once bool
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Tell the story of a release, with a real server that you can then ask",
		Long: `Demo starts all of Telltale on this machine and sends it the events of a release
in three regions, out of order and twice. One region fails and is rolled back,
and you see the message that a person on call would get. Then it goes on
serving, for you to try the other verbs, until Ctrl-C.

With --once it waits for nobody, checks that everything it told is true, and
exits with 0 if it is and 1 if not.`,
		Example: `  telltale demo
  telltale demo --once`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Out, opts.Colour = env.Stdout, colourful(env.Stdout, env.Getenv)
			opts.Seed, opts.Version = rand.Uint64(), Version()
			opts.Logger = obs.NewLogger(env.Stderr, slog.LevelWarn, obs.LogText)
			tell := demo.Once
			if !once {
				tell, opts.Pace = demo.Run, demoPace
			}
			// Who closes the terminal is done, too: nothing temporary is to stay.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			err := tell(ctx, opts)
			var wrong *config.Error
			if errors.As(err, &wrong) {
				return &ExitError{Code: ExitUsage, Err: err}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&once, "once", false, "tell it at once, check every claim, and exit")
	flags.StringVar(&opts.Listen, "listen", "", "address of the HTTP listener, host:port (default 127.0.0.1:8080 if it is free, else any port)")
	flags.StringVar(&opts.DataDir, "data-dir", "", "empty directory that keeps the data (default: a temporary one)")
	return cmd
}
