package query

import (
	"net/http"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// listFreezes lists the change freezes of environments, by environment and name.
// A freeze is of an environment, and so for those who may see all of it.
func (s *Service) listFreezes(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "env")
	env := p.name("env")
	if err := p.err(); err != nil {
		return err
	}
	page := view.List[view.FreezeBody]{Items: []view.FreezeBody{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		k, err := s.known(rd)
		if err != nil {
			return err
		}
		envs, err := rd.Environments()
		if err != nil {
			return err
		}
		for _, e := range envs {
			if env != "" && env != e || !sees(caller, events.Slot{Env: e}) {
				continue
			}
			freezes, last, err := freezesOf(rd, e)
			if err != nil {
				return err
			}
			at := k.newest
			if s.opts.Now == nil {
				at = max(at, last) // when it was said had come
			}
			page.Items = append(page.Items, freezes.Bodies(e, at)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, page)
}

// freezesOf returns the freezes of an environment, and τ of the latest word about
// one.
func freezesOf(rd *store.Reader, env string) (freezes *view.Freezes, last int64, err error) {
	said, err := store.SaidIn(rd, rd, env)
	if err != nil {
		return nil, 0, err
	}
	freezes = new(view.Freezes)
	for i := range said {
		word, isFreeze, err := said[i].FreezeWord()
		if err != nil {
			return nil, 0, err
		}
		if isFreeze {
			freezes.Add(word)
			last = max(last, word.Tau)
		}
	}
	return freezes, last, nil
}
