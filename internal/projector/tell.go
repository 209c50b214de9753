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

// settleReleases tells what became of the releases that changed since the last
// tick. All that they follow from is in the store. more: some are left for another
// part.
func (b *batch) settleReleases(m *message) (more bool, err error) {
	c := m.cause()
	releases := store.NewReleases(&b.w.Reader, b.lifecycles.at)
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
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	facts := release.Facts()
	was, err := b.w.ToldRelease(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
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
