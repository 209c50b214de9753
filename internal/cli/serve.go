package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/obs"
)

// newServeCommand returns `telltale serve`: all roles in one process.
func newServeCommand(env Env) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run everything in one process, with a NATS server of its own",
		Long: `Serve takes events in, makes of them what is true, answers questions and tells
people, all in one process. It keeps everything in --data-dir and listens on
127.0.0.1:8080 unless told otherwise. The first SIGINT or SIGTERM stops it in
order: what was taken is stored, and time is told to stand still. The second
ends it at once, which loses nothing that was acknowledged either. On SIGHUP it
reads the files of mappings again.`,
		Example: `  telltale serve
  telltale serve --config telltale.yaml
  telltale serve --data-dir /var/lib/telltale --regions eu-west-1,us-east-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), env, &s, nil, app.Serve)
		},
	}
	s.bind(cmd, flagDataDir, flagListen, flagNATSListen, flagNATSURL, flagRecorder, flagRegions, flagClock, flagInsecure, flagLogLevel)
	return cmd
}

// serve runs a process of package app until ctx ends.
func serve(ctx context.Context, env Env, s *settings, defaults *config.Config, run func(context.Context, *config.Config, app.Options) error) error {
	cfg, err := s.load(env, defaults)
	if err != nil {
		return err
	}
	level, err := obs.ParseLevel(cfg.Log.Level)
	if err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return run(ctx, cfg, app.Options{
		Version: Version(),
		Reload:  reload,
		Logger:  obs.NewLogger(env.Stderr, level, obs.LogFormat(cfg.Log.Format)),
	})
}
