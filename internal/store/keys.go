package store

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// The whole key layout. A key is one byte of kind and then, in this order, what
// the row is about; 0x00 ends a text of any length, numbers are big-endian. So
// env/region/component/deployment sorts as one reads it, and each prefix of it
// is a filter.
//
//	kind  key                                         row
//	m     name                                        format, Position, published ChangeID, Counts, …
//	p     stream-seq(8)                               page of Events: all stored copies, by position; see page.go
//	d     env/region/component/deployment             Deployment, and the end of the chain of its words
//	e     subject 00 stream-seq(8)                    Ref: an Event that is no word of a named deployment
//	i     sha256(source, id)(16)                      Identity: Refs of all copies heard under it
//	s     env/region/component                        view.Slot, without what its latest deployment says
//	l     env/region/component 00 τ(8) identity(16)   statemachine.SlotWord
//	r     env/release 00 deployment key               τ of the first word that named the deployment in the release
//	h     env/component 00 τ(8) release               (empty) the same, by component and τ
//	q     env/component                               where to begin in h: landings there changed who expects them
//	g     env 00 subject 00 stream-seq(8)             Ref: an Event about a release or the environment
//	v     env/region/component 00 stream-seq(8)       Ref: a follow word or an observation that waits for a name
//	u     region 00 due(8) deployment key             (empty) a deadline to look at
//	w     region                                      Watermark
//	o     source                                      SourceRow: when it spoke, and its numbers
//	x     env/release                                 (empty) its status may be another than was told
//	y     env/release                                 ToldRelease
//	c     incarnation 00 seq(8) index(4)              page of view.Changes: the outbox, and the record of beliefs
//	k     seq(8) slot                                 (empty) TT_CURRENT has to be told, no change does it
//	t     recorder                                    Tick: its last one
//	f     kind 00 name 00 identity(16)                Definition
//	n     …                                           the notifier's own, in its own store
//
// What a row costs is mostly its being one: an insertion into a sorted memtable,
// a record in the log, half a dozen allocations. So what comes in order and is
// never changed again, events and changes, lies in pages under the key of their
// first, and a row is written again only when it says something else.
const (
	kindPage       = 'p'
	kindMeta       = 'm'
	kindDeployment = 'd'
	kindEvent      = 'e'
	kindIdentity   = 'i'
	kindSlot       = 's'
	kindSlotWord   = 'l'
	kindRelease    = 'r'
	kindNamed      = 'h'
	kindShifted    = 'q'
	kindChange     = 'c'
	kindDirty      = 'k'
	kindTick       = 't'
	kindDefinition = 'f'
	kindSaid       = 'g'
	kindUnplaced   = 'v'
	kindDue        = 'u'
	kindWatermark  = 'w'
	kindUnsettled  = 'x'
	kindTold       = 'y'
	kindSource     = 'o'
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

// The key functions append to b, so that a transaction can build keys in memory
// of its own; to read, b is nil.

func key(b []byte, kind byte, texts ...string) []byte {
	b = append(b, kind)
	for _, s := range texts {
		b = append(b, s...)
	}
	return b
}

func keyFormat() []byte    { return key(nil, kindMeta, "format") }
func keyPosition() []byte  { return key(nil, kindMeta, "position") }
func keyPublished() []byte { return key(nil, kindMeta, "published") }
func keyForgiven() []byte  { return key(nil, kindMeta, "forgiven") }
func keyCounts() []byte    { return key(nil, kindMeta, "counts") }

func keyPage(b []byte, first uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, kindPage), first)
}

func keyDeployment(b []byte, deployment string) []byte { return key(b, kindDeployment, deployment) }

func keyEvents(b []byte, subject string) []byte { return key(b, kindEvent, subject, "\x00") }

func keyEvent(b []byte, subject string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(keyEvents(b, subject), seq)
}

func keyIdentity(b []byte, h IdentityHash) []byte { return append(append(b, kindIdentity), h[:]...) }

func keySlot(b []byte, slot string) []byte { return key(b, kindSlot, slot) }

func keySlotWords(b []byte, slot string) []byte { return key(b, kindSlotWord, slot, "\x00") }

// Words move between deployments, so the name is in the key: one row may come
// before the other goes.
func keySlotWord(b []byte, slot string, w *statemachine.SlotWord) []byte {
	b = appendTime(keySlotWords(b, slot), w.Tau)
	h := HashIdentity(w.Source, w.ID)
	return append(append(b, h[:]...), w.Deployment...)
}

func keyMembers(b []byte, release events.Release) []byte {
	return key(b, kindRelease, release.String(), "\x00")
}

func keyMember(b []byte, release events.Release, deployment string) []byte {
	return append(keyMembers(b, release), deployment...)
}

func keyChanges() []byte { return key(nil, kindChange) }

func keyChange(b []byte, id events.ChangeID) []byte { return appendChangeID(append(b, kindChange), id) }

func keyDirties(b []byte) []byte { return key(b, kindDirty) }

func keyDirty(b []byte, seq uint64, slot string) []byte {
	return append(binary.BigEndian.AppendUint64(keyDirties(b), seq), slot...)
}

func keyTick(recorder string) []byte { return key(nil, kindTick, recorder) }

func keyDefinitions(kind string) []byte { return key(nil, kindDefinition, kind, "\x00") }

func keyDefinition(kind, name string, h IdentityHash) []byte {
	b := append(keyDefinitions(kind), name...)
	return append(append(b, 0), h[:]...)
}

func keySaidIn(b []byte, env string) []byte { return key(b, kindSaid, env, "\x00") }

func keySaid(b []byte, env, subject string, seq uint64) []byte {
	b = append(append(keySaidIn(b, env), subject...), 0)
	return binary.BigEndian.AppendUint64(b, seq)
}

func keyUnplaced(b []byte, slot string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(key(b, kindUnplaced, slot, "\x00"), seq)
}

func keyDues(b []byte, region string) []byte { return key(b, kindDue, region, "\x00") }

func keyDue(b []byte, region string, at int64, deployment string) []byte {
	return append(appendTime(keyDues(b, region), at), deployment...)
}

func keyWatermark(region string) []byte { return key(nil, kindWatermark, region) }

func keySource(source string) []byte { return key(nil, kindSource, source) }

func keyUnsettled(release string) []byte { return key(nil, kindUnsettled, release) }

func keyToldRelease(release string) []byte { return key(nil, kindTold, release) }

// appendTime writes a time so that it sorts: with its sign bit flipped, times
// before 1970 come before.
func appendTime(b []byte, t int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(t)^1<<63) }

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
