package rehearse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Lifecycles says which lifecycle a deployment of env follows whose first word
// has this τ (Unix nanoseconds). It must be a pure function.
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

// readActivation reads an activated lifecycle; nil for documents of other kinds.
func readActivation(e *events.Event, tau int64) (*activation, error) {
	var d events.DefinitionActivated
	if err := e.DataAs(&d); err != nil {
		return nil, err
	}
	if d.Kind != statemachine.KindLifecycle {
		return nil, nil
	}
	l, err := statemachine.Compile([]byte(d.Document))
	if err != nil {
		return nil, fmt.Errorf("the lifecycle does not compile: %w", err)
	}
	a := &activation{identity: identity{e.Source, e.ID}, from: tau, tau: tau, envs: d.Envs, compiled: l}
	if !d.EffectiveFrom.IsZero() {
		a.from = d.EffectiveFrom.UnixNano()
	}
	return a, nil
}

// Recorded returns the lifecycles that the first n messages put in force: of
// those for an environment the one with the latest beginning not after a
// deployment's first word, and the built-in one before any. With n the length of
// the history later activations are known from the start.
func (h *History) Recorded(n int) Lifecycles { return inForce(h.counted(n)) }

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
