package ingest

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/stream"
)

const (
	// unmappedValues is how many values of one tool are told apart in metrics. A
	// tool that says more different things than that makes them up.
	unmappedValues = 100

	// unmappedLabel is how much of a value, in bytes, its label has.
	unmappedLabel = 64

	// unmappedOther stands for all values beyond those.
	unmappedOther = "(other)"
)

// unmapped counts what tools said and no mapping has a word for. The quarantine
// has each of them; the metric says which are worth a line in a mapping.
type unmapped struct {
	total *prometheus.CounterVec // tool, field, value

	mu   sync.Mutex // guards seen
	seen map[string]map[[2]string]bool
}

func newUnmapped() *unmapped {
	return &unmapped{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telltale_ingest_unmapped_total",
			Help: "Values that a tool sent and its mapping does not know; beyond 100 of a tool they count as (other).",
		}, []string{"tool", "field", "value"}),
		seen: make(map[string]map[[2]string]bool),
	}
}

func (u *unmapped) count(tool string, f *stream.Fault) {
	field, value := f.Field, f.Value
	if len(f.Missing) > 0 {
		field, value = "missing", strings.Join(f.Missing, ",")
	}
	pair := [2]string{label(field), label(value)}
	u.mu.Lock()
	if u.seen[tool] == nil {
		u.seen[tool] = make(map[[2]string]bool)
	}
	switch known := u.seen[tool]; {
	case known[pair]:
	case len(known) < unmappedValues:
		known[pair] = true
	default:
		pair = [2]string{unmappedOther, unmappedOther}
	}
	u.mu.Unlock()
	u.total.WithLabelValues(tool, pair[0], pair[1]).Inc()
}

// label makes a text from outside fit for a metric.
func label(text string) string { return cut(strings.ToValidUTF8(text, "\ufffd"), unmappedLabel) }

// cut returns the beginning of a text, of at most so many bytes, without half a
// character at its end.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
