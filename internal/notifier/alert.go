package notifier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Alert is the data of [events.TypeAlertFired] and [events.TypeAlertResolved]:
// what people are told, and what the next decision needs.
type Alert struct {
	receiver.Message

	Rule     string `json:"rule"`
	Key      string `json:"key"`
	Attempt  uint32 `json:"attempt"`  // 0 for what has none: a release, a region
	Sequence uint64 `json:"sequence"` // n-th step of this alert: odd ones fire, even ones resolve
	Version  string `json:"version,omitzero"`
	Cause    Cause  `json:"cause"`

	// Routes say who is told and why, as decided when the problem fired: those hear
	// of its end, and a later configuration does not send old news to new
	// receivers.
	Routes []Routed `json:"routes"`
}

// Routed is one receiver of an alert, and what brought the alert there.
type Routed struct {
	Receiver   string    `json:"receiver"`             // as its route names it
	Endpoint   string    `json:"endpoint,omitzero"`    // which of its endpoints is told; absent: nobody is
	Path       string    `json:"path"`                 // of the route, see [routing.Leaf]
	NotBefore  time.Time `json:"not_before,omitzero"`  // when it is told at the earliest; absent: at once
	MutedBy    string    `json:"muted_by,omitzero"`    // what holds it back beyond the time that a problem has to last
	OnlyFiring bool      `json:"only_firing,omitzero"` // it is not told when the problem is over
}

// Cause is the change that made a step.
type Cause struct {
	Change      string `json:"change"`      // its CloudEvents id
	Incarnation string `json:"incarnation"` // of TT_CHANGES
	Seq         uint64 `json:"seq"`         // in TT_CHANGES
}

// alertID returns the id of the alert of a rule about one attempt.
func alertID(rule, key string, attempt uint32) string {
	return delivery.ID("al_", rule, key, strconv.FormatUint(uint64(attempt), 10))
}

// slot returns where the deployment is that the alert is about, and its name; ""
// all of them when it is about something else. They are taken from the labels,
// where they stand apart.
func (a *Alert) slot() (in events.Slot, deployment string) {
	if a.Labels["deployment"] == "" {
		return events.Slot{}, ""
	}
	return events.Slot{Env: a.Labels["env"], Region: a.Labels["region"], Component: a.Labels["component"]}, a.Labels["deployment"]
}

// subject returns where in TT_ALERTS everything about the alert goes.
func (a *Alert) subject() string {
	return events.AlertSubject(a.Severity, a.Labels["env"], a.Labels["component"])
}

func (a *Alert) firing() bool { return a.Status == receiver.StatusFiring }

// knows reports whether the alert has seen the change id, or one behind it. It
// keeps a history that is read again, from another life of TT_CHANGES, from
// firing what it fired before.
func (a *Alert) knows(id events.ChangeID) bool {
	last, err := events.ParseChangeID(a.Cause.Change)
	return err == nil && last.Incarnation == id.Incarnation && last.Compare(id) >= 0
}

// source is who writes the records of this package.
const source = "/telltale/notifier"

// entry returns the record of the alert's step. Its id depends on the cause, so
// that deciding the same again writes nothing.
func (a *Alert) entry(now time.Time) (delivery.Entry, error) {
	typ := events.TypeAlertResolved
	if a.firing() {
		typ = events.TypeAlertFired
	}
	e := &events.Event{
		ID:      delivery.ID("", a.Cause.Change, a.Alert, strconv.FormatUint(a.Sequence, 10)),
		Source:  source,
		Type:    typ,
		Subject: a.Alert,
	}
	e.SetTime(now.UTC())
	if err := e.SetData(a); err != nil {
		return delivery.Entry{}, fmt.Errorf("write a step of alert %s: %w", a.Alert, err)
	}
	return delivery.Entry{Subject: a.subject(), Event: e}, nil
}

// intent returns the notification of the alert's step for one endpoint.
func (a *Alert) intent(to *Routed, born time.Time) delivery.Intent {
	return delivery.Intent{
		ID:        delivery.ID("nt_", a.Alert, strconv.FormatUint(a.Sequence, 10), to.Endpoint),
		Lane:      a.Alert + "/" + to.Endpoint,
		Receiver:  to.Endpoint,
		Subject:   a.subject(),
		Born:      born,
		Message:   a.Message,
		NotBefore: to.NotBefore,
		Unsaid:    to.OnlyFiring && !a.firing(),
	}
}

// folds returns the folds of alerts and of deliveries.
func folds() map[string]delivery.Fold {
	all := delivery.Folds()
	all[events.TypeAlertFired] = foldAlert
	all[events.TypeAlertResolved] = foldAlert
	return all
}

// foldAlert stores the alert and puts its notifications into their lanes: a step
// that is in the stream will be told, whoever dies.
func foldAlert(t *delivery.Tx, e *events.Event) error {
	var a Alert
	if err := e.DataAs(&a); err != nil {
		return err
	}
	var before Alert
	if _, err := delivery.ReadJSON(t, alertKey(a.Alert), &before); err != nil {
		return err
	}
	if before.Sequence >= a.Sequence {
		return nil // known already
	}
	if err := delivery.WriteJSON(t, alertKey(a.Alert), &a); err != nil {
		return err
	}
	if a.firing() {
		t.Put(openKey(&a), nil)
	} else {
		t.Delete(openKey(&a))
	}
	for i := range a.Routes {
		if a.Routes[i].Endpoint == "" {
			continue
		}
		if err := delivery.Enqueue(t, a.intent(&a.Routes[i], e.Time)); err != nil {
			return err
		}
	}
	return raisePosition(t, a.Cause)
}

// The rows of this package in the notifier's Badger.
//
//	n/alert/<id>                the last step of an alert
//	n/open/<key>/<id>           an alert that stands, by what it is about
//	n/position/<incarnation>    up to where that TT_CHANGES was looked at
const allOpen = "n/open/"

func alertKey(id string) []byte       { return []byte("n/alert/" + id) }
func openKey(a *Alert) []byte         { return []byte(allOpen + a.Key + "/" + a.Alert) }
func openPrefix(s events.Slot) []byte { return []byte(allOpen + s.String() + "/") }
func positionKey(life string) []byte  { return []byte("n/position/" + life) }

// anyOpen reports whether an alert stands at all.
func anyOpen(r *store.Reader) (found bool, err error) {
	err = r.Scan([]byte(allOpen), nil, func(_, _ []byte) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// position returns the sequence up to which TT_CHANGES was looked at, 0 for one
// that was not yet.
func position(r delivery.Getter, incarnation string) (uint64, error) {
	raw, err := r.Get(positionKey(incarnation))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, errors.New("the notifier's position is damaged")
	}
	return binary.BigEndian.Uint64(raw), nil
}

func setPosition(t *delivery.Tx, incarnation string, seq uint64) {
	t.Put(positionKey(incarnation), binary.BigEndian.AppendUint64(nil, seq))
}

// raisePosition brings the position to just before a cause that is on record:
// the cause itself is looked at again, as it may have more steps than were
// written.
func raisePosition(t *delivery.Tx, c Cause) error {
	at, err := position(t, c.Incarnation)
	if err != nil || at >= c.Seq-1 {
		return err
	}
	setPosition(t, c.Incarnation, c.Seq-1)
	return nil
}
