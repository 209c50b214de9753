package rehearse

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Change is one step of what is shown of a deployment.
type Change struct {
	Index int         // of the message that caused it, from 0
	Seq   uint64      // its position in the stream
	From  *Deployment // nil: nothing was known
	To    *Deployment // nil: its only word gave way to another of the same identity
}

// Key is the deployment's.
func (c *Change) Key() events.Key {
	if c.To == nil {
		return c.From.Key
	}
	return c.To.Key
}

// Walk goes through the stream message by message and yields each change of what
// is shown: of status, attempt, reason, or of who superseded or put back; those
// of one message by key. l is as for [History.World]: nil stands for the
// lifecycles that had been put in force by then.
//
// After message i everything is shown as World(i+1, l) shows it. What a message
// costs follows from what it may change; definitions, and identities of which
// another copy comes to count, are rare, and cost as much as World.
func (h *History) Walk(l Lifecycles) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		w := newWalk(h, l)
		for i := range h.messages {
			for _, c := range w.step(i) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// walk is one run of Walk.
type walk struct {
	history    *History
	given      Lifecycles // nil: the recorded ones
	lifecycles Lifecycles
	clock      *view.Clock
	heard      map[identity][]copyHeard // of what counts or may come to count
	envs       map[string]*environment
	shown      map[events.Key]*Deployment
	due        map[string]*agenda // by region
	stale      map[events.Key]bool
}

func newWalk(h *History, l Lifecycles) *walk {
	w := &walk{
		history: h, given: l, lifecycles: under(l, nil), clock: view.NewClock(h.settings, nil, nil), heard: make(map[identity][]copyHeard),
		envs: make(map[string]*environment), shown: make(map[events.Key]*Deployment), due: make(map[string]*agenda),
	}
	return w
}

// copyHeard is one content that was heard under an identity.
type copyHeard struct {
	hash     string
	recorded int64
}

// step takes the message at an index and returns what it changes.
func (w *walk) step(i int) []Change {
	m := &w.history.messages[i]
	w.stale = make(map[events.Key]bool)
	switch {
	case m.tick != nil:
		moved, _ := w.clock.Tick(*m.tick, m.stored)
		for _, region := range moved {
			w.pass(region)
		}
	case m.hash == "": // cannot be used
	case w.repeats(m):
	case len(w.heard[m.identity]) > 1, m.activated != nil && w.given == nil, m.source != nil:
		w.restart(i + 1)
	case m.env != "":
		w.take(m)
	}
	return w.tell(i)
}

// repeats notes an identity and reports whether it changes nothing: an equal
// content was recorded no later. Any other second copy makes two of them.
func (w *walk) repeats(m *message) bool {
	copies := w.heard[m.identity]
	same := slices.ContainsFunc(copies, func(c copyHeard) bool { return c.hash == m.hash && c.recorded <= m.recorded })
	if !same {
		w.heard[m.identity] = append(copies, copyHeard{m.hash, m.recorded})
	}
	return same
}

// restart evaluates everything up to a message anew.
func (w *walk) restart(n int) {
	counted := w.history.counted(n)
	w.lifecycles = under(w.given, counted)
	w.envs = environments(counted, w.lifecycles)
	for key := range w.shown {
		w.stale[key] = true
	}
	for _, e := range w.envs {
		e.each(func(d *Deployment) { w.stale[d.Key] = true })
	}
}

// each visits all deployments of an environment, in no order.
func (e *environment) each(visit func(*Deployment)) {
	for _, s := range e.slots {
		for _, d := range s.deployments {
			visit(d)
		}
	}
}

// tell shows what is stale and returns what changed, by key.
func (w *walk) tell(i int) []Change {
	keys := make([]events.Key, 0, len(w.stale))
	for key := range w.stale {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b events.Key) int { return strings.Compare(a.String(), b.String()) })
	var out []Change
	for _, key := range keys {
		c := Change{Index: i, Seq: w.history.messages[i].seq, From: w.shown[key]}
		if c.To = w.show(key); c.To == nil {
			delete(w.shown, key)
		} else {
			w.shown[key] = c.To
		}
		if isToldApart(c.From, c.To) {
			out = append(out, c)
		}
	}
	return out
}

func isToldApart(a, b *Deployment) bool {
	if a == nil || b == nil {
		return a != b
	}
	return a.Shown.Status != b.Shown.Status || a.State.Attempt != b.State.Attempt || a.Shown.Reason != b.Shown.Reason || a.Shown.By != b.Shown.By
}

// show shows a deployment as it is now, and notes when to look at it again; nil
// when there is none.
func (w *walk) show(key events.Key) *Deployment {
	e := w.envs[key.Env]
	if e == nil || e.slots[key.Slot] == nil || e.slots[key.Slot].deployments[key.Deployment] == nil {
		return nil
	}
	d := e.slots[key.Slot].deployments[key.Deployment]
	now := watermark(w.clock, key.Region)
	if next := earliest(d.Lifecycle.Deadlines(key, d.State)); next > now {
		w.agenda(key.Region).add(next, key)
	}
	return e.show(d, now)
}

// earliest returns the deadline that passes first, after which the other one
// changes nothing; 0: there is none.
func earliest(d statemachine.Deadline) int64 {
	if d.Silent == 0 || d.Overdue == 0 {
		return cmp.Or(d.Silent, d.Overdue)
	}
	return min(d.Silent, d.Overdue)
}
