// Package testkit gives tests a real NATS server. It is for tests only.
package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
)

// startTimeout is generous: it only ends a test that hangs.
const startTimeout = 30 * time.Second

// NATS starts an embedded server with all streams in a directory of the test
// and returns a connection to it. Acknowledged messages are not synced, which
// makes tests fast; ask [NATSServer] with a configuration for more. Everything
// ends with the test.
func NATS(t testing.TB) *stream.Conn {
	t.Helper()
	_, c := NATSServer(t)
	return c
}

// NATSServer is [NATS] for tests that also need the server. Each change is
// applied to the configuration before the start.
func NATSServer(t testing.TB, changes ...func(*natsd.Config)) (*natsd.Server, *stream.Conn) {
	t.Helper()
	cfg := natsd.Config{StoreDir: t.TempDir(), RelaxedSync: true}
	for _, change := range changes {
		change(&cfg)
	}
	s := Start(t, cfg)
	c := Connect(t, stream.Options{InProcess: s.InProcess()})
	Ensure(t, c, stream.Settings{AllowSingleReplica: true})
	return s, c
}

// Start starts a server that stops at the end of the test, if it still runs.
func Start(t testing.TB, cfg natsd.Config) *natsd.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	s, err := natsd.Start(ctx, cfg)
	if err != nil {
		t.Fatalf("start the NATS server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the NATS server: %v", err)
		}
	})
	return s
}

// Connect connects until the end of the test.
func Connect(t testing.TB, o stream.Options) *stream.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	c, err := stream.Connect(ctx, o)
	if err != nil {
		t.Fatalf("connect to NATS: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// Ensure makes the streams.
func Ensure(t testing.TB, c *stream.Conn, s stream.Settings) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if err := stream.Ensure(ctx, c.JS, s); err != nil {
		t.Fatalf("make the streams: %v", err)
	}
}
