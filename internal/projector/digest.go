package projector

import (
	"context"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
)

// Digest says in one line what a store believes: two stores that heard the same
// events have the same one, in whatever order, however often and whenever they
// heard them.
type Digest struct {
	Deployments uint64 `json:"deployments"`
	Digest      string `json:"digest"`   // "sha256:<hex>"
	Position    uint64 `json:"position"` // in TT_EVENTS, no part of the digest
}

// DigestOf computes the digest over all deployments: of their bases, and of what
// their neighbours lay over them, see [view.Digest].
func DigestOf(ctx context.Context, db *store.DB) (Digest, error) {
	d := view.NewDigest()
	var position uint64
	err := db.View(func(r *store.Reader) error {
		at, err := r.Position()
		if err != nil {
			return err
		}
		position = at.Seq
		return r.Deployments("", "", func(key string, row *store.Deployment) (bool, error) {
			addTo(d, key, row)
			return true, context.Cause(ctx)
		})
	})
	return digestAt(d, position), err
}

func addTo(d *view.Digest, key string, row *store.Deployment) {
	shown := row.Shows()
	d.Add(key, shown.Digest(row.State))
}

func digestAt(d *view.Digest, position uint64) Digest {
	return Digest{Deployments: d.Count(), Digest: d.Sum(), Position: position}
}
