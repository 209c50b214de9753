package stream

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// ChangeID is the identity of a change: which message of which life of
// TT_EVENTS caused it, and which of that message's changes it is. It is the
// CloudEvents id of the change, so that a projector that repeats its work
// gives the same ids again.
type ChangeID struct {
	Incarnation string // of TT_EVENTS, see [Identity.Incarnation]
	Seq         uint64 // of the cause
	Index       uint32 // among the changes of one cause, ordered by key
}

// String returns "<incarnation>.<sequence>.<index>".
func (c ChangeID) String() string {
	b := make([]byte, 0, len(c.Incarnation)+32)
	b = append(b, c.Incarnation...)
	b = append(b, '.')
	b = strconv.AppendUint(b, c.Seq, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(c.Index), 10)
	return string(b)
}

// Compare orders the changes of one incarnation by cause and index. Changes of
// two incarnations have no order; Compare then goes by the incarnation's text,
// to be a total order all the same.
func (c ChangeID) Compare(o ChangeID) int {
	return cmp.Or(
		cmp.Compare(c.Incarnation, o.Incarnation),
		cmp.Compare(c.Seq, o.Seq),
		cmp.Compare(c.Index, o.Index),
	)
}

// ParseChangeID is the inverse of [ChangeID.String]: it takes nothing that
// String does not give.
func ParseChangeID(s string) (ChangeID, error) {
	incarnation, rest, ok := strings.Cut(s, ".")
	seq, index, ok2 := strings.Cut(rest, ".")
	id := ChangeID{Incarnation: incarnation}
	var err error
	if id.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil || !ok || !ok2 {
		return ChangeID{}, fmt.Errorf("%q is not a change id", s)
	}
	n, err := strconv.ParseUint(index, 10, 32)
	id.Index = uint32(n)
	if err != nil || incarnation == "" || id.String() != s {
		return ChangeID{}, fmt.Errorf("%q is not a change id", s)
	}
	return id, nil
}

// Change is one message for TT_CHANGES.
type Change struct {
	Env     string // the unit of order and of fencing
	Subject string // tt.v1.changes.<env>...
	ID      ChangeID
	Data    []byte // a CloudEvent in JSON whose id is ID
}
