package config

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/ingest/signature"
	"github.com/telltale-dev/telltale/pkg/events"
)

// maxSecrets is how many secrets of one hook can be valid at once. Two are
// enough to replace one; every one more is one more that can leak.
const maxSecrets = 4

// mostSuspension is the longest time that a hook may be turned away at first.
const mostSuspension = 24 * time.Hour

func validateHooks(fs *faults, hooks []Hook) {
	paths, emitters := make(map[[2]string]bool), make(map[string]bool)
	for i := range hooks {
		h, key := &hooks[i], fmt.Sprintf("hooks[%d]", i)
		h.validate(fs, key)
		if path := [2]string{h.Tool, h.Name}; paths[path] {
			fs.add(key, "has the tool and the name of an earlier hook", "")
		} else {
			paths[path] = true
		}
		if len(h.Secrets) == 0 {
			continue
		}
		if emitters[h.Emitter()] {
			fs.add(key, "is the emitter "+h.Emitter()+", as an earlier hook with secrets is", "give it a name of its own")
		}
		emitters[h.Emitter()] = true
	}
}

// Emitter returns the name of who sends what comes with a valid secret.
func (h *Hook) Emitter() string {
	if h.Name == "" {
		return "hook-" + h.Tool
	}
	return "hook-" + h.Name
}

func (h *Hook) validate(fs *faults, key string) {
	if h.Tool == "" {
		fs.add(key, "has no tool", "name a tool that has a mapping, see telltale mapping list")
	}
	names := []struct{ key, what, name string }{
		{key + ".name", "a hook's emitter", h.Emitter()}, {key + ".env", "an environment", h.Env}, {key + ".component", "a component", h.Component},
	}
	for i, region := range h.Regions {
		names = append(names, struct{ key, what, name string }{fmt.Sprintf("%s.regions[%d]", key, i), "a region", region})
	}
	for _, n := range names {
		if err := events.CheckName(n.what, n.name); n.name != "" && err != nil {
			fs.add(n.key, detail(err), "")
		}
	}
	if h.Names != "" {
		oneOf(fs, key+".names", h.Names, "lead", "follow")
	}
	if h.SuspendAfter < -1 {
		fs.add(key+".suspend_after", "is less than -1", "-1 never suspends")
	}
	if h.SuspendFor != 0 && (h.SuspendFor < time.Second || h.SuspendFor > mostSuspension) {
		fs.add(key+".suspend_for", "is not between 1s and 24h", "")
	}
	h.validateQuery(fs, key)
	h.validateSecrets(fs, key)
}

func (h *Hook) validateQuery(fs *faults, key string) {
	asked, err := url.ParseQuery(h.Query)
	if err != nil {
		fs.add(key+".query", "is not the query of a URL", `write it as "cluster=blue&approved=Approved"`)
	}
	for _, name := range []string{"env", "region", "component", "names", "deploys"} {
		if asked.Has(name) {
			fs.add(key+".query", "says "+name+", which has a key of its own", "")
		}
	}
}

func (h *Hook) validateSecrets(fs *faults, key string) {
	if len(h.Secrets) == 0 {
		for _, about := range []struct {
			name string
			set  bool
		}{{"scheme", h.Scheme != ""}, {"envs", h.Envs != nil}, {"components", h.Components != nil}} {
			if about.set {
				fs.add(key+"."+about.name, "is about secrets, and there are none", "set secrets or secrets_file; without them the caller's token decides")
			}
		}
		return
	}
	if len(h.Secrets) > maxSecrets {
		fs.add(key+".secrets", fmt.Sprintf("has %d, at most %d can be valid at once", len(h.Secrets), maxSecrets), "")
	}
	if h.Scheme == "" { // what the mapping says is known when the doors are made
		return
	}
	scheme := signature.Scheme(h.Scheme)
	if !slices.Contains(signature.Schemes(), scheme) {
		fs.add(key+".scheme", fmt.Sprintf("%q is none of %v", h.Scheme, signature.Schemes()), "")
		return
	}
	secrets := make([]string, len(h.Secrets))
	for i, s := range h.Secrets {
		secrets[i] = s.Reveal()
	}
	if _, err := signature.New(scheme, secrets...); err != nil {
		fs.add(key+".secrets", err.Error(), "")
	}
}
