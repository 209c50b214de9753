package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/config"
)

// role is a part of Telltale that can be a process of its own.
type role struct {
	name, short string
	listen      string // where it listens when nothing is said, so that all three fit on one machine
	run         func(context.Context, *config.Config, app.Options) error
}

// Ingest is [Main] of the binary that takes events in.
func Ingest(ctx context.Context, args []string, env Env) int {
	return role{"ingest", "Take events in: the doors of Telltale", "127.0.0.1:8080", app.Ingest}.main(ctx, args, env)
}

// Projector is [Main] of the binary that makes of events what is true.
func Projector(ctx context.Context, args []string, env Env) int {
	return role{"projector", "Make of events what is true, and answer questions about it", "127.0.0.1:8081", app.Projector}.main(ctx, args, env)
}

// Notifier is [Main] of the binary that tells people.
func Notifier(ctx context.Context, args []string, env Env) int {
	return role{"notifier", "Tell people what went wrong", "127.0.0.1:8082", app.Notifier}.main(ctx, args, env)
}

func (r role) main(ctx context.Context, args []string, env Env) int {
	var s settings
	root := &cobra.Command{
		Use:   r.name,
		Short: r.short,
		Long: r.short + `.

This is one role of Telltale as a process of its own, against a NATS server
outside: --nats-url, or nats.url in the configuration. "telltale serve" runs all
roles in one process instead.`,
		Version: Version(),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defaults := config.Default()
			defaults.Server.Listen = r.listen
			return serve(cmd.Context(), env, &s, defaults, r.run)
		},
	}
	s.bind(root, flagNATSURL, flagDataDir, flagListen)
	return execute(ctx, root, args, env)
}
