package projector

import (
	"errors"
	"maps"
	"slices"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// tellSlot tells that a slot runs something else now.
func (b *batch) tellSlot(s *slot, c cause) error {
	if b.silent {
		return nil
	}
	at, err := events.ParseSlot(s.name)
	if err != nil {
		return err
	}
	s.told = b.number
	change, err := view.SlotChange(at, &s.row, c.told(b.nextID()))
	if err != nil {
		return err
	}
	return b.put1(change)
}

// tellRegion tells that a region is dark now, or not any more.
func (b *batch) tellRegion(env string, r *view.Region, c cause) error {
	if b.silent {
		return nil
	}
	change, err := view.RegionChange(env, r, c.told(b.nextID()))
	if err != nil {
		return err
	}
	return b.put1(change)
}

// told is what a change says of what caused it.
func (c *cause) told(id events.ChangeID) view.Caused {
	return view.Caused{ID: id, At: c.at, Recorded: c.recorded, Cause: view.Cause{Source: c.source, ID: c.id}}
}

// unsettle lets the next tick look at a release. Its status follows from all of
// its members, so it is looked at once for many of their changes, at a place in
// the stream that does not depend on batches (ADR 16).
func (b *batch) unsettle(env, name string) error {
	if name == "" {
		return nil
	}
	release := events.Release{Env: env, Name: name}.String()
	if b.unsettled[release] {
		return nil
	}
	b.unsettled[release] = true
	return b.w.PutUnsettled(release)
}

// unsettleAll unsettles a release and others.
func (b *batch) unsettleAll(env, name string, others []string) error {
	if err := b.unsettle(env, name); err != nil {
		return err
	}
	for _, other := range others {
		if err := b.unsettle(env, other); err != nil {
			return err
		}
	}
	return nil
}

// expectAnew lets the next tick look at the releases that may expect a slot now in
// which they were not heard of, or not any more. They may be many, so all that is
// kept until then is where they begin.
func (b *batch) expectAnew(s *slot, at events.Slot, shift view.Shift) error {
	tau, ok := s.fold.Expected(shift)
	if !ok {
		return nil
	}
	of, from := store.Component{Env: at.Env, Name: at.Component}, store.Naming{Tau: tau}
	if known, ok := b.expected[of]; ok && !from.Before(known) {
		return nil
	}
	b.expected[of] = from
	return b.w.PutShifted(of, from)
}

// maxNamed bounds the releases that one part of a tick lets be looked at.
const maxNamed = 2000

// unsettleNamed unsettles the releases that [batch.expectAnew] noted, and with
// them others that were named since then. more: some are left for another part.
func (b *batch) unsettleNamed() (more bool, err error) {
	left := maxNamed
	for _, of := range slices.SortedFunc(maps.Keys(b.expected), store.Component.Compare) {
		err := b.w.NamedFrom(of, b.expected[of], func(n store.Naming) (bool, error) {
			if more = left == 0; more {
				b.expected[of] = n
				return false, nil
			}
			left--
			return true, b.unsettle(of.Env, n.Release)
		})
		if err != nil {
			return false, err
		}
		if more {
			return true, b.w.PutShifted(of, b.expected[of])
		}
		delete(b.expected, of)
		if err := b.w.DeleteShifted(of); err != nil {
			return false, err
		}
	}
	return false, nil
}

// settleReleases tells what became of the releases that changed since the last
// tick. All that they follow from is in the store, and what is in memory is as
// the store has it. more: some are left for another part.
func (b *batch) settleReleases(m *message) (more bool, err error) {
	c := m.cause()
	releases := store.NewReleases(&b.w.Reader, b.lifecycles.at)
	releases.Known = func(name string) *store.Deployment {
		if d, ok := b.deployments.get(name); ok {
			return &d.row
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(b.unsettled)) {
		if b.full() {
			return true, nil
		}
		if err := b.settleRelease(releases, name, c); err != nil {
			return false, err
		}
		if err := b.w.DeleteUnsettled(name); err != nil {
			return false, err
		}
		delete(b.unsettled, name)
	}
	return false, nil
}

func (b *batch) settleRelease(releases *store.Releases, name string, c cause) error {
	key, err := events.ParseRelease(name)
	if err != nil {
		return err
	}
	release, err := releases.Read(key)
	unheard := errors.Is(err, store.ErrNotFound)
	if err != nil && !unheard {
		return err
	}
	was, err := b.w.ToldRelease(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if unheard && was.Status == "" {
		return nil // a word that named it was replaced before anybody was told
	}
	facts := release.Facts()
	digest := facts.Digest(key)
	if was.Digest == digest {
		return nil
	}
	if err := b.w.PutToldRelease(name, store.ToldRelease{Status: facts.Status, Digest: digest, Revision: b.seq}); err != nil {
		return err
	}
	if b.silent {
		return nil
	}
	from := was.Status
	if from == "" {
		from = "unknown"
	}
	change, err := view.ReleaseChanged(key, from, facts, c.told(b.nextID()))
	if err != nil {
		return err
	}
	return b.put1(change)
}
