package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/ingest"
	"github.com/telltale-dev/telltale/internal/obs"
)

// Options are what a process is given beside its configuration.
type Options struct {
	// Version of this program, for /v1/status, metrics and the log.
	Version string

	// Logger takes the log of all rooms. Nil drops it.
	Logger *slog.Logger

	// Reload, if set, asks with each value to read the files of mappings again. One
	// that cannot be used leaves all as it was, and is told in the log.
	Reload <-chan os.Signal

	// Started, if set, is called once everything runs; it must return at once.
	// The process may not be ready yet: /readyz says when it is.
	Started func(Endpoints)
}

// Endpoints are where a process can be reached.
type Endpoints struct {
	HTTP string // base URL of the listener
	NATS string // URL of the embedded server's listener, "" when there is none
}

// process is one process while it is put together: what it has opened, what it
// will run, and what it will answer.
type process struct {
	cfg     *config.Config
	version string
	log     *slog.Logger
	metrics *prometheus.Registry
	health  obs.Health
	auth    *access.Auth
	mux     *http.ServeMux
	opened  cleanups
	natsURL string         // of the embedded server's listener
	ingest  *ingest.Ingest // the doors, nil in a process without; set before anything runs

	services []service
}

// run puts a process together with setup and runs it until ctx ends or a service
// does. Whatever happens, all that was opened is closed before it returns.
func run(ctx context.Context, cfg *config.Config, opts Options, setup func(context.Context, *process) error) (err error) {
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &process{
		cfg:     cfg,
		version: opts.Version,
		log:     log,
		metrics: obs.NewRegistry(opts.Version),
		mux:     http.NewServeMux(),
		opened:  cleanups{log: log},
	}
	defer func() {
		undone := p.opened.run()
		if err == nil {
			err = undone
		} else if undone != nil { // mostly follows from err, which is for the person
			log.Warn("not closed in order", "error", undone)
		}
	}()

	server, err := p.listen(ctx)
	if err != nil {
		return err
	}
	if p.auth, err = loadAuth(cfg.Auth); err != nil {
		return err
	}
	if err := setup(ctx, p); err != nil {
		return err
	}
	p.mux.Handle("GET /livez", p.health.Live())
	p.mux.Handle("GET /readyz", p.health.Ready())
	p.mux.Handle("GET /metrics", obs.MetricsHandler(p.metrics))
	p.mux.Handle("/", obs.NotFound())

	if opts.Reload != nil {
		p.serve("reload", func(ctx context.Context) error { return p.reload(ctx, opts.Reload) })
	}
	services := append([]service{{"http", server.Serve}}, p.services...)
	endpoints := Endpoints{HTTP: p.url(server.Listener), NATS: p.natsURL}
	return supervise(ctx, log, stopTimeout, services, func() {
		// From the first word of a stop on, nothing more is to be sent our way.
		context.AfterFunc(ctx, p.health.Drain)
		log.Info("started", "version", opts.Version, "http", endpoints.HTTP, "nats", endpoints.NATS)
		if opts.Started != nil {
			opts.Started(endpoints)
		}
	})
}

// serve adds a service, to run from the start of the process to its end.
func (p *process) serve(name string, run func(context.Context) error) {
	p.services = append(p.services, service{name, run})
}

// listen opens the HTTP listener.
func (p *process) listen(ctx context.Context) (*obs.Server, error) {
	certificate, err := loadTLS(p.cfg.Server.TLS.CertFile, p.cfg.Server.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	addr := p.cfg.Server.Listen
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	// Serve closes it too; this is for a setup that fails before.
	p.opened.add("HTTP listener", func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	names := p.cfg.Server.Names
	if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
		names = append([]string{host}, names...)
	}
	return &obs.Server{
		Listener: l,
		Handler:  obs.Guard(names, p.mux),
		TLS:      certificate,
		Logger:   p.log,
	}, nil
}

// url returns the base URL of the HTTP listener, as a client on this machine
// would use it.
func (p *process) url(l net.Listener) string {
	scheme := "http"
	if p.cfg.Server.TLS.Enabled() {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String()
}

// listenError says what to do about an address that cannot be listened on.
func listenError(addr string, err error) error {
	f := &Fault{Op: "listen on " + addr, Err: err, Hint: "choose another address with --listen"}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Hint = "another process has this port (another telltale?): stop it, or choose another address with --listen"
	case errors.Is(err, syscall.EACCES):
		f.Hint = "ports below 1024 need a privilege: choose another one with --listen"
	}
	var sys syscall.Errno
	if errors.As(err, &sys) {
		f.Err = sys // the rest of the error repeats the address
	}
	return f
}

// loadAuth reads the tokens, if there are any.
func loadAuth(cfg config.Auth) (*access.Auth, error) {
	if cfg.TokensFile == "" {
		return access.Open(), nil
	}
	return access.Load(cfg.TokensFile)
}

// loadTLS reads a certificate, nil when none is configured.
func loadTLS(certFile, keyFile string) (*tls.Config, error) {
	if certFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}, nil
}
