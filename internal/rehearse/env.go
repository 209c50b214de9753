package rehearse

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Deployment is what is believed of one deployment at some point of the stream.
// It is immutable.
type Deployment struct {
	Key       events.Key
	Lifecycle *statemachine.Lifecycle // in force at its first word
	State     *statemachine.State     // its base
	Shown     statemachine.Shown      // with what its neighbours and the watermark lay over it
	Steps     []statemachine.Step     // the story of its words, in canonical order

	releases  []string // that its words name, sorted
	slotWords []statemachine.SlotWord
}

// environment is everything that is known of one environment: slots, releases
// and dependencies never cross it.
type environment struct {
	lifecycles Lifecycles
	slots      map[events.Slot]*slot
	said       map[string][]statemachine.Word // about releases as a whole, by name
	declared   []view.Declaration
	plans      map[string]*view.Plan
	refused    []view.Refusal
	freezes    view.Freezes
}

// slot is what was said and seen of one slot, and what follows from it.
type slot struct {
	leads       map[string][]statemachine.Word // by deployment
	follows     []statemachine.Word
	seen        []statemachine.Observation
	placed      map[identity]statemachine.Placement // of follows and seen
	deployments map[string]*Deployment
	fold        *view.SlotFold
	lane        *view.Lane

	placer *statemachine.Placer // of a walk; nil until it needs one
}

func newEnvironment(l Lifecycles) *environment {
	return &environment{lifecycles: l, slots: make(map[events.Slot]*slot), said: make(map[string][]statemachine.Word)}
}

func (e *environment) slot(at events.Slot) *slot {
	s := e.slots[at]
	if s == nil {
		s = &slot{
			leads: make(map[string][]statemachine.Word), placed: make(map[identity]statemachine.Placement),
			deployments: make(map[string]*Deployment), fold: view.FoldSlot(nil), lane: new(view.Lane),
		}
		e.slots[at] = s
	}
	return s
}

// take keeps a message that counts, and does nothing about it.
func (e *environment) take(m *message) {
	switch {
	case m.word != nil && m.release != "":
		e.said[m.release] = append(e.said[m.release], *m.word)
	case m.word != nil && m.deployment == events.Missing:
		s := e.slot(m.slot)
		s.follows = append(s.follows, *m.word)
	case m.word != nil:
		s := e.slot(m.slot)
		s.leads[m.deployment] = append(s.leads[m.deployment], *m.word)
	case m.seen != nil:
		s := e.slot(m.slot)
		s.seen = append(s.seen, *m.seen)
	case m.declared != nil:
		e.declared = append(e.declared, *m.declared)
	case m.freeze != nil:
		e.freezes.Add(*m.freeze)
	}
}

// evaluate works everything out from what was taken, but for what is shown.
func (e *environment) evaluate() {
	e.plans, e.refused = view.Plans(e.declared)
	for at, s := range e.slots {
		s.place(e.lifecycles, at.Env)
		var words []statemachine.SlotWord
		entries := make(map[string]view.LaneEntry, len(s.leads))
		for name := range s.leads {
			d := e.fold(at, name)
			s.deployments[name] = d
			words = append(words, d.slotWords...)
			entries[name] = view.LaneEntryOf(d.Lifecycle, d.State.Head())
		}
		s.fold, s.lane = view.FoldSlot(words), view.LaneOf(entries)
	}
}

// place places all follow words and observations anew. Which statuses put a
// deployment under way is for the lifecycle in force at each lead word's own τ
// to say, so that placement hangs on no other word.
func (s *slot) place(l Lifecycles, env string) {
	if len(s.follows)+len(s.seen) == 0 {
		return
	}
	var leads []statemachine.Lead
	for name, words := range s.leads {
		for i := range words {
			leads = append(leads, l(env, words[i].Tau).LeadOf(name, &words[i]))
		}
	}
	follows := s.followWords()
	for i, p := range statemachine.Place(leads, follows) {
		s.placed[identity{follows[i].Source, follows[i].ID}] = p
	}
}

// followWords returns what is to be placed: follow words, then observations.
func (s *slot) followWords() []statemachine.FollowWord {
	var out []statemachine.FollowWord
	for i := range s.follows {
		out = append(out, statemachine.FollowOf(&s.follows[i]))
	}
	for i := range s.seen {
		out = append(out, s.seen[i].FollowWord)
	}
	return out
}

// fold folds one deployment of a slot from nothing: the words under its key, the
// follow words placed on it, and what was said of its releases as a whole.
func (e *environment) fold(at events.Slot, name string) *Deployment {
	s := e.slots[at]
	own := slices.Clone(s.leads[name])
	for _, w := range s.follows {
		if p := s.placed[identity{w.Source, w.ID}]; p.Deployment == name {
			w.Role = p.Role
			own = append(own, w)
		}
	}
	d := &Deployment{Key: events.Key{Slot: at, Deployment: name}}
	for i := range own {
		if own[i].Release != "" {
			d.releases = append(d.releases, own[i].Release)
		}
	}
	slices.Sort(d.releases)
	d.releases = slices.Compact(d.releases)
	for release, words := range e.said { // in no order: the fold has its own
		if e.concerns(release, d) {
			own = append(own, words...)
		}
	}
	firstTau := own[0].Tau
	for i := range own {
		firstTau = min(firstTau, own[i].Tau)
	}
	d.Lifecycle = e.lifecycles(at.Env, firstTau)
	var seen []statemachine.Observation
	for _, o := range s.seen {
		if s.placed[identity{o.Source, o.ID}].Deployment == name {
			seen = append(seen, o)
		}
	}
	own = append(own, d.Lifecycle.ObservedLandings(d.Key, own, seen)...)
	d.State, d.Steps = d.Lifecycle.Fold(d.Key, own)
	for i := range d.Steps {
		if d.Steps[i].Slot != nil {
			d.slotWords = append(d.slotWords, *d.Steps[i].Slot)
		}
	}
	return d
}

// concerns reports whether what is said of a release as a whole counts for a
// deployment: a word of it names the release, or the release's plan names it.
func (e *environment) concerns(release string, d *Deployment) bool {
	if _, named := slices.BinarySearch(d.releases, release); named {
		return true
	}
	p := e.plans[release]
	if p == nil {
		return false
	}
	m, ok := p.Member(d.Key)
	return ok && m.Deployment != ""
}

// show lays over a deployment what its neighbours say, and a region's watermark.
func (e *environment) show(d *Deployment, w int64) *Deployment {
	s, state := e.slots[d.Key.Slot], d.State
	n := statemachine.Neighbours{
		Newer:   s.lane.Newer(d.Key.Deployment),
		PutBack: s.putBack(d),
		Landed:  s.fold.PresentLanding(d.Key.Deployment, state.Attempt),
		Stall:   statemachine.StallAt(d.Lifecycle.Deadlines(d.Key, state), w),
	}
	if p := e.plans[state.Release]; p != nil {
		if _, member := p.Member(d.Key); member {
			n.Waits = p.Waits(d.Key.Slot, func(m events.Member) *view.Base { return e.base(p, m) })
		}
	}
	if started := state.StartedAt(); started != 0 {
		n.Frozen = e.freezes.At(d.Key.Slot, started)
	}
	if current, runs := s.fold.Current(); runs && current.Deployment == d.Key.Deployment {
		n.Observed = s.contradiction()
	}
	shown := *d
	shown.Shown = d.Lifecycle.Overlay(d.Key, state, &n)
	return &shown
}

// putBack returns the landing by which what ran before a deployment runs again.
func (s *slot) putBack(d *Deployment) *statemachine.PutBack {
	return s.fold.PutBack(d.Key.Deployment, d.State.Attempt, cmp.Or(d.State.StartedAt(), d.State.Since))
}

// contradiction returns how the latest observation stands against the record.
func (s *slot) contradiction() *statemachine.Observed {
	if len(s.seen) == 0 {
		return nil
	}
	latest := slices.MaxFunc(s.seen, func(a, b statemachine.Observation) int { return a.Compare(&b) })
	return s.fold.Contradicts(&latest, s.placed[identity{latest.Source, latest.ID}].Deployment)
}

// base returns what stands for a member of a plan: the deployment that it names,
// else the one heard of last among those of the slot that name the release.
func (e *environment) base(p *view.Plan, m events.Member) *view.Base {
	s := e.slots[events.Slot{Env: p.Release.Env, Region: m.Region, Component: m.Component}]
	if s == nil {
		return nil
	}
	found := s.deployments[m.Deployment]
	if m.Deployment == "" {
		for _, d := range s.deployments {
			if _, named := slices.BinarySearch(d.releases, p.Release.Name); named && (found == nil || found.heardBefore(d)) {
				found = d
			}
		}
	}
	if found == nil {
		return nil
	}
	b := &view.Base{Deployment: found.Key.Deployment, State: found.State}
	if back := s.putBack(found); back != nil {
		alone := found.Lifecycle.Overlay(found.Key, found.State, &statemachine.Neighbours{PutBack: back})
		b.PutBack = alone.Reason == statemachine.ReasonPutBack
	}
	return b
}

// heardBefore orders the deployments of a slot by their last word.
func (d *Deployment) heardBefore(o *Deployment) bool {
	return cmp.Or(cmp.Compare(d.State.LastTau, o.State.LastTau), strings.Compare(d.Key.Deployment, o.Key.Deployment)) < 0
}
