package projector

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/statemachine"
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
	d := newDigester()
	var position uint64
	err := db.View(func(r *store.Reader) error {
		at, err := r.Position()
		if err != nil {
			return err
		}
		position = at.Seq
		return r.Deployments("", "", func(key string, row *store.Deployment) (bool, error) {
			d.add(key, row.State)
			return true, context.Cause(ctx)
		})
	})
	return d.digest(position), err
}

// digester takes deployments in key order.
type digester struct {
	n   uint64
	sum hash.Hash
	buf []byte
}

func newDigester() *digester { return &digester{sum: sha256.New()} }

func (d *digester) add(key string, s *statemachine.State) {
	d.n++
	state := s.Digest()
	d.buf = binary.AppendUvarint(d.buf[:0], uint64(len(key)))
	d.buf = append(append(d.buf, key...), state[:]...)
	d.sum.Write(d.buf)
}

func (d *digester) digest(position uint64) Digest {
	return Digest{Deployments: d.n, Digest: "sha256:" + hex.EncodeToString(d.sum.Sum(nil)), Position: position}
}
