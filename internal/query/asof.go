package query

import (
	"net/http"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// believed returns what was believed of a deployment at asOf; ok is false when
// nothing was.
func believed(rd *store.Reader, k events.Key, asOf time.Time) (body view.BeliefBody, ok bool, err error) {
	var changes []view.Change
	err = rd.ChangesOf(k.String(), events.ChangeID{}, func(c view.Change) (bool, error) {
		changes = append(changes, c)
		return true, nil
	})
	if err != nil {
		return body, false, err
	}
	body, ok = view.Belief(k, changes, asOf)
	return body, ok, nil
}

// getBelief answers for one deployment with as_of.
func (s *Service) getBelief(w http.ResponseWriter, k events.Key, asOf time.Time) error {
	var body view.BeliefBody
	err := s.opts.DB.View(func(rd *store.Reader) error {
		if _, err := deployment(rd, k); err != nil {
			return err
		}
		var ok bool
		var err error
		if body, ok, err = believed(rd, k, asOf); err == nil && !ok {
			err = events.Errorf(events.CodeNotFound, "nothing had been heard of this deployment by %s", asOf.UTC().Format(time.RFC3339)).
				WithHint("leave as_of out to see what is believed now")
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, body)
}

// takesBelief filters what was believed as takes filters what is.
func (f *deploymentFilter) takesBelief(b *view.BeliefBody) bool {
	return (f.release == "" || f.release == b.Release) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, b.Status)) &&
		(f.since.IsZero() || !b.At.Before(f.since))
}

// asOf returns the time of which the beliefs are asked, zero for now.
func (p *params) asOf() time.Time { return p.instant("as_of") }
