package rehearse

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Stay is one time that a deployment was in a status and left it for another one
// of the same attempt.
type Stay struct {
	Key    events.Key
	Status string
	Lasted time.Duration // from entering the status to leaving it
	Silent time.Duration // the longest time without any word in between
}

// Stays returns how long deployments stayed in statuses, by what is known of
// each now: in order of key and time. What a deployment is still in, and what a
// new attempt cut short, is not among them.
func (w *World) Stays() []Stay {
	keys := slices.SortedFunc(maps.Keys(w.Deployments), func(a, b events.Key) int { return strings.Compare(a.String(), b.String()) })
	var out []Stay
	for _, key := range keys {
		out = append(out, w.Deployments[key].stays()...)
	}
	return out
}

func (d *Deployment) stays() (out []Stay) {
	now := Stay{Key: d.Key, Status: statemachine.StatusUnknown}
	var entered, heard int64
	attempt := uint32(0)
	for i := range d.Steps {
		s := &d.Steps[i]
		now.Silent = max(now.Silent, time.Duration(s.Mark.Tau-heard))
		heard = s.Mark.Tau
		if s.To == now.Status && s.Attempt == attempt {
			continue
		}
		if s.Attempt == attempt && now.Status != statemachine.StatusUnknown {
			now.Lasted = time.Duration(heard - entered)
			out = append(out, now)
		}
		now = Stay{Key: d.Key, Status: s.To}
		entered, attempt = heard, s.Attempt
	}
	return out
}
