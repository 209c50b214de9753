package notifier

import "github.com/prometheus/client_golang/prometheus"

// metrics of the notifier. The labels are names of rules.
type metrics struct {
	changes  prometheus.Counter
	unusable prometheus.Counter
	tooOld   prometheus.Counter
	fired    *prometheus.CounterVec
	resolved *prometheus.CounterVec
	position prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "telltale_notifier_changes_total",
			Help: "Changes that were held against the rules.",
		}),
		unusable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "telltale_notifier_unusable_changes_total",
			Help: "Changes that could not be read and were passed over.",
		}),
		tooOld: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "telltale_notifier_too_old_total",
			Help: "Problems that paged nobody because they were older than the alert horizon.",
		}),
		fired: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_alerts_fired_total",
			Help: "Alerts that were fired, by rule.",
		}, []string{"rule"}),
		resolved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_alerts_resolved_total",
			Help: "Alerts that were resolved, by rule.",
		}, []string{"rule"}),
		position: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_notifier_position",
			Help: "The sequence in TT_CHANGES up to which changes were held against the rules.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.changes, m.unusable, m.tooOld, m.fired, m.resolved, m.position)
	}
	return m
}
