package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/internal/stream"
)

// broker is the NATS server of a process, embedded or outside, with its streams
// in place.
type broker struct {
	p     *process
	inner *natsd.Server // nil when the server is outside
	roles natsd.Roles   // passwords of our roles; nil when the configuration has its own

	metrics *stream.Metrics
}

// broker starts the embedded server, or finds the one outside, and sees to it
// that the streams are as they must be.
func (p *process) broker(ctx context.Context) (*broker, error) {
	metrics, err := stream.NewMetrics(p.metrics)
	if err != nil {
		return nil, err
	}
	b := &broker{p: p, metrics: metrics}
	settings := stream.Settings{Replicas: p.cfg.NATS.Replicas, AllowSingleReplica: p.cfg.NATS.Replicas == 1}
	if p.cfg.NATS.URL == "" {
		if err := b.start(ctx); err != nil {
			return nil, err
		}
		settings = stream.Settings{Replicas: 1, AllowSingleReplica: true}
	} else if err = b.findRoles(); err != nil {
		return nil, err
	}
	keeper := natsd.RoleAdmin
	if b.inner == nil { // whose admin, if it is one of ours, is in that process only: there the streams are as they must be
		keeper = natsd.RoleIngest
	}
	conn, err := b.dial(ctx, keeper)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := stream.Ensure(ctx, conn.JS, settings); err != nil {
		return nil, replicasHint(err)
	}
	return b, nil
}

// codeNotClustered is the server's answer to more than one replica when it is
// alone.
const codeNotClustered = 10074

// replicasHint says what to do when the server outside cannot keep the copies
// that are asked for.
func replicasHint(err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != codeNotClustered {
		return err
	}
	return &Fault{
		Op: "keep three copies", Err: err,
		Hint: "nats.url is one server: use a cluster of three, or set nats.replicas to 1 if that server has sync_interval: always",
	}
}

// start starts the embedded server, with users for our roles, for every emitter
// that has a token, and, when the listener is open, for those without one.
func (b *broker) start(ctx context.Context) error {
	cfg := b.p.cfg
	certificate, err := loadTLS(cfg.NATS.TLS.CertFile, cfg.NATS.TLS.KeyFile)
	if err != nil {
		return fmt.Errorf("nats.tls: %w", err)
	}
	b.roles = natsd.GenerateRoles()
	server := natsd.Config{
		StoreDir:    filepath.Join(cfg.DataDir, "nats"),
		Name:        "telltale-" + cfg.Recorder,
		Listen:      cfg.NATS.Listen,
		RelaxedSync: cfg.NATS.RelaxedSync,
		TLS:         certificate,
		MaxStore:    int64(cfg.NATS.MaxStoreBytes),
		Users:       b.roles.Users(),
		Logger:      b.p.log.With("room", "natsd"),
	}
	for name, hash := range b.p.auth.Emitters() {
		server.Users = append(server.Users, natsd.Emitter(name, hash))
	}
	if cfg.Auth.TokensFile == "" && (cfg.Server.Insecure || obs.IsLoopback(cfg.NATS.Listen)) {
		local := natsd.Local()
		server.Users, server.NoAuthUser = append(server.Users, local), local.Name
	}
	if b.inner, err = natsd.Start(ctx, server); err != nil {
		return err
	}
	b.p.natsURL = b.inner.ClientURL()
	b.p.opened.add("NATS server", b.inner.Stop)
	b.p.serve("nats", b.inner.Watch)
	if cfg.NATS.Listen == "" {
		return nil
	}
	return natsd.WriteRoles(cfg.DataDir, b.roles)
}

// findRoles looks for the passwords that a server of our own left in the data
// directory, for when the configuration has no credentials.
func (b *broker) findRoles() error {
	if b.p.cfg.NATS.User != "" || b.p.cfg.NATS.CredsFile != "" {
		return nil
	}
	roles, err := natsd.ReadRoles(b.p.cfg.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a server that asks for none
	}
	b.roles = roles
	return err
}

// connect opens a connection for one of our roles. It is closed with the
// process, and a health check stands for it.
func (b *broker) connect(ctx context.Context, role string) (*stream.Conn, error) {
	conn, err := b.dial(ctx, role)
	if err != nil {
		return nil, err
	}
	b.p.opened.add("NATS connection of "+role, func() error {
		conn.Close()
		return nil
	})
	b.p.health.Register("nats-"+role, func(context.Context) error {
		if status := conn.NC.Status(); status != nats.CONNECTED {
			return fmt.Errorf("the connection is %s", status)
		}
		return nil
	})
	return conn, nil
}

func (b *broker) dial(ctx context.Context, role string) (*stream.Conn, error) {
	cfg := b.p.cfg.NATS
	opts := stream.Options{Name: "telltale-" + role, Logger: b.p.log.With("room", "stream", "role", role)}
	if b.inner != nil {
		opts.InProcess = b.inner.InProcess()
	} else {
		certificates, err := clientTLS(cfg.TLS)
		if err != nil {
			return nil, fmt.Errorf("nats.tls: %w", err)
		}
		opts.URL, opts.CredsFile, opts.TLS = cfg.URL, cfg.CredsFile, certificates
		opts.User, opts.Password = cfg.User, cfg.Password.Reveal()
	}
	if password, ok := b.roles[role]; ok {
		opts.User, opts.Password, opts.InboxPrefix = role, password, natsd.InboxPrefix(role)
	}
	return stream.Connect(ctx, opts)
}

// clientTLS reads what a TLS client needs, nil when nothing is configured.
func clientTLS(cfg config.NATSTLS) (*tls.Config, error) {
	conf, err := loadTLS(cfg.CertFile, cfg.KeyFile)
	if err != nil || cfg.CAFile == "" {
		return conf, err
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	if conf == nil {
		conf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", cfg.CAFile)
	}
	return conf, nil
}
