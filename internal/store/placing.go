package store

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Placed is a follow word or an observation of a slot, and where it is placed.
type Placed struct {
	Ref      Ref
	Seq      uint64 // in EVENTS
	At       statemachine.Placement
	Twins    uint32                    // other contents heard under its identity
	Observed *statemachine.Observation // nil: a follow word, found at Ref
	word     statemachine.FollowWord
}

// Placing is the placement of a slot's follow words and observations (DESIGN §3
// "One rollout, many tools"): where each is, and what each deployment has. It
// belongs to one goroutine.
type Placing struct {
	placer *statemachine.Placer
	placed map[wordID]*Placed
	on     map[string][]*Placed // by deployment, "" for the unplaced
	latest *Placed              // the observation that counts, nil: there is none
}

// wordID is the identity of a word; no two share it.
type wordID struct{ source, id string }

// Follower is an event of a slot that names no deployment, as it was stored.
type Follower struct {
	Event
	Ref   Ref
	Twins uint32
}

// NewPlacing places the follow words and observations of a slot on its lead
// words.
func NewPlacing(leads []statemachine.Lead, followers []Follower) (*Placing, error) {
	p := &Placing{
		placer: statemachine.NewPlacer(), placed: make(map[wordID]*Placed), on: make(map[string][]*Placed),
	}
	for i := range leads {
		p.placer.AddLead(leads[i])
	}
	for i := range followers {
		if _, err := p.Add(followers[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Add places a follower, which must not be there yet.
func (p *Placing) Add(f Follower) (*Placed, error) {
	w := &Placed{Ref: f.Ref, Seq: f.Seq, Twins: f.Twins}
	if f.Word != nil {
		w.word = statemachine.FollowOf(f.Word)
	} else {
		o, err := f.Note.observation(f.Seq)
		if err != nil {
			return nil, err
		}
		w.Observed, w.word = &o, o.FollowWord
	}
	w.At = p.placer.AddFollow(w.word)
	p.placed[wordID{w.word.Source, w.word.ID}] = w
	p.on[w.At.Deployment] = append(p.on[w.At.Deployment], w)
	if w.Observed != nil && (p.latest == nil || p.latest.Observed.Compare(w.Observed) < 0) {
		p.latest = w
	}
	return w, nil
}

// Remove forgets a follower by its identity and returns where it was; nil when
// it was not there.
func (p *Placing) Remove(source, id string) *Placed {
	w := p.placed[wordID{source, id}]
	if w == nil {
		return nil
	}
	p.placer.RemoveFollow(source, id)
	delete(p.placed, wordID{source, id})
	p.leave(w)
	if p.latest == w {
		p.latest = nil
		for _, other := range p.placed {
			if other.Observed != nil && (p.latest == nil || p.latest.Observed.Compare(other.Observed) < 0) {
				p.latest = other
			}
		}
	}
	return w
}

// Of returns a follower by its identity; nil when it is not there.
func (p *Placing) Of(source, id string) *Placed { return p.placed[wordID{source, id}] }

// AddLead adds a lead word, which must not be there yet, and returns what it
// moved, by position in EVENTS.
func (p *Placing) AddLead(l statemachine.Lead) []Move { return p.move(p.placer.AddLead(l)) }

// RemoveLead removes a lead word as it was added, and returns what that moved.
func (p *Placing) RemoveLead(l statemachine.Lead) []Move { return p.move(p.placer.RemoveLead(l)) }

// Move is a follower whose placement changed.
type Move struct {
	*Placed
	From string // the deployment that had it, "" when it was unplaced
}

func (p *Placing) move(moved []statemachine.Moved) []Move {
	var out []Move
	for _, m := range moved {
		w := p.placed[wordID{m.Source, m.ID}]
		p.leave(w)
		w.At = m.To
		p.on[m.To.Deployment] = append(p.on[m.To.Deployment], w)
		if m.From.Deployment != m.To.Deployment {
			out = append(out, Move{w, m.From.Deployment})
		}
	}
	slices.SortFunc(out, func(a, b Move) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

func (p *Placing) leave(w *Placed) {
	on := p.on[w.At.Deployment]
	if i := slices.Index(on, w); i >= 0 {
		p.on[w.At.Deployment] = slices.Delete(on, i, i+1)
	}
	if len(p.on[w.At.Deployment]) == 0 {
		delete(p.on, w.At.Deployment)
	}
}

// Latest returns the observation of the slot that counts, nil when there is
// none.
func (p *Placing) Latest() *Placed { return p.latest }

// Len returns how many followers there are.
func (p *Placing) Len() int { return len(p.placed) }

// Has reports whether a deployment has followers.
func (p *Placing) Has(deployment string) bool { return len(p.on[deployment]) > 0 }

// Observes reports whether an observation is placed on a deployment.
func (p *Placing) Observes(deployment string) bool {
	return slices.ContainsFunc(p.on[deployment], func(w *Placed) bool { return w.Observed != nil })
}

// On returns what is placed on a deployment, in no particular order. The result
// is not to be changed.
func (p *Placing) On(deployment string) []*Placed { return p.on[deployment] }

// AllWords returns the words that a deployment is folded from: those under its
// own key, of which there must be one, the follow words that are placed on it,
// what was said of the releases that any of these name, or whose plan names the
// deployment, and the landings that were only observed. planned are the latter. p
// is nil when the slot has no followers, of returns what
// was said of all members of a release, at which lifecycle a deployment follows
// whose first word was then.
func AllWords(
	look Lookup, key events.Key, own []statemachine.Word, p *Placing, planned []string,
	of func(release string) ([]statemachine.Word, error), at func(firstTau int64) *statemachine.Lifecycle,
) ([]statemachine.Word, error) {
	words := slices.Clip(own)
	var seen []statemachine.Observation
	if p != nil {
		for _, w := range p.on[key.Deployment] {
			if w.Observed != nil {
				seen = append(seen, *w.Observed)
				continue
			}
			e, err := look.Event(w.Ref)
			if err != nil {
				return nil, fmt.Errorf("read a follow word: %w", must(err))
			}
			word := *e.Word
			word.Role, word.Twins = w.At.Role, w.Twins
			words = append(words, word)
		}
	}
	releases := slices.Clone(planned)
	for i := range words {
		if r := words[i].Release; r != "" && !slices.Contains(releases, r) {
			releases = append(releases, r)
		}
	}
	for _, r := range releases {
		said, err := of(r)
		if err != nil {
			return nil, err
		}
		words = append(words, said...)
	}
	if len(seen) == 0 {
		return words, nil
	}
	first := words[0].Tau
	for i := range words {
		first = min(first, words[i].Tau)
	}
	return append(words, at(first).ObservedLandings(key, words, tellingOnes(words, seen))...), nil
}

// tellingOnes leaves out observations that come right behind another one: with no
// word between them the second can land nothing that the first did not. So an
// observer that looks every minute does not make a deployment's history costly.
func tellingOnes(words []statemachine.Word, seen []statemachine.Observation) []statemachine.Observation {
	slices.SortFunc(seen, func(a, b statemachine.Observation) int { return a.Compare(&b) })
	taus := make([]int64, len(words))
	for i := range words {
		taus[i] = words[i].Tau
	}
	slices.Sort(taus)
	telling := seen[:0]
	gap := -1
	for _, o := range seen {
		// Words of the very instant count as before it.
		at, _ := slices.BinarySearch(taus, o.Tau+1)
		if at != gap {
			telling, gap = append(telling, o), at
		}
	}
	return telling
}

// ReadPlacing places the follow words and observations of a slot as they are in
// the store; nil when it has none. at says which lifecycle was in force then.
func (r *Reader) ReadPlacing(slot events.Slot, at func(tau int64) *statemachine.Lifecycle) (*Placing, error) {
	followers, err := r.Followers(slot)
	if err != nil || len(followers) == 0 {
		return nil, err
	}
	var leads []statemachine.Lead
	prefix := slot.String() + "/"
	err = r.Deployments(prefix, "", func(name string, d *Deployment) (bool, error) {
		own, err := LeadsOf(r, name[len(prefix):], d, at)
		leads = append(leads, own...)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return NewPlacing(leads, followers)
}

// LeadsOf returns what placement needs of the lead words of a deployment. What
// puts it under way is for the lifecycle to say that was in force at each word's
// own time, not at the first: so no other word decides where one is placed.
func LeadsOf(look Lookup, deployment string, d *Deployment, at func(tau int64) *statemachine.Lifecycle) ([]statemachine.Lead, error) {
	words, err := WordsOf(look, d)
	if err != nil {
		return nil, err
	}
	leads := make([]statemachine.Lead, len(words))
	for i := range words {
		leads[i] = at(words[i].Tau).LeadOf(deployment, &words[i])
	}
	return leads, nil
}

// Followers returns the follow words and observations of a slot that count, by
// position in EVENTS.
func (r *Reader) Followers(slot events.Slot) ([]Follower, error) {
	var out []Follower
	for _, subject := range FollowSubjects(slot) {
		err := r.Scan(keyEvents(nil, subject), nil, func(_, v []byte) (bool, error) {
			d := decoder{b: v}
			ref := Ref(d.uint())
			if err := d.done(); err != nil {
				return false, err
			}
			f, counts, err := FollowerAt(r, ref)
			if counts {
				out = append(out, f)
			}
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FollowSubjects are the subjects of what speaks of a slot and names no
// deployment: follow words, and observations.
func FollowSubjects(slot events.Slot) [2]string {
	return [...]string{events.Key{Slot: slot, Deployment: "_"}.String(), slot.String()}
}

// FollowerAt reads one event of a slot that names no deployment. counts is false
// for a copy that another one goes before, and for what is no follower.
func FollowerAt(look Lookup, ref Ref) (f Follower, counts bool, err error) {
	e, err := look.Event(ref)
	if err != nil {
		return f, false, fmt.Errorf("read a follower: %w", must(err))
	}
	if !e.IsFollower() {
		return f, false, nil
	}
	counts, twins, err := judge(look, ref, &e)
	return Follower{Event: e, Ref: ref, Twins: twins}, counts, err
}

// IsFollower reports whether an event under a subject of [FollowSubjects] is to
// be placed.
func (e *Event) IsFollower() bool {
	return e.Word != nil || e.Note.Type == events.TypeObserved
}

// observation reads what a note of a slot.observed event says.
func (n *Note) observation(seq uint64) (statemachine.Observation, error) {
	var d events.Observed
	if err := unmarshalData(n.Data, &d); err != nil {
		return statemachine.Observation{}, fmt.Errorf("read an observation: %w", err)
	}
	return statemachine.Observation{
		FollowWord: statemachine.FollowWord{Tau: n.Tau, Source: n.Source, ID: n.ID, Refs: d.Refs, Version: d.Version},
		Recorded:   n.Recorded, Stream: seq, Hash: n.Hash, Emitter: n.Emitter, Health: string(d.Health),
	}, nil
}
