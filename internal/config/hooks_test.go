package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHooks reads a hook with everything, its secrets from a file of which two
// lines count at once.
func TestHooks(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte("made-up old\r\n\nmade-up new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Sources{File: write(t, "hooks.yaml", `
hooks:
  - tool: github
    name: shop
    env: prod
    regions: [eu-west-1, us-east-1]
    component: checkout
    names: follow
    deploys: ["deploy-*"]
    patterns: ["{env}-{region}"]
    scheme: github
    secrets_file: `+secrets+`
    envs: [prod]
    components: ["check*"]
    suspend_after: 20
    suspend_for: 10m
  - {tool: github}
`)})
	if err != nil {
		t.Fatal(err)
	}
	h := c.Hooks[0]
	if !slices.Equal(h.Secrets, []Secret{"made-up old", "made-up new"}) || h.Emitter() != "hook-shop" || h.SuspendFor != 10*time.Minute ||
		!slices.Equal(h.Regions, []string{"eu-west-1", "us-east-1"}) || h.Names != "follow" {
		t.Errorf("read %+v", h)
	}
	if c.Hooks[1].Emitter() != "hook-github" {
		t.Errorf("emitter %s", c.Hooks[1].Emitter())
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Hooks[0].Secrets) != 2 {
		t.Error("to show it changed it")
	}
	if text := string(shown) + fmt.Sprintf("%v %+v %#v", c, h, h); strings.Contains(text, "made-up") {
		t.Errorf("a secret is shown: %s", text)
	}
}
