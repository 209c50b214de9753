package events

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// ChangeID is the identity of a change: which message of which life of
// TT_EVENTS caused it, and which of that message's changes it is. It is the
// CloudEvents id of the change, so that a projector that repeats its work gives
// the same ids again. The zero value stands for no change.
type ChangeID struct {
	Incarnation string // of TT_EVENTS: [a-z0-9]+, see stream.Identity
	Seq         uint64 // of the cause
	Index       uint32 // among the changes of one cause, ordered by key
}

// String returns "<incarnation>.<sequence>.<index>", "" for the zero value.
func (c ChangeID) String() string {
	if c == (ChangeID{}) {
		return ""
	}
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
		strings.Compare(c.Incarnation, o.Incarnation),
		cmp.Compare(c.Seq, o.Seq),
		cmp.Compare(c.Index, o.Index),
	)
}

// ParseChangeID is the inverse of [ChangeID.String]: it takes nothing that
// String does not give, and not the empty text. On an error the id is zero.
func ParseChangeID(s string) (ChangeID, error) {
	incarnation, rest, _ := strings.Cut(s, ".")
	seq, index, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return ChangeID{}, fmt.Errorf("%q is not a change id", s)
	}
	i, err := strconv.ParseUint(index, 10, 32)
	if err != nil {
		return ChangeID{}, fmt.Errorf("%q is not a change id", s)
	}
	id := ChangeID{Incarnation: incarnation, Seq: n, Index: uint32(i)}
	if incarnation == "" || id.String() != s {
		return ChangeID{}, fmt.Errorf("%q is not a change id", s)
	}
	return id, nil
}
