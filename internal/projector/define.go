package projector

import (
	"context"
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
)

// define puts a document in force. A lifecycle, and a source by its authority, may
// change what existing deployments follow; those are folded again, in as many
// transactions as that takes. The position remembers how far it came, so that a
// crash between two of them goes on where it was.
func (e *engine) define(ctx context.Context, m *message) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	if reused, err := e.isReused(m); err != nil {
		return err
	} else if reused {
		return e.reuse(ctx, m)
	}
	if !e.resumes(m) {
		if err := e.activate(ctx, m); err != nil {
			return err
		}
	}
	for e.position.Seq < m.seq {
		if err := e.redefine(ctx, m); err != nil {
			return err
		}
		// The next part reads what this one wrote.
		if err := e.sync(ctx); err != nil {
			return err
		}
	}
	return nil
}

// activate is the first part: the document itself.
func (e *engine) activate(ctx context.Context, m *message) error {
	parts := false
	err := e.transact(ctx, func(b *batch) (store.Position, error) {
		done := store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}
		if err := b.apply(m); err != nil {
			return done, err
		}
		heard, err := b.Identity(m.identity)
		if err != nil {
			return done, err
		}
		counts, err := b.Event(heard[0])
		if err != nil || counts.Seq != m.seq {
			return done, err // a repeat, or another content goes before
		}
		if err := b.w.PutDefinition(m.definition); err != nil {
			return done, err
		}
		if m.definition.Kind != kindLifecycle {
			e.activateDefinition(m.definition)
			if !e.definitions.Authorizes(m.source, m.id) {
				return done, nil
			}
		}
		parts = true
		return store.Position{Incarnation: e.position.Incarnation, Seq: m.seq - 1, Part: 1}, nil
	})
	if err == nil {
		err = e.sync(ctx)
	}
	if err != nil || !parts || m.definition.Kind != kindLifecycle {
		return err
	}
	if err := e.lifecycles.activate(*m.definition); err != nil {
		return err
	}
	return e.forget() // followers may be elsewhere now
}

// redefine is one further part: deployments in key order, from where the part
// before ended. For a lifecycle all are folded in a slot that has followers, since
// these may have moved between any of them.
func (e *engine) redefine(ctx context.Context, m *message) error {
	before := e.lifecycles.without(m.source, m.id)
	return e.transact(ctx, func(b *batch) (store.Position, error) {
		next := e.position
		next.Part++
		b.begin(m.seq)
		b.index = e.position.Index
		more, last, follows := false, "", false
		err := b.w.Deployments("", e.position.Resume, func(name string, row *store.Deployment) (bool, error) {
			if more = b.full() || len(b.dirty) >= maxRedefined; more {
				return false, nil
			}
			next.Resume = name
			key, ok := deploymentKey(name)
			if !ok {
				return false, store.ErrCodec
			}
			if slot := slotOf(name); slot != last && m.definition.Kind == kindLifecycle {
				last, follows = slot, false
				if envs := m.definition.Envs; len(envs) == 0 || slices.Contains(envs, key.Env) {
					var err error
					if follows, err = b.placeAgain(key.Slot); err != nil {
						return false, err
					}
				}
			}
			if !follows && before.at(key.Env, row.State.FirstTau).Same(e.lifecycles.at(key.Env, row.State.FirstTau)) {
				return true, nil
			}
			d, err := b.deployment(key, name)
			if err != nil {
				return false, err
			}
			c := m.cause()
			c.reason = view.ReasonRedefined
			if err := b.refold(d, c); err != nil {
				return false, err
			}
			return true, b.settle(c)
		})
		next.Index = b.index
		if !more {
			next = store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}
		}
		return next, err
	})
}

// maxRedefined bounds the deployments of one part.
const maxRedefined = 2000

// without returns what would be in force without what one event activated.
func (l *lifecycles) without(source, id string) *lifecycles {
	out := &lifecycles{sources: l.sources.Without(source, id)}
	for _, a := range l.activated {
		if a.Source != source || a.ID != id {
			out.activated = append(out.activated, a)
		}
	}
	return out
}
