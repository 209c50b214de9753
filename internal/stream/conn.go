package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits of a connection.
const (
	connectTimeout = 5 * time.Second
	reconnectWait  = 50 * time.Millisecond
	reconnectMax   = 5 * time.Second
	apiTimeout     = 10 * time.Second
	pingInterval   = 10 * time.Second // two missed pings: the connection is dead
)

// Options say where the streams are and who we are.
type Options struct {
	// URL of the server, or several separated by commas. Exclusive with InProcess.
	URL string

	// InProcess connects to a server of this process.
	InProcess nats.InProcessConnProvider

	// Name of this client in the server's logs. Default "telltale".
	Name string

	// User and Password; both empty: none are given.
	User, Password string

	// InboxPrefix of the reply subjects. Default "_INBOX"; our own roles have
	// one each, see natsd.InboxPrefix.
	InboxPrefix string

	// CredsFile is a NATS credentials file (JWT and seed). Optional.
	CredsFile string

	// TLS of the connection. Optional.
	TLS *tls.Config

	// Logger receives losses of the connection and asynchronous errors. nil:
	// nothing is logged.
	Logger *slog.Logger
}

// Conn is a connection to the server of the streams. It reconnects for ever;
// what is in flight when it breaks fails at once and is for the caller to
// retry: nothing is buffered, because a half-sent batch must not arrive late.
type Conn struct {
	NC *nats.Conn
	JS jetstream.JetStream

	// life ends when the connection breaks, and is replaced when it is back.
	life *atomic.Pointer[life]
}

// life is one unbroken time of a connection.
type life struct {
	ctx context.Context
	end context.CancelCauseFunc
}

func newLife() *life {
	ctx, end := context.WithCancelCause(context.Background()) // of the connection, not of a caller
	return &life{ctx, end}
}

// errLost says that the connection broke before the answer came.
var errLost = errors.New("the connection to NATS was lost")

// wait returns a context for one request: it ends with ctx, after the timeout,
// and when the connection breaks, since then no answer will come.
func (c *Conn) wait(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, lost := context.WithCancelCause(ctx)
	l := c.life.Load().ctx
	stop := context.AfterFunc(l, func() { lost(context.Cause(l)) })
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, func() {
		stop()
		cancel()
		lost(nil)
	}
}

// why returns the reason for which a context from wait ended, when err says no
// more than that it did.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errLost) && errors.Is(err, context.Canceled) {
		return errLost
	}
	return err
}

// Connect connects. ctx bounds the first attempt only. A wrong address or
// wrong credentials are an error, not retried.
func Connect(ctx context.Context, o Options) (*Conn, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	name := o.Name
	if name == "" {
		name = "telltale"
	}
	current := new(atomic.Pointer[life])
	current.Store(newLife())
	opts := []nats.Option{
		nats.Name(name),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return min(reconnectWait<<min(attempts, 10), reconnectMax)
		}),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			current.Load().end(errLost)
			if err != nil {
				log.Warn("nats connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			current.Store(newLife())
			log.Info("nats connection restored", "server", nc.ConnectedServerName())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Warn("nats error", "error", err, "subject", subject)
		}),
	}
	if deadline, ok := ctx.Deadline(); ok {
		opts = append(opts, nats.Timeout(min(connectTimeout, time.Until(deadline))))
	}
	if o.InProcess != nil {
		opts = append(opts, nats.InProcessServer(o.InProcess))
	}
	if o.User != "" || o.Password != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(o.InboxPrefix))
	}
	if o.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(o.CredsFile))
	}
	if o.TLS != nil {
		opts = append(opts, nats.Secure(o.TLS))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, connectError(o, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return &Conn{NC: nc, JS: js, life: current}, nil
}

// Close ends the connection at once. What must still go out is the business of
// those who wrote it: a [Committer] is drained before.
func (c *Conn) Close() { c.NC.Close() }

// connectError adds what to do about a failed connect.
func connectError(o Options, err error) error {
	where := redact(o.URL)
	if o.InProcess != nil {
		where = "the embedded server"
	}
	e := &Error{Kind: Transient, Op: "connect to NATS at " + where, Err: err}
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		e.Kind, e.Hint = Permanent, "check the user and password, or the credentials file"
	case errors.Is(err, nats.ErrNoServers):
		e.Hint = "check that the server runs and that --nats-url is right"
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		e.Kind, e.Hint = Permanent, "client and server disagree about TLS: use tls:// in the URL, or configure TLS on the server"
	}
	return e
}
