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
	who         *directory // who is told
	incarnation string     // of TT_CHANGES
	baseURL     string     // of links, "" for none
	now         time.Time
	oldest      time.Time // what is older pages nobody
}

// link returns where people find more about a thing, such as
// deployments/<key>.
func (p *policy) link(thing string) string {
	if p.baseURL == "" {
		return ""
	}
	return p.baseURL + "/v1/" + thing
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
	switch {
	case seen.typ == events.TypeRegionChanged: // there are few
		return raises
	case seen.typ == events.TypeSlotChanged, seen.typ == events.TypeDeploymentChanged && lands(seen.from, seen.to):
		most = clears
	}
	for i := range p.rules {
		if p.rules[i].On != seen.typ {
			continue
		}
		switch p.rules[i].effectOf(seen.to, "", seen.late, seen.has) {
		case raises:
			return raises
		case clears:
			most = clears
		case leaves:
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
		case n.whole != nil:
			err = d.whole(n)
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
		if rule.On != events.TypeDeploymentChanged {
			continue
		}
		mine := make([]*Alert, 0, len(standing))
		for _, a := range standing {
			if a.Rule == rule.Name && a.Key == n.change.Key {
				mine = append(mine, a)
			}
		}
		switch rule.effectOf(n.change.To, n.change.Reason, n.change.Late, n.change.has) {
		case raises:
			if err := d.raise(n, rule, mine); err != nil {
				return err
			}
		case clears:
			for _, a := range mine {
				d.resolve(n, a, howChanged(rule, n.change))
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
	return d.fire(n, rule, &Alert{
		Key: n.change.Key, Attempt: n.change.Attempt, Version: n.change.Version,
		Message: firingMessage(rule, n.change, id, d.link("deployments/"+n.change.Key)),
	})
}

// fire makes the step with which a problem begins, unless it stands already or
// the news was heard before.
func (d *deciding) fire(n *news, rule *Rule, a *Alert) error {
	before, err := d.alert(a.Alert)
	if err != nil || before != nil && (before.firing() || before.knows(n.id)) {
		return err
	}
	a.Rule, a.Sequence = rule.Name, 1
	if before != nil {
		a.Sequence = before.Sequence + 1
	}
	a.Routes = d.who.routes(a, rule.HoldFor, d.now)
	d.step(n, a)
	return nil
}

// whole takes one change of a release or a region. There is one alert of a rule
// about each.
func (d *deciding) whole(n *news) error {
	for i := range d.rules {
		rule := &d.rules[i]
		if rule.On != n.whole.typ {
			continue
		}
		id := alertID(rule.Name, n.whole.key, 0)
		switch rule.effectOf(n.whole.to, "", false, nothing) {
		case raises:
			if n.whole.at.Before(d.oldest) {
				d.tooOld++
				continue
			}
			m := n.whole.firing(rule, id, d.link(n.whole.path))
			if err := d.fire(n, rule, &Alert{Key: n.whole.key, Message: m}); err != nil {
				return err
			}
		case clears:
			open, err := d.alert(id)
			if err != nil {
				return err
			}
			if open != nil && open.firing() {
				d.resolve(n, open, n.whole.end(rule))
			}
		case leaves:
		}
	}
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
		if _, mine := a.slot(); mine != l.Deployment && l.Since.After(a.Since) {
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
	a.Routes = slices.Clone(open.Routes)
	for i := range a.Routes { // who was told of the problem may be told of its end at any time
		a.Routes[i].NotBefore, a.Routes[i].MutedBy = time.Time{}, ""
	}
	d.step(n, &a)
}

func (d *deciding) step(n *news, a *Alert) {
	a.Cause = Cause{Change: n.id.String(), Incarnation: d.incarnation, Seq: n.seq}
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
		if in, _ := a.slot(); in == slot {
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
