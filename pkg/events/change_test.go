package events_test

import (
	"math"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestChangeIDsKeepTheirOrder(t *testing.T) {
	inOrder := []events.ChangeID{
		{},
		{Incarnation: "a", Seq: 1},
		{Incarnation: "a", Seq: 1, Index: 2},
		{Incarnation: "a", Seq: 10},
		{Incarnation: "b", Seq: 1},
	}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got := a.Compare(b); got != min(max(i-j, -1), 1) {
				t.Errorf("Compare(%v, %v) = %d", a, b, got)
			}
		}
	}
}

func TestChangeIDsComeBack(t *testing.T) {
	for text, id := range map[string]events.ChangeID{
		"a.0.0":                                  {Incarnation: "a"},
		"a.7.2":                                  {Incarnation: "a", Seq: 7, Index: 2},
		"dz2kq1.18446744073709551615.4294967295": {Incarnation: "dz2kq1", Seq: math.MaxUint64, Index: math.MaxUint32},
	} {
		if got := id.String(); got != text {
			t.Errorf("String of %#v = %q, want %q", id, got, text)
		}
		if got, err := events.ParseChangeID(text); err != nil || got != id {
			t.Errorf("ParseChangeID(%q) = %v, %v", text, got, err)
		}
	}
	if got := (events.ChangeID{}).String(); got != "" {
		t.Errorf("the zero id is written %q", got)
	}
}

func TestParseChangeIDTakesNothingElse(t *testing.T) {
	for _, s := range []string{
		"", "a", "a.1", "..", ".1.2", "a.x.0", "a.1.x", "a.1.", "a.1.2.3",
		"a.01.2", "a.+1.2", "a.-1.0", "a.1.4294967296", "a.18446744073709551616.0",
	} {
		if id, err := events.ParseChangeID(s); err == nil || id != (events.ChangeID{}) {
			t.Errorf("ParseChangeID(%q) = %v, %v, want none", s, id, err)
		}
	}
}
