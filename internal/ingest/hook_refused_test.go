package ingest

import (
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/ingest/signature"
)

// TestHooksThatCannotBe: a hook that could never do what it was configured for is
// refused at the start.
func TestHooksThatCannotBe(t *testing.T) {
	mappings, err := adapter.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	hook := func(change func(*Hook)) Hook {
		h := Hook{Hook: adapter.Hook{Tool: "github", Name: "shop"}}
		change(&h)
		return h
	}
	good := hook(func(h *Hook) { h.Patterns = []string{"{component}-{env}"} })
	if _, err := newHooks(mappings, []Hook{good}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name  string
		hooks []Hook
		want  string
	}{
		{"a tool without a mapping", []Hook{hook(func(h *Hook) { h.Tool = "abacus" })}, "hook abacus/shop: no mapping has this name"},
		{"two of one path", []Hook{good, good}, "hook github/shop: there are two"},
		{"a pattern without a place", []Hook{hook(func(h *Hook) { h.Patterns = []string{"prod"} })}, `a pattern has {env} in it, and {region} or {component}`},
		{"a pattern of something else", []Hook{hook(func(h *Hook) { h.Patterns = []string{"{env}-{tier}"} })}, "and nothing else in braces"},
		{"a pattern that says it twice", []Hook{hook(func(h *Hook) { h.Patterns = []string{"{env}-{env}"} })}, "twice"},
		{"a scheme that nobody knows", []Hook{hook(func(h *Hook) { h.Secrets, h.Scheme = []string{"s"}, signature.Scheme("rot13") })}, "hook github/shop: "},
	} {
		if _, err := newHooks(mappings, c.hooks); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
