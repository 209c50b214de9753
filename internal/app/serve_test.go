package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/natsd"
)

// settings are those of a process with a directory of its own.
func settings(t *testing.T) *config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Server.Listen = "127.0.0.1:0"
	cfg.Projector.CacheBytes = 16 << 20
	cfg.Regions = []string{"eu-west-1"}
	return cfg
}

const (
	checkout = "prod/eu-west-1/checkout/1.0.0"
	basket   = "prod/eu-west-1/basket/1.0.0"
)

// tell reports the same history of two deployments, with one word late.
func tell(door *instance) {
	door.t.Helper()
	door.report(checkout, "planned", 0)
	door.report(checkout, "deployed", 2)
	door.report(checkout, "in_progress", 1)
	door.report(basket, "in_progress", 3)
	door.report(basket, "failed", 4)
}

func TestServeTakesAnswersAndRemembers(t *testing.T) {
	cfg := settings(t)
	i := start(t, Serve, cfg)
	tell(i)
	i.await("/v1/deployments/"+basket, `"status":"failed"`)
	i.await("/v1/deployments/"+checkout, `"status":"deployed"`)
	before := i.digest()
	for path, want := range map[string]int{
		"/livez": 200, "/readyz": 200, "/metrics": 200, "/v1/status": 200, "/v1/slots": 200,
		"/nothing": 404, "/v1/nothing": 404,
	} {
		if code, body := i.do(http.MethodGet, path, "", ""); code != want {
			t.Errorf("%s answers %d %s, want %d", path, code, body, want)
		}
	}
	i.stop()

	i = start(t, Serve, cfg)
	if after := i.digest(); after != before {
		t.Errorf("after a restart %s, before %s", after, before)
	}
	i.stop()
}

func TestServeTurnsStrangersAway(t *testing.T) {
	i := start(t, Serve, settings(t))
	for name, change := range map[string]func(*http.Request){
		"another Host":   func(r *http.Request) { r.Host = "evil.example.org" },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.org") },
	} {
		req, err := http.NewRequest(http.MethodPost, i.at.HTTP+"/v1/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		resp, err := i.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s is answered %d, want 403", name, resp.StatusCode)
		}
	}
	i.stop()
}

func TestRebuildComesToTheSame(t *testing.T) {
	cfg := settings(t)
	i := start(t, Serve, cfg)
	tell(i)
	i.await("/v1/deployments/"+basket, `"status":"failed"`)
	want := i.digest()
	if _, err := Rebuild(t.Context(), cfg, RebuildOptions{Verify: true}); err == nil || Hint(err) == "" {
		t.Errorf("while the store is in use a rebuild returns %v, hint %q", err, Hint(err))
	}
	i.stop()

	folded := uint64(0)
	verified, err := Rebuild(t.Context(), cfg, RebuildOptions{Verify: true, Progress: func(done, _ uint64) { folded = done }})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d deployments, %s", verified.Deployments, verified.Digest); got != want {
		t.Errorf("verified %s, the API said %s", got, want)
	}
	if folded < 5 {
		t.Errorf("%d messages were folded, five events were sent", folded)
	}
	// The store is a cache: without it, or with a damaged one, it is made again.
	if err := os.RemoveAll(filepath.Join(cfg.DataDir, "projector")); err != nil {
		t.Fatal(err)
	}
	if _, err := Rebuild(t.Context(), cfg, RebuildOptions{}); err != nil {
		t.Fatal(err)
	}
	i = start(t, Serve, cfg)
	if got := i.digest(); got != want {
		t.Errorf("rebuilt to %s, want %s", got, want)
	}
	i.stop()
}

// TestSeparateProcessesDoTheSame runs each role by itself against one NATS
// server and compares with all of them in one process.
func TestSeparateProcessesDoTheSame(t *testing.T) {
	whole := start(t, Serve, settings(t))
	tell(whole)
	whole.await("/v1/deployments/"+basket, `"status":"failed"`)
	want := whole.digest()
	whole.stop()

	server, err := natsd.Start(t.Context(), natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	role := func(run func(context.Context, *config.Config, Options) error) *instance {
		cfg := settings(t)
		cfg.NATS.URL, cfg.NATS.Replicas = server.ClientURL(), 1
		return start(t, run, cfg)
	}
	projector, notifier, ingest := role(Projector), role(Notifier), role(Ingest)
	tell(ingest)
	projector.await("/v1/deployments/"+basket, `"status":"failed"`)
	if got := projector.digest(); got != want {
		t.Errorf("separate processes say %s, one process said %s", got, want)
	}
	if code, _ := projector.do(http.MethodPost, "/v1/events", "", ""); code != http.StatusNotFound {
		t.Errorf("the projector's listener answers an event with %d", code)
	}
	ingest.stop()
	notifier.stop()
	projector.stop()
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRoleBesideServe: a role finds what it needs to reach the server of another
// process in the data directory that both are given.
func TestRoleBesideServe(t *testing.T) {
	cfg := settings(t)
	cfg.NATS.Listen = "127.0.0.1:0"
	whole := start(t, Serve, cfg)
	own := settings(t)
	own.DataDir, own.Recorder, own.NATS.URL, own.NATS.Replicas = cfg.DataDir, "second", whole.at.NATS, 1
	door := start(t, Ingest, own)
	tell(door)
	whole.await("/v1/deployments/"+basket, `"status":"failed"`)
	door.stop()
	whole.stop()
}

// TestAFailedStartLeavesNothingBehind: what was opened before the fault is
// closed again, so that the next start finds it free.
func TestAFailedStartLeavesNothingBehind(t *testing.T) {
	cfg := settings(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server.Listen = taken.Addr().String()
	err = Serve(t.Context(), cfg, Options{})
	if !errors.Is(err, syscall.EADDRINUSE) || Hint(err) == "" {
		t.Errorf("a port in use: %v, hint %q", err, Hint(err))
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}

	cfg.Server.Listen = "127.0.0.1:0"
	damaged := filepath.Join(cfg.DataDir, "notifier", "MANIFEST")
	if err := os.MkdirAll(filepath.Dir(damaged), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, []byte("no manifest"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err = Serve(t.Context(), cfg, Options{}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged store: %v", err)
	}
	if err := os.RemoveAll(filepath.Dir(damaged)); err != nil {
		t.Fatal(err)
	}
	start(t, Serve, cfg).stop()
}
