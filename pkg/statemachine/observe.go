package statemachine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// ReasonObserved is the reason of a landing that no tool reported: an
// observation of what really runs showed it.
const ReasonObserved = "observed"

// Observation is what somebody saw run in a slot, a slot.observed event. It is
// placed like a follow word with refs: its version is one of them. Unplaced, it
// shows a version that nobody reported.
type Observation struct {
	FollowWord
	Recorded int64  // Unix nanoseconds
	Stream   uint64 // position in EVENTS of the copy that counts
	Hash     string // events.MsgID of that copy
	Emitter  string
	Health   string // healthy, degraded, unknown or ""
}

// NewObservation makes an observation of a stored slot.observed event. It fails
// with [events.CodeSchema] on data that does not fit the type.
func NewObservation(e *events.Event, stream uint64, hash string) (Observation, error) {
	var d events.Observed
	if err := e.DataAs(&d); err != nil {
		return Observation{}, err
	}
	tau, _ := events.EffectiveTime(e.Time, e.RecordedTime)
	return Observation{
		FollowWord: FollowWord{Tau: tau, Source: e.Source, ID: e.ID, Refs: d.Refs, Version: d.Version},
		Recorded:   e.RecordedTime.UnixNano(), Stream: stream, Hash: hash, Emitter: e.Emitter, Health: d.Health,
	}, nil
}

// Compare orders the observations of a slot by (τ, source, id).
func (o *Observation) Compare(p *Observation) int {
	return cmp.Or(cmp.Compare(o.Tau, p.Tau), strings.Compare(o.Source, p.Source), strings.Compare(o.ID, p.ID))
}

// ObservedLandings returns the words by which observations land a deployment,
// for folding them with its own (DESIGN §4 "Conflicts between systems"). seen
// are the observations that were placed on it. One lands it when all that was
// said and seen up to its time leaves the deployment on its way to a landing;
// any other changes nothing here, and is for the slot to agree with or not. The
// result depends on the two sets alone.
//
// It folds the deployment once for each observation, and costs nothing for those
// that have none.
func (l *Lifecycle) ObservedLandings(key events.Key, own []Word, seen []Observation) []Word {
	order := slices.Clone(seen)
	slices.SortFunc(order, func(a, b Observation) int { return a.Compare(&b) })
	var landings []Word
	for i := range order {
		o := &order[i]
		until := slices.DeleteFunc(slices.Concat(own, landings), func(w Word) bool { return w.Tau > o.Tau })
		if s, _ := l.Fold(key, until); !l.Unlanded(s.Status) {
			continue
		}
		landings = append(landings, Word{
			Mark: events.Mark{Source: o.Source, ID: o.ID, Tau: o.Tau}, Role: RoleNamed,
			Kind: KindReported, Status: l.landing().name, Reason: ReasonObserved, Version: o.Version,
			Recorded: o.Recorded, Stream: o.Stream, Hash: o.Hash, Emitter: o.Emitter, Refs: o.Refs, Percent: -1,
		})
	}
	return landings
}
