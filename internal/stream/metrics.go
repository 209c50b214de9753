package stream

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the collectors of this package. A nil *Metrics counts nothing.
// Labels are the names of streams and closed lists, never a subject or an id.
type Metrics struct {
	group    *prometheus.HistogramVec
	seconds  *prometheus.HistogramVec
	messages *prometheus.CounterVec
	retries  *prometheus.CounterVec
	queue    *prometheus.GaugeVec
	resets   *prometheus.CounterVec
	fenced   prometheus.Counter
}

// NewMetrics registers the collectors with r.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		group: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "telltale_stream_commit_messages", Help: "Messages that were stored together.",
			Buckets: []float64{1, 3, 10, 30, 100, 300, 1000},
		}, []string{"stream"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "telltale_stream_commit_seconds", Help: "Time from the start of a group until all its messages were settled.",
			Buckets: prometheus.ExponentialBuckets(0.000_25, 2, 16),
		}, []string{"stream"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_stream_messages_total", Help: "Messages settled, by result: stored, duplicate or failed.",
		}, []string{"stream", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_stream_retries_total", Help: "Groups that were split or tried again, by reason.",
		}, []string{"stream", "reason"}),
		queue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "telltale_stream_queue_messages", Help: "Messages accepted and not yet settled, those being stored left out.",
		}, []string{"stream"}),
		resets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_stream_reader_resets_total", Help: "Times a reader had to make its consumer anew, by reason.",
		}, []string{"stream", "reason"}),
		fenced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "telltale_stream_fenced_total", Help: "Publishes refused because another publisher was there first.",
		}),
	}
	for _, c := range []prometheus.Collector{m.group, m.seconds, m.messages, m.retries, m.queue, m.resets, m.fenced} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// String returns the kind as metrics and logs name it.
func (k Kind) String() string {
	return [...]string{"transient", "permanent", "full", "duplicate", "moved"}[k]
}

func (m *Metrics) queued(stream string, n int) {
	if m != nil {
		m.queue.WithLabelValues(stream).Set(float64(n))
	}
}

func (m *Metrics) settled(stream string, r *Result) {
	if m == nil {
		return
	}
	result := "stored"
	switch {
	case r.Err != nil:
		result = "failed"
	case r.Duplicate:
		result = "duplicate"
	}
	m.messages.WithLabelValues(stream, result).Inc()
}

func (m *Metrics) committed(stream string, n int, d time.Duration) {
	if m != nil {
		m.group.WithLabelValues(stream).Observe(float64(n))
		m.seconds.WithLabelValues(stream).Observe(d.Seconds())
	}
}

func (m *Metrics) retried(stream string, why Kind) {
	if m != nil {
		m.retries.WithLabelValues(stream, why.String()).Inc()
	}
}

func (m *Metrics) reset(stream, reason string) {
	if m != nil {
		m.resets.WithLabelValues(stream, reason).Inc()
	}
}

func (m *Metrics) refused() {
	if m != nil {
		m.fenced.Inc()
	}
}
