package rehearse

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// World is everything that is believed at one point of the stream.
type World struct {
	Deployments map[events.Key]*Deployment
	Slots       map[events.Slot]*Slot
	Releases    map[events.Release]*view.Release // members only, not what was said of it as a whole
	Regions     []view.Region                    // by name
}

// Slot is what a slot runs.
type Slot struct {
	Current  view.Landing // zero Class: it runs nothing
	Landings []view.Landing
	Unplaced int                    // follow words that wait for a name
	Observed *statemachine.Observed // what was seen to run against the record; nil: nothing
}

// World evaluates the first n messages from nothing, under the lifecycles of l;
// nil stands for those that these messages put in force. The Source documents
// that they put in force give authority under either. It panics when n is
// negative or more than [History.Len].
func (h *History) World(n int, l Lifecycles) *World {
	counted := h.counted(n)
	l = under(l, counted)
	clock := view.NewClock(h.settings, nil, nil)
	for i := range h.messages[:n] {
		if m := &h.messages[i]; m.tick != nil {
			clock.Tick(*m.tick, m.stored)
		}
	}
	w := &World{
		Deployments: make(map[events.Key]*Deployment), Slots: make(map[events.Slot]*Slot),
		Releases: make(map[events.Release]*view.Release), Regions: clock.Regions(time.Time{}),
	}
	for name, e := range environments(counted, l) {
		e.world(name, clock, w)
	}
	return w
}

// environments evaluates all environments but for what is shown.
func environments(counted []message, l Lifecycles) map[string]*environment {
	envs := make(map[string]*environment)
	for i := range counted {
		m := &counted[i]
		if m.env == "" {
			continue
		}
		if envs[m.env] == nil {
			envs[m.env] = newEnvironment(l)
		}
		envs[m.env].take(m)
	}
	for _, e := range envs {
		e.evaluate()
	}
	return envs
}

// watermark returns up to when all is known of a region, 0 for nothing.
func watermark(c *view.Clock, region string) int64 {
	at := c.Watermark(region)
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

// world adds an environment to w.
func (e *environment) world(name string, clock *view.Clock, w *World) {
	for at, s := range e.slots {
		for _, d := range s.deployments {
			w.Deployments[d.Key] = e.show(d, watermark(clock, at.Region))
		}
		out := &Slot{Landings: s.fold.Landings(), Observed: s.contradiction()}
		out.Current, _ = s.fold.Current()
		for i := range s.follows {
			if s.placed[identity{s.follows[i].Source, s.follows[i].ID}].Deployment == "" {
				out.Unplaced++
			}
		}
		w.Slots[at] = out
	}
	byRelease := e.byRelease()
	for _, release := range slices.Sorted(maps.Keys(byRelease)) {
		key := events.Release{Env: name, Name: release}
		w.Releases[key] = e.release(key, byRelease[release], w)
	}
}

// byRelease returns the deployments that each release concerns, by its name: of
// all releases that a word, a plan or a refused plan is about.
func (e *environment) byRelease() map[string][]*Deployment {
	out := make(map[string][]*Deployment)
	for name := range e.said {
		out[name] = nil
	}
	for i := range e.declared {
		out[e.declared[i].Release.Name] = nil
	}
	for _, s := range e.slots {
		for _, d := range s.deployments {
			for _, name := range d.releases {
				out[name] = append(out[name], d)
			}
		}
	}
	for name, p := range e.plans {
		for i, at := range p.Slots() {
			s := e.slots[at]
			if s == nil || s.deployments[p.Members[i].Deployment] == nil {
				continue
			}
			if d := s.deployments[p.Members[i].Deployment]; !slices.Contains(out[name], d) {
				out[name] = append(out[name], d)
			}
		}
	}
	return out
}

// release evaluates one release by what is shown of the deployments that it
// concerns.
func (e *environment) release(key events.Release, of []*Deployment, w *World) *view.Release {
	r := &view.Release{Key: key, Plan: e.plans[key.Name]}
	for i := range e.refused {
		if f := &e.refused[i]; f.Release == key && (r.Plan == nil || declaredBefore(&r.Plan.Declaration, &f.Declaration)) {
			r.Refused = f
		}
	}
	var heard []view.Seen
	components := make(map[string]bool)
	first := int64(0)
	for _, d := range of {
		if tau := e.slots[d.Key.Slot].firstWord(d.Key.Deployment, key.Name); tau != 0 {
			components[d.Key.Component] = true
			if first == 0 || tau < first {
				first = tau
			}
		}
		heard = append(heard, view.Seen{
			Key: d.Key, Version: d.State.Version, Shown: w.Deployments[d.Key].Shown,
			Began: d.State.StartedAt() != 0, Last: d.State.LastTau, Owner: d.State.Owner,
		})
	}
	var expected []events.Slot
	for at, s := range e.slots {
		if components[at.Component] && s.fold.Expects(first) {
			expected = append(expected, at)
		}
	}
	r.Members = view.ReleaseMembers(r.Plan, heard, expected)
	return r
}

// firstWord returns the least τ of the words of a deployment that name a
// release, 0 when none does.
func (s *slot) firstWord(name, release string) int64 {
	first := int64(0)
	least := func(w *statemachine.Word) {
		if w.Release == release && (first == 0 || w.Tau < first) {
			first = w.Tau
		}
	}
	for i := range s.leads[name] {
		least(&s.leads[name][i])
	}
	for i := range s.follows {
		if w := &s.follows[i]; s.placed[identity{w.Source, w.ID}].Deployment == name {
			least(w)
		}
	}
	return first
}

func declaredBefore(a, b *view.Declaration) bool {
	return cmp.Or(cmp.Compare(a.Tau, b.Tau), strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID)) < 0
}

// Digest is the fingerprint over all deployments, as /v1/digest gives it.
func (w *World) Digest() string {
	d := view.NewDigest()
	keys := slices.Collect(maps.Keys(w.Deployments))
	names := make(map[string]events.Key, len(keys))
	for _, k := range keys {
		names[k.String()] = k
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		one := w.Deployments[names[name]]
		d.Add(name, one.Shown.Digest(one.State))
	}
	return d.Sum()
}
