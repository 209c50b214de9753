package notifier

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// policy is what decisions depend on beside the alerts that stand.
type policy struct {
	rules       []Rule
	receivers   []string // who is told of every alert
	incarnation string   // of TT_CHANGES
	link        func(key string) string
	oldest      time.Time // what is older pages nobody
}

// decision is what a batch of news comes to.
type decision struct {
	steps  []*Alert // in order
	tooOld int      // problems that were too old to page
}

// effectOf returns the most that a message does to the alerts of any rule, as
// far as a glance shows: what leaves them alone need not be read, and what
// clears only where there is something to clear.
func (p *policy) effectOf(seen *glance) effect {
	most := leaves
	switch seen.typ {
	case events.TypeSlotChanged:
		most = clears
	case events.TypeDeploymentChanged:
		if lands(seen.from, seen.to) {
			most = clears
		}
		for i := range p.rules {
			switch p.rules[i].effectOf(seen.to, seen.late) {
			case raises:
				return raises
			case clears:
				most = clears
			case leaves:
			}
		}
	}
	return most
}

// decide holds news against the rules, given the alerts in r. It is a function
// of its arguments: whoever decides the same news again, on the same alerts,
// comes to the same steps.
func (p *policy) decide(r *store.Reader, batch []news) (decision, error) {
	d := deciding{policy: p, reader: r, latest: make(map[string]*Alert)}
	for i := range batch {
		n := &batch[i]
		var err error
		switch {
		case n.change != nil:
			err = d.change(n)
		case n.landing != nil:
			err = d.landing(n)
		}
		if err != nil {
			return decision{}, fmt.Errorf("decide on change %s: %w", n.id, err)
		}
	}
	return d.decision, nil
}

// deciding is one run of decide: the alerts as they are after the steps so far.
type deciding struct {
	*policy
	decision
	reader *store.Reader
	latest map[string]*Alert // by id, over what reader has
}

// change takes one change of a deployment.
func (d *deciding) change(n *news) error {
	standing, err := d.standing(n.change.key.Slot)
	if err != nil {
		return err
	}
	for i := range d.rules {
		rule := &d.rules[i]
		mine := make([]*Alert, 0, len(standing))
		for _, a := range standing {
			if a.Rule == rule.Name && a.Key == n.change.Key {
				mine = append(mine, a)
			}
		}
		switch rule.effectOf(n.change.To, n.change.Late) {
		case raises:
			if err := d.raise(n, rule, mine); err != nil {
				return err
			}
		case clears:
			for _, a := range mine {
				d.resolve(n, a, howChanged(n.change))
			}
		case leaves:
		}
	}
	if lands(n.change.From, n.change.To) {
		d.replace(n, standing, n.change.landing())
	}
	return nil
}

// raise fires an alert, unless it stands already, and resolves those of other
// attempts. Should only some of these steps be written before a crash, the next
// reading of the cause finds the others missing.
func (d *deciding) raise(n *news, rule *Rule, standing []*Alert) error {
	if n.change.At.Before(d.oldest) {
		d.tooOld++
		return nil
	}
	id := alertID(rule.Name, n.change.Key, n.change.Attempt)
	for _, a := range standing {
		if a.Alert != id {
			d.resolve(n, a, howFailedAgain(n.change, id))
		}
	}
	before, err := d.alert(id)
	if err != nil || before != nil && (before.firing() || before.knows(n.id)) {
		return err
	}
	a := &Alert{
		Rule: rule.Name, Key: n.change.Key, Attempt: n.change.Attempt,
		Version: n.change.Version, Sequence: 1,
		Message: firingMessage(rule, n.change, id, d.link(n.change.Key)),
	}
	if before != nil {
		a.Sequence = before.Sequence + 1
	}
	d.step(n, a)
	return nil
}

// landing takes one change of a slot.
func (d *deciding) landing(n *news) error {
	if n.landing.Deployment == "" {
		return nil
	}
	standing, err := d.standing(n.landing.slot())
	if err != nil {
		return err
	}
	d.replace(n, standing, n.landing)
	return nil
}

// replace resolves what stands in a slot about other deployments than the one
// that has landed there since.
func (d *deciding) replace(n *news, standing []*Alert, l *landing) {
	for _, a := range standing {
		if a.key().Deployment != l.Deployment && l.Since.After(a.Since) {
			d.resolve(n, a, howReplaced(l))
		}
	}
}

func (d *deciding) resolve(n *news, open *Alert, how resolution) {
	if open.knows(n.id) {
		return
	}
	a := *open
	a.Sequence++
	a.Message = resolvedMessage(open, how)
	d.step(n, &a)
}

func (d *deciding) step(n *news, a *Alert) {
	a.Cause = Cause{Change: n.id.String(), Incarnation: d.incarnation, Seq: n.seq}
	a.Receivers = d.receivers
	d.latest[a.Alert] = a
	d.steps = append(d.steps, a)
}

// alert returns the last step of an alert, nil when there is none. The caller
// does not change it.
func (d *deciding) alert(id string) (*Alert, error) {
	if a := d.latest[id]; a != nil {
		return a, nil
	}
	a := new(Alert)
	if ok, err := delivery.ReadJSON(d.reader, alertKey(id), a); err != nil || !ok {
		return nil, err
	}
	return a, nil
}

// standing returns the alerts that stand in a slot, in the order of their ids.
func (d *deciding) standing(slot events.Slot) ([]*Alert, error) {
	var ids []string
	err := d.reader.Scan(openPrefix(slot), nil, func(k, _ []byte) (bool, error) {
		ids = append(ids, string(k[bytes.LastIndexByte(k, '/')+1:]))
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	for id, a := range d.latest {
		if a.key().Slot == slot {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var standing []*Alert
	for _, id := range slices.Compact(ids) {
		a, err := d.alert(id)
		if err != nil {
			return nil, err
		}
		if a == nil {
			return nil, errors.New("an alert stands that is not on record")
		}
		if a.firing() {
			standing = append(standing, a)
		}
	}
	return standing, nil
}
