package rehearse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Lifecycles says which lifecycle a deployment of env follows whose first word
// has this τ (Unix nanoseconds). It must be a pure function. The authority that
// recorded Source documents give comes beside what it says.
type Lifecycles func(env string, firstTau int64) *statemachine.Lifecycle

// Always lets every deployment follow one lifecycle, whenever it began.
func Always(l *statemachine.Lifecycle) Lifecycles {
	return func(string, int64) *statemachine.Lifecycle { return l }
}

// activation is a lifecycle that was put in force.
type activation struct {
	identity
	from, tau int64
	envs      []string
	compiled  *statemachine.Lifecycle
}

// activate takes an activated document; those of other kinds than Lifecycle and
// Source change nothing here.
func (m *message) activate(e *events.Event, tau int64) error {
	var d events.DefinitionActivated
	if err := e.DataAs(&d); err != nil {
		return err
	}
	from := tau
	if !d.EffectiveFrom.IsZero() {
		from = d.EffectiveFrom.UnixNano()
	}
	switch d.Kind {
	case statemachine.KindLifecycle:
		l, err := statemachine.Compile([]byte(d.Document))
		if err != nil {
			return fmt.Errorf("the lifecycle does not compile: %w", err)
		}
		m.activated = &activation{identity: identity{e.Source, e.ID}, from: from, tau: tau, envs: d.Envs, compiled: l}
	case definition.KindSource:
		if _, err := definition.ParseSource([]byte(d.Document)); err != nil {
			return fmt.Errorf("the source cannot be put in force: %w", err)
		}
		m.source = &definition.Activation{
			Source: e.Source, ID: e.ID, Tau: tau, From: from, Envs: d.Envs, Kind: d.Kind, Document: d.Document,
		}
	}
	return nil
}

// Recorded returns the lifecycles that the first n messages put in force: of
// those for an environment the one with the latest beginning not after a
// deployment's first word, and the built-in one before any. With n the length of
// the history later activations are known from the start.
func (h *History) Recorded(n int) Lifecycles { return inForce(h.counted(n)) }

// under returns what deployments follow under l, nil for the lifecycles that
// these messages put in force, with the authority that their Source documents
// give.
func under(l Lifecycles, counted []message) Lifecycles {
	if l == nil {
		l = inForce(counted)
	}
	var sources definition.Set
	for i := range counted {
		a := counted[i].source
		if a == nil {
			continue
		}
		if err := sources.Activate(*a); err != nil {
			continue // it was usable when it was read
		}
	}
	return func(env string, firstTau int64) *statemachine.Lifecycle {
		return sources.Follow(l(env, firstTau), env, firstTau)
	}
}

func inForce(counted []message) Lifecycles {
	var list []*activation
	for i := range counted {
		if a := counted[i].activated; a != nil {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *activation) int {
		return cmp.Or(
			cmp.Compare(b.from, a.from), cmp.Compare(b.tau, a.tau),
			strings.Compare(b.source, a.source), strings.Compare(b.id, a.id),
		)
	})
	return func(env string, firstTau int64) *statemachine.Lifecycle {
		for _, a := range list {
			if a.from <= firstTau && (len(a.envs) == 0 || slices.Contains(a.envs, env)) {
				return a.compiled
			}
		}
		return statemachine.Standard()
	}
}
