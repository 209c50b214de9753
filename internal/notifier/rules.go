package notifier

import (
	"slices"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Severities, as Prometheus users know them.
const (
	SeverityCritical = "critical" // someone has to act now
	SeverityWarning  = "warning"  // someone has to look
)

// Rule says when a deployment's status is a problem. An alert of a rule is
// about one attempt of one deployment; at most one of them stands at a time.
type Rule struct {
	Name     string
	Severity string
	Verb     string   // what the deployment does, as in "checkout 2.0 failed in prod/eu"
	Raise    []string // statuses that fire
	Clear    []string // statuses that resolve; all others leave an alert as it is
	Keep     []string // statuses that belong to the problem, even as late corrections

	// Passing: the problem is over as soon as the status is another one, whatever
	// that is. Clear and Keep are empty then.
	Passing bool
}

// Rules returns the rules in force.
//
// A new attempt leaves the alert of the one before standing until it lands:
// someone is at it, nothing is good yet. Should it fail as well, its alert takes
// the place of the old one. Whatever the rule, an alert is resolved when another
// deployment lands in its slot: nobody waits for this one any more.
func Rules() []Rule {
	over := append(landed(),
		statemachine.StatusReverted, statemachine.StatusRecovered,
		statemachine.StatusCancelled, statemachine.StatusRemoved,
	)
	trouble := []string{
		statemachine.StatusFailed, statemachine.StatusRollingBack,
		statemachine.StatusPartiallyRestored, statemachine.StatusManualIntervention,
	}
	return []Rule{
		{
			Name: "failed", Severity: SeverityWarning, Verb: "failed",
			Raise: []string{statemachine.StatusFailed}, Clear: over, Keep: trouble,
		},
		{
			Name: "manual_intervention", Severity: SeverityCritical, Verb: "needs a person",
			Raise: []string{statemachine.StatusManualIntervention}, Clear: over, Keep: trouble,
		},
		{
			Name: "stalled", Severity: SeverityWarning, Verb: "is stalled",
			Raise: []string{statemachine.StatusStalled}, Passing: true,
		},
	}
}

// landed returns the statuses in which a deployment runs.
func landed() []string {
	return []string{statemachine.StatusDeployed, statemachine.StatusVerifying, statemachine.StatusVerified}
}

func isLanded(status string) bool { return slices.Contains(landed(), status) }

// effect is what a change does to an alert of a rule.
type effect uint8

const (
	leaves effect = iota
	raises
	clears
)

// effectOf returns what a change to a status does. A late correction that takes
// the problem out of the record resolves: it was never there.
func (r *Rule) effectOf(to string, late bool) effect {
	switch {
	case slices.Contains(r.Raise, to):
		return raises
	case r.Passing, slices.Contains(r.Clear, to), late && !slices.Contains(r.Keep, to):
		return clears
	default:
		return leaves
	}
}
