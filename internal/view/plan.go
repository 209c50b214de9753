package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Declaration is one declared plan of a release.
type Declaration struct {
	Release    events.Release
	Tau        int64 // Unix nanoseconds
	Source, ID string
	events.ReleaseDeclared
}

// compareDeclarations is the order in which declarations come into force: total,
// since no two share (source, id).
func compareDeclarations(a, b *Declaration) int {
	return cmp.Or(cmp.Compare(a.Tau, b.Tau), strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
}

// Plan is a declaration whose members and dependencies are resolved. It is
// immutable.
type Plan struct {
	Declaration
	at    map[events.Slot]int // where a slot's member stands among Members
	needs [][]int             // by member, in its order: the members it depends on
}

// PlanError says why a plan is refused. Cycle is empty when there is none.
type PlanError struct {
	Problem string
	Cycle   []string // the members on the cycle, the first again at the end
}

// Error names the problem and the cycle.
func (e *PlanError) Error() string {
	if len(e.Cycle) == 0 {
		return e.Problem
	}
	return e.Problem + ": " + strings.Join(e.Cycle, " needs ")
}

// NewPlan resolves the dependencies of a declaration: depends_on names
// components, and means the members of that component in the same region, or all
// of them when there is none there. It fails with a [*PlanError] on a member
// that stands there twice, on a component that is no member, and on a cycle,
// which it names.
func NewPlan(d *Declaration) (*Plan, error) {
	p := &Plan{Declaration: *d, at: make(map[events.Slot]int, len(d.Members)), needs: make([][]int, len(d.Members))}
	byComponent := make(map[string][]int)
	for i := range d.Members {
		m := &d.Members[i]
		slot := p.slot(m)
		if _, twice := p.at[slot]; twice {
			return nil, &PlanError{Problem: fmt.Sprintf("the member %s stands there twice", slot)}
		}
		p.at[slot] = i
		byComponent[m.Component] = append(byComponent[m.Component], i)
	}
	for i := range d.Members {
		m := &d.Members[i]
		for _, component := range m.DependsOn {
			found := byComponent[component]
			if j, here := p.at[events.Slot{Env: d.Release.Env, Region: m.Region, Component: component}]; here {
				found = []int{j}
			}
			if len(found) == 0 {
				return nil, &PlanError{Problem: fmt.Sprintf("%s depends on %s, which is no member", p.slot(m), component)}
			}
			for _, j := range found {
				if !slices.Contains(p.needs[i], j) {
					p.needs[i] = append(p.needs[i], j)
				}
			}
		}
	}
	g := graph{}
	g.add(p)
	if cycle := g.cycle(p); cycle != nil {
		return nil, &PlanError{Problem: "the plan's dependencies form a cycle", Cycle: cycle}
	}
	return p, nil
}

func (p *Plan) slot(m *events.Member) events.Slot {
	return events.Slot{Env: p.Release.Env, Region: m.Region, Component: m.Component}
}

// Slots returns the slots of all members in the plan's order.
func (p *Plan) Slots() []events.Slot {
	out := make([]events.Slot, len(p.Members))
	for i := range p.Members {
		out[i] = p.slot(&p.Members[i])
	}
	return out
}

// Member returns the member that a slot stands for. ok is false when the plan
// has none, or names another deployment for it.
func (p *Plan) Member(key events.Key) (m events.Member, ok bool) {
	i, ok := p.at[key.Slot]
	if !ok || p.Members[i].Deployment != "" && p.Members[i].Deployment != key.Deployment {
		return events.Member{}, false
	}
	return p.Members[i], true
}

// Needs returns the members that the member of a slot depends on, in the order
// in which it names them.
func (p *Plan) Needs(slot events.Slot) []events.Member {
	i, ok := p.at[slot]
	if !ok {
		return nil
	}
	return p.members(p.needs[i])
}

// NeededBy returns the members that depend on the member of a slot, in the
// plan's order.
func (p *Plan) NeededBy(slot events.Slot) []events.Member {
	i, ok := p.at[slot]
	if !ok {
		return nil
	}
	var by []int
	for j, needs := range p.needs {
		if slices.Contains(needs, i) {
			by = append(by, j)
		}
	}
	return p.members(by)
}

func (p *Plan) members(indexes []int) []events.Member {
	out := make([]events.Member, len(indexes))
	for i, j := range indexes {
		out[i] = p.Members[j]
	}
	return out
}

// Refusal is a declaration that is not in force, and why.
type Refusal struct {
	Declaration
	Err *PlanError
}

// Plans returns the plans in force in one environment, by the name of their
// release, and what was refused, in order. Declarations are taken in the order
// of (τ, source, id), so the result depends on their set alone. Each replaces
// the one of its release before it; one that is refused replaces nothing.
//
// A plan may also form a cycle with the plans of other releases, when they name
// the same deployments: then the later declaration is refused (ADR 13).
func Plans(declarations []Declaration) (inForce map[string]*Plan, refused []Refusal) {
	order := slices.Clone(declarations)
	slices.SortFunc(order, func(a, b Declaration) int { return compareDeclarations(&a, &b) })
	inForce = make(map[string]*Plan)
	all := graph{} // of all plans in force
	for i := range order {
		d := &order[i]
		p, err := NewPlan(d)
		if err == nil {
			err = all.replace(inForce[d.Release.Name], p)
		}
		if err != nil {
			refused = append(refused, Refusal{Declaration: *d, Err: err.(*PlanError)})
			continue
		}
		inForce[d.Release.Name] = p
	}
	return inForce, refused
}

// graph is what waits for what: by node, the nodes it needs, once for each plan
// that says so.
type graph map[string][]string

// replace puts a plan in the place of the one of its release before it, nil for
// none, unless it forms a cycle with those of other releases: then it fails, and
// leaves g as it was. It looks only at what the plan's members lead to.
func (g graph) replace(was, p *Plan) error {
	if was != nil {
		g.remove(was)
	}
	g.add(p)
	cycle := g.cycle(p)
	if cycle == nil {
		return nil
	}
	g.remove(p)
	if was != nil {
		g.add(was)
	}
	return &PlanError{Problem: "together with other releases' plans the dependencies form a cycle", Cycle: cycle}
}

// node is the name of a member: its deployment if the plan names one, which
// another plan may name too; else the member of this release.
func (p *Plan) node(i int) string {
	m := &p.Members[i]
	if m.Deployment == "" {
		return p.slot(m).String() + " of " + p.Release.Name
	}
	return events.Key{Slot: p.slot(m), Deployment: m.Deployment}.String()
}

// remove takes back what add added.
func (g graph) remove(p *Plan) {
	for i, needs := range p.needs {
		n := p.node(i)
		for _, j := range needs {
			at := slices.Index(g[n], p.node(j))
			g[n] = slices.Delete(g[n], at, at+1)
		}
		if len(g[n]) == 0 {
			delete(g, n)
		}
	}
}

func (g graph) add(p *Plan) {
	for i, needs := range p.needs {
		for _, j := range needs {
			g[p.node(i)] = append(g[p.node(i)], p.node(j))
		}
	}
}

// cycle returns a cycle that can be reached from the members of a plan, the
// first node again at the end; nil when there is none. The plan's order decides
// which of several.
func (g graph) cycle(p *Plan) []string {
	const onPath, done = 1, 2
	seen := make(map[string]int)
	var path []string
	var visit func(string) []string
	visit = func(n string) []string {
		switch seen[n] {
		case done:
			return nil
		case onPath:
			return append(slices.Clone(path[slices.Index(path, n):]), n)
		}
		seen[n] = onPath
		path = append(path, n)
		needs := slices.Clone(g[n])
		slices.Sort(needs)
		for _, next := range needs {
			if cycle := visit(next); cycle != nil {
				return cycle
			}
		}
		seen[n], path = done, path[:len(path)-1]
		return nil
	}
	for i := range p.Members {
		if cycle := visit(p.node(i)); cycle != nil {
			return cycle
		}
	}
	return nil
}

// Base is the deployment that stands for a member, as its fold leaves it.
type Base struct {
	Deployment string
	State      *statemachine.State
	PutBack    bool // it failed, and the slot was put back
}

// Waits returns what the plan makes the deployment of a slot depend on, in the
// order in which its member names it. base returns what stands for a member, nil
// when no word of it was heard. A slot that is no member depends on nothing.
//
// When the base of a deployment changes, those of [Plan.NeededBy] its slot are
// to be asked again.
func (p *Plan) Waits(slot events.Slot, base func(events.Member) *Base) []statemachine.Dependency {
	var out []statemachine.Dependency
	for _, m := range p.Needs(slot) {
		d := statemachine.Dependency{Region: m.Region, Component: m.Component, Deployment: m.Deployment}
		if b := base(m); b != nil {
			d.Deployment, d.Status, d.Verified = b.Deployment, b.State.Status, b.State.Verified
			d.PutBack = b.PutBack || d.Status == statemachine.StatusReverted || d.Status == statemachine.StatusRecovered
		}
		out = append(out, d)
	}
	return out
}
