package view

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

func TestContradicts(t *testing.T) {
	for name, c := range map[string]struct {
		words   []statemachine.SlotWord
		version string
		at      int64
		placed  string
		want    string
	}{
		"the same":                     {spoken(t, "1/1=1@0", "2/1=2@100"), "2", 300, "2", ""},
		"the same, written otherwise":  {spoken(t, "1/1=1@0", "2/1=2@100"), "v2.0.0", 300, "", ""},
		"the old one":                  {spoken(t, "1/1=1@0", "2/1=2@100"), "1", 300, "1", "drift"},
		"the old one, just behind":     {spoken(t, "1/1=1@0", "2/1=2@100"), "1", 160, "1", ""},
		"the old one, at its own time": {spoken(t, "1/1=1@0", "2/1=2@100"), "1", 50, "1", ""},
		"what nobody reported":         {spoken(t, "1/1=1@0"), "9", 300, "", "unreported"},
		"without a version, by a ref":  {spoken(t, "1/1=?@0"), "9", 300, "1", ""},
		"in an empty slot":             {nil, "1", 300, "1", "drift"},
		"in an empty slot, by nobody":  {nil, "1", 300, "", "unreported"},
		"after it was removed":         {spoken(t, "1/1=1@0", "-1@50"), "1", 300, "1", "drift"},
	} {
		var o statemachine.Observation
		o.Version, o.Tau, o.Source, o.ID = c.version, c.at*1e9, "k8s", "7"
		got := ""
		if d := FoldSlot(c.words).Contradicts(&o, c.placed); d != nil {
			got = "drift"
			if d.Unreported {
				got = "unreported"
			}
			if d.Version != c.version || d.Tau != o.Tau || d.Source != "k8s" || d.ID != "7" {
				t.Errorf("%s: the other side is %+v", name, d)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
