package projector

import (
	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// loadDefinitions reads who and what was declared. Documents are checked at the
// door; one that a stream holds from before that was so is left out, and said.
func (e *engine) loadDefinitions(r *store.Reader) error {
	e.definitions = &definition.Set{}
	for _, kind := range [...]string{definition.KindComponent, definition.KindSource} {
		defs, err := r.Definitions(kind)
		if err != nil {
			return err
		}
		for i := range defs {
			e.activateDefinition(&defs[i])
		}
	}
	var err error
	e.sources, err = r.Sources()
	return err
}

func (e *engine) activateDefinition(d *store.Definition) {
	e.defined = e.defined || d.Kind != kindLifecycle
	err := e.definitions.Activate(definition.Activation{
		Source: d.Source, ID: d.ID, Tau: d.Tau, From: d.From, Envs: d.Envs, Kind: d.Kind, Document: d.Document,
	})
	if err != nil {
		e.log.Warn("a definition cannot be used", "kind", d.Kind, "name", d.Name, "version", d.Version, "error", err)
	}
}

// ownerOf returns who answers for a deployment by its Component, "" when its own
// words say so or nobody does.
func (e *engine) ownerOf(d *deployment) string {
	s := d.row.State
	if !e.defined || s == nil || s.Owner != "" {
		return ""
	}
	if c := e.definitions.Component(d.key.Slot, s.LastTau); c != nil {
		return c.Owner
	}
	return ""
}

// hearSource keeps what is needed to know whether a source is offline or has
// gaps, for sources that declare one of both. A document counts for what is heard
// after it.
func (b *batch) hearSource(m *message) {
	if m.contiguous || b.defined {
		contiguous, expected := m.contiguous, false
		if b.defined {
			if s := b.definitions.Source(m.env(), m.source, m.tau); s != nil {
				contiguous, expected = contiguous || s.Contiguous, s.ExpectedEvery > 0
			}
		}
		if !contiguous && !expected && b.sources[m.source] == nil {
			return
		}
		row := b.sources[m.source]
		if row == nil {
			row = &store.SourceRow{}
			b.sources[m.source] = row
		}
		row.Last = max(row.Last, m.recorded)
		if row.Contiguous = row.Contiguous || contiguous; row.Contiguous {
			row.Numbers.Add(m.sequence)
		}
		b.spoke[m.source] = row
	}
}

// env returns the environment that a message is about, "" for none.
func (m *message) env() string {
	if m.key.Env != "" {
		return m.key.Env
	}
	release, err := events.ParseRelease(m.subject)
	if err != nil {
		return ""
	}
	return release.Env
}
