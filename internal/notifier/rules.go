package notifier

import (
	"slices"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Severities, as Prometheus users know them.
const (
	SeverityCritical = "critical" // someone has to act now
	SeverityWarning  = "warning"  // someone has to look
)

// Rule says when something is a problem: a deployment's status or condition, a
// release's composite status, a region. An alert of a rule is about one attempt
// of one deployment, one release or one region of an environment; at most one of
// them stands at a time.
type Rule struct {
	Name     string
	Severity string
	On       string // the type of the changes that it is held against
	Verb     string // what the thing does, as in "checkout 2.0 failed in prod/eu"

	Raise  []string // statuses that fire; of a region [statusDark] is one
	Unless []string // reasons for which they do not
	Clear  []string // statuses that resolve; all others leave an alert as it is
	Keep   []string // statuses that belong to the problem, even as late corrections

	// Condition of a deployment that fires, whatever the status. Raise, Clear and
	// Keep are empty then.
	Condition string

	// Passing: the problem is over as soon as it is not seen any more, whatever the
	// status is then. Clear and Keep are empty then.
	Passing bool

	// HoldFor is how long the problem has to last before anybody is told; 0: not at
	// all. It is on record at once.
	HoldFor time.Duration

	// What a person should know; "" where the changes say enough.
	Why  string // about the problem
	Over string // about its end, as in "checkout 2.0 in prod/eu shows no drift any more"
}

// statusDark and statusHeard are what a region has instead of a status.
const (
	statusDark  = "dark"
	statusHeard = "heard"
)

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
			Name: "failed", Severity: SeverityWarning, On: events.TypeDeploymentChanged, Verb: "failed",
			Raise: []string{statemachine.StatusFailed}, Clear: over, Keep: trouble,
		},
		{
			Name: "manual_intervention", Severity: SeverityCritical, On: events.TypeDeploymentChanged, Verb: "needs a person",
			Raise: []string{statemachine.StatusManualIntervention}, Clear: over, Keep: trouble,
		},
		{
			Name: "stalled", Severity: SeverityWarning, On: events.TypeDeploymentChanged, Verb: "is stalled",
			Raise: []string{statemachine.StatusStalled}, Passing: true,
		},
		{
			Name: "blocked", Severity: SeverityWarning, On: events.TypeDeploymentChanged, Verb: "is blocked",
			Raise: []string{statemachine.StatusBlocked}, Passing: true, HoldFor: time.Hour,
			Unless: []string{statemachine.ReasonDependency}, // who is told of that one's problem need not hear of this
		},
		{
			Name: "conflicted", Severity: SeverityWarning, On: events.TypeDeploymentChanged, Verb: "is contradicted",
			Condition: statemachine.ConditionConflicted, Passing: true, HoldFor: 10 * time.Minute,
			Why: "its sources say different things", Over: "is not contradicted any more",
		},
		{
			Name: "drift", Severity: SeverityWarning, On: events.TypeDeploymentChanged, Verb: "has drifted",
			Condition: statemachine.ConditionDrift, Passing: true, HoldFor: 10 * time.Minute,
			Why: "what was seen running is not what the record says", Over: "shows no drift any more",
		},
		{
			Name: "partially_deployed", Severity: SeverityWarning, On: events.TypeReleaseChanged, Verb: "is partially deployed",
			Raise: []string{statemachine.StatusPartiallyDeployed}, Passing: true, HoldFor: 30 * time.Minute,
		},
		{
			Name: "dark", Severity: SeverityCritical, On: events.TypeRegionChanged, Verb: "is dark",
			Raise: []string{statusDark}, Passing: true,
			Why: "nothing is heard from there while other regions go on", Over: "is heard of again",
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

// effectOf returns what a change to a status does, given its reason; has reports
// whether a condition is there now. A late correction that takes the problem out
// of the record resolves: it was never there. Whoever has not seen the reason
// says "": then it may raise what with the reason does not.
func (r *Rule) effectOf(to, reason string, late bool, has func(condition string) bool) effect {
	switch {
	case slices.Contains(r.Raise, to) && !slices.Contains(r.Unless, reason), r.Condition != "" && has(r.Condition):
		return raises
	case r.Passing, slices.Contains(r.Clear, to), late && !slices.Contains(r.Keep, to):
		return clears
	default:
		return leaves
	}
}

// nothing is what has no conditions.
func nothing(string) bool { return false }
