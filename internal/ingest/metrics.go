package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/pkg/events"
)

// door names where an event came in, in metrics and in quarantine.
type door string

const (
	doorHTTP door = "http"
	doorHook door = "hook"
	doorRaw  door = "raw"
	doorOwn  door = "own" // ticks and definitions, our own words
)

// metrics of one ingest. Every label comes from a closed set, doors, results,
// the codes of the contract, hooks and their senders, or is bounded in number.
type metrics struct {
	events      *prometheus.CounterVec   // door, result
	quarantined *prometheus.CounterVec   // door, code
	refused     *prometheus.CounterVec   // door, code
	batch       *prometheus.HistogramVec // door
	of          map[door]doorMetrics     // what every request counts, looked up once
	commit      prometheus.Histogram
	tickWait    prometheus.Histogram
	lastTick    prometheus.Gauge
	clockOffset prometheus.Gauge
	ignored     *prometheus.CounterVec // tool
	unmapped    *unmapped
	suspended   *prometheus.GaugeVec // tool, hook, emitter
}

// doorMetrics are those of one door.
type doorMetrics struct {
	accepted, duplicate prometheus.Counter
	batch               prometheus.Observer
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_ingest_events_total",
			Help: "Events that a door took, by result: accepted is new in TT_EVENTS, duplicate was there already.",
		}, []string{"door", "result"}),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_ingest_quarantined_total",
			Help: "Events that could not be used and are kept in TT_QUARANTINE, by code.",
		}, []string{"door", "code"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_ingest_refused_total",
			Help: "Requests and deliveries that were turned away and not kept, by code; the sender still has them.",
		}, []string{"door", "code"}),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "telltale_ingest_batch_events",
			Help:    "Number of events that came in one request or one fetch.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
		}, []string{"door"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "telltale_ingest_commit_seconds",
			Help:    "Time from handing events to the group committer until the stream has them.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		tickWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "telltale_ingest_tick_wait_seconds",
			Help:    "Time from a tick's own time until all that came in before it was stored.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}),
		lastTick: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_ingest_last_tick_timestamp_seconds",
			Help: "Time of the last tick that is in the stream.",
		}),
		clockOffset: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_ingest_clock_offset_seconds",
			Help: "How far our clock is ahead of the NATS server's, as last measured.",
		}),
	}
	m.ignored = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "telltale_ingest_ignored_total",
		Help: "Messages of tools of which a mapping says that they mean nothing here.",
	}, []string{"tool"})
	m.unmapped = newUnmapped()
	m.suspended = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "telltale_ingest_hook_suspended_until_timestamp_seconds",
		Help: "Until when a hook was last turned away because it sent only what could not be used.",
	}, []string{"tool", "hook", "emitter"})
	m.of = make(map[door]doorMetrics)
	for _, d := range []door{doorHTTP, doorHook, doorRaw, doorOwn} {
		m.of[d] = doorMetrics{
			accepted:  m.events.WithLabelValues(string(d), "accepted"),
			duplicate: m.events.WithLabelValues(string(d), "duplicate"),
			batch:     m.batch.WithLabelValues(string(d)),
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.events, m.quarantined, m.refused, m.batch, m.commit, m.tickWait, m.lastTick, m.clockOffset,
		m.ignored, m.unmapped.total, m.suspended,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) refuse(d door, code events.Code) {
	m.refused.WithLabelValues(string(d), string(code)).Inc()
}
