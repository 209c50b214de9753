package projector

import (
	"slices"

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

	// counted is the status under which the counts have it, "" when they do not.
	counted string
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
func (d *deployment) facts() view.Facts { return factsOf(d.row.State) }

func factsOf(s *statemachine.State) view.Facts {
	if s == nil {
		return view.Facts{Status: statemachine.StatusUnknown, Percent: -1}
	}
	return view.Facts{
		Status: s.Status, Attempt: s.Attempt, Conditions: s.Conditions, Version: s.Version,
		Release: s.Release, Owner: s.Owner, Percent: s.Percent, Message: s.Message,
	}
}

func sameFacts(a, b *view.Facts) bool {
	return a.Status == b.Status && a.Attempt == b.Attempt && a.Version == b.Version && a.Release == b.Release &&
		a.Owner == b.Owner && a.Percent == b.Percent && a.Message == b.Message && slices.Equal(a.Conditions, b.Conditions)
}

// settle does what follows from a deployment's new state: the row, the counts,
// the slot's latest, and a change when there is something to tell.
func (b *batch) settle(d *deployment, before view.Facts, c cause) error {
	b.touch(d)
	now := d.facts()
	b.count(d)
	if err := b.noteLatest(d); err != nil {
		return err
	}
	if b.silent || sameFacts(&before, &now) {
		return nil
	}
	change := view.Change{
		ID:     events.ChangeID{Incarnation: b.position.Incarnation, Seq: b.seq, Index: b.index},
		Before: d.row.Last, Key: d.name, From: before.Status, Facts: now,
		At: c.at, Recorded: c.recorded, Reason: c.reason, Cause: view.Cause{Source: c.source, ID: c.id},
	}
	if d.row.State != nil {
		change.Digest = d.row.State.Digest()
		if c.reason == "" {
			change.Reason = d.row.State.Reason
		}
	}
	if c.late && before.Status != now.Status && d.row.Last != (events.ChangeID{}) {
		change.Late, change.Amends = true, d.row.Last
	}
	b.index++
	d.row.Last = change.ID
	if b.beliefs != nil {
		if b.beliefs.isTold(change.ID) {
			return nil // as it was told, which need not be what we would tell now
		}
		b.beliefs.note(&change)
	}
	b.out.changes = append(b.out.changes, change)
	return b.w.PutChange(&change)
}

// count moves a deployment to its status in the counts.
func (b *batch) count(d *deployment) {
	status := ""
	if d.row.State != nil {
		status = d.row.State.Status
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

// nameIn notes that a deployment was named in a release.
func (b *batch) nameIn(release string, d *deployment) error {
	return b.w.PutMember(events.Release{Env: d.key.Env, Name: release}, d.name)
}
