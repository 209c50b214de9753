package projector

import (
	"cmp"
	"maps"
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// placingOf returns where the follow words and observations of a slot are, from
// all of its words the first time that it is asked for.
func (b *batch) placingOf(s *slot, at events.Slot) (*store.Placing, error) {
	if s.placing != nil {
		return s.placing, nil
	}
	var leads []statemachine.Lead
	err := b.eachOf(at, func(name string, row *store.Deployment) error {
		own, err := store.LeadsOf(b, name, row, func(tau int64) *statemachine.Lifecycle { return b.lifecycles.at(at.Env, tau) })
		leads = append(leads, own...)
		return err
	})
	if err != nil {
		return nil, err
	}
	followers, err := b.followers(at)
	if err != nil {
		return nil, err
	}
	if s.placing, err = store.NewPlacing(leads, followers); err != nil {
		return nil, err
	}
	s.placed = len(leads) + len(followers)
	b.slotCache.weigh(s)
	return s.placing, nil
}

// followers returns the followers of a slot, those in flight included.
func (b *batch) followers(at events.Slot) ([]store.Follower, error) {
	out, err := b.w.Followers(at)
	if err != nil {
		return nil, err
	}
	subjects := store.FollowSubjects(at)
	// What is in the store may count no more by what is in flight.
	out = slices.DeleteFunc(out, func(f store.Follower) bool {
		_, counts, again := store.FollowerAt(b, f.Ref)
		err = cmp.Or(err, again)
		return !counts
	})
	for _, from := range [...]*batch{b.behind, b} {
		if from == nil {
			continue
		}
		for _, e := range from.events {
			if !slices.Contains(subjects[:], e.Subject) {
				continue
			}
			f, counts, again := store.FollowerAt(b, e.ref)
			if err = cmp.Or(err, again); counts {
				out = append(out, f)
			}
		}
	}
	return out, err
}

// loadPlacing loads the placing of the slot that a subject is about, if that has
// followers: before what is stored of them changes.
func (b *batch) loadPlacing(subject string) error {
	key, ok := deploymentKey(subject)
	at := key.Slot
	if !ok {
		if at, ok = followSlot(subject); !ok {
			return nil
		}
	}
	s, err := b.slot(at)
	if err == nil && s.row.Follows {
		_, err = b.placingOf(s, at)
	}
	return err
}

// applyFollower stores a follow word or an observation that was not heard before,
// places it, and folds the deployment that it is placed on.
func (b *batch) applyFollower(m *message) error {
	s, err := b.slot(m.key.Slot)
	if err != nil {
		return err
	}
	placing, err := b.placingOf(s, m.key.Slot) // before the word is in it
	if err != nil {
		return err
	}
	ref, err := b.storeFirst(m)
	if err != nil {
		return err
	}
	c := m.cause()
	p, err := placing.Add(store.Follower{Event: m.row, Ref: ref})
	if err != nil {
		return err
	}
	s.placed++
	b.slotCache.weigh(s)
	if !s.row.Follows {
		s.row.Follows = true
		b.touchSlot(s, true)
	}
	if p.Observed != nil && placing.Latest() == p {
		if err := b.markCurrent(s, m.key.Slot); err != nil {
			return err
		}
	}
	if p.At.Deployment == "" {
		b.metrics.applied(appliedUnplaced)
		return b.w.PutUnplaced(s.name, p.Seq, p.Ref)
	}
	b.metrics.applied(appliedFollow)
	key := events.Key{Slot: m.key.Slot, Deployment: p.At.Deployment}
	d, err := b.deployment(key, key.String())
	if err != nil {
		return err
	}
	if p.Observed != nil {
		state := d.row.State
		if !b.lifecycleOf(d).Unlanded(state.Status) && p.Observed.Tau >= state.LastTau {
			return nil // it lands nothing; all that it may say is a contradiction
		}
		c.late = p.Observed.Tau < state.LastTau
		return b.refold(d, c)
	}
	w := *m.row.Word
	w.Role = p.At.Role
	return b.fold(d, &w, c)
}

// markCurrent marks what a slot runs.
func (b *batch) markCurrent(s *slot, at events.Slot) error {
	if s.row.Current.Deployment == "" {
		return nil
	}
	return b.markNamed(at, []string{s.row.Current.Deployment})
}

// addLead tells the followers of a slot of a new lead word of d, and folds the
// deployments again between which that moves some. It reports whether d was
// among them.
func (b *batch) addLead(s *slot, d *deployment, w *statemachine.Word, c cause) (refolded bool, err error) {
	placing, err := b.placingOf(s, d.key.Slot)
	if err != nil {
		return false, err
	}
	lead := b.lifecycles.at(d.key.Env, w.Tau).LeadOf(d.key.Deployment, w)
	return b.moveAll(s, d, placing.AddLead(lead), c)
}

// moveAll folds again the deployments between which followers moved, and notes
// which of those are unplaced. It reports whether d was among them.
func (b *batch) moveAll(s *slot, d *deployment, moves []store.Move, c cause) (refolded bool, err error) {
	var names []string
	for _, m := range moves {
		if m.From == "" {
			err = b.w.DeleteUnplaced(s.name, m.Seq)
		} else if m.At.Deployment == "" {
			err = b.w.PutUnplaced(s.name, m.Seq, m.Ref)
		}
		if err != nil {
			return false, err
		}
		if m.Placed == s.placing.Latest() { // what it contradicts has a name now, or no more
			if err := b.markCurrent(s, d.key.Slot); err != nil {
				return false, err
			}
		}
		names = append(names, m.From, m.At.Deployment)
	}
	slices.Sort(names)
	c.late = c.late || len(moves) > 0
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		key := events.Key{Slot: d.key.Slot, Deployment: name}
		other, err := b.deployment(key, key.String())
		if err != nil {
			return false, err
		}
		refolded = refolded || other == d
		if err := b.refold(other, c); err != nil {
			return false, err
		}
	}
	return refolded, nil
}

// placeAgain notes anew which followers of a slot are unplaced, after a lifecycle
// came into force or went: others may be under way. It reports whether the slot
// has followers.
func (b *batch) placeAgain(at events.Slot) (follows bool, err error) {
	s, err := b.slot(at)
	if err != nil || !s.row.Follows {
		return false, err
	}
	placing, err := b.placingOf(s, at)
	if err != nil {
		return true, err
	}
	noted := make(map[uint64]bool)
	err = b.w.Unplaced(s.name+"\x00", "", func(_, _ string, e store.Event) (bool, error) {
		noted[e.Seq] = true
		return true, nil
	})
	for _, p := range placing.On("") {
		if !noted[p.Seq] {
			err = cmp.Or(err, b.w.PutUnplaced(s.name, p.Seq, p.Ref))
		}
		delete(noted, p.Seq)
	}
	for _, seq := range slices.Sorted(maps.Keys(noted)) {
		err = cmp.Or(err, b.w.DeleteUnplaced(s.name, seq))
	}
	return true, err
}

// replaced takes back what a copy said of its slot, if it said anything to its
// followers, and lets another one say it: of one identity another content counts.
func (b *batch) replaced(was, is *copyOf, c cause) error {
	for _, side := range [...]struct {
		of    *copyOf
		leave bool
	}{{was, true}, {is, false}} {
		if err := b.restate(side.of, side.leave, c); err != nil {
			return err
		}
	}
	return nil
}

// restate removes or adds one copy, which is in the store by then. A placing that
// is loaded only now knows of it.
func (b *batch) restate(e *copyOf, leave bool, c cause) error {
	key, isWord := deploymentKey(e.Subject)
	at := key.Slot
	if !isWord {
		var ok bool
		if at, ok = followSlot(e.Subject); !ok || !e.IsFollower() {
			return nil
		}
	}
	s, err := b.slot(at)
	if err != nil || isWord && !s.row.Follows {
		return err
	}
	if !isWord {
		return b.restateFollower(s, at, e, leave, c)
	}
	placing, err := b.placingOf(s, at)
	if err != nil {
		return err
	}
	d, err := b.deployment(key, e.Subject)
	if err != nil {
		return err
	}
	lead := b.lifecycles.at(at.Env, e.Word.Tau).LeadOf(key.Deployment, e.Word)
	moves := placing.AddLead
	if leave {
		moves = placing.RemoveLead
	}
	_, err = b.moveAll(s, d, moves(lead), c)
	return err
}

func (b *batch) restateFollower(s *slot, at events.Slot, e *copyOf, leave bool, c cause) error {
	if !s.row.Follows {
		s.row.Follows = true
		b.touchSlot(s, true)
	}
	placing, err := b.placingOf(s, at)
	if err != nil {
		return err
	}
	p := placing.Of(e.Source(), e.ID())
	switch {
	case leave:
		placing.Remove(e.Source(), e.ID())
	case p == nil:
		f, _, err := store.FollowerAt(b, e.ref)
		if err != nil {
			return err
		}
		if p, err = placing.Add(f); err != nil {
			return err
		}
	}
	if p.Observed != nil {
		if err := b.markCurrent(s, at); err != nil {
			return err
		}
	}
	switch {
	case p.At.Deployment != "":
		d, err := b.deployment(events.Key{Slot: at, Deployment: p.At.Deployment}, s.name+"/"+p.At.Deployment)
		if err != nil {
			return err
		}
		return b.refold(d, c)
	case leave:
		return b.w.DeleteUnplaced(s.name, p.Seq)
	default:
		return b.w.PutUnplaced(s.name, p.Seq, p.Ref)
	}
}

// followSlot returns the slot of a subject of [store.FollowSubjects].
func followSlot(subject string) (events.Slot, bool) {
	if key, err := events.ParseKey(subject); err == nil {
		return key.Slot, key.IsFollow()
	}
	at, err := events.ParseSlot(subject)
	return at, err == nil
}
