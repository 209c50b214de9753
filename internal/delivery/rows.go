package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
)

// The rows of this package in the notifier's Badger. Values are JSON: there are
// a few per alert, and a person with a reader for Badger can look at them.
//
//	n/journal               up to where the cache holds which stream
//	n/lane/<lane>           a lane that has something open
//	n/due/<time>/<lane>     when it wants a call, ordered by time
//	n/seen/<notification>   an id that was enqueued once
//	n/dead/<notification>   a notification that was given up
//	n/gone/<receiver>       the endpoint of it that wants nothing any more
//	n/told/<lane>           what the endpoint has of a problem that stands
const (
	prefixLane = "n/lane/"
	prefixDue  = "n/due/"
	prefixDead = "n/dead/"
)

func positionKey() []byte            { return []byte("n/journal") }
func laneKey(lane string) []byte     { return []byte(prefixLane + lane) }
func seenKey(id string) []byte       { return []byte("n/seen/" + id) }
func deadKey(id string) []byte       { return []byte(prefixDead + id) }
func goneKey(receiver string) []byte { return []byte("n/gone/" + receiver) }
func toldKey(lane string) []byte     { return []byte("n/told/" + lane) }

// dueKey orders by time. Times before 1970, the zero time among them, are due
// at once and come first.
func dueKey(at time.Time, lane string) []byte {
	return append(append(binary.BigEndian.AppendUint64([]byte(prefixDue), dueStamp(at)), '/'), lane...)
}

func dueStamp(at time.Time) uint64 {
	if at.IsZero() || at.Unix() < 0 {
		return 0
	}
	return uint64(at.UnixNano())
}

// splitDueKey is the inverse of dueKey.
func splitDueKey(key []byte) (at time.Time, lane string, err error) {
	rest := key[len(prefixDue):]
	if len(rest) < 9 {
		return time.Time{}, "", errors.New("a key under " + prefixDue + " is damaged")
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(rest))), string(rest[9:]), nil
}

// lane is what one lane has open, oldest first. Only the newest wants a call.
type lane struct {
	Open []open    `json:"open"`
	Due  time.Time `json:"due,omitzero"` // where the lane stands under n/due
}

// open is a notification without a final outcome.
type open struct {
	Intent
	Attempts int       `json:"attempts,omitzero"` // calls intended so far
	Done     int       `json:"done,omitzero"`     // the last of them with an outcome
	Doubt    bool      `json:"doubt,omitzero"`    // one before may have reached the endpoint all the same
	Failed   bool      `json:"failed,omitzero"`   // the endpoint answered one with 5xx: it may have acted before it failed
	NextAt   time.Time `json:"next_at,omitzero"`  // when it wants a call; zero: at once
}

// inDoubt reports whether the endpoint may have the notification.
func (o *open) inDoubt() bool { return o.Doubt || o.Attempts > o.Done }

// told is what the endpoint of a lane has, as far as is known. There is no row
// for one that has nothing, or has heard the end.
type told struct {
	Status receiver.Status `json:"status,omitzero"` // of the last message that it has
	Ref    string          `json:"ref,omitzero"`    // what it keeps the problem under
	Doubt  bool            `json:"doubt,omitzero"`  // it may have had another one since
	Failed bool            `json:"failed,omitzero"` // it failed at another one since, and may have acted before that
}

// find returns the open notification of that id, or nil.
func (l *lane) find(id string) *open {
	for i := range l.Open {
		if l.Open[i].ID == id {
			return &l.Open[i]
		}
	}
	return nil
}

func (l *lane) newest() *open { return &l.Open[len(l.Open)-1] }

// inDoubt reports whether the endpoint may have one of the open notifications.
func (l *lane) inDoubt() bool {
	return slices.ContainsFunc(l.Open, func(o open) bool { return o.inDoubt() })
}

// isOver reports whether all that is left to say is that a problem is over of
// which the endpoint has never heard. One that failed itself may have: the end
// has to reach it, or what it opened stays open.
func (l *lane) isOver(has *told) bool {
	return l.newest().Message.Status == receiver.StatusResolved && *has == told{} && !l.inDoubt() &&
		!slices.ContainsFunc(l.Open, func(o open) bool { return o.Failed })
}

// readLane returns an empty lane when nothing is open in it.
func readLane(r Getter, name string) (lane, error) {
	var l lane
	_, err := ReadJSON(r, laneKey(name), &l)
	return l, err
}

// writeLane stores l, and where it stands among the due ones.
func writeLane(t *Tx, name string, l lane) error {
	t.Delete(dueKey(l.Due, name))
	if len(l.Open) == 0 {
		t.Delete(laneKey(name))
		return nil
	}
	l.Due = l.newest().NextAt
	t.Put(dueKey(l.Due, name), nil)
	return WriteJSON(t, laneKey(name), l)
}

// ReadJSON decodes the row at key into v and reports whether there is one.
func ReadJSON(r Getter, key []byte, v any) (bool, error) {
	raw, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("decode row %q: %w", key, err)
	}
	return true, nil
}

// WriteJSON writes v as the row at key.
func WriteJSON(t *Tx, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode row %q: %w", key, err)
	}
	t.Put(key, raw)
	return nil
}
