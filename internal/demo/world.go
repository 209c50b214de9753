package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/pkg/emit"
)

// worldOptions say where a world lives.
type worldOptions struct {
	Listen  string           // of HTTP, host:port
	DataDir string           // must be empty or missing; "": a temporary one
	Now     func() time.Time // of the inbox
	Version string
	Logger  *slog.Logger
}

// world is one running Telltale with what stands around it.
type world struct {
	at    app.Endpoints
	api   *api
	inbox *inbox
	doors map[door]*emit.Client
}

// errServerEnded is why a story stops when its server does.
var errServerEnded = errors.New("the server ended")

// withWorld starts a Telltale with all its roles, waits until it is ready, runs
// use, and stops it again. The ctx of use also ends when the server does.
func withWorld(ctx context.Context, o worldOptions, use func(context.Context, *world) error) error {
	return withDir(o.DataDir, func(dir string) error {
		return withInbox(ctx, o.Now, func(in *inbox) error {
			cfg := configure(o.Listen, dir, in)
			if err := cfg.Validate(); err != nil {
				return err
			}
			return withServer(ctx, cfg, o, func(ctx context.Context, at app.Endpoints) error {
				return withDoors(at, func(doors map[door]*emit.Client) error {
					w := &world{at: at, api: newAPI(at.HTTP), inbox: in, doors: doors}
					defer w.api.close()
					ready := func(ctx context.Context) error {
						_, err := w.api.read(ctx, "/readyz", nil)
						return err
					}
					if err := await(ctx, ready); err != nil {
						return fmt.Errorf("wait until the server is ready: %w", err)
					}
					return use(ctx, w)
				})
			})
		})
	})
}

// withDir runs use with a directory for data: the given one, or a temporary one
// that is removed again.
func withDir(given string, use func(dir string) error) error {
	if given != "" {
		found, err := os.ReadDir(given)
		switch {
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("look into the data directory: %w", err)
		case len(found) > 0:
			return &app.Fault{
				Op: "tell the story in " + given, Err: errors.New("the directory is not empty"),
				Hint: "name another one, or look at what is there with: telltale serve --data-dir " + given,
			}
		}
		return use(given)
	}
	dir, err := os.MkdirTemp("", "telltale-demo-")
	if err != nil {
		return fmt.Errorf("make a data directory: %w", err)
	}
	return errors.Join(use(dir), os.RemoveAll(dir))
}

// configure returns the configuration that a user would write for this.
func configure(listen, dir string, in *inbox) *config.Config {
	const oncall = "oncall"
	cfg := config.Default()
	cfg.DataDir = dir
	cfg.Recorder = "demo"
	cfg.Regions = regions()
	cfg.Server.Listen = listen
	cfg.NATS.Listen = "127.0.0.1:0"
	cfg.Projector.CacheBytes = 16 << 20
	cfg.Notifier.Route.Receiver = oncall
	cfg.Notifier.Receivers = []config.Receiver{{Name: oncall, WebhookConfigs: []config.Webhook{{
		URL: config.Secret(in.url), Secret: config.Secret(in.secret), AllowPrivate: true,
	}}}}
	return cfg
}

// withServer runs use beside the server, from when it has started.
func withServer(ctx context.Context, cfg *config.Config, o worldOptions, use func(context.Context, app.Endpoints) error) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	using, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	started := make(chan app.Endpoints, 1)
	ended := make(chan error, 1)
	go func() {
		err := app.Serve(serving, cfg, app.Options{
			Version: o.Version, Logger: o.Logger,
			Started: func(at app.Endpoints) { started <- at },
		})
		lost(errServerEnded)
		ended <- err
	}()
	var err error
	select {
	case at := <-started:
		err = use(using, at)
	case <-using.Done():
	}
	stop()
	return errors.Join(<-ended, err)
}

// withDoors runs use with a client for each door. They have no spool: what does
// not arrive is to be seen.
func withDoors(at app.Endpoints, use func(map[door]*emit.Client) error) (err error) {
	overHTTP, err := emit.New(emit.Options{Server: at.HTTP})
	if err != nil {
		return fmt.Errorf("open the HTTP door: %w", err)
	}
	defer func() { err = errors.Join(err, overHTTP.Close()) }()
	overNATS, err := emit.New(emit.Options{Server: at.NATS})
	if err != nil {
		return fmt.Errorf("open the NATS door: %w", err)
	}
	defer func() { err = errors.Join(err, overNATS.Close()) }()
	return use(map[door]*emit.Client{batch: overHTTP, single: overHTTP, raw: overNATS})
}
