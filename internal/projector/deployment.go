package projector

import (
	"cmp"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// deployment is a deployment in memory.
type deployment struct {
	name  string // its key as text
	key   events.Key
	row   store.Deployment // nil State: it has no words
	dirty bool             // changed in this transaction

	// Of the message at hand, see mark.
	marked  bool
	late    bool       // something of it came out of order
	folded  bool       // its base may be another
	moved   bool       // what is told of it is another now
	before  view.Facts // what was told
	unheard bool       // it had no words
	stalled int64      // when it had stalled, Unix nanoseconds; 0: it had not

	// counted is the status under which the counts have it, "" when they do not.
	counted string

	weight int // see lru
}

// cause is what makes us look at a deployment again.
type cause struct {
	source, id string
	at         int64 // τ
	recorded   int64
	late       bool   // it did not sort last
	reason     string // "" means the state's own
}

// deploymentKey parses the subject of an event as the key of a deployment that
// has a name.
func deploymentKey(subject string) (events.Key, bool) {
	key, err := events.ParseKey(subject)
	return key, err == nil && !key.IsFollow()
}

// facts returns what is told of d when it changes.
func (d *deployment) facts() view.Facts { return factsOf(&d.row) }

func factsOf(d *store.Deployment) view.Facts {
	s := d.State
	if s == nil {
		return view.Facts{Status: statemachine.StatusUnknown, Percent: -1}
	}
	shown := d.Shows()
	return view.Facts{
		Status: shown.Status, Attempt: s.Attempt, Conditions: shown.Conditions, Version: s.Version,
		Release: s.Release, Owner: cmp.Or(s.Owner, d.Owner), Percent: s.Percent, Message: s.Message,
	}
}

func sameFacts(a, b *view.Facts) bool {
	return a.Status == b.Status && a.Attempt == b.Attempt && a.Version == b.Version && a.Release == b.Release &&
		a.Owner == b.Owner && a.Percent == b.Percent && a.Message == b.Message && slices.Equal(a.Conditions, b.Conditions)
}

// settle does what follows from a message for all that it marked: what is shown,
// and what is told of it, by key.
func (b *batch) settle(c cause) error {
	if len(b.marked) == 0 && len(b.landed) == 0 {
		return nil
	}
	// What depends on these depends on their bases. Those that this marks have the
	// same base as before, so nothing depends on them in turn.
	for _, d := range slices.Clone(b.marked) {
		if err := b.markDependents(d); err != nil {
			return err
		}
	}
	if len(b.marked) > 1 {
		slices.SortFunc(b.marked, func(a, d *deployment) int { return strings.Compare(a.name, d.name) })
	}
	for _, d := range b.marked {
		if err := b.show(d); err != nil {
			return err
		}
	}
	slices.SortFunc(b.landed, func(a, s *slot) int { return strings.Compare(a.name, s.name) })
	landed := b.landed
	for _, d := range b.marked {
		for len(landed) > 0 && landed[0].name < d.name {
			if err := b.tellSlot(landed[0], c); err != nil {
				return err
			}
			landed = landed[1:]
		}
		if err := b.tell(d, c); err != nil {
			return err
		}
		if d.row.State == nil {
			d.row = store.Deployment{} // as the store, which forgets it, will say
		}
	}
	for _, s := range landed {
		if err := b.tellSlot(s, c); err != nil {
			return err
		}
	}
	b.marked, b.landed = b.marked[:0], b.landed[:0]
	return nil
}

// show says anew what is shown of a marked deployment, in its row, in the counts
// and as the slot's latest.
func (b *batch) show(d *deployment) error {
	was := d.row
	if err := b.overlay(d); err != nil {
		return err
	}
	b.count(d)
	d.row.Owner = b.ownerOf(d)
	now := d.facts()
	d.moved = !sameFacts(&d.before, &now)
	if d.moved {
		d.row.Moved = b.seq
	}
	// Many are looked at of whom nothing changes: a late landing concerns those
	// around it.
	if d.folded || d.moved || was.Shown != nil || d.row.Shown != nil || d.row.Check != was.Check || d.row.Owner != was.Owner {
		b.touch(d)
	}
	d.folded = false
	return b.noteLatest(d, d.moved)
}

// tell puts a change of a marked deployment into the outbox, when there is
// something to tell.
func (b *batch) tell(d *deployment, c cause) error {
	before, moved := d.before, d.moved
	// What was said in time and came late ends a stall that never was.
	late := d.late || d.stalled != 0 && c.at <= d.stalled
	d.marked, d.late, d.before = false, false, view.Facts{}
	if moved || d.unheard != (d.row.State == nil) {
		if err := b.unsettleAll(d.key.Env, "", b.environments.of(d.key.Env).planned[d.name]); err != nil {
			return err
		}
	}
	if !moved {
		return nil
	}
	now := d.facts()
	if err := b.unsettle(d.key.Env, before.Release); err != nil {
		return err
	}
	if err := b.unsettleAll(d.key.Env, now.Release, d.row.Also); err != nil {
		return err
	}
	if b.silent {
		return nil
	}
	change := view.Change{
		Before: d.row.Last, Key: d.name, From: before.Status, Facts: now,
		At: c.at, Recorded: c.recorded, Reason: c.reason, Cause: view.Cause{Source: c.source, ID: c.id},
	}
	if s := d.row.State; s != nil {
		shown := d.row.Shows()
		change.Digest, change.Marks = shown.Digest(s), s.Marks
		if c.reason == "" {
			change.Reason = shown.Reason
		}
	}
	if late && before.Status != now.Status && d.row.Last != (events.ChangeID{}) {
		change.Late, change.Amends = true, d.row.Last
	}
	d.row.Last = b.nextID()
	return b.put1(change)
}

// nextID returns the id of the next change of the message at hand.
func (b *batch) nextID() events.ChangeID {
	return events.ChangeID{Incarnation: b.position.Incarnation, Seq: b.seq, Index: b.index}
}

// put1 puts the next change of the message at hand into the outbox, unless it was
// told before the store was built anew: then it stays as it was told, which need
// not be what we would tell now.
func (b *batch) put1(c view.Change) error {
	c.ID = b.nextID()
	b.index++
	if b.beliefs != nil {
		if b.beliefs.isTold(c.ID) {
			return nil
		}
		if c.Raw == nil {
			b.beliefs.note(&c)
		}
	}
	b.out.changes = append(b.out.changes, c)
	return b.w.PutChange(&c)
}

// count moves a deployment to its status in the counts.
func (b *batch) count(d *deployment) {
	status := ""
	if d.row.State != nil {
		status = d.row.Shows().Status
	}
	if status == d.counted {
		return
	}
	if d.counted != "" {
		b.counts[d.counted]--
	}
	if status != "" {
		b.counts[status]++
	}
	d.counted = status
}

// nameIn notes that a deployment was named in a release, first at τ.
func (b *batch) nameIn(release string, d *deployment, tau int64) error {
	in := events.Release{Env: d.key.Env, Name: release}
	b.named = append(b.named, named{in, d.name})
	if err := b.unsettle(d.key.Env, release); err != nil { // it may have a new member
		return err
	}
	return b.w.PutMember(in, d.key, tau)
}
