package obs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The limits of every HTTP listener of ours.
const (
	readHeaderTimeout = 5 * time.Second
	maxHeaderBytes    = 16 << 10

	// readTimeout and writeTimeout are for a whole request and a whole answer. A
	// handler that streams lifts them for itself with an
	// [http.ResponseController].
	readTimeout  = 60 * time.Second
	writeTimeout = 90 * time.Second
	idleTimeout  = 2 * time.Minute

	defaultMaxConns = 4096
	defaultGrace    = 10 * time.Second
)

// Server is one HTTP listener with our limits. Fields must not change once
// Serve is called.
type Server struct {
	// Listener is served, and closed by Serve. Required. It is opened by the
	// caller so that a port in use is found before anything else starts.
	Listener net.Listener

	// Handler answers every request; see [Guard] for what belongs around it.
	Handler http.Handler

	// TLS, if set, makes the listener speak TLS only.
	TLS *tls.Config

	// MaxConns is how many connections may be open at once; more wait to be
	// accepted. Zero means 4,096.
	MaxConns int

	// Grace is how long requests under way may take to finish once ctx ends.
	// Zero means 10 s.
	Grace time.Duration

	// Logger takes what the HTTP server complains about. Nil drops it.
	Logger *slog.Logger
}

// Serve answers requests until ctx ends, then takes no new ones, waits up to
// Grace for those under way, and cuts the rest off. It returns nil after an
// orderly end, an error when requests had to be cut off or the listener failed.
// No goroutine of its own outlives it.
func (s *Server) Serve(ctx context.Context) error {
	maxConns, grace := s.MaxConns, s.Grace
	if maxConns == 0 {
		maxConns = defaultMaxConns
	}
	if grace == 0 {
		grace = defaultGrace
	}
	log := orDiscard(s.Logger)
	srv := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         s.TLS,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		// Requests under way are let finish when ctx ends: their end is Grace.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, 1)
	go func() {
		l := newLimitListener(s.Listener, maxConns)
		if s.TLS != nil {
			served <- srv.ServeTLS(l, "", "")
			return
		}
		served <- srv.Serve(l)
	}()

	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP on %s: %w", s.Listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests cut off after %v: %w", grace, err), srv.Close())
	}
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}
