package projector

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// errReused says that a message uses the identity of something that many depend
// on, and so is for [engine.reuse].
var errReused = errors.New("the identity is that of something that many depend on")

// reuses reports whether a message takes the place of an event that many depend
// on, or is one more twin of it, and that is not looked at for the message's own
// sake. The copies are in the order in which they count. The answer is the same
// once the message is one of them.
func reuses(m *message, copies []copyOf) bool {
	first := &copies[0]
	if !goesBefore(m, first) {
		// It is one more twin of a word about all members, which each of them counts.
		return first.Word != nil && isOfMany(&first.Event) && (m.kind != kindSaid || first.Subject != m.subject)
	}
	for i := range copies {
		if c := &copies[i]; c.Hash() != m.row.Hash() && isOfMany(&c.Event) {
			return true
		}
	}
	return false
}

// goesBefore reports whether m counts before a copy, or is that copy.
func goesBefore(m *message, c *copyOf) bool {
	return cmp.Or(cmp.Compare(m.recorded, c.Recorded()), strings.Compare(m.row.Hash(), c.Hash())) <= 0
}

// isOfMany reports whether an event is a definition, or said of a release or an
// environment.
func isOfMany(e *store.Event) bool {
	if e.Word != nil {
		_, err := events.ParseRelease(e.Subject)
		return err == nil
	}
	switch e.Note.Type {
	case events.TypeReleaseDeclared, events.TypeFreezeDeclared, events.TypeFreezeLifted, events.TypeDefinitionActivated:
		return true
	}
	return false
}

// isReused is [reuses] for a message that goes alone.
func (e *engine) isReused(m *message) (reused bool, err error) {
	err = e.db.View(func(r *store.Reader) error {
		copies, err := copiesUnder(r, m)
		reused = len(copies) > 0 && reuses(m, copies)
		return err
	})
	return reused, err
}

// copiesUnder returns what was heard under the identity of a message, in the
// order in which it counts.
func copiesUnder(r *store.Reader, m *message) ([]copyOf, error) {
	heard, err := r.Identity(m.identity)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	copies := make([]copyOf, len(heard))
	for i, ref := range heard {
		if err == nil {
			copies[i].ref = ref
			copies[i].Event, err = r.Event(ref)
		}
	}
	return copies, err
}

// reuse takes a message that [reuses] found. All that was declared and defined is
// read again, and when another content counts, all deployments are folded again,
// in as many transactions as that takes: it is an emitter's fault, and one that
// has to come late as well. The position remembers how far it came, so that a
// crash between two of them goes on where it was.
func (e *engine) reuse(ctx context.Context, m *message) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	if !e.resumes(m) {
		again := false
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			b.reusing = true
			if err := b.apply(m); err != nil {
				return store.Position{}, err
			}
			if again = len(b.events) > 0; !again {
				return store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}, nil
			}
			return store.Position{Incarnation: e.position.Incarnation, Seq: m.seq - 1, Part: 1}, b.redocument(m)
		})
		if err == nil {
			err = e.sync(ctx)
		}
		if err != nil || !again {
			return err
		}
		// A crash from here on finds all of this in the store at its start.
		if err := e.reload(); err != nil {
			return err
		}
	}
	var copies []copyOf
	var releases []events.Release
	err := e.db.View(func(r *store.Reader) (err error) {
		if copies, err = copiesUnder(r, m); err != nil {
			return err
		}
		return r.Releases("", "", func(release events.Release) (bool, error) {
			releases = append(releases, release)
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	if !goesBefore(m, &copies[0]) {
		release, err := events.ParseRelease(copies[0].Subject)
		if err != nil {
			return err
		}
		releases = []events.Release{release}
		names, err := e.membersOf(releases)
		if err != nil {
			return err
		}
		return e.lookAgain(ctx, m, true, releases, eachOf(names))
	}
	return e.lookAgain(ctx, m, true, releases, func(r *store.Reader, after string, visit func(string) (bool, error)) error {
		return r.Deployments("", after, func(name string, _ *store.Deployment) (bool, error) { return visit(name) })
	})
}

// redocument lets the content that counts now say whether the identity of a
// message puts a document in force.
func (b *batch) redocument(m *message) error {
	heard, err := b.Identity(m.identity)
	if err != nil {
		return err
	}
	counts, err := b.Event(heard[0])
	if err != nil || counts.Seq != m.seq {
		return err
	}
	if err := b.w.ForgetDefinition(m.identity); err != nil || m.definition == nil {
		return err
	}
	return b.w.PutDefinition(m.definition)
}

// reload reads again all that was declared and defined. What is kept of
// deployments and slots was made with what counted before.
func (e *engine) reload() error {
	if err := e.forget(); err != nil {
		return err
	}
	return e.db.View(func(r *store.Reader) (err error) {
		if e.environments, err = loadEnvironments(r); err != nil {
			return err
		}
		if err := e.loadDefinitions(r); err != nil {
			return err
		}
		e.lifecycles, err = loadLifecycles(r, e.definitions)
		return err
	})
}
