package query

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// listSources lists the sources that are to speak every so often or to number
// without gaps, by name: which are quiet, and which have gaps. A source speaks of
// any environment, so the list is for who may see all of them.
func (s *Service) listSources(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	if err := parseParams(r).err(); err != nil {
		return err
	}
	if !seesAll(caller) {
		return events.Errorf(events.CodeForbidden, "%s may not see all environments, of which sources speak", caller.Name)
	}
	page := view.List[view.SourceBody]{Items: []view.SourceBody{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		k, err := s.known(rd)
		if err != nil {
			return err
		}
		upTo := unixNano(k.leastKnown())
		for _, name := range slices.Sorted(maps.Keys(k.sources)) {
			heard, _ := k.heard(k.declaredFor(name), name)
			page.Items = append(page.Items, heard.Body(upTo))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, page)
}

// leastKnown returns up to when all regions are known that are not dark, zero for
// not at all. A source may have spoken in any of them.
func (k *known) leastKnown() time.Time {
	var least time.Time
	for _, r := range k.regions {
		if !r.Dark && (least.IsZero() || r.Watermark.Before(least)) {
			least = r.Watermark
		}
	}
	return least
}

// declaredFor returns an environment for which a document about a source counts,
// "" if one counts for all of them or none does.
func (k *known) declaredFor(source string) string {
	at := k.inForceAt()
	if k.docs.set.Source("", source, at) != nil {
		return ""
	}
	for i := range k.docs.rows {
		for _, env := range k.docs.rows[i].Envs {
			if k.docs.set.Source(env, source, at) != nil {
				return env
			}
		}
	}
	return ""
}
