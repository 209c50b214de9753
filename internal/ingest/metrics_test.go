package ingest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestEveryEventIsCountedOnce(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) { o.Metrics = reg })
	good := event("good")
	w.post("/v1/events", batch(good, good, []byte("{}")), "Content-Type", typeBatch)
	w.post("/v1/events", good, "Content-Encoding", "gzip")
	w.publishRaw("tt.v1.raw.em-a", nats.Header{}, event("raw"))
	w.publishRaw("tt.v1.raw.em-a", nats.Header{}, []byte("{"))
	w.rawEmpty()
	w.hook("/v1/hooks/github", []byte(`{"zen":"made up"}`), "X-GitHub-Event", "ping")
	w.hook("/v1/hooks/github", []byte(`{"zen":`), "X-GitHub-Event", "ping")

	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "," + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"telltale_ingest_events_total,http,accepted":        1,
		"telltale_ingest_events_total,http,duplicate":       1,
		"telltale_ingest_events_total,raw,accepted":         1,
		"telltale_ingest_quarantined_total,E_SCHEMA,http":   1,
		"telltale_ingest_quarantined_total,E_MALFORMED,raw": 1,
		"telltale_ingest_refused_total,E_MALFORMED,http":    1,
		"telltale_ingest_ignored_total,github":              1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if _, err := New(Options{Conn: w.conn, Recorder: "rec-2", Auth: access.Open(), Clock: w.in.opts.Clock, Metrics: reg}); err == nil {
		t.Error("two ingests count in one registry")
	}
}

func TestNewRefuses(t *testing.T) {
	conn := testkit.NATS(t)
	broken := StandardLifecycle()
	broken.Digest = "sha256:0"
	for name, change := range map[string]func(*Options){
		"no clock":          func(o *Options) { o.Clock = nil },
		"no recorder":       func(o *Options) { o.Recorder = "" },
		"wildcard":          func(o *Options) { o.Recorder = "a.*" },
		"broken region":     func(o *Options) { o.Regions = []string{"EU"} },
		"broken definition": func(o *Options) { o.Definitions = []events.DefinitionActivated{broken} },
	} {
		opts := Options{Conn: conn, Recorder: "rec-1", Auth: access.Open(), Clock: time.Now}
		change(&opts)
		if _, err := New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
