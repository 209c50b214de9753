package rehearse

import (
	"cmp"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// take takes a message that counts and marks what may now be shown otherwise.
func (w *walk) take(m *message) {
	e := w.envs[m.env]
	if e == nil {
		e = newEnvironment(w.lifecycles)
		w.envs[m.env] = e
	}
	switch {
	case m.declared != nil:
		e.take(m)
		w.replan(e)
	case m.freeze != nil:
		e.take(m)
		e.each(func(d *Deployment) {
			if e.freezes.Concerns(*m.freeze, d.Key.Slot, d.State.StartedAt()) {
				w.stale[d.Key] = true
			}
		})
	case m.release != "":
		e.take(m)
		w.refoldWhere(e, func(d *Deployment) bool { return e.concerns(m.release, d) })
	case m.word != nil || m.seen != nil:
		w.takeInSlot(e, m)
	}
}

// takeInSlot takes a word or an observation of a slot.
func (w *walk) takeInSlot(e *environment, m *message) {
	s := e.slot(m.slot)
	s.ready(e, m.slot.Env)
	e.take(m)
	touched := make(map[string]bool)
	switch {
	case m.seen != nil:
		s.placed[m.identity] = s.placer.AddFollow(m.seen.FollowWord)
		touched[s.placed[m.identity].Deployment] = true
	case m.deployment == events.Missing:
		s.placed[m.identity] = s.placer.AddFollow(statemachine.FollowOf(m.word))
		touched[s.placed[m.identity].Deployment] = true
	default:
		touched[m.deployment] = true
		for _, moved := range s.placer.AddLead(e.lifecycles(m.env, m.word.Tau).LeadOf(m.deployment, m.word)) {
			s.placed[identity{moved.Source, moved.ID}] = moved.To
			touched[moved.From.Deployment], touched[moved.To.Deployment] = true, true
		}
	}
	delete(touched, "")
	for name := range touched {
		w.refold(e, m.slot, name)
	}
	if current, runs := s.fold.Current(); runs && len(s.seen) > 0 {
		w.stale[s.deployments[current.Deployment].Key] = true // what was seen may contradict it now, or no more
	}
}

// ready gives a slot a placer that holds what was said of it so far.
func (s *slot) ready(e *environment, env string) {
	if s.placer != nil {
		return
	}
	s.placer = statemachine.NewPlacer()
	for name, words := range s.leads {
		for i := range words {
			s.placer.AddLead(e.lifecycles(env, words[i].Tau).LeadOf(name, &words[i]))
		}
	}
	for _, f := range s.followWords() {
		s.placer.AddFollow(f)
	}
}

// refold folds one deployment anew and marks those that it concerns.
func (w *walk) refold(e *environment, at events.Slot, name string) {
	s := e.slots[at]
	d := e.fold(at, name)
	s.deployments[name] = d
	w.stale[d.Key] = true
	_, _, shift := s.fold.Replace(name, d.slotWords)
	for _, other := range s.lane.Set(name, view.LaneEntryOf(d.Lifecycle, d.State.Head())) {
		w.stale[s.deployments[other].Key] = true
	}
	if shift.Changed {
		for other, o := range s.deployments {
			if shift.Concerns(other, cmp.Or(o.State.StartedAt(), o.State.Since)) {
				w.stale[o.Key] = true
			}
		}
	}
	for _, p := range e.plans {
		for _, m := range p.NeededBy(at) {
			needing := e.slots[events.Slot{Env: at.Env, Region: m.Region, Component: m.Component}]
			if needing == nil {
				continue
			}
			for _, o := range needing.deployments {
				if o.State.Release == p.Release.Name {
					w.stale[o.Key] = true
				}
			}
		}
	}
}

// refoldWhere folds anew the deployments of an environment that fit.
func (w *walk) refoldWhere(e *environment, fits func(*Deployment) bool) {
	var fitting []events.Key
	e.each(func(d *Deployment) {
		if fits(d) {
			fitting = append(fitting, d.Key)
		}
	})
	for _, key := range fitting {
		w.refold(e, key.Slot, key.Deployment)
	}
}

// replan works out which plans are in force now, and marks the deployments of
// the releases whose plan is another.
func (w *walk) replan(e *environment) {
	before := e.plans
	e.plans, e.refused = view.Plans(e.declared)
	changed := make(map[string]bool)
	for name, p := range e.plans {
		was := before[name]
		changed[name] = was == nil || was.Source != p.Source || was.ID != p.ID
	}
	for name := range before {
		changed[name] = changed[name] || e.plans[name] == nil
	}
	e.each(func(d *Deployment) {
		if changed[d.State.Release] {
			w.stale[d.Key] = true
		}
	})
	w.refoldWhere(e, func(d *Deployment) bool {
		for name := range e.said {
			if !changed[name] {
				continue
			}
			// What the plan before named may have counted for it.
			was := environment{plans: before}
			if e.concerns(name, d) || was.concerns(name, d) {
				return true
			}
		}
		return false
	})
}
