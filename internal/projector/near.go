package projector

import (
	"cmp"
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// mark notes that what is told of d may be another after the message at hand. It
// must be called before anything of d changes. Once the message is applied,
// settle looks at all that were marked: overlays depend on bases alone, so one
// look each is enough.
func (b *batch) mark(d *deployment) {
	if d.marked {
		return
	}
	d.marked, d.before, d.unheard, d.stalled = true, d.facts(), d.row.State == nil, 0
	if d.row.Shown != nil && d.row.Shown.IsTimed() {
		d.stalled = d.row.Shown.Since
	}
	b.marked = append(b.marked, d)
}

// markNamed marks other deployments of a slot.
func (b *batch) markNamed(slot events.Slot, names []string) error {
	for _, name := range names {
		key := events.Key{Slot: slot, Deployment: name}
		d, err := b.deployment(key, key.String())
		if err != nil {
			return err
		}
		b.mark(d)
	}
	return nil
}

// lifecycleOf returns the version that a deployment follows.
func (b *batch) lifecycleOf(d *deployment) *statemachine.Lifecycle {
	return b.lifecycles.at(d.key.Env, d.row.State.FirstTau)
}

// relane tells the slot of d what its base means for the others there, and
// marks those for whom that makes a difference.
func (b *batch) relane(d *deployment) error {
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return err
	}
	known := s.lane != nil // else d may be in it as it is now
	lane, err := b.laneOf(s, d.key.Slot)
	if err != nil {
		return err
	}
	name := d.key.Deployment
	led := known && lane.Lead() == name
	var changed []string
	if state := d.row.State; state == nil {
		changed = lane.Remove(name)
		delete(s.failed, name)
	} else {
		l, head := b.lifecycleOf(d), state.Head()
		changed = lane.Set(name, view.LaneEntryOf(l, head))
		s.noteFailed(l, name, head)
		if !led || lane.Lead() != name {
			// It may stand for its slot in a release now, or not any more.
			if err := b.unsettleAll(d.key.Env, state.Release, d.row.Also); err != nil {
				return err
			}
		}
	}
	b.slotCache.weigh(s)
	return b.markNamed(d.key.Slot, changed)
}

// laneOf returns the lane of a slot, from the rows of its deployments the first
// time that it is asked for.
func (b *batch) laneOf(s *slot, at events.Slot) (*view.Lane, error) {
	if s.lane != nil {
		return s.lane, nil
	}
	entries := make(map[string]view.LaneEntry)
	err := b.eachHeadOf(at, func(name string, head *statemachine.Head) error {
		l := b.lifecycles.at(at.Env, head.FirstTau)
		entries[name] = view.LaneEntryOf(l, head)
		s.noteFailed(l, name, head)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.lane = view.LaneOf(entries)
	b.slotCache.weigh(s)
	return s.lane, nil
}

// eachOf visits all deployments of a slot that have words, as they are now, in no
// particular order. Those that w does not see as they are go by what they are in
// memory.
func (b *batch) eachOf(at events.Slot, visit func(name string, row *store.Deployment) error) error {
	fresh, err := b.eachFreshOf(at, visit)
	if err != nil {
		return err
	}
	prefix := at.String() + "/"
	return b.w.Deployments(prefix, "", func(name string, row *store.Deployment) (bool, error) {
		if fresh[name] {
			return true, nil
		}
		return true, visit(name[len(prefix):], row)
	})
}

// eachHeadOf is [batch.eachOf] for the heads of their states, which can be read
// without the rest.
func (b *batch) eachHeadOf(at events.Slot, visit func(name string, head *statemachine.Head) error) error {
	fresh, err := b.eachFreshOf(at, func(name string, row *store.Deployment) error {
		return visit(name, row.State.Head())
	})
	if err != nil {
		return err
	}
	prefix := at.String() + "/"
	return b.w.Heads(prefix, func(name string, head *statemachine.Head) error {
		if fresh[name] {
			return nil
		}
		return visit(name[len(prefix):], head)
	})
}

// eachFreshOf visits those that w does not see as they are, and returns the keys
// of these.
func (b *batch) eachFreshOf(at events.Slot, visit func(name string, row *store.Deployment) error) (map[string]bool, error) {
	fresh := b.dirty
	if b.behind != nil {
		fresh = slices.Concat(fresh, b.behind.dirty)
	}
	known := map[string]bool{}
	for _, d := range fresh {
		if d.key.Slot != at || known[d.name] {
			continue
		}
		known[d.name] = true
		if d.row.State != nil {
			if err := visit(d.key.Deployment, &d.row); err != nil {
				return nil, err
			}
		}
	}
	return known, nil
}

// noteFailed keeps the deployments of a slot that failed, and when they started:
// a landing may put back what ran before them.
func (s *slot) noteFailed(l *statemachine.Lifecycle, name string, head *statemachine.Head) {
	if !l.Fails(head.Status) {
		delete(s.failed, name)
		return
	}
	if s.failed == nil {
		s.failed = make(map[string]int64)
	}
	s.failed[name] = cmp.Or(head.StartedAt(), head.Since)
}

// markShifted marks the deployments of a slot for which other landings make a
// difference.
func (b *batch) markShifted(s *slot, at events.Slot, shift view.Shift) error {
	if !shift.Changed {
		return nil
	}
	if _, err := b.laneOf(s, at); err != nil { // and with it, who failed
		return err
	}
	names := slices.Clone(shift.Deployments)
	for name, started := range s.failed {
		if shift.Concerns(name, started) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return b.markNamed(at, slices.Compact(names))
}

// near returns what the neighbours of d say, and the watermark.
func (b *batch) near(d *deployment, l *statemachine.Lifecycle) (n statemachine.Neighbours, due statemachine.Deadline, err error) {
	state := d.row.State
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return n, due, err
	}
	lane, err := b.laneOf(s, d.key.Slot)
	if err != nil {
		return n, due, err
	}
	n.Newer = lane.Newer(d.key.Deployment)
	fails := l.Fails(state.Status)
	// A slot may run what says of itself that it does not any more.
	observed := s.row.Follows && s.row.Current.Deployment == d.key.Deployment
	if fails || observed || l.Runs(state.Status) {
		fold, err := b.foldOf(s)
		if err != nil {
			return n, due, err
		}
		if fails {
			n.PutBack = fold.PutBack(d.key.Deployment, state.Attempt, cmp.Or(state.StartedAt(), state.Since))
		}
		n.Landed = fold.PresentLanding(d.key.Deployment, state.Attempt)
		if observed {
			if n.Observed, err = b.contradiction(s, d.key.Slot, fold); err != nil {
				return n, due, err
			}
		}
	}
	env := b.environments.of(d.key.Env)
	if started := state.StartedAt(); started != 0 {
		n.Frozen = env.freezes.At(d.key.Slot, started)
	}
	if plan := env.plans[state.Release]; plan != nil {
		if n.Waits, err = b.waits(plan, d); err != nil {
			return n, due, err
		}
	}
	due = l.Deadlines(d.key, state)
	n.Stall = statemachine.StallAt(due, b.watermark(d.key.Region))
	return n, due, nil
}

// contradiction returns the observation that stands against what a slot runs.
func (b *batch) contradiction(s *slot, at events.Slot, fold *view.SlotFold) (*statemachine.Observed, error) {
	p, err := b.placingOf(s, at)
	if err != nil || p.Latest() == nil {
		return nil, err
	}
	return fold.Contradicts(p.Latest().Observed, p.Latest().At.Deployment), nil
}

// overlay says anew what is shown of d, and by when it is to be looked at again.
func (b *batch) overlay(d *deployment) error {
	d.row.Shown = nil
	if d.row.State == nil {
		return b.unschedule(d)
	}
	l := b.lifecycleOf(d)
	n, due, err := b.near(d, l)
	if err != nil {
		return err
	}
	shown := l.Overlay(d.key, d.row.State, &n)
	if !shown.IsBare(d.row.State) {
		d.row.Shown = &shown
	}
	return b.schedule(d, due)
}

// waits returns what the plan of its release makes d depend on.
func (b *batch) waits(plan *view.Plan, d *deployment) ([]statemachine.Dependency, error) {
	if _, member := plan.Member(d.key); !member {
		return nil, nil
	}
	var failed error
	waits := plan.Waits(d.key.Slot, func(m events.Member) *view.Base {
		stands, err := b.standsFor(plan, m)
		if err != nil || stands == nil {
			failed = cmp.Or(failed, err)
			return nil
		}
		base := &view.Base{Deployment: stands.key.Deployment, State: stands.row.State}
		base.PutBack, err = b.isPutBack(stands)
		failed = cmp.Or(failed, err)
		return base
	})
	return waits, failed
}

// isPutBack reports whether a deployment failed and its slot was put back.
func (b *batch) isPutBack(d *deployment) (bool, error) {
	if !b.lifecycleOf(d).Fails(d.row.State.Status) {
		return false, nil
	}
	s, err := b.slot(d.key.Slot)
	if err != nil {
		return false, err
	}
	fold, err := b.foldOf(s)
	if err != nil {
		return false, err
	}
	state := d.row.State
	return fold.PutBack(d.key.Deployment, state.Attempt, cmp.Or(state.StartedAt(), state.Since)) != nil, nil
}

// standsFor returns the deployment that stands for a member: the one that was
// heard of last, ties by name; nil when none was.
func (b *batch) standsFor(plan *view.Plan, m events.Member) (*deployment, error) {
	of, err := b.membersAt(plan, m)
	if err != nil {
		return nil, err
	}
	var last *deployment
	for _, d := range of {
		if last == nil || last.row.State.LastTau < d.row.State.LastTau ||
			last.row.State.LastTau == d.row.State.LastTau && last.name < d.name {
			last = d
		}
	}
	return last, nil
}

// membersAt returns the deployments that may stand for a member: the one that the
// plan names, or all of the release in that slot.
func (b *batch) membersAt(plan *view.Plan, m events.Member) ([]*deployment, error) {
	at := events.Slot{Env: plan.Release.Env, Region: m.Region, Component: m.Component}
	var names []string
	if m.Deployment != "" {
		names = []string{events.Key{Slot: at, Deployment: m.Deployment}.String()}
	} else {
		var err error
		if names, err = b.w.MembersAt(plan.Release, at); err != nil {
			return nil, err
		}
		for _, from := range [...]*batch{b, b.behind} {
			if from == nil {
				continue
			}
			for _, n := range from.named {
				if n.release == plan.Release && slotOf(n.deployment) == at.String() && !slices.Contains(names, n.deployment) {
					names = append(names, n.deployment)
				}
			}
		}
	}
	var out []*deployment
	for _, name := range names {
		key, ok := deploymentKey(name)
		if !ok {
			return nil, store.ErrCodec
		}
		d, err := b.deployment(key, name)
		if err != nil {
			return nil, err
		}
		if s := d.row.State; s != nil && (m.Deployment != "" || s.Release == plan.Release.Name) {
			out = append(out, d)
		}
	}
	return out, nil
}

// markDependents marks what depends on d in the releases that it is and was of,
// and in those whose plans name it, whatever it says of itself.
func (b *batch) markDependents(d *deployment) error {
	env := b.environments.of(d.key.Env)
	if len(env.plans) == 0 {
		return nil
	}
	releases := append(slices.Clone(env.planned[d.name]), d.before.Release)
	if s := d.row.State; s != nil {
		releases = append(releases, s.Release)
	}
	slices.Sort(releases)
	for _, release := range slices.Compact(releases) {
		plan := env.plans[release]
		if plan == nil {
			continue
		}
		for _, m := range plan.NeededBy(d.key.Slot) {
			of, err := b.membersAt(plan, m)
			if err != nil {
				return err
			}
			for _, other := range of {
				b.mark(other)
			}
		}
	}
	return nil
}
