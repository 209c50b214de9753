package view

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Digest is one fingerprint over all deployments: SHA-256 over each key and the
// digest of its state, in key order. Two projections of one stream have the
// same, whenever and in whatever batches they were made. Make one with
// [NewDigest]; it is not safe for concurrent use.
type Digest struct {
	hash  hash.Hash
	count uint64
}

// NewDigest returns the digest of no deployments.
func NewDigest() *Digest { return &Digest{hash: sha256.New()} }

// Add adds a deployment; keys must come in ascending order. The length before
// the key keeps two lists from reading alike.
func (d *Digest) Add(key string, state [sha256.Size]byte) {
	b := make([]byte, 0, 256)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	d.hash.Write(append(b, state[:]...))
	d.count++
}

// Count returns how many deployments were added.
func (d *Digest) Count() uint64 { return d.count }

// Sum returns the digest so far, as the contract writes it.
func (d *Digest) Sum() string { return DigestText([sha256.Size]byte(d.hash.Sum(nil))) }
