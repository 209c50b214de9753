package statemachine

import (
	_ "embed" // the standard document
	"sync"
	"time"
)

//go:embed standard.yaml
var standardDocument string

// Names of the standard lifecycle's states, for code that speaks of them. The
// fold itself names none.
const (
	StatusUnknown            = "unknown"
	StatusPlanned            = "planned"
	StatusPendingApproval    = "pending_approval"
	StatusQueued             = "queued"
	StatusBlocked            = "blocked"
	StatusInProgress         = "in_progress"
	StatusPartiallyDeployed  = "partially_deployed"
	StatusDeployed           = "deployed"
	StatusVerifying          = "verifying"
	StatusVerified           = "verified"
	StatusFailed             = "failed"
	StatusRollingBack        = "rolling_back"
	StatusManualIntervention = "manual_intervention"
	StatusReverted           = "reverted"
	StatusPartiallyRestored  = "partially_restored"
	StatusRecovered          = "recovered"
	StatusCancelled          = "cancelled"
	StatusRemoved            = "removed"
)

// Category says what a state means, whatever its name.
type Category uint8

// The categories. CategoryUnknown is that of a deployment without a usable
// report.
const (
	CategoryUnknown Category = iota
	CategoryWaiting
	CategoryActive
	CategoryLanded
	CategoryHeld
	CategoryFinalGood
	CategoryFinalBad
)

var categoryNames = [...]string{"unknown", "waiting", "active", "landed", "held", "final-good", "final-bad"}

// String returns the name that documents use.
func (c Category) String() string { return categoryNames[c] }

// IsFinal reports whether nothing more is expected.
func (c Category) IsFinal() bool { return c == CategoryFinalGood || c == CategoryFinalBad }

// index is a compiled state: a position in Lifecycle.states. 0 is "unknown".
type index uint8

// maxStates keeps a set of states in one word.
const maxStates = 64

// set is a set of states.
type set uint64

func (s set) has(i index) bool { return s&(1<<i) != 0 }
func (s *set) add(i index)     { *s |= 1 << i }

type state struct {
	name     string
	rank     uint8
	category Category
	start, announces, runs, lands, fails,
	restores, empties bool
	marks    []string
	from     set               // declared facts lead here
	judged   set               // judgements lead here
	guards   map[index]*guard  // of those, by where they come from
	anywhere set               // entered from these without a path
	paths    map[index][]index // from → the implied steps in between
	autos    []auto            // lead away from here, in the document's order
	policies []*guard          // hold when a fact enters
	deadline deadline
}

// Lifecycle is a compiled document: immutable, safe for concurrent use.
type Lifecycle struct {
	ref          VersionRef
	skew, settle time.Duration
	horizon      int64 // alert_horizon in nanoseconds
	states       []state
	byName       map[string]index
	evidence     *guard // the one of that name
	says         []string
	aliases      map[string]string
	authority    []authority
	given        []authority // beside that, see With: the first that matches counts
	written      *Lifecycle  // nil: this is the lifecycle as written
	overrides    []override
}

// StandardDocument returns the standard lifecycle as written.
func StandardDocument() []byte { return []byte(standardDocument) }

// Standard returns the compiled standard lifecycle.
func Standard() *Lifecycle { return standard() }

var standard = sync.OnceValue(func() *Lifecycle {
	l, err := Compile(StandardDocument())
	if err != nil {
		panic("statemachine: the embedded document: " + err.Error())
	}
	return l
})

// Ref returns name and version of the document.
func (l *Lifecycle) Ref() VersionRef { return l.ref }

// Statuses returns the names of all states in the document's order.
func (l *Lifecycle) Statuses() []string {
	names := make([]string, 0, len(l.states)-1)
	for _, s := range l.states[1:] {
		names = append(names, s.name)
	}
	return names
}

// Category returns the category of a status, CategoryUnknown for names that the
// document does not have.
func (l *Lifecycle) Category(status string) Category { return l.states[l.byName[status]].category }

// Fails reports whether a status is a failure: the attempt may be landed again
// by its own source, and a later landing may put back what ran before it.
func (l *Lifecycle) Fails(status string) bool { return l.states[l.byName[status]].fails }

// Runs reports whether a deployment of this status runs in its slot.
func (l *Lifecycle) Runs(status string) bool { return l.states[l.byName[status]].runs }
