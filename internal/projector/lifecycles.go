package projector

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// kindLifecycle is the kind of definition that the projector folds by.
const kindLifecycle = "Lifecycle"

// lifecycles are the versions that were activated, and which is in force when.
type lifecycles struct {
	activated []activation    // by force, the strongest first
	sources   *definition.Set // with what they say of authority beside those
}

type activation struct {
	store.Definition
	compiled *statemachine.Lifecycle
}

// loadLifecycles compiles what the store has. Every document in it compiled
// when it was put there; one that no longer does means another format. sources
// are what was loaded of other definitions.
func loadLifecycles(r *store.Reader, sources *definition.Set) (*lifecycles, error) {
	defs, err := r.Definitions(kindLifecycle)
	if err != nil {
		return nil, err
	}
	l := &lifecycles{sources: sources}
	for _, d := range defs {
		if err := l.activate(d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// activate puts a document in force, in place of what the same event put there.
func (l *lifecycles) activate(d store.Definition) error {
	compiled, err := statemachine.Compile([]byte(d.Document))
	if err != nil {
		return fmt.Errorf("compile lifecycle %s %s: %w", d.Name, d.Version, err)
	}
	l.activated = slices.DeleteFunc(l.activated, func(a activation) bool { return a.Source == d.Source && a.ID == d.ID })
	l.activated = append(l.activated, activation{d, compiled})
	// The order is total and knows nothing of arrival.
	slices.SortFunc(l.activated, func(a, b activation) int {
		return cmp.Or(
			cmp.Compare(b.From, a.From), cmp.Compare(b.Tau, a.Tau),
			strings.Compare(b.Source, a.Source), strings.Compare(b.ID, a.ID),
		)
	})
	return nil
}

// at returns what a deployment of env follows whose first word was at firstTau:
// the version in force then, else the built-in one, with the authority that the
// Source documents in force then give.
func (l *lifecycles) at(env string, firstTau int64) *statemachine.Lifecycle {
	return l.sources.Follow(l.written(env, firstTau), env, firstTau)
}

// written returns the version in force, by its own document alone.
func (l *lifecycles) written(env string, firstTau int64) *statemachine.Lifecycle {
	for i := range l.activated {
		a := &l.activated[i]
		if a.From <= firstTau && (len(a.Envs) == 0 || slices.Contains(a.Envs, env)) {
			return a.compiled
		}
	}
	return statemachine.Standard()
}
