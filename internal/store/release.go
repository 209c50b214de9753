package store

import (
	"fmt"
	"slices"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Releases reads the releases of one snapshot (DESIGN §4 "Releases"). What it
// has read of an environment's plans it keeps for the next release. Make one
// with [NewReleases]; it belongs to one goroutine.
type Releases struct {
	r  *Reader
	at func(env string, firstTau int64) *statemachine.Lifecycle

	// Known, when it is not nil, returns a deployment as the snapshot has it, for
	// those that somebody has in memory, and else nil. Rows cost most of what a
	// release does. A deployment without a State is one that the snapshot has not.
	Known func(name string) *Deployment

	plans    map[string]*plans        // by environment, once they were asked for
	placings map[events.Slot]*Placing // likewise; nil: the slot has no followers
	folds    map[events.Slot]*view.SlotFold
}

// plans are those of one environment.
type plans struct {
	inForce map[string]*view.Plan // by release
	refused []view.Refusal
}

// NewReleases returns what reads releases in r. at says which lifecycle a
// deployment of an environment follows whose first word was then.
func NewReleases(r *Reader, at func(env string, firstTau int64) *statemachine.Lifecycle) *Releases {
	return &Releases{
		r: r, at: at, plans: make(map[string]*plans), placings: make(map[events.Slot]*Placing),
		folds: make(map[events.Slot]*view.SlotFold),
	}
}

// Read reads one release: its plan in force, its members as they are shown, and
// what was said of it as a whole. It fails with [ErrNotFound] when nothing was
// heard of the release. Its cost is that of the release: the rows of its members
// and, without a plan, the landings of its components' slots. Only a
// declared plan costs more, once for each environment: whether it counts hangs
// on the plans of the other releases there.
func (x *Releases) Read(key events.Release) (out view.Release, err error) {
	m := membership{Releases: x, key: key, of: make(map[string]bool)}
	planned := false
	out.Key = key
	said, err := saidUnder(x.r, x.r, keySaidOf(key))
	if err != nil {
		return out, err
	}
	for i := range said {
		s := &said[i]
		out.Revision = max(out.Revision, s.Seq)
		if s.Word != nil {
			out.Say(s.Word)
		} else if s.Note.Type == events.TypeReleaseDeclared {
			planned = true
		}
	}
	if planned {
		p, err := x.plansOf(key.Env)
		if err != nil {
			return out, err
		}
		out.Declare(p.inForce, p.refused)
	}
	m.plan = out.Plan
	if err := m.read(); err != nil {
		return out, err
	}
	if len(said) == 0 && len(m.heard) == 0 {
		return out, ErrNotFound
	}
	var expected []events.Slot
	if out.Plan == nil {
		if expected, err = m.expected(); err != nil {
			return out, err
		}
	}
	out.Members = view.ReleaseMembers(out.Plan, m.heard, expected)
	told, err := x.r.ToldRelease(key.String())
	out.Revision = max(out.Revision, m.moved, told.Revision)
	return out, ignoreNotFound(err)
}

// plansOf resolves all plans that were declared in an environment.
func (x *Releases) plansOf(env string) (*plans, error) {
	if known := x.plans[env]; known != nil {
		return known, nil
	}
	said, err := SaidIn(x.r, x.r, env)
	if err != nil {
		return nil, err
	}
	var all []view.Declaration
	for i := range said {
		d, isPlan, err := said[i].Declaration()
		if err != nil {
			return nil, err
		}
		if isPlan {
			all = append(all, d)
		}
	}
	p := new(plans)
	p.inForce, p.refused = view.Plans(all)
	x.plans[env] = p
	return p, nil
}

// membership gathers the deployments that a release concerns.
type membership struct {
	*Releases

	key  events.Release
	plan *view.Plan // in force, nil: there is none

	of    map[string]bool // keys of deployments that were looked at
	heard []view.Seen
	first int64  // least τ of the words that name the release; 0: there is none
	moved uint64 // when what is told of one of them last changed
}

// read looks at all deployments that were named in the release, and at those
// that its plan names.
func (m *membership) read() error {
	if m.plan != nil {
		for i, slot := range m.plan.Slots() {
			if name := m.plan.Members[i].Deployment; name != "" {
				if err := m.look(events.Key{Slot: slot, Deployment: name}.String(), true, 0); err != nil {
					return err
				}
			}
		}
	}
	return m.r.eachMember(m.key, func(name string, first int64) error { return m.look(name, false, first) })
}

// look takes a deployment that has a word of the release, the first at first, or
// that its plan names. A deployment stays in the index when another content of a
// word came to count, or a follow word moved on, so where that may be the words
// decide.
func (m *membership) look(name string, named bool, first int64) error {
	if m.of[name] {
		return nil
	}
	d, err := m.deployment(name)
	if err != nil {
		return ignoreNotFound(err)
	}
	key, err := events.ParseKey(name)
	if err != nil {
		return fmt.Errorf("the store has the deployment %q: %v", name, err)
	}
	// With a plan nobody asks for the first word.
	if named = named || m.plan != nil && d.State.Release == m.key.Name; !named {
		if d.Contested || d.State.Release != m.key.Name {
			var speaks bool
			if first, speaks, err = m.firstWord(key, d); err != nil || !speaks {
				return err
			}
		}
		if m.first == 0 || first < m.first {
			m.first = first
		}
	}
	m.of[name] = true
	m.moved = max(m.moved, d.Moved)
	m.heard = append(m.heard, view.SeenOf(key, d.State, d.Shows()))
	return nil
}

// deployment returns a deployment, or [ErrNotFound] for one that has no words.
func (x *Releases) deployment(name string) (*Deployment, error) {
	if x.Known != nil {
		if d := x.Known(name); d != nil && d.State == nil {
			return nil, ErrNotFound
		} else if d != nil {
			return d, nil
		}
	}
	return x.r.deployment(name)
}

// firstWord returns the least τ of the words of a deployment that name the
// release; ok is false when none does.
func (m *membership) firstWord(key events.Key, d *Deployment) (first int64, ok bool, err error) {
	h, err := m.Words(key, d)
	if err != nil {
		return 0, false, err
	}
	for i := range h.Words {
		if w := &h.Words[i]; w.Release == m.key.Name && (!ok || w.Tau < first) {
			first, ok = w.Tau, true
		}
	}
	return first, ok, nil
}

// expected returns the slots of the release's components in which it was not
// heard of and should be. The order of the keys lets them be found region by
// region, without a look at other components.
func (m *membership) expected() ([]events.Slot, error) {
	var components []string
	heard := make(map[events.Slot]bool)
	for i := range m.heard {
		slot := m.heard[i].Key.Slot
		heard[slot] = true
		components = append(components, slot.Component)
	}
	if len(components) == 0 {
		return nil, nil
	}
	slices.Sort(components)
	components = slices.Compact(components)
	regions, err := m.r.regionsOf(m.key.Env)
	if err != nil {
		return nil, err
	}
	var out []events.Slot
	for _, region := range regions {
		for _, component := range components {
			slot := events.Slot{Env: m.key.Env, Region: region, Component: component}
			if heard[slot] {
				continue
			}
			fold, err := m.fold(slot)
			if err != nil {
				return nil, err
			}
			if fold.Expects(m.first) {
				out = append(out, slot)
			}
		}
	}
	return out, nil
}

// fold returns the landings of a slot, none for one that nobody spoke of.
func (x *Releases) fold(slot events.Slot) (*view.SlotFold, error) {
	if known := x.folds[slot]; known != nil {
		return known, nil
	}
	words, err := x.r.SlotWords(slot.String())
	if err != nil {
		return nil, err
	}
	x.folds[slot] = view.FoldSlot(words)
	return x.folds[slot], nil
}

// Heard is what a deployment is folded from.
type Heard struct {
	Words   []statemachine.Word
	Placing *Placing          // of its slot, nil when that has no followers
	Of      map[uint64]string // by position in EVENTS: the release of which a word was said as a whole
}

// Words returns the words that a deployment is folded from: its own that count,
// what was said of its releases as a whole, and what followers add.
func (x *Releases) Words(key events.Key, d *Deployment) (*Heard, error) {
	h := &Heard{Of: make(map[uint64]string)}
	own, err := WordsOf(x.r, d)
	if err != nil || len(own) == 0 {
		return h, err
	}
	if h.Placing, err = x.placing(key.Slot); err != nil {
		return nil, err
	}
	p, err := x.plansOf(key.Env)
	if err != nil {
		return nil, err
	}
	var planned []string
	for name, plan := range p.inForce {
		if m, ok := plan.Member(key); ok && m.Deployment != "" {
			planned = append(planned, name)
		}
	}
	slices.Sort(planned)
	h.Words, err = AllWords(x.r, key, own, h.Placing, planned,
		func(name string) (of []statemachine.Word, err error) {
			said, err := saidUnder(x.r, x.r, keySaidOf(events.Release{Env: key.Env, Name: name}))
			for i := range said {
				if w := said[i].Word; w != nil {
					of = append(of, *w)
					h.Of[said[i].Seq] = name
				}
			}
			return of, err
		},
		func(firstTau int64) *statemachine.Lifecycle { return x.at(key.Env, firstTau) })
	return h, err
}

// placing returns where the followers of a slot are, nil when it has none.
func (x *Releases) placing(slot events.Slot) (*Placing, error) {
	if known, ok := x.placings[slot]; ok {
		return known, nil
	}
	p, err := x.r.ReadPlacing(slot, func(firstTau int64) *statemachine.Lifecycle { return x.at(slot.Env, firstTau) })
	if err == nil {
		x.placings[slot] = p
	}
	return p, err
}
