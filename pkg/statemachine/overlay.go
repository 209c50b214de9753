package statemachine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Statuses that are only ever shown: laid over a folded one by time or by
// neighbours. [StatusReverted] and [StatusBlocked] may be laid over too.
const (
	StatusStalled    = "stalled"
	StatusSuperseded = "superseded"
)

// Names of conditions that an overlay adds to those of the fold.
const (
	ConditionBlockedBy        = "blocked_by"        // waits for a member of its release
	ConditionDrift            = "drift"             // something else runs than the record says
	ConditionUpstreamReverted = "upstream_reverted" // what it depends on was put back
)

// Reasons of statuses that are laid over.
const (
	ReasonNewerStart = "newer_start" // superseded: a newer attempt started in the slot
	ReasonPutBack    = "put_back"    // reverted: what ran before runs again
	ReasonDependency = "dependency"  // blocked: a member it depends on was never verified
	ReasonRelanded   = "relanded"    // no longer verified: it landed again since
	ReasonSaid       = "said"        // stalled or superseded: a tool itself says so
	ReasonSilent     = "silent"      // stalled: no word of any kind came in time
	ReasonOverdue    = "overdue"     // stalled: words came, the status did not move in time
)

// Names of what an overlay finds broken, and of what it waits for.
const (
	PolicyDependency = "dependency" // started before what it depends on was verified
	PolicyFreeze     = "freeze"     // started in a change freeze
	PolicyUnreported = "unreported" // runs what nobody reported
	GuardDependency  = "dependency"
)

// Neighbours are the facts around a deployment that decide how its base is
// shown: other deployments' bases, freezes, observations and the watermark,
// never what is shown of anything (DESIGN §4 "Overlay"). The zero value is a
// deployment alone in the world.
type Neighbours struct {
	Newer   *Start       // an attempt that began later and started in the slot after our last word
	PutBack *PutBack     // the landing by which what ran before us runs again
	Waits   []Dependency // what the release's own plan makes us depend on
	Frozen  []Freeze     // freezes in force when our attempt started
	Stall   Stall        // the deadline that has passed, see [StallAt]

	// Landed is τ of the slot's present landing when the slot runs our attempt,
	// 0 when it does not.
	Landed int64

	// Observed is what was seen to run instead of us while the record says that
	// the slot runs us; nil when nothing contradicts.
	Observed *Observed
}

// Start is an attempt that started in a slot.
type Start struct {
	Deployment     string
	Attempt        uint32
	Began, Started int64 // Unix nanoseconds: its first word, its first active status or landing
}

// PutBack is a landing that put back what ran before a failed deployment.
type PutBack struct {
	Deployment, Version string // what runs again
	Tau                 int64
}

// Dependency is a deployment that stands for a member which another depends on.
type Dependency struct {
	Region, Component string
	Deployment        string // "" when no word of it was heard
	Status            string // its base's, "" when no word of it was heard
	Verified          int64  // τ at which it was first verified, 0: never
	PutBack           bool   // it was reverted, or its slot was put back
}

// Freeze is a change freeze by its name.
type Freeze struct{ Name, Reason string }

// Stall is a deadline that has passed. The zero value is none.
type Stall struct {
	Reason string // ReasonSilent or ReasonOverdue
	Due    int64  // when it passed, Unix nanoseconds
}

// Observed is an observation that contradicts the record.
type Observed struct {
	Version    string
	Unreported bool // no word of the slot ever named this version
	Tau        int64
	Source, ID string
}

// Shown is a deployment as it is shown: its base and what is laid over it.
type Shown struct {
	Status     string
	Since      int64  // τ at which it came to be so, Unix nanoseconds
	Previous   string // the base's status when another is laid over it, else the base's previous one
	Reason     string // why it is laid over; the base's own reason otherwise
	By         string // the deployment that superseded or put back, "" otherwise
	Conditions []string
	WaitingFor []Held
	Violations []Violation
	Observed   *Observed // the other side of a drift
}

// StallAt returns the deadline that had passed when all up to w was known, the
// earlier one when both have. A deadline passes at its very instant; w 0 means
// that nothing is known of the time yet.
func StallAt(d Deadline, w int64) Stall {
	var s Stall
	if d.Silent != 0 && d.Silent <= w {
		s = Stall{ReasonSilent, d.Silent}
	}
	if d.Overdue != 0 && d.Overdue <= w && (s.Due == 0 || d.Overdue < s.Due) {
		s = Stall{ReasonOverdue, d.Overdue}
	}
	return s
}

// Unlanded reports whether a deployment of this status is still on its way to
// its landing: planned up to partially_deployed.
func (l *Lifecycle) Unlanded(status string) bool {
	s := &l.states[l.byName[status]]
	return (s.category == CategoryWaiting || s.category == CategoryActive) && s.rank < l.landing().rank
}

// landing returns the state that says that a deployment runs, the one of least
// rank.
func (l *Lifecycle) landing() *state {
	found := &l.states[0]
	for i := range l.states {
		if s := &l.states[i]; s.lands && (!found.lands || s.rank < found.rank) {
			found = s
		}
	}
	return found
}

// Overlay lays over a base what its neighbours and the watermark say. It is a
// pure function and what it returns never feeds back into a base, so it settles
// in one pass. The first that applies is shown: a final fact of our own (where
// what failed may have been put back), superseded, blocked by a dependency,
// stalled. The result shares memory with s and n.
func (l *Lifecycle) Overlay(key events.Key, s *State, n *Neighbours) Shown {
	shown := Shown{
		Status: s.Status, Since: s.Since, Previous: s.Previous, Reason: s.Reason,
		Conditions: s.Conditions, WaitingFor: l.Waiting(s), Violations: s.Violations,
	}
	o := overlay{Lifecycle: l, key: key, base: s, near: n, Shown: &shown}
	o.status()
	o.violations()
	if slices.ContainsFunc(n.Waits, func(d Dependency) bool { return d.PutBack }) {
		o.condition(ConditionUpstreamReverted)
	}
	return shown
}

// overlay is one run of Overlay.
type overlay struct {
	*Lifecycle
	key  events.Key
	base *State
	near *Neighbours
	*Shown
}

func (o *overlay) status() {
	s, n := o.base, o.near
	now := &o.states[o.byName[s.Status]]
	unlanded := o.Unlanded(s.Status)
	switch {
	case now.fails && n.PutBack != nil:
		o.lay(StatusReverted, ReasonPutBack, n.PutBack.Tau)
		o.By = n.PutBack.Deployment
	case now.runs && now.category.IsFinal():
		o.confirm()
	case now.category.IsFinal():
	case unlanded && n.Newer != nil:
		o.lay(StatusSuperseded, ReasonNewerStart, n.Newer.Started)
		o.By = n.Newer.Deployment
	case unlanded && s.Says == StatusSuperseded:
		o.lay(StatusSuperseded, ReasonSaid, o.said())
	case now.category == CategoryWaiting && o.base.StartedAt() == 0 && o.wait(StatusInProgress) > 0:
		o.lay(StatusBlocked, ReasonDependency, s.Since)
		o.condition(ConditionBlockedBy)
	case n.Stall.Reason != "":
		o.lay(StatusStalled, n.Stall.Reason, n.Stall.Due)
	case unlanded && s.Says == StatusStalled:
		o.lay(StatusStalled, ReasonSaid, o.said())
	}
}

// confirm holds back a good end: until what it depends on was verified, and
// when it landed again since the evidence for it was heard.
func (o *overlay) confirm() {
	s := o.base
	relanded := o.near.Landed > s.Since && !o.Confirmed(o.key, s, o.near.Landed)
	waits := o.wait(s.Status) > 0
	switch {
	case relanded:
		o.lay(o.landing().name, ReasonRelanded, o.near.Landed)
		o.WaitingFor = append(slices.Clip(o.WaitingFor), Held{Status: s.Status, Guard: o.evidence.name, Message: o.evidence.message})
	case waits:
		o.lay(o.landing().name, ReasonDependency, s.Landed)
	}
	if waits {
		o.condition(ConditionBlockedBy)
	}
}

// lay shows a status instead of the base's. A base that says so itself keeps its
// own reason.
func (o *overlay) lay(status, reason string, since int64) {
	if status == o.base.Status {
		return
	}
	o.Previous, o.Status, o.Reason, o.Since = o.base.Status, status, reason, since
}

// wait adds the dependencies that were never verified to what is waited for
// before status may be shown, and returns how many they are.
func (o *overlay) wait(status string) int {
	count := 0
	for _, d := range o.near.Waits {
		if d.Verified != 0 {
			continue
		}
		count++
		o.WaitingFor = append(slices.Clip(o.WaitingFor), Held{
			Status: status, Guard: GuardDependency, Message: "waits for " + d.String() + " to be verified",
		})
	}
	return count
}

// String says which deployment it is and how it is, for people.
func (d Dependency) String() string {
	if d.Deployment == "" {
		return fmt.Sprintf("%s in %s (not seen)", d.Component, d.Region)
	}
	return fmt.Sprintf("%s %s in %s (%s)", d.Component, d.Deployment, d.Region, d.Status)
}

// StartedAt returns when the attempt started: τ of its first active status or,
// when it landed out of the blue, of its landing; 0: not yet. It is the moment
// that a change freeze and a dependency ask about.
func (s *State) StartedAt() int64 { return cmp.Or(s.Started, s.Landed) }

// said returns since when a tool says what it says: the latest claim of it.
func (o *overlay) said() int64 {
	tau := o.base.Since
	for _, c := range o.base.Claims {
		if c.Status == o.base.Says {
			tau = max(tau, c.Tau)
		}
	}
	return tau
}

// violations names the rules that were broken by starting and by what runs.
func (o *overlay) violations() {
	started := o.base.StartedAt()
	if started != 0 {
		for _, f := range o.near.Frozen {
			message := "started in the change freeze " + f.Name
			if f.Reason != "" {
				message += ": " + f.Reason
			}
			o.violate(Violation{Policy: PolicyFreeze, Message: message, Tau: started})
		}
		for _, d := range o.near.Waits {
			if d.Verified == 0 || d.Verified > started {
				o.violate(Violation{Policy: PolicyDependency, Message: "started before " + d.name() + " was verified", Tau: started})
			}
		}
	}
	switch seen := o.near.Observed; {
	case seen == nil:
	case seen.Unreported:
		o.violate(Violation{
			Policy: PolicyUnreported, Message: "runs " + seen.Version + ", which nobody reported",
			Source: seen.Source, ID: seen.ID, Tau: seen.Tau,
		})
	default:
		o.Observed = seen
		o.condition(ConditionDrift)
	}
	if len(o.Violations) > 0 {
		o.condition(ConditionViolation)
	}
}

// name says which deployment it is, whatever becomes of it.
func (d Dependency) name() string {
	return strings.TrimSpace(d.Component+" "+d.Deployment) + " in " + d.Region
}

func (o *overlay) violate(v Violation) { o.Violations = append(slices.Clip(o.Violations), v) }

// condition adds a condition once, in its place.
func (o *overlay) condition(name string) {
	if i, found := slices.BinarySearch(o.Conditions, name); !found {
		o.Conditions = slices.Insert(slices.Clip(o.Conditions), i, name)
	}
}
