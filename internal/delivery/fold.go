package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Folds returns the folds of this package's records, for [JournalOptions].
func Folds() map[string]Fold {
	return map[string]Fold{
		events.TypeDeliveryIntended:  foldIntended,
		events.TypeDeliveryConcluded: foldConcluded,
	}
}

// Enqueue puts a notification into its lane. It is called in the fold of the
// record that is the notification's cause, so the record and the notification
// exist together or not at all. An id that was enqueued before changes nothing.
func Enqueue(t *Tx, in Intent) error {
	_, err := t.Get(seenKey(in.ID))
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t.Put(seenKey(in.ID), nil)
	l, err := readLane(t, in.Lane)
	if err != nil {
		return err
	}
	l.Open = append(l.Open, open{Intent: in, NextAt: in.NotBefore})
	return writeLane(t, in.Lane, l)
}

// foldIntended counts the call. The notification stays due: if nothing
// concludes the call, the process died in it, and the next one repeats it.
func foldIntended(t *Tx, e *events.Event) error {
	var data Intended
	if err := e.DataAs(&data); err != nil {
		return err
	}
	l, err := readLane(t, data.Lane)
	if err != nil {
		return err
	}
	o := l.find(data.Notification)
	if o == nil {
		return nil // concluded meanwhile
	}
	if data.Attempt > o.Attempts {
		o.Doubt = o.inDoubt()
		o.Attempts = data.Attempt
	}
	return writeLane(t, data.Lane, l)
}

func foldConcluded(t *Tx, e *events.Event) error {
	var data Concluded
	if err := e.DataAs(&data); err != nil {
		return err
	}
	l, err := readLane(t, data.Lane)
	if err != nil {
		return err
	}
	o := l.find(data.Notification)
	if o == nil || data.Attempt < o.Attempts {
		return nil // known already
	}
	if data.Gone {
		t.Put(goneKey(data.Receiver), []byte(data.Endpoint))
	}
	switch data.Class {
	case Superseded: // no outcome of a call: one that broke off stays in doubt
		o.Doubt = o.inDoubt()
	case receiver.Ambiguous:
		o.Doubt = true
	}
	o.Done = data.Attempt
	o.Failed = o.Failed || data.Status >= 500
	if !data.NextAt.IsZero() {
		o.NextAt = data.NextAt
		return writeLane(t, data.Lane, l)
	}
	if err := noteTold(t, o, &data); err != nil {
		return err
	}
	if data.Dead {
		letter := DeadLetter{Intent: o.Intent, Outcome: data}
		if err := WriteJSON(t, deadKey(data.Notification), letter); err != nil {
			return err
		}
	}
	l.Open = slices.DeleteFunc(l.Open, func(o open) bool { return o.ID == data.Notification })
	return writeLane(t, data.Lane, l)
}

// noteTold keeps what the endpoint has after the last outcome of a
// notification.
func noteTold(t *Tx, o *open, last *Concluded) error {
	key := toldKey(o.Lane)
	var had told
	if _, err := ReadJSON(t, key, &had); err != nil {
		return err
	}
	switch {
	case o.Unsaid, last.Class == receiver.Delivered && o.Message.Status == receiver.StatusResolved:
		t.Delete(key)
		return nil
	case last.Class == receiver.Delivered:
		had = told{Status: o.Message.Status, Ref: cmp.Or(last.Ref, had.Ref)}
	case o.Doubt || o.Failed:
		had.Doubt, had.Failed = had.Doubt || o.Doubt, had.Failed || o.Failed
	default:
		return nil
	}
	return WriteJSON(t, key, had)
}

// DeadLetter is a notification that was given up, with its last outcome.
type DeadLetter struct {
	Intent  Intent    `json:"intent"`
	Outcome Concluded `json:"outcome"`
}

// DeadLetters returns up to limit dead letters in the order of their ids,
// beginning after the id after.
func DeadLetters(r *store.Reader, after string, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	from := []byte(prefixDead)
	if after != "" {
		from = append(deadKey(after), 0)
	}
	err := r.Scan([]byte(prefixDead), from, func(k, v []byte) (bool, error) {
		var letter DeadLetter
		if err := json.Unmarshal(v, &letter); err != nil {
			return false, fmt.Errorf("decode row %q: %w", k, err)
		}
		letters = append(letters, letter)
		return len(letters) < limit, nil
	})
	return letters, err
}
