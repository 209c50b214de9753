package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxBytes is the greatest size of the released binary, in bytes: pipelines
// download it in every run.
const maxBytes = 10_000_000

// forbidden are the packages that the emitter must not link, each with the
// reason.
var forbidden = map[string]string{
	"github.com/nats-io/nats-server/":                 "the emitter is a client",
	"github.com/dgraph-io/":                           "the spool is plain files; the store is the projector's",
	"cel.dev/":                                        "policies are decided where the truth is",
	"github.com/google/cel-go/":                       "policies are decided where the truth is",
	"github.com/prometheus/":                          "nobody scrapes a process that lives for a second",
	"go.opentelemetry.io/":                            "traces are handed on, not recorded",
	"google.golang.org/protobuf/":                     "the wire is JSON",
	"github.com/santhosh-tekuri/":                     "known types are validated by code",
	"github.com/goccy/go-yaml":                        "flags and environment are all its configuration",
	"github.com/telltale-dev/telltale/internal/app":   "the roles are not in this binary",
	"github.com/telltale-dev/telltale/internal/store": "the roles are not in this binary",
}

func TestLinksNothingHeavy(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("go list names %d packages only", len(deps))
	}
	for _, dep := range deps {
		for prefix, reason := range forbidden {
			if strings.HasPrefix(dep+"/", prefix) || dep == prefix {
				t.Errorf("links %s, but %s", dep, reason)
			}
		}
	}
}

func TestIsSmall(t *testing.T) {
	name := filepath.Join(t.TempDir(), "telltale-emit")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", name, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as it is released
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= maxBytes {
		t.Errorf("the binary has %d bytes, the limit is %d", info.Size(), maxBytes)
	}
	out, err := exec.CommandContext(t.Context(), name, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("--help: %v", err)
	}
	for _, verb := range []string{"emit", "run", "flush"} {
		if !strings.Contains(string(out), "\n  "+verb+" ") {
			t.Errorf("the help does not name %s:\n%s", verb, out)
		}
	}
}
