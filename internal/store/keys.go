package store

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/telltale-dev/telltale/pkg/events"
)

// The whole key layout. A key is one byte of kind and then, in this order, what
// the row is about; 0x00 ends a text of any length, numbers are big-endian. So
// env/region/component/deployment sorts as one reads it, and each prefix of it
// is a filter.
//
//	kind  key                                         row
//	m     name                                        format, Position, published ChangeID, Counts, …
//	d     env/region/component/deployment             Deployment
//	e     subject 00 stream-seq(8)                    Event: one stored copy, words of a deployment included
//	i     sha256(source, id)(16)                      Identity: all copies heard under it
//	s     env/region/component                        view.Slot
//	l     env/region/component 00 τ(8) identity(16)   statemachine.SlotWord
//	r     env/release 00 deployment key               (empty) the deployment was named in the release
//	c     incarnation 00 seq(8) index(4)              view.Change: the outbox, and the record of beliefs
//	k     seq(8) slot                                 (empty) TT_CURRENT has to be told, no change does it
//	t     recorder                                    Tick: its last one
//	f     kind 00 name 00 identity(16)                Definition
//	n     …                                           the notifier's own, in its own store
const (
	kindMeta       = 'm'
	kindDeployment = 'd'
	kindEvent      = 'e'
	kindIdentity   = 'i'
	kindSlot       = 's'
	kindSlotWord   = 'l'
	kindRelease    = 'r'
	kindChange     = 'c'
	kindDirty      = 'k'
	kindTick       = 't'
	kindDefinition = 'f'
)

// IdentityHash stands for (source, id) in keys.
type IdentityHash [16]byte

// HashIdentity hashes the identity of an event.
func HashIdentity(source, id string) (h IdentityHash) {
	b := make([]byte, 0, 128)
	b = binary.AppendUvarint(b, uint64(len(source)))
	b = append(b, source...)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}

func key(kind byte, texts ...string) []byte {
	n := 1
	for _, s := range texts {
		n += len(s)
	}
	b := make([]byte, 1, n+24) // most keys end in a number
	b[0] = kind
	for _, s := range texts {
		b = append(b, s...)
	}
	return b
}

func keyFormat() []byte    { return key(kindMeta, "format") }
func keyPosition() []byte  { return key(kindMeta, "position") }
func keyPublished() []byte { return key(kindMeta, "published") }
func keyForgiven() []byte  { return key(kindMeta, "forgiven") }
func keyCounts() []byte    { return key(kindMeta, "counts") }

func keyDeployment(deployment string) []byte { return key(kindDeployment, deployment) }

func keyEvents(subject string) []byte { return key(kindEvent, subject, "\x00") }

func keyEvent(subject string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(keyEvents(subject), seq)
}

func keyIdentity(h IdentityHash) []byte { return append(key(kindIdentity), h[:]...) }

func keySlot(slot string) []byte { return key(kindSlot, slot) }

func keySlotWords(slot string) []byte { return key(kindSlotWord, slot, "\x00") }

func keySlotWord(slot string, tau int64, source, id string) []byte {
	// The sign bit is flipped, so that times before 1970 sort before.
	b := binary.BigEndian.AppendUint64(keySlotWords(slot), uint64(tau)^1<<63)
	h := HashIdentity(source, id)
	return append(b, h[:]...)
}

func keyMembers(release events.Release) []byte { return key(kindRelease, release.String(), "\x00") }

func keyMember(release events.Release, deployment string) []byte {
	return append(keyMembers(release), deployment...)
}

func keyChanges() []byte { return key(kindChange) }

func keyChange(id events.ChangeID) []byte { return appendChangeID(keyChanges(), id) }

func keyDirties() []byte { return key(kindDirty) }

func keyDirty(seq uint64, slot string) []byte {
	return append(binary.BigEndian.AppendUint64(keyDirties(), seq), slot...)
}

func keyTick(recorder string) []byte { return key(kindTick, recorder) }

func keyDefinitions(kind string) []byte { return key(kindDefinition, kind, "\x00") }

func keyDefinition(kind, name string, h IdentityHash) []byte {
	b := append(keyDefinitions(kind), name...)
	return append(append(b, 0), h[:]...)
}

func appendChangeID(b []byte, id events.ChangeID) []byte {
	b = append(append(b, id.Incarnation...), 0)
	b = binary.BigEndian.AppendUint64(b, id.Seq)
	return binary.BigEndian.AppendUint32(b, id.Index)
}

// changeIDOf reads the end of a key that [appendChangeID] wrote.
func changeIDOf(b []byte) (events.ChangeID, error) {
	if len(b) < 13 || b[len(b)-13] != 0 {
		return events.ChangeID{}, ErrCodec
	}
	n := len(b) - 12
	return events.ChangeID{
		Incarnation: string(b[:n-1]),
		Seq:         binary.BigEndian.Uint64(b[n:]),
		Index:       binary.BigEndian.Uint32(b[n+8:]),
	}, nil
}
