package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// StatusNotSeen stands for the status of a member of which no word was heard.
const StatusNotSeen = "not_seen"

// Seen is a deployment as its release sees it: what is shown of it, not its
// base.
type Seen struct {
	Key     events.Key
	Version string
	statemachine.Shown
	Began bool   // its attempt has started
	Last  int64  // τ of its last word, Unix nanoseconds
	Owner string // as its words say, "" when they do not
}

// ReleaseMember is one slot that a release concerns.
type ReleaseMember struct {
	Slot       events.Slot
	Deployment string   // as planned; "" when any may stand for the member
	DependsOn  []string // as planned: components
	Seen       *Seen    // the deployment that stands for it, nil: none was heard of

	// Who is what the Component in force for the slot says. An owner that words name
	// goes before its.
	Who Who
}

// Status returns the status of the deployment that stands for the member.
func (m *ReleaseMember) Status() string {
	if m.Seen == nil {
		return StatusNotSeen
	}
	return m.Seen.Status
}

// Key names the deployment that stands for the member: without one, what was
// planned, and the slot when no deployment was.
func (m *ReleaseMember) Key() string {
	name := m.Deployment
	if m.Seen != nil {
		name = m.Seen.Key.Deployment
	}
	if name == "" {
		return m.Slot.String()
	}
	return events.Key{Slot: m.Slot, Deployment: name}.String()
}

// ReleaseMembers returns the members of a release, those of its plan in the
// plan's order (DESIGN §4 "Releases"). Without a plan, nil, they are the slots
// of heard and expected, by name. heard are the deployments that have a word of
// this release, and those that the plan names; of several in a slot the one
// heard of last stands for the member, ties by name.
func ReleaseMembers(p *Plan, heard []Seen, expected []events.Slot) []ReleaseMember {
	bySlot := make(map[events.Slot][]*Seen)
	for i := range heard {
		slot := heard[i].Key.Slot
		bySlot[slot] = append(bySlot[slot], &heard[i])
	}
	var members []ReleaseMember
	if p != nil {
		for i, slot := range p.Slots() {
			m := &p.Members[i]
			members = append(members, ReleaseMember{
				Slot: slot, Deployment: m.Deployment, DependsOn: m.DependsOn, Seen: lastHeard(bySlot[slot], m.Deployment),
			})
		}
		return members
	}
	slots := slices.Clone(expected)
	for i := range heard {
		slots = append(slots, heard[i].Key.Slot)
	}
	slices.SortFunc(slots, compareSlots)
	for _, slot := range slices.Compact(slots) {
		members = append(members, ReleaseMember{Slot: slot, Seen: lastHeard(bySlot[slot], "")})
	}
	return members
}

func compareSlots(a, b events.Slot) int {
	return cmp.Or(strings.Compare(a.Env, b.Env), strings.Compare(a.Region, b.Region), strings.Compare(a.Component, b.Component))
}

// lastHeard returns the deployment that was heard of last, nil for none. With a
// name only that one counts.
func lastHeard(of []*Seen, name string) *Seen {
	var last *Seen
	for _, s := range of {
		if name != "" && s.Key.Deployment != name {
			continue
		}
		if last == nil || last.Last < s.Last || last.Last == s.Last && last.Key.Deployment < s.Key.Deployment {
			last = s
		}
	}
	return last
}

// Expects reports whether a release without a plan concerns a slot of one of its
// components that it was not heard of in: the slot ran something before the
// release's first word (τ, Unix nanoseconds), and was not left empty since.
func (f *SlotFold) Expects(first int64) bool {
	_, ran := f.RunningAt(first - 1)
	_, runs := f.Current()
	return ran && runs
}

// Reason is one node of a reason tree: a criterion with the members that met it
// below, a member with what it waits for below, or that.
type Reason struct {
	Status  string   `json:"status,omitzero"`
	Text    string   `json:"text"`          // for people
	Key     string   `json:"key,omitzero"`  // of a member
	Name    string   `json:"name,omitzero"` // why, by name: overdue, evidence, dependency …
	Because []Reason `json:"because,omitzero"`
}

// Composite returns the status of a release and why: the first criterion of
// DESIGN §4 that its members meet. Green it is only when every member is.
func Composite(members []ReleaseMember) (status string, why Reason) {
	c := composite{members: members}
	c.decide()
	return c.status, Reason{Status: c.status, Text: c.text, Because: c.because}
}

// composite decides the status of a release.
type composite struct {
	members []ReleaseMember
	status  string
	text    string
	because []Reason
}

// waitingFirst are the statuses of what has not begun, the foremost first.
var waitingFirst = []string{
	statemachine.StatusBlocked, statemachine.StatusPendingApproval, statemachine.StatusQueued, statemachine.StatusPlanned,
}

func (c *composite) decide() {
	all := len(c.members)
	active := c.having(statemachine.StatusInProgress, statemachine.StatusVerifying)
	restored := c.having(statemachine.StatusPartiallyRestored)
	recovered := c.having(statemachine.StatusRecovered)
	putBack := c.having(statemachine.StatusReverted, statemachine.StatusRecovered)
	verified := c.having(statemachine.StatusVerified)
	whole := c.having(statemachine.StatusDeployed, statemachine.StatusVerified)
	landed := c.having(statemachine.StatusDeployed, statemachine.StatusVerified, statemachine.StatusPartiallyDeployed)
	failed := c.having(statemachine.StatusFailed)
	waiting := c.having(waitingFirst...)
	begun := c.where(func(m *ReleaseMember) bool { return m.Seen != nil && m.Seen.Began })
	goneBack := len(putBack) > 0 && len(c.where(func(m *ReleaseMember) bool {
		return m.Seen != nil && m.Seen.Began && !slices.Contains(putBack, m)
	})) == 0

	for _, status := range []string{
		statemachine.StatusManualIntervention, statemachine.StatusRollingBack, statemachine.StatusStalled,
	} {
		if some := c.having(status); len(some) > 0 {
			c.be(status, "some members: "+plain(status), some)
			return
		}
	}
	switch {
	case len(active) > 0:
		c.be(statemachine.StatusInProgress, "some members are under way", active)
	case len(restored) > 0:
		c.be(statemachine.StatusPartiallyRestored, "some members were put back in part", restored)
	case len(putBack) > 0 && len(landed) > 0:
		c.be(statemachine.StatusPartiallyRestored, "some members were put back, some still run", putBack, landed)
	case goneBack && len(recovered) == len(putBack):
		c.be(statemachine.StatusRecovered, "all that began was put back and recovered", recovered)
	case goneBack:
		c.be(statemachine.StatusReverted, "all that began was put back", putBack)
	case len(failed) > 0 && len(landed) == 0:
		c.be(statemachine.StatusFailed, "some members failed, none landed", failed)
	case len(landed) > 0 && len(whole) < all:
		rest := c.where(func(m *ReleaseMember) bool { return !slices.Contains(whole, m) })
		c.be(statemachine.StatusPartiallyDeployed, "some members landed, not all", whole, rest)
	case len(begun) == 0 && len(waiting) > 0:
		for _, status := range waitingFirst {
			if some := c.having(status); len(some) > 0 {
				c.be(status, "no member has begun", some)
				return
			}
		}
	case all > 0 && len(verified) == all:
		c.be(statemachine.StatusVerified, "all members are verified", verified)
	case all > 0 && len(whole) == all:
		c.be(statemachine.StatusDeployed, "all members landed", whole)
	default:
		c.last()
	}
}

// last is what is left when nothing goes on and nothing came of it.
func (c *composite) last() {
	for _, status := range []string{
		statemachine.StatusSuperseded, statemachine.StatusRemoved, statemachine.StatusCancelled,
	} {
		if some := c.having(status); len(some) > 0 {
			c.be(status, "nothing goes on, and nothing landed", some)
			return
		}
	}
	c.be(statemachine.StatusUnknown, "no usable report of any member", c.where(func(*ReleaseMember) bool { return true }))
}

// be decides, and groups the members that made it so by their status.
func (c *composite) be(status, text string, groups ...[]*ReleaseMember) {
	c.status, c.text = status, text
	at := make(map[string]int) // status → index into because
	for _, group := range groups {
		for _, m := range group {
			i, known := at[m.Status()]
			if !known {
				i = len(c.because)
				at[m.Status()] = i
				c.because = append(c.because, Reason{Status: m.Status()})
			}
			c.because[i].Because = append(c.because[i].Because, m.reason())
		}
	}
	for i := range c.because {
		g := &c.because[i]
		g.Text = fmt.Sprintf("%d of %d members: %s", len(g.Because), len(c.members), plain(g.Status))
	}
}

func (c *composite) having(statuses ...string) []*ReleaseMember {
	return c.where(func(m *ReleaseMember) bool { return m.Seen != nil && slices.Contains(statuses, m.Seen.Status) })
}

func (c *composite) where(match func(*ReleaseMember) bool) []*ReleaseMember {
	var out []*ReleaseMember
	for i := range c.members {
		if match(&c.members[i]) {
			out = append(out, &c.members[i])
		}
	}
	return out
}

// plain writes a status as a sentence does.
func plain(status string) string { return strings.ReplaceAll(status, "_", " ") }

// reason returns the leaf of a member: its own reason and what it waits for.
func (m *ReleaseMember) reason() Reason {
	r := Reason{Status: m.Status(), Key: m.Key(), Text: m.Key() + " is " + plain(m.Status())}
	if m.Seen == nil {
		return r
	}
	r.Name = m.Seen.Reason
	if m.Seen.By != "" {
		r.Text += ", by " + m.Seen.By
	}
	for _, h := range m.Seen.WaitingFor {
		r.Because = append(r.Because, Reason{Status: h.Status, Name: h.Guard, Text: h.Message})
	}
	for _, v := range m.Seen.Violations {
		r.Because = append(r.Because, Reason{Name: v.Policy, Text: v.Message})
	}
	return r
}
