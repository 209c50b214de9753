package projector

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/telltale-dev/telltale/internal/store"
)

// Digest says in one line what a store believes: two stores that heard the same
// events have the same one, in whatever order, however often and whenever they
// heard them.
type Digest struct {
	Deployments uint64 `json:"deployments"`
	Digest      string `json:"digest"`   // "sha256:<hex>"
	Position    uint64 `json:"position"` // in TT_EVENTS, no part of the digest
}

// DigestOf computes the digest over all deployments in key order: the SHA-256
// over each key, with its length before it, and the SHA-256 of its state.
func DigestOf(ctx context.Context, db *store.DB) (Digest, error) {
	var d Digest
	sum := sha256.New()
	err := db.View(func(r *store.Reader) error {
		at, err := r.Position()
		if err != nil {
			return err
		}
		d.Position = at.Seq
		var buf []byte
		return r.Deployments("", "", func(key string, row *store.Deployment) (bool, error) {
			d.Deployments++
			state := row.State.Digest()
			buf = binary.AppendUvarint(buf[:0], uint64(len(key)))
			buf = append(append(buf, key...), state[:]...)
			sum.Write(buf)
			return true, context.Cause(ctx)
		})
	})
	d.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return d, err
}
