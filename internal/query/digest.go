package query

import (
	"context"
	"net/http"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// digestBody is one fingerprint over all that is believed.
type digestBody struct {
	Deployments uint64 `json:"deployments"`
	Digest      string `json:"digest"`
	Position    uint64 `json:"position"` // in TT_EVENTS, of what was folded
}

// digester keeps the last digest: it reads every deployment, and does so once
// for each position and for one caller at a time. The channel, of capacity 1,
// is the lock over the rest; unlike a mutex it lets go of a caller who leaves.
type digester struct {
	lock chan struct{}
	at   store.Position
	body digestBody
}

func (s *Service) getDigest(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	if err := parseParams(r).err(); err != nil {
		return err
	}
	if !seesAll(caller) {
		return events.Errorf(events.CodeForbidden, "%s may not see all deployments, which the digest is over", caller.Name)
	}
	body, err := s.digest.compute(r.Context(), s.opts.DB)
	if err != nil {
		return err
	}
	return writeJSON(w, body)
}

func (d *digester) compute(ctx context.Context, db *store.DB) (digestBody, error) {
	select {
	case d.lock <- struct{}{}:
		defer func() { <-d.lock }()
	case <-ctx.Done():
		return digestBody{}, context.Cause(ctx)
	}
	err := db.View(func(rd *store.Reader) error {
		at, err := rd.Position()
		if err != nil || d.body.Digest != "" && at == d.at {
			return err
		}
		sum := view.NewDigest()
		err = rd.Deployments("", "", func(key string, row *store.Deployment) (bool, error) {
			shown := row.Shows()
			sum.Add(key, shown.Digest(row.State))
			return true, context.Cause(ctx)
		})
		if err != nil {
			return err
		}
		d.at, d.body = at, digestBody{Deployments: sum.Count(), Digest: sum.Sum(), Position: at.Seq}
		return nil
	})
	return d.body, err
}
