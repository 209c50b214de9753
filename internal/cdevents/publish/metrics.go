package publish

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a publisher.
type metrics struct {
	published prometheus.Counter
	refused   prometheus.Counter
	unusable  prometheus.Counter
	retries   prometheus.Counter
	position  prometheus.Gauge

	// since is when TT_CHANGES stored the change that is being told, in nanoseconds
	// since 1970; 0 while there is none.
	since atomic.Int64
}

// newMetrics makes the metrics and registers them with reg, unless it is nil.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		published: counter("telltale_cdevents_published_total", "Changes that the endpoint took."),
		refused:   counter("telltale_cdevents_refused_total", "Changes that the endpoint does not want; they were passed over."),
		unusable:  counter("telltale_cdevents_unusable_changes_total", "Changes that could not be read and were passed over."),
		retries:   counter("telltale_cdevents_retries_total", "Calls that failed and were made again."),
		position: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_cdevents_position",
			Help: "The sequence in TT_CHANGES up to which changes were told.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	lag := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "telltale_cdevents_lag_seconds",
		Help: "How long the change that is being told has been in TT_CHANGES; 0 when all are told.",
	}, func() float64 {
		since := m.since.Load()
		if since == 0 {
			return 0
		}
		return max(0, time.Since(time.Unix(0, since)).Seconds())
	})
	for _, c := range []prometheus.Collector{m.published, m.refused, m.unusable, m.retries, m.position, lag} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// telling notes that a change that was stored at a time is told now.
func (m *metrics) telling(stored time.Time) { m.since.Store(stored.UnixNano()) }

// idle notes that there is nothing to tell.
func (m *metrics) idle() { m.since.Store(0) }
