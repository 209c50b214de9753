package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/stream"
)

// counted returns the counter of the registry by the values of its labels.
func counted(t *testing.T, reg *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, "|")] = m.GetCounter().GetValue()
		}
	}
	return got
}

// TestUnmappedValuesAreCounted sends the made-up tool's message with values that
// nobody knows, more of them than a metric should have labels.
func TestUnmappedValuesAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) {
		hooked(t)(o)
		o.Metrics = reg
	})
	w.hook("/v1/hooks/made-up", one("a", "weird"))
	w.hook("/v1/hooks/made-up", one("b", "weird"))
	w.hook("/v1/hooks/made-up", []byte(`{"id":"c","state":"ok","project":"checkout","version":"1"}`))
	w.hook("/v1/hooks/made-up", one("d", "ok"))
	got := counted(t, reg, "telltale_ingest_unmapped_total")
	if len(got) != 2 || got["state|made-up|weird"] != 2 || got["missing|made-up|env,region"] != 1 {
		t.Errorf("counted %v", got)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	u := newUnmapped()
	reg := prometheus.NewRegistry()
	reg.MustRegister(u.total)
	for i := range 3 * unmappedValues {
		u.count("made-up", &stream.Fault{Field: "state", Value: fmt.Sprint(i, strings.Repeat("é", 100), "\xff")})
	}
	u.count("another", &stream.Fault{Field: "state", Value: "x"})
	got := counted(t, reg, "telltale_ingest_unmapped_total")
	if len(got) != unmappedValues+2 || got[unmappedOther+"|made-up|"+unmappedOther] != 2*unmappedValues || got["state|another|x"] != 1 {
		t.Errorf("%d series", len(got))
	}
	for labels := range got {
		if len(labels) > 2*unmappedLabel {
			t.Errorf("a label of %d bytes", len(labels))
		}
	}
}
