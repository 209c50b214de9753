package projector

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// What became of a message, the label "result".
const (
	appliedWord      = "word"      // put on top of a deployment's state
	appliedRefold    = "refold"    // all words of a deployment were folded again
	appliedFollow    = "follow"    // placed on a deployment
	appliedUnplaced  = "unplaced"  // waits for a name
	appliedNote      = "note"      // kept, changes no status
	appliedTick      = "tick"      // a recorder's promise
	appliedDuplicate = "duplicate" // known already
	appliedConflict  = "conflict"  // another content under a known identity
	appliedUnusable  = "unusable"  // in quarantine
)

// Metrics are the projector's. The nil value counts nothing.
type Metrics struct {
	messages  *prometheus.CounterVec
	changes   prometheus.Counter
	position  prometheus.Gauge
	published prometheus.Gauge
}

// NewMetrics makes and registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_projector_messages_total",
			Help: "Messages of TT_EVENTS by what became of them.",
		}, []string{"result"}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "telltale_projector_changes_total",
			Help: "Changes handed to TT_CHANGES, those that it had already included.",
		}),
		position: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_projector_position",
			Help: "Sequence in TT_EVENTS up to which the store has followed.",
		}),
		published: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "telltale_projector_published_position",
			Help: "Sequence in TT_EVENTS of the cause of the last change that was published.",
		}),
	}
	for _, c := range []prometheus.Collector{m.messages, m.changes, m.position, m.published} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register projector metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) applied(result string) {
	if m != nil {
		m.messages.WithLabelValues(result).Inc()
	}
}

func (m *Metrics) projected(seq uint64) {
	if m != nil {
		m.position.Set(float64(seq))
	}
}

func (m *Metrics) told(changes int, seq uint64) {
	if m != nil && changes > 0 {
		m.changes.Add(float64(changes))
		m.published.Set(float64(seq))
	}
}
