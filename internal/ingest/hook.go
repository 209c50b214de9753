package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/ingest/signature"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Defaults of a [Hook].
const (
	DefaultSuspendAfter = 100
	DefaultSuspendFor   = 5 * time.Minute
)

// Hook is the configuration of one webhook, at /v1/hooks/{tool}/{name}, or at
// /v1/hooks/{tool} when it has no name.
type Hook struct {
	adapter.Hook

	// Scheme and Secrets say how a request proves that it comes from the tool.
	// Without secrets a request needs a token, as one at /v1/events does. Without
	// a scheme it is the first that the tool's mapping names.
	Scheme  signature.Scheme
	Secrets []string

	// Envs and Components are patterns of what a hook with secrets may speak for;
	// empty means all.
	Envs, Components []string

	// SuspendAfter is after how many requests in a row that cannot be used the hook
	// is turned away, for SuspendFor and longer each time. Negative means never;
	// zero means [DefaultSuspendAfter] and [DefaultSuspendFor].
	SuspendAfter int
	SuspendFor   time.Duration
}

// hookPath is where a hook is: a tool and a name, which may be "".
type hookPath struct{ tool, name string }

// hook is a [Hook] as it is used.
type hook struct {
	Hook

	mapping  *adapter.Mapping
	verifier *signature.Verifier // nil: callers have tokens
	caller   access.Caller       // of a hook with secrets
}

// tools is what the doors know of tools at a time. It never changes: what is read
// anew takes its place.
type tools struct {
	mappings *adapter.Set
	hooks    map[hookPath]*hook
}

func newTools(mappings *adapter.Set, configured []Hook) (*tools, error) {
	hooks, err := newHooks(mappings, configured)
	if err != nil {
		return nil, err
	}
	return &tools{mappings, hooks}, nil
}

// newHooks checks the configured hooks and adds one for every tool that has none
// without a name.
func newHooks(mappings *adapter.Set, configured []Hook) (map[hookPath]*hook, error) {
	hooks := make(map[hookPath]*hook)
	emitters := make(map[string]bool)
	for _, c := range configured {
		at := hookPath{c.Tool, c.Name}
		h, err := newHook(mappings, c)
		switch {
		case err != nil:
			return nil, fmt.Errorf("hook %s: %w", at, err)
		case hooks[at] != nil:
			return nil, fmt.Errorf("hook %s: there are two", at)
		case h.verifier != nil && emitters[h.caller.Name]:
			return nil, fmt.Errorf("hook %s: another hook with secrets is the emitter %s too", at, h.caller.Name)
		}
		hooks[at] = h
		emitters[h.caller.Name] = true
	}
	for _, m := range mappings.All() {
		if at := (hookPath{m.Name, ""}); hooks[at] == nil {
			h, err := newHook(mappings, Hook{Hook: adapter.Hook{Tool: m.Name}})
			if err != nil {
				return nil, fmt.Errorf("hook %s: %w", at, err)
			}
			hooks[at] = h
		}
	}
	return hooks, nil
}

func newHook(mappings *adapter.Set, c Hook) (*hook, error) {
	m, ok := mappings.Tool(c.Tool)
	if !ok {
		return nil, errors.New("no mapping has this name")
	}
	for _, p := range c.Patterns {
		if err := adapter.CheckPattern(p); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
	}
	h := &hook{Hook: c, mapping: m}
	switch {
	case h.SuspendAfter < 0:
		h.SuspendAfter = 0
	case h.SuspendAfter == 0:
		h.SuspendAfter = DefaultSuspendAfter
	}
	if h.SuspendFor == 0 {
		h.SuspendFor = DefaultSuspendFor
	}
	if len(c.Secrets) == 0 {
		return h, nil
	}
	if h.Scheme == "" {
		schemes := m.Auth
		if len(schemes) == 0 {
			return nil, errors.New("the tool signs in no way that is known: set a scheme")
		}
		h.Scheme = signature.Scheme(schemes[0])
	}
	var err error
	if h.verifier, err = signature.New(h.Scheme, c.Secrets...); err != nil {
		return nil, err
	}
	name := c.Name
	if name == "" {
		name = c.Tool
	}
	h.caller, err = access.Emitting("hook-"+name, c.Envs, c.Components)
	return h, err
}

// String returns the path of a hook.
func (p hookPath) String() string {
	if p.name == "" {
		return p.tool
	}
	return p.tool + "/" + p.name
}

// SetMappings puts other mappings in the place of those that say what tools mean.
// A request that is under way is read by those before. It fails, and changes
// nothing, when a configured hook cannot be used with them, above all since its
// tool has no mapping.
func (i *Ingest) SetMappings(mappings *adapter.Set) error {
	next, err := newTools(mappings, i.opts.Hooks)
	if err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	i.pipeline.tools.Store(next)
	return nil
}

// hookAt returns the hook of a path. A name that nobody configured is a word in
// a URL and no more: what comes there has the tool's mapping and needs a token.
func (i *Ingest) hookAt(tool, name string) (*hook, error) {
	known := i.pipeline.tools.Load()
	if h := known.hooks[hookPath{tool, name}]; h != nil {
		return h, nil
	}
	if _, ok := known.mappings.Tool(tool); !ok {
		return nil, events.Errorf(events.CodeNotFound, "there is no mapping for this tool").
			WithHint("see telltale mapping list, or add one under mappings")
	}
	return newHook(known.mappings, Hook{Hook: adapter.Hook{Tool: tool}})
}
