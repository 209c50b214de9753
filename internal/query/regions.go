package query

import (
	"net/http"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
)

// listRegions says how far each region is known. Names of regions are no
// secret to anyone who may read at all.
func (s *Service) listRegions(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	if err := parseParams(r).err(); err != nil {
		return err
	}
	var page view.List[view.Region]
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) (err error) {
		page.Items, err = s.regions(rd)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, page)
}

func (s *Service) regions(rd *store.Reader) ([]view.Region, error) {
	rows, err := rd.Ticks()
	if err != nil {
		return nil, err
	}
	ticks := make([]view.Tick, len(rows))
	for i, t := range rows {
		ticks[i] = view.Tick{Recorder: t.Recorder, Regions: t.Regions, At: time.Unix(0, t.At).UTC(), Closing: t.Closing, Ahead: t.Ahead}
	}
	// What was promised holds, whatever recorders came since.
	marks, err := rd.Watermarks()
	if err != nil {
		return nil, err
	}
	reached := make(map[string]time.Time, len(marks))
	for region, m := range marks {
		if m.At != 0 {
			reached[region] = time.Unix(0, m.At).UTC()
		}
	}
	var now time.Time
	if s.opts.Now != nil {
		now = s.opts.Now()
	}
	return view.NewClock(s.opts.Watermarks, ticks, reached).Regions(now), nil
}
