package query

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// maxReleaseScan bounds how many releases one request looks at. Each is worked
// out from all of its members.
const maxReleaseScan = 2_000

func (s *Service) listReleases(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "env", "release", "status", "limit", "cursor")
	env, name, statuses := p.name("env"), p.release(), p.statuses()
	way := walk{listing: releases, limit: p.limit(), most: maxReleaseScan}
	after := p.cursor(releases)
	if err := p.err(); err != nil {
		return err
	}
	page := view.List[view.ReleaseBody]{Items: []view.ReleaseBody{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		k, err := s.known(rd)
		if err != nil {
			return err
		}
		return rd.Releases(env, after, func(key events.Release) (bool, error) {
			if !way.looksAt(key.String(), len(page.Items)) {
				return false, nil
			}
			if name != "" && name != key.Name {
				return true, nil
			}
			body, err := k.release(key, caller)
			if errors.Is(err, store.ErrNotFound) {
				return true, nil
			}
			if err == nil && (len(statuses) == 0 || slices.Contains(statuses, body.Status)) {
				page.Items = append(page.Items, *body)
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	page.Next = way.next
	return writeJSON(w, page)
}

func (s *Service) getRelease(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	key, err := events.ParseRelease(r.PathValue("env") + "/" + r.PathValue("release"))
	if err = cmp.Or(parseParams(r).err(), err); err != nil {
		return err
	}
	var body *view.ReleaseBody
	err = s.opts.DB.View(func(rd *store.Reader) error {
		k, err := s.known(rd)
		if err == nil {
			body, err = k.release(key, caller)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return events.Errorf(events.CodeNotFound, "no event was heard of this release").
			WithHint("releases are env/release; /v1/releases lists what there is")
	}
	if err != nil {
		return err
	}
	return writeTagged(w, r, body.Revision, body)
}

// release renders a release with what the Components of its members say. One
// with a member that the caller may not see does not exist: its status would tell
// of that member.
func (k *known) release(key events.Release, caller access.Caller) (*view.ReleaseBody, error) {
	release, err := k.Releases.Read(key)
	if err != nil {
		return nil, err
	}
	hidden := len(release.Members) == 0 && !sees(caller, events.Slot{Env: key.Env})
	for i := range release.Members {
		m := &release.Members[i]
		hidden = hidden || !sees(caller, m.Slot)
		m.Who = k.who(m.Slot)
	}
	if hidden {
		return nil, store.ErrNotFound
	}
	body := release.Body()
	return &body, nil
}
