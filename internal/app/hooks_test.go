package app

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/natsd"
)

// mappingOf returns a mapping document of a tool, with its version.
func mappingOf(tool, version string) string {
	return `apiVersion: telltale.dev/v1
kind: Mapping
metadata: {name: ` + tool + `, version: "` + version + `"}
spec:
  summary: A tool that nobody has
  rules:
    - {name: all, ignore: nobody has it}
`
}

func TestLoadMappings(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": mappingOf("made-up", "1"), "b.yml": mappingOf("github", "mine"), "notes.txt": "not: [a mapping",
		"broken": mappingOf("made-up", "1") + "    - {name: two}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := loadMappings([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	for tool, version := range map[string]string{"made-up": "1", "github": "mine"} {
		if m, ok := set.Tool(tool); !ok || m.Version != version {
			t.Errorf("%s: %+v", tool, m)
		}
	}
	if _, ok := set.Tool("gitlab"); !ok {
		t.Error("the built-in mappings are gone")
	}
	if _, err := loadMappings([]string{filepath.Join(dir, "broken")}); err == nil || !strings.Contains(err.Error(), "broken:8:7: spec.rules[1]") {
		t.Errorf("a broken mapping: %v", err)
	}
	if _, err := loadMappings([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestHooksOf(t *testing.T) {
	hooks := hooksOf([]config.Hook{{Tool: "github", Name: "shop", Names: "follow", Secrets: []config.Secret{"one", "two"}}, {Tool: "gitlab", Names: "lead"}})
	if len(hooks) != 2 || !hooks[0].Follow || hooks[1].Follow || strings.Join(hooks[0].Secrets, " ") != "one two" {
		t.Errorf("%+v", hooks)
	}
}

// TestReload: a mapping that was mended counts without a restart, and a broken one
// changes nothing.
func TestReload(t *testing.T) {
	cfg := settings(t)
	file := filepath.Join(t.TempDir(), "made-up.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(mappingOf("made-up", "1"))
	cfg.Mappings = []string{file}
	asked := make(chan os.Signal)
	i := start(t, func(ctx context.Context, cfg *config.Config, opts Options) error {
		opts.Reload = asked
		return Serve(ctx, cfg, opts)
	}, cfg)
	want := func(reason string) {
		t.Helper()
		if code, body := i.do(http.MethodPost, "/v1/hooks/made-up", "application/json", "{}"); code != http.StatusAccepted || !strings.Contains(body, reason) {
			t.Errorf("%d %s, want %q", code, body, reason)
		}
	}
	reload := func() { // the second is taken when the first is done
		asked <- syscall.SIGHUP
		asked <- syscall.SIGHUP
	}
	want("nobody has it")
	write(strings.Replace(mappingOf("made-up", "2"), "nobody has it", "still nobody", 1))
	want("nobody has it")
	reload()
	want("still nobody")
	write("kind: Mapping")
	reload()
	want("still nobody")
	write(mappingOf("another", "1"))
	reload()
	if code, _ := i.do(http.MethodPost, "/v1/hooks/made-up", "application/json", "{}"); code != http.StatusNotFound {
		t.Errorf("a tool whose mapping is gone is answered %d", code)
	}
	i.stop()
}

// TestQuarantineOfSeparateProcesses: all of the quarantine can be worked on where
// the doors are; elsewhere it can be looked at, and says where to go.
func TestQuarantineOfSeparateProcesses(t *testing.T) {
	server, err := natsd.Start(t.Context(), natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	role := func(run func(context.Context, *config.Config, Options) error) *instance {
		cfg := settings(t)
		cfg.NATS.URL, cfg.NATS.Replicas = server.ClientURL(), 1
		return start(t, run, cfg)
	}
	projector, ingest := role(Projector), role(Ingest)
	if code, body := ingest.do(http.MethodPost, "/v1/hooks/github", "application/json", "{"); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	for _, i := range []*instance{projector, ingest} {
		i.await("/v1/quarantine", `"seq":1`)
		i.await("/v1/quarantine?grouped=true", `"count":1`)
		i.await("/v1/quarantine/1", `"raw"`)
	}
	for _, verb := range [][2]string{{http.MethodPost, "/v1/quarantine/1/replay"}, {http.MethodDelete, "/v1/quarantine/1?reason=made-up"}} {
		if code, body := projector.do(verb[0], verb[1], "", ""); code != http.StatusNotFound || !strings.Contains(body, "no doors") {
			t.Errorf("the projector answers %s with %d %s", verb[0], code, body)
		}
		if code, body := ingest.do(verb[0], verb[1], "", ""); code/100 != 2 {
			t.Errorf("ingest answers %s with %d %s", verb[0], code, body)
		}
	}
	ingest.stop()
	projector.stop()
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}
