package view

import "github.com/telltale-dev/telltale/pkg/statemachine"

// Contradicts says how an observation stands against what the slot runs by the
// record, nil when they agree. placed is the deployment that the observation was
// placed on, "" when nobody ever named its version. An observation speaks of its
// own time: what landed since, or no more than [Skew] before it, it does not
// contradict. Of several observations the latest counts, by
// [statemachine.Observation.Compare].
//
// What lands by being observed has landed already: the words of
// [statemachine.Lifecycle.ObservedLandings] are part of the slot.
func (f *SlotFold) Contradicts(o *statemachine.Observation, placed string) *statemachine.Observed {
	current, runs := f.Current()
	if runs {
		if o.Tau-current.Tau <= int64(Skew) {
			return nil
		}
		if order, ok := CompareVersions(o.Version, current.Version); ok && order == 0 {
			return nil
		}
		if current.Version == "" && placed == current.Deployment {
			return nil
		}
	}
	return &statemachine.Observed{
		Version: o.Version, Unreported: placed == "", Tau: o.Tau, Source: o.Source, ID: o.ID,
	}
}
