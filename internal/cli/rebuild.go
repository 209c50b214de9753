package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/config"
)

// newRebuildCommand returns `telltale rebuild`, which makes the projector's
// store anew from the stream while no projector runs.
func newRebuildCommand(env Env, rebuild rebuild) *cobra.Command {
	r := &rebuilder{reader: reader{env: env, output: formatTable}, rebuild: rebuild}
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Fold everything again from the first event",
		Long: `Rebuild folds the stream from its first message into a fresh store and puts it
in the place of the present one, which nobody may have open. Changes that were
told already are not told again.

With --verify nothing is replaced: the digest of the fresh store is compared
with that of the present one, and a difference is an error.

A stream that was made anew, or that has lost messages the store has seen, is
refused: what is gone cannot be folded again. --accept-loss goes on without it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context()) },
	}
	r.settings.bind(cmd, flagDataDir, flagNATSURL)
	flags := cmd.Flags()
	flags.BoolVar(&r.verify, "verify", false, "only compare with the present store")
	flags.BoolVar(&r.acceptLoss, "accept-loss", false, "go on without messages that the stream has lost")
	flags.VarP(&r.output, "output", "o", "how to write the result: table, json or yaml")
	cmd.MarkFlagsMutuallyExclusive("verify", "accept-loss")
	return cmd
}

// rebuild is [app.Rebuild].
type rebuild func(context.Context, *config.Config, app.RebuildOptions) (app.Rebuilt, error)

type rebuilder struct {
	reader

	rebuild            rebuild
	settings           settings
	verify, acceptLoss bool

	told uint64 // percent that the person was told last
}

func (r *rebuilder) run(ctx context.Context) error {
	cfg, err := r.settings.load(r.env, nil)
	if err != nil {
		return err
	}
	rebuilt, err := r.rebuild(ctx, cfg, app.RebuildOptions{Verify: r.verify, AcceptLoss: r.acceptLoss, Progress: r.progress})
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if r.asData() {
		text, err := json.Marshal(rebuilt)
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return r.document(text)
	}
	result := "The store was rebuilt."
	if r.verify {
		result = "Verified: the store is what its events say."
	}
	return copyText(r.env.Stdout, result, fmt.Sprintf("%d deployments, digest %s", rebuilt.Deployments, rebuilt.Digest))
}

// progress tells the person on stderr how far the fold is, at every tenth of
// the way.
func (r *rebuilder) progress(done, total uint64) {
	if total == 0 {
		return
	}
	percent := done * 100 / total
	if percent < r.told+10 {
		return
	}
	r.told = percent - percent%10
	if _, err := fmt.Fprintf(r.env.Stderr, "%3d%%  %d of %d messages\n", percent, done, total); err != nil {
		return // nobody watches
	}
}
