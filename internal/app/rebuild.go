package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/internal/projector"
	"github.com/telltale-dev/telltale/internal/store"
)

// RebuildOptions say how to rebuild.
type RebuildOptions struct {
	// Verify compares the store with what its events say and replaces nothing.
	Verify bool

	// AcceptLoss goes on although the stream has lost, for good, messages that
	// the store knows of.
	AcceptLoss bool

	// Progress, if set, is told of every batch: messages folded, and to fold.
	Progress func(done, total uint64)
}

// Rebuilt is what a rebuild came to.
type Rebuilt struct {
	Deployments uint64 `json:"deployments"`
	Digest      string `json:"digest"`    // over all deployments, as /v1/digest says it
	Position    uint64 `json:"position"`  // in TT_EVENTS
	Redefined   int    `json:"redefined"` // deployments of which other changes had been told
}

// Rebuild folds the stream from its first message into a new store of the
// projector, and puts it in the place of the old one or compares the two. The
// stream is that of the embedded server, which is started for as long as it
// takes, or of the server that the configuration names. No projector may have
// the store open. A store that is not what its events say is an error of verifying.
// [Hint] says what to do about an error.
func Rebuild(ctx context.Context, cfg *config.Config, opts RebuildOptions) (rebuilt Rebuilt, err error) {
	quiet := slog.New(slog.DiscardHandler)
	own := *cfg
	own.NATS.Listen = "" // nobody else is to write while we read
	p := &process{cfg: &own, log: quiet, metrics: obs.NewRegistry(""), opened: cleanups{log: quiet}}
	defer func() { err = errors.Join(err, p.opened.run()) }()

	if p.auth, err = loadAuth(own.Auth); err != nil {
		return Rebuilt{}, err
	}
	b, err := p.broker(ctx)
	if err != nil {
		return Rebuilt{}, err
	}
	conn, err := b.connect(ctx, natsd.RoleProjector)
	if err != nil {
		return Rebuilt{}, err
	}
	dir := filepath.Join(own.DataDir, "projector")
	result, err := projector.Rebuild(ctx, projector.RebuildOptions{
		Conn:       conn,
		Dir:        dir,
		Store:      store.Options{CacheBytes: int64(own.Projector.CacheBytes), Sync: own.Projector.Sync},
		Verify:     opts.Verify,
		AcceptLoss: opts.AcceptLoss,
		Progress:   opts.Progress,
		Stream:     b.metrics,
	})
	if err != nil {
		return Rebuilt{}, err
	}
	if opts.Verify && !result.Same() {
		return Rebuilt{}, &Fault{
			Op:   "verify " + dir,
			Err:  fmt.Errorf("the store says %s, its events say %s", result.Live.Digest, result.Digest.Digest),
			Hint: "rebuild it without --verify, and please report this: it should not happen",
		}
	}
	return Rebuilt{
		Deployments: result.Digest.Deployments,
		Digest:      result.Digest.Digest,
		Position:    result.Digest.Position,
		Redefined:   result.Redefined,
	}, nil
}
