package query

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// deploymentFilter says which deployments a listing shows; what is empty does
// not filter.
type deploymentFilter struct {
	slot     events.Slot
	release  string
	statuses []string
	since    time.Time // their present status began then or later
	caller   access.Caller
}

// takesKey decides by the key alone, before the row is looked at closely.
func (f *deploymentFilter) takesKey(k events.Key) bool {
	return matches(f.slot, k.Slot) && sees(f.caller, k.Slot)
}

func (f *deploymentFilter) takes(d *store.Deployment) bool {
	shown := d.Shows()
	return (f.release == "" || f.release == d.State.Release) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, shown.Status)) &&
		(f.since.IsZero() || shown.Since >= f.since.UnixNano())
}

// matches reports whether every part that want has is that of s.
func matches(want, s events.Slot) bool {
	return (want.Env == "" || want.Env == s.Env) && (want.Region == "" || want.Region == s.Region) &&
		(want.Component == "" || want.Component == s.Component)
}

func (s *Service) listDeployments(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "env", "region", "component", "release", "status", "since", "as_of", "limit", "cursor")
	asOf := p.asOf()
	f := deploymentFilter{
		slot:    events.Slot{Env: p.name("env"), Region: p.name("region"), Component: p.name("component")},
		release: p.release(), statuses: p.statuses(), since: p.since(), caller: caller,
	}
	way := walk{listing: deployments, limit: p.limit()}
	after := p.cursor(deployments)
	if err := p.err(); err != nil {
		return err
	}
	page := view.List[any]{Items: []any{}} // of deployments, or with as_of of beliefs
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		known, err := s.known(rd)
		if err != nil {
			return err
		}
		visit := func(key string, d *store.Deployment) (more bool, err error) {
			if !way.looksAt(key, len(page.Items)) {
				return false, nil
			}
			k, err := storedKey(key)
			if err != nil {
				return false, err
			}
			switch {
			case !f.takesKey(k):
			case !asOf.IsZero():
				body, ok, err := believed(rd, k, asOf)
				if err != nil {
					return false, err
				}
				if ok && f.takesBelief(&body) {
					page.Items = append(page.Items, body)
				}
			case f.takes(d):
				page.Items = append(page.Items, known.deployment(k, d))
			}
			return true, nil
		}
		if f.release != "" && f.slot.Env != "" {
			return members(rd, events.Release{Env: f.slot.Env, Name: f.release}, after, visit)
		}
		prefix := prefixOf(f.slot.Env, f.slot.Region, f.slot.Component)
		return rd.Deployments(prefix, startBehind(prefix, after), visit)
	})
	if err != nil {
		return err
	}
	page.Next = way.next
	return writeJSON(w, page)
}

// members visits the deployments of a release behind after, in the order of
// their keys. The index also names deployments that were once of the release:
// visit looks at what they say now.
func members(rd *store.Reader, release events.Release, after string, visit func(string, *store.Deployment) (bool, error)) error {
	keys, err := rd.ReleaseMembers(release)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearch(keys, after)
	if found {
		at++
	}
	for _, key := range keys[at:] {
		k, err := storedKey(key)
		if err != nil {
			return err
		}
		d, err := rd.Deployment(k)
		if errors.Is(err, store.ErrNotFound) {
			continue // it has no words any more
		}
		if err != nil {
			return err
		}
		if more, err := visit(key, d); err != nil || !more {
			return err
		}
	}
	return nil
}

// storedKey parses a key of the store. That one does not parse is a fault of
// ours, so the code of the refusal is left behind.
func storedKey(key string) (events.Key, error) {
	k, err := events.ParseKey(key)
	if err != nil {
		return events.Key{}, fmt.Errorf("the store has the key %q: %v", key, err)
	}
	return k, nil
}

func (s *Service) getDeployment(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	k, err := seenKey(r, caller)
	p := parseParams(r, "as_of")
	asOf := p.asOf()
	if err = cmp.Or(p.err(), err); err != nil {
		return err
	}
	if !asOf.IsZero() {
		return s.getBelief(w, k, asOf)
	}
	var body *view.DeploymentBody
	err = s.opts.DB.View(func(rd *store.Reader) error {
		d, err := deployment(rd, k)
		if err != nil {
			return err
		}
		known, err := s.known(rd)
		if err == nil {
			body = known.deployment(k, d)
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeTagged(w, r, body.Revision, body)
}

// seenKey returns the key that the path names. One that the caller may not see
// does not exist.
func seenKey(r *http.Request, caller access.Caller) (events.Key, error) {
	k, err := deploymentKey(r)
	if err == nil && !sees(caller, k.Slot) {
		err = noDeployment()
	}
	return k, err
}

// deployment reads a deployment that must be there.
func deployment(rd *store.Reader, k events.Key) (*store.Deployment, error) {
	d, err := rd.Deployment(k)
	if errors.Is(err, store.ErrNotFound) {
		err = noDeployment()
	}
	return d, err
}

// noDeployment is the same for a key that nobody has heard of and for one that
// the caller may not see.
func noDeployment() error {
	return events.Errorf(events.CodeNotFound, "no event was heard of this deployment").
		WithHint("keys are env/region/component/deployment; /v1/deployments?env=… lists what there is")
}
