package delivery

import "github.com/prometheus/client_golang/prometheus"

// metrics of delivery. The labels are configured names and classes.
type metrics struct {
	calls      *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	dead       *prometheus.CounterVec
	superseded *prometheus.CounterVec
	inFlight   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_delivery_calls_total",
			Help: "Calls to receivers, by the class of their outcome.",
		}, []string{"receiver", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "telltale_delivery_call_seconds",
			Help:    "How long calls to receivers took.",
			Buckets: []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 15},
		}, []string{"receiver"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_delivery_dead_letters_total",
			Help: "Notifications that were given up.",
		}, []string{"receiver"}),
		superseded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_delivery_superseded_total",
			Help: "Notifications that a newer one of the same lane made pointless.",
		}, []string{"receiver"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_delivery_calls_in_flight",
			Help: "Calls to receivers that are under way.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.seconds, m.dead, m.superseded, m.inFlight)
	}
	return m
}
