package projector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// environments are the declared facts that many deployments look at: plans of
// releases and change freezes, by environment. They follow from the store alone.
type environments struct {
	all  map[string]*environment
	none environment
}

type environment struct {
	plans    map[string]*view.Plan // in force, by release
	planned  map[string][]string   // the releases whose plan names a deployment, by its key
	declared map[string][]string   // the deployments that any declaration of a release named, in force or not
	freezes  view.Freezes
	words    map[string][]statemachine.Word // said of all members, by release
}

// of returns the facts of an environment; they are not to be changed.
func (e *environments) of(env string) *environment {
	if found := e.all[env]; found != nil {
		return found
	}
	return &e.none
}

// loadEnvironments reads all that was said of releases and environments.
func loadEnvironments(r *store.Reader) (*environments, error) {
	out := &environments{all: make(map[string]*environment)}
	envs, err := r.Environments()
	if err != nil {
		return nil, err
	}
	for _, env := range envs {
		if out.all[env], err = loadEnvironment(r, env); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// loadEnvironment reads what was said in one environment.
func loadEnvironment(r *store.Reader, env string) (*environment, error) {
	out := &environment{planned: make(map[string][]string), declared: make(map[string][]string), words: make(map[string][]statemachine.Word)}
	said, err := store.SaidIn(r, r, env)
	if err != nil {
		return nil, err
	}
	var declarations []view.Declaration
	for i := range said {
		s := &said[i]
		if s.Word != nil {
			release, err := events.ParseRelease(s.Subject)
			if err != nil {
				return nil, fmt.Errorf("the store has the release %q: %v", s.Subject, err)
			}
			out.words[release.Name] = append(out.words[release.Name], *s.Word)
			continue
		}
		d, isPlan, err := s.Declaration()
		if err != nil {
			return nil, err
		}
		if isPlan {
			declarations = append(declarations, d)
			for _, m := range d.Members {
				if m.Deployment != "" {
					key := events.Key{Slot: events.Slot{Env: env, Region: m.Region, Component: m.Component}, Deployment: m.Deployment}
					out.declared[d.Release.Name] = append(out.declared[d.Release.Name], key.String())
				}
			}
			continue
		}
		w, isFreeze, err := s.FreezeWord()
		if err != nil {
			return nil, err
		}
		if isFreeze {
			out.freezes.Add(w)
		}
	}
	out.plans, _ = view.Plans(declarations)
	for release, plan := range out.plans {
		for _, m := range plan.Members {
			if m.Deployment != "" {
				at := events.Slot{Env: env, Region: m.Region, Component: m.Component}
				key := events.Key{Slot: at, Deployment: m.Deployment}.String()
				out.planned[key] = append(out.planned[key], release)
				slices.Sort(out.planned[key])
			}
		}
	}
	return out, nil
}

// declare takes what is said of a release or an environment: a plan, a freeze, or
// a word about all members. What it changes is looked at again in as many
// transactions as that takes. The position remembers how far it came, so that a
// crash between two of them goes on where it was.
func (e *engine) declare(ctx context.Context, m *message) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	if reused, err := e.isReused(m); err != nil {
		return err
	} else if reused {
		return e.reuse(ctx, m)
	}
	env, _, _ := strings.Cut(m.subject, "/")
	before := &environment{} // after a crash: every plan counts as new
	if !e.resumes(m) {
		before = e.environments.of(env)
		counts := false
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			next := store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}
			err := b.apply(m)
			if counts = b.saidNew; counts {
				next.Seq, next.Part = m.seq-1, 1
			}
			return next, err
		})
		if err == nil {
			err = e.sync(ctx)
		}
		if err != nil || !counts {
			return err
		}
		// A crash from here on finds what was said in the store at its start.
		err = e.db.View(func(r *store.Reader) error {
			now, err := loadEnvironment(r, env)
			e.environments.all[env] = now
			return err
		})
		if err != nil {
			return err
		}
	}
	fold := m.row.Word != nil || len(e.environments.of(env).words) > 0
	release, err := events.ParseRelease(m.subject)
	if err != nil { // of the whole environment
		return e.lookAgain(ctx, m, fold, nil, func(r *store.Reader, after string, visit func(string) (bool, error)) error {
			return r.Deployments(env+"/", after, func(name string, row *store.Deployment) (bool, error) {
				if row.State.StartedAt() == 0 {
					return true, nil // no freeze concerns what has not started
				}
				return visit(name)
			})
		})
	}
	releases := append(e.environments.of(env).changedPlans(before, env), release)
	names, err := e.membersOf(releases)
	if err != nil {
		return err
	}
	return e.lookAgain(ctx, m, fold, releases, eachOf(names))
}

// visitor yields deployments of a store in key order, those behind after.
type visitor func(r *store.Reader, after string, visit func(name string) (more bool, err error)) error

// eachOf yields names, which are sorted.
func eachOf(names []string) visitor {
	return func(_ *store.Reader, after string, visit func(string) (bool, error)) error {
		i, found := slices.BinarySearch(names, after)
		if found {
			i++
		}
		for _, name := range names[i:] {
			if more, err := visit(name); err != nil || !more {
				return err
			}
		}
		return nil
	}
}

// changedPlans returns the releases whose plan is another than before: a late
// declaration may let another release's be refused, or not.
func (e *environment) changedPlans(before *environment, env string) []events.Release {
	var out []events.Release
	for name, plan := range e.plans {
		if was := before.plans[name]; was == nil || was.Source != plan.Source || was.ID != plan.ID {
			out = append(out, events.Release{Env: env, Name: name})
		}
	}
	for name := range before.plans {
		if e.plans[name] == nil {
			out = append(out, events.Release{Env: env, Name: name})
		}
	}
	return out
}

// membersOf returns the deployments that releases concern: those that were named
// in them and those that their plans name or named, sorted.
func (e *engine) membersOf(releases []events.Release) ([]string, error) {
	var names []string
	err := e.db.View(func(r *store.Reader) error {
		for _, release := range releases {
			named, err := r.ReleaseMembers(release)
			if err != nil {
				return err
			}
			names = append(names, named...)
			names = append(names, e.environments.of(release.Env).declared[release.Name]...)
		}
		return nil
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// lookAgain says anew what is shown of the deployments that each yields in key
// order, from where the part before ended. fold: what they are folded from may be
// other words. The next tick looks at the releases, which may be others without a
// change of any member: one is not seen, or none is a member any more.
func (e *engine) lookAgain(ctx context.Context, m *message, fold bool, releases []events.Release, each visitor) error {
	for e.position.Seq < m.seq {
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			next := e.position
			next.Part++
			b.begin(m.seq)
			b.index = e.position.Index
			for _, r := range releases {
				if err := b.unsettle(r.Env, r.Name); err != nil {
					return next, err
				}
			}
			more, last := false, ""
			err := each(&b.w.Reader, e.position.Resume, func(name string) (bool, error) {
				if more = b.full() || len(b.dirty) >= maxRedefined; more {
					return false, nil
				}
				next.Resume = name
				key, ok := deploymentKey(name)
				if !ok {
					return false, store.ErrCodec
				}
				if slot := slotOf(name); fold && slot != last {
					last = slot
					if _, err := b.placeAgain(key.Slot); err != nil {
						return false, err
					}
				}
				d, err := b.deployment(key, name)
				if err != nil || d.row.State == nil {
					return true, err
				}
				if fold {
					err = b.refold(d, m.cause())
				} else {
					b.mark(d)
				}
				if err == nil {
					err = b.settle(m.cause())
				}
				return true, err
			})
			next.Index = b.index
			if !more {
				next = store.Position{Incarnation: e.position.Incarnation, Seq: m.seq}
			}
			return next, err
		})
		if err != nil {
			return err
		}
		// The next part reads what this one wrote.
		if err := e.sync(ctx); err != nil {
			return err
		}
	}
	return nil
}
