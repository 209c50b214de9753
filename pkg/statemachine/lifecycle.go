package statemachine

import (
	_ "embed" // the standard document
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
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
	from     set               // declared facts lead here
	judged   set               // judgements lead here
	anywhere set               // entered from these without a path
	paths    map[index][]index // from → the implied steps in between
}

// Lifecycle is a compiled document: immutable, safe for concurrent use.
type Lifecycle struct {
	ref          VersionRef
	skew, settle time.Duration
	states       []state
	byName       map[string]index
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

// Runs reports whether a deployment of this status runs in its slot.
func (l *Lifecycle) Runs(status string) bool { return l.states[l.byName[status]].runs }

// Compile parses and compiles a lifecycle document. All faults of a document
// are reported at once.
func Compile(doc []byte) (*Lifecycle, error) {
	d, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	c := compiler{Lifecycle: &Lifecycle{
		ref:    VersionRef{d.Metadata.Name, d.Metadata.Version},
		skew:   time.Duration(d.Spec.Skew),
		settle: time.Duration(d.Spec.Settle),
		states: []state{{name: StatusUnknown}},
		byName: map[string]index{StatusUnknown: 0},
	}}
	if c.skew == 0 {
		c.skew = time.Minute
	}
	if c.settle == 0 {
		c.settle = 10 * time.Minute
	}
	c.declare(d)
	c.connect(d)
	if err := errors.Join(c.faults...); err != nil {
		return nil, fmt.Errorf("lifecycle %s: %w", d.Metadata.Name, err)
	}
	c.findPaths(d)
	return c.Lifecycle, nil
}

type compiler struct {
	*Lifecycle
	faults []error
}

func (c *compiler) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *compiler) declare(d *Document) {
	if events.CheckName("name", d.Metadata.Name) != nil {
		c.fault("metadata.name is not [a-z0-9][a-z0-9_-]{0,62}")
	}
	if d.Metadata.Version == "" {
		c.fault("metadata.version is missing")
	}
	if n := len(d.Spec.States); n == 0 || n >= maxStates {
		c.fault("%d states, wanted 1 to %d", n, maxStates-1)
		return
	}
	for _, s := range d.Spec.States {
		category := slices.Index(categoryNames[:], s.Category)
		if category <= 0 {
			c.fault("state %s: category %q is none of %v", s.Name, s.Category, categoryNames[1:])
			continue
		}
		if s.Rank >= events.RankNone {
			c.fault("state %s: rank %d, wanted 0 to %d", s.Name, s.Rank, events.RankNone-1)
		}
		if events.CheckName("state", s.Name) != nil {
			c.fault("state %q: the name is not [a-z0-9][a-z0-9_-]{0,62}", s.Name)
		}
		if _, dup := c.byName[s.Name]; dup {
			c.fault("state %s is declared twice, or reserved", s.Name)
			continue
		}
		c.byName[s.Name] = index(len(c.states))
		c.states = append(c.states, state{
			name: s.Name, rank: s.Rank, category: Category(category),
			start: s.Start, announces: s.Announces, runs: s.Runs, lands: s.Lands, fails: s.Fails,
			restores: s.Restores, empties: s.Empties,
		})
	}
}

func (c *compiler) connect(d *Document) {
	for _, s := range d.Spec.States {
		if s.Anywhere == nil {
			continue
		}
		to := c.lookup("state "+s.Name, s.Name)
		for i := range c.states {
			if !slices.Contains(s.Anywhere.Except, c.states[i].name) {
				c.states[to].anywhere.add(index(i))
			}
		}
		for _, name := range s.Anywhere.Except {
			c.lookup("anywhere.except of "+s.Name, name)
		}
	}
	for _, row := range d.Spec.Transitions {
		for _, from := range row.From {
			f := c.lookup("a transition's from", from)
			for _, to := range row.To {
				c.states[c.lookup("a transition's to", to)].from.add(f)
			}
			for _, to := range row.Judged {
				c.states[c.lookup("a transition's judged", to)].judged.add(f)
			}
		}
	}
	for _, name := range d.Spec.Implied {
		c.lookup("implied", name)
	}
}

func (c *compiler) lookup(where, name string) index {
	i, ok := c.byName[name]
	if !ok || i == 0 {
		c.fault("%s: there is no state %q", where, name)
	}
	return i
}

// findPaths finds, for each pair of states, the shortest way through implied
// steps; among equally short ones the document's order of implied decides.
func (c *compiler) findPaths(d *Document) {
	for to := 1; to < len(c.states); to++ {
		c.states[to].paths = make(map[index][]index)
	}
	for from := range c.states {
		start := index(from)
		if s := c.states[from]; s.category.IsFinal() && !s.runs {
			continue // never out of a final status, unless it runs
		}
		steps := map[index][]index{start: {}}
		for queue := []index{start}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			for to := 1; to < len(c.states); to++ {
				_, have := c.states[to].paths[start]
				// A judgement is reached over facts; unknown leads straight to
				// any fact, so its only paths are those to judgements.
				reaches := c.states[to].judged.has(at) || at != 0 && c.states[to].from.has(at)
				if !have && len(steps[at]) > 0 && reaches && index(to) != start {
					c.states[to].paths[start] = steps[at]
				}
			}
			for _, name := range d.Spec.Implied {
				next := c.byName[name]
				if _, seen := steps[next]; !seen && (at == 0 || c.states[next].from.has(at)) {
					steps[next] = append(slices.Clone(steps[at]), next)
					queue = append(queue, next)
				}
			}
		}
	}
}
