package app

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/ingest"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/ingest/signature"
	"github.com/telltale-dev/telltale/internal/query"
)

// loadMappings returns the built-in mappings with those of the configured files
// over them. Of a directory it takes the YAML files in order of their names.
func loadMappings(names []string) (*adapter.Set, error) {
	set, err := adapter.Embedded()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		files, err := mappingFiles(name)
		if err != nil {
			return nil, fmt.Errorf("mappings: %w", err)
		}
		for _, file := range files {
			doc, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("mappings: %w", err)
			}
			m, err := adapter.Read(file, doc)
			if err != nil {
				return nil, fmt.Errorf("mappings:\n%w", err)
			}
			set = set.With(m)
		}
	}
	return set, nil
}

func mappingFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	entries, err := os.ReadDir(name) // sorted by name
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		ext := filepath.Ext(e.Name())
		return e.IsDir() || ext != ".yaml" && ext != ".yml"
	})
	files := make([]string, len(entries))
	for i, e := range entries {
		files[i] = filepath.Join(name, e.Name())
	}
	return files, nil
}

// hooksOf returns the configured hooks as the doors take them.
func hooksOf(list []config.Hook) []ingest.Hook {
	hooks := make([]ingest.Hook, len(list))
	for i, h := range list {
		asked, _ := url.ParseQuery(h.Query) // package config has read it
		hooks[i] = ingest.Hook{
			Hook: adapter.Hook{
				Name: h.Name, Tool: h.Tool, Env: h.Env, Regions: h.Regions, Component: h.Component,
				Follow: h.Names == "follow", Deploys: h.Deploys, Patterns: h.Patterns, Query: asked,
			},
			Scheme: signature.Scheme(h.Scheme), Envs: h.Envs, Components: h.Components,
			SuspendAfter: h.SuspendAfter, SuspendFor: h.SuspendFor,
		}
		for _, s := range h.Secrets {
			hooks[i].Secrets = append(hooks[i].Secrets, s.Reveal())
		}
	}
	return hooks
}

// reload reads the files of mappings again whenever it is asked to, until ctx
// ends.
func (p *process) reload(ctx context.Context, asked <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
		}
		if p.ingest == nil {
			p.log.InfoContext(ctx, "asked to reload, and this process has no mappings")
			continue
		}
		set, err := loadMappings(p.cfg.Mappings)
		if err == nil {
			err = p.ingest.SetMappings(set)
		}
		if err != nil {
			p.log.ErrorContext(ctx, "mappings not reloaded: those before stay in force", "error", err)
			continue
		}
		p.log.InfoContext(ctx, "mappings reloaded", "tools", len(set.All()), "files", p.cfg.Mappings)
	}
}

// suspended returns the hooks that the doors of this process turn away now.
func (p *process) suspended() []query.SuspendedHook {
	if p.ingest == nil {
		return nil
	}
	list := p.ingest.Suspended()
	hooks := make([]query.SuspendedHook, len(list))
	for i, s := range list {
		hooks[i] = query.SuspendedHook(s)
	}
	return hooks
}
