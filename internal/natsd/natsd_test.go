package natsd_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStartRefuses gives each thing that keeps a server from starting.
func TestStartRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		kind   natsd.Kind
		config func(t *testing.T) natsd.Config
	}{
		"no directory": {natsd.KindConfig, func(*testing.T) natsd.Config { return natsd.Config{} }},
		"bad address": {natsd.KindConfig, func(t *testing.T) natsd.Config {
			return natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1"}
		}},
		"port in use": {natsd.KindPortInUse, func(t *testing.T) natsd.Config {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
			return natsd.Config{StoreDir: t.TempDir(), Listen: l.Addr().String()}
		}},
		"a file in the way": {natsd.KindUnwritable, func(t *testing.T) natsd.Config {
			path := filepath.Join(t.TempDir(), "store")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return natsd.Config{StoreDir: filepath.Join(path, "below")}
		}},
		"directory in use": {natsd.KindInUse, func(t *testing.T) natsd.Config {
			cfg := natsd.Config{StoreDir: t.TempDir()}
			testkit.Start(t, cfg)
			return cfg
		}},
		"disk full": {natsd.KindDiskFull, func(t *testing.T) natsd.Config {
			dir := t.TempDir()
			// The device that is always full stands in for the disk.
			if err := os.Symlink("/dev/full", filepath.Join(dir, "telltale.lock")); err != nil {
				t.Fatal(err)
			}
			return natsd.Config{StoreDir: dir}
		}},
		"an emitter named as a role": {natsd.KindConfig, func(t *testing.T) natsd.Config {
			return natsd.Config{StoreDir: t.TempDir(), Users: []natsd.User{{Name: "a"}, {Name: "a", Own: true}}}
		}},
		"a user without a name": {natsd.KindConfig, func(t *testing.T) natsd.Config {
			return natsd.Config{StoreDir: t.TempDir(), Users: []natsd.User{{}}}
		}},
		"unknown user for nobody": {natsd.KindConfig, func(t *testing.T) natsd.Config {
			return natsd.Config{StoreDir: t.TempDir(), NoAuthUser: "local"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.config(t)
			s, err := natsd.Start(t.Context(), cfg)
			var e *natsd.Error
			if !errors.As(err, &e) || e.Kind != c.kind {
				if s != nil {
					t.Error(s.Stop())
				}
				t.Fatalf("got %v", err)
			}
			if e.Kind != natsd.KindConfig && e.Hint == "" {
				t.Errorf("%v has no hint", err)
			}
		})
	}
}

func TestStartCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := natsd.Start(ctx, natsd.Config{StoreDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestStopIsFinal frees all that a server holds, and what was stored is there
// after the next start.
func TestStopIsFinal(t *testing.T) {
	cfg := natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}
	s := testkit.Start(t, cfg)
	c := testkit.Connect(t, stream.Options{URL: s.ClientURL()})
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true})
	if _, err := c.JS.Publish(t.Context(), "tt.v1.events.prod._._", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	before, err := stream.Identify(t.Context(), c.JS, "TT_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	s = testkit.Start(t, cfg)
	c = testkit.Connect(t, stream.Options{InProcess: s.InProcess()})
	after, err := stream.Identify(t.Context(), c.JS, "TT_EVENTS")
	if err != nil || after.Incarnation() != before.Incarnation() || after.Last != 1 {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
}
