package view

import (
	"reflect"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestChangeIsReadBackAsWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC).UnixNano()
	full := Change{
		ID: events.ChangeID{Incarnation: "abc", Seq: 7, Index: 2}, Key: "prod/eu/web/1.0", From: "planned",
		Facts: Facts{
			Status: "deployed", Attempt: 2, Conditions: []string{"clock_ahead", "conflicted"}, Version: "1.0",
			Release: "r1", Owner: "team", Percent: 99.5, Message: "quoted \"\n\u2028 text",
		},
		At: at, Recorded: at + 1, Reason: "because", Late: true, Amends: events.ChangeID{Incarnation: "abc", Seq: 5},
		Cause: Cause{"/ci/<x>&y", "id-1"}, Marks: []string{"m"}, Digest: [32]byte{1, 2, 31: 9},
	}
	bare := Change{ID: events.ChangeID{Incarnation: "abc", Seq: 8}, Key: "prod/eu/web/2.0", From: "unknown", Facts: Facts{Status: "planned", Attempt: 1, Percent: -1}, At: at, Recorded: at}
	for _, c := range []Change{full, bare} {
		raw := c.AppendJSON(nil)
		if _, err := events.Decode(raw, events.DefaultLimits()); err != nil {
			t.Errorf("%s is no event: %v", raw, err)
		}
		got, ok, err := ParseChange(raw)
		if err != nil || !ok {
			t.Fatalf("ParseChange(%s) = %v, %v", raw, ok, err)
		}
		if got.Conditions = trimEmpty(got.Conditions); !reflect.DeepEqual(got.Facts, c.Facts) {
			t.Errorf("facts = %+v, want %+v", got.Facts, c.Facts)
		}
		got.Marks = trimEmpty(got.Marks)
		if !reflect.DeepEqual(got, c) {
			t.Errorf("read back\n%+v, want\n%+v", got, c)
		}
	}
}

func trimEmpty(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}

func TestParseChangeRefusesWhatIsNone(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `{"id":"x.1","type":"dev.telltale.deployment.changed.v1","data":{}}`,
		`{"id":"x.1.0","type":"dev.telltale.deployment.changed.v1","data":{"digest":"sha256:00"}}`,
	} {
		if _, ok, err := ParseChange([]byte(raw)); err == nil || ok {
			t.Errorf("ParseChange(%s) = %v, %v, want an error", raw, ok, err)
		}
	}
	if _, ok, err := ParseChange([]byte(`{"id":"x.1.0","type":"dev.telltale.slot.changed.v1","data":{"env":"prod"}}`)); ok || err != nil {
		t.Errorf("a change of a slot = %v, %v, want none and no error", ok, err)
	}
}
