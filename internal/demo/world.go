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
	listen  string           // of HTTP, host:port
	dataDir string           // must be empty or missing; "": a temporary one
	now     func() time.Time // of the inbox
	version string
	logger  *slog.Logger
}

// world is one running Telltale with what stands around it.
type world struct {
	at       app.Endpoints
	api      *api
	inbox    *inbox
	overHTTP *emit.Client
	overNATS *emit.Client
}

// errServerEnded is why a story stops when its server does.
var errServerEnded = errors.New("the server ended")

// withWorld starts a Telltale with all its roles, waits until it is ready, runs
// use, and stops it again. The ctx of use also ends when the server does.
func withWorld(ctx context.Context, o worldOptions, use func(context.Context, *world) error) (err error) {
	dir, leave, err := dataDir(o.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	// The inbox outlives the server, which may still send while it stops.
	in, err := openInbox(ctx, o.now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	cfg := configure(o.listen, dir, in)
	if err := cfg.Validate(); err != nil {
		return err
	}
	return withServer(ctx, cfg, o, func(ctx context.Context, at app.Endpoints) error {
		w, err := enter(at, in)
		if err != nil {
			return err
		}
		return errors.Join(w.use(ctx, use), w.close())
	})
}

// dataDir returns a directory for data: the given one, or a temporary one that
// leave removes again.
func dataDir(given string) (dir string, leave func() error, err error) {
	if given == "" {
		if dir, err = os.MkdirTemp("", "telltale-demo-"); err != nil {
			return "", nil, fmt.Errorf("make a data directory: %w", err)
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	found, err := os.ReadDir(given)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", nil, fmt.Errorf("look into the data directory: %w", err)
	case len(found) > 0:
		// The words of an earlier story have the same ids and other times.
		return "", nil, &app.Fault{
			Op: "tell the story in " + given, Err: errors.New("the directory is not empty"),
			Hint: "name another one, or look at what is there with: telltale serve --data-dir " + given,
		}
	}
	return given, func() error { return nil }, nil
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
			Version: o.version, Logger: o.logger,
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

// enter opens the doors. They have no spool: what does not arrive is to be seen.
func enter(at app.Endpoints, in *inbox) (*world, error) {
	overHTTP, err := emit.New(emit.Options{Server: at.HTTP})
	if err != nil {
		return nil, fmt.Errorf("open the HTTP door: %w", err)
	}
	overNATS, err := emit.New(emit.Options{Server: at.NATS})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the NATS door: %w", err), overHTTP.Close())
	}
	return &world{at: at, api: newAPI(at.HTTP), inbox: in, overHTTP: overHTTP, overNATS: overNATS}, nil
}

func (w *world) close() error {
	w.api.close()
	return errors.Join(w.overHTTP.Close(), w.overNATS.Close())
}

// use runs the given function once the server is ready.
func (w *world) use(ctx context.Context, use func(context.Context, *world) error) error {
	ready := func(ctx context.Context) error {
		_, err := w.api.read(ctx, "/readyz", nil)
		return err
	}
	if err := await(ctx, ready); err != nil {
		return fmt.Errorf("wait until the server is ready: %w", err)
	}
	return use(ctx, w)
}

// client returns the emitter's client that goes through a door.
func (w *world) client(d door) *emit.Client {
	if d == raw {
		return w.overNATS
	}
	return w.overHTTP
}
