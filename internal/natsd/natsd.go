// Package natsd runs a NATS server with JetStream inside our own process: the
// store in the data directory, every acknowledged message fsynced, a loopback
// listener or none. It is the only package that imports nats-server; all
// others reach the server as clients.
//
// # Two accounts
//
// Our own roles live in the server's global account, beside the streams. All
// other users, emitters and the open loopback user alike, live in an account
// of their own that imports the few subjects they may use. Permissions alone
// would not do: the server checks the subject of a publish but not its reply
// subject, nor the deliver subject of a consumer, so that one with the right
// to publish a report could have an acknowledgement written into tt.v1.events.
// Across accounts a reply only ever reaches the account that asked.
package natsd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Limits of the embedded server.
const (
	maxPayload       = 1 << 20 // bytes; an event has 64 KiB, a quarantined body 512 KiB
	maxConnections   = 1024
	maxSubscriptions = 1024 // of one connection
	authTimeout      = 5    // seconds
	pingInterval     = 20 * time.Second
	maxPingsOut      = 3
	startTimeout     = 60 * time.Second // recovery reads the index of every stream
)

// Config describes an embedded server.
type Config struct {
	// StoreDir holds the streams. Required; created with mode 0700 when absent.
	// Who can write there can rewrite history.
	StoreDir string

	// Name of the server in logs and in INFO. Default "telltale".
	Name string

	// Listen is host:port of the client listener, port 0 for a free one.
	// Empty: clients come in through [Server.InProcess] only.
	Listen string

	// RelaxedSync leaves fsync to a timer of two minutes, as the NATS default
	// does. An acknowledged message is then lost when the power fails, so this
	// is for tests and replicas only. Default: fsync before each ack.
	RelaxedSync bool

	// TLS of the client listener. Optional; MinVersion is raised to TLS 1.3.
	TLS *tls.Config

	// MaxStore bounds the store in bytes. 0: what the server thinks fit for the
	// disk (three quarters of what is free).
	MaxStore int64

	// Users who may connect. Empty, together with an empty NoAuthUser: everyone
	// may do everything, which is for tests.
	Users []User

	// NoAuthUser names the user that a client without credentials becomes.
	// Empty: such a client is refused. The caller sees to it that Listen is
	// loopback.
	NoAuthUser string

	// Logger receives what the server logs. nil: nothing is logged.
	Logger *slog.Logger
}

// Server is a running embedded server. Its methods are safe for concurrent use.
type Server struct {
	srv    *server.Server
	log    *logger
	dir    string
	lock   *dirLock
	listen bool
}

// Start starts a server and returns when clients can connect. ctx bounds the
// start only; [Server.Stop] ends the server. A start that fails leaves nothing
// running and returns an [*Error].
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.StoreDir == "" {
		return nil, &Error{Kind: KindConfig, Op: "start", Hint: "set the data directory", Err: errors.New("no store directory")}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	lock, err := lockStore(cfg.StoreDir)
	if err != nil {
		return nil, err
	}
	log := newLogger(cfg.Logger)
	srv, err := start(ctx, cfg, log)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return &Server{srv: srv, log: log, dir: cfg.StoreDir, lock: lock, listen: cfg.Listen != ""}, nil
}

func start(ctx context.Context, cfg Config, log *logger) (*server.Server, error) {
	opts, err := options(cfg)
	if err != nil {
		return nil, err
	}
	auth, err := newAuthenticator(cfg.Users, cfg.NoAuthUser)
	if err != nil {
		return nil, err
	}
	if auth != nil {
		opts.CustomClientAuthentication = auth
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, &Error{Kind: KindConfig, Op: "configure the NATS server", Err: err}
	}
	srv.SetLoggerV2(log, false, false, false)
	stop := func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	// The server reports a failed start by logging it as fatal and going on.
	srv.Start()
	if err := log.fatal(); err != nil {
		stop()
		return nil, classify("start the NATS server", cfg.StoreDir, err)
	}
	wait := startTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	if !srv.ReadyForConnections(wait) || ctx.Err() != nil {
		stop()
		return nil, classify("start the NATS server", cfg.StoreDir,
			errors.Join(errors.New("it did not become ready"), log.fatal(), ctx.Err()))
	}
	if auth != nil {
		if err := auth.open(srv); err != nil {
			stop()
			return nil, &Error{Kind: KindConfig, Op: "set up the accounts", Err: err}
		}
	}
	return srv, nil
}

func options(cfg Config) (*server.Options, error) {
	name := cfg.Name
	if name == "" {
		name = "telltale"
	}
	opts := &server.Options{
		ServerName:        name,
		NoSigs:            true, // signals belong to the program
		JetStream:         true,
		StoreDir:          cfg.StoreDir,
		JetStreamMaxStore: cfg.MaxStore,
		SyncAlways:        !cfg.RelaxedSync,
		MaxPayload:        maxPayload,
		MaxConn:           maxConnections,
		MaxSubs:           maxSubscriptions,
		AuthTimeout:       authTimeout,
		PingInterval:      pingInterval,
		MaxPingsOut:       maxPingsOut,
		DontListen:        cfg.Listen == "",
	}
	if cfg.Listen == "" {
		return opts, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, &Error{Kind: KindConfig, Op: "read the NATS listen address", Hint: "give it as host:port, e.g. 127.0.0.1:4222", Err: err}
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return nil, &Error{Kind: KindConfig, Op: "read the NATS listen address", Hint: "the port is a number", Err: err}
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	} else if err := probe(cfg.Listen); err != nil {
		return nil, err
	}
	if cfg.TLS != nil {
		opts.TLSConfig = cfg.TLS.Clone()
		opts.TLSConfig.MinVersion = max(opts.TLSConfig.MinVersion, tls.VersionTLS13)
		opts.TLS = true
		opts.TLSTimeout = authTimeout
	}
	return opts, nil
}

// probe binds the address for a moment, because the server itself would only
// log that the port is taken. Should someone take it in between, the server
// does not become ready and says so.
func probe(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		err = l.Close()
	}
	if err == nil {
		return nil
	}
	return &Error{
		Kind: KindPortInUse, Op: "listen on " + addr, Err: err,
		Hint: "another process has this port (another telltale?): stop it, or choose another address with --nats-listen",
	}
}

// InProcess lets a client of this process connect without a socket. The client
// still needs the credentials of a user when there are users.
func (s *Server) InProcess() nats.InProcessConnProvider { return s.srv }

// ClientURL is the URL of the client listener, "" when there is none.
func (s *Server) ClientURL() string {
	if !s.listen {
		return ""
	}
	return s.srv.ClientURL()
}

// Watch waits until ctx ends and returns nil, or until the disk has failed a
// stream: from then on the server refuses every write to that stream until it is
// started anew, whatever becomes of the disk. The error is an [*Error]. It is
// called once.
func (s *Server) Watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.log.broken:
		broken := classify("keep the streams", s.dir, err)
		if broken.Hint == "" {
			broken.Hint = "look at the disk of " + s.dir + " and start again; nothing that was acknowledged is lost"
		}
		return broken
	}
}

// Stop disconnects all clients, closes the store and waits until the server has
// ended. It may be called more than once.
func (s *Server) Stop() error {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	if err := s.lock.release(); err != nil {
		return fmt.Errorf("release the store directory: %w", err)
	}
	return nil
}
