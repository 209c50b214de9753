package delivery

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Intent is a notification that shall reach one receiver.
type Intent struct {
	// ID is the notification's id: deterministic, so that whoever comes to the
	// same intent again does not make a second one. Receivers see it.
	ID string `json:"id"`

	Lane     string           `json:"lane"`     // what it is in order with
	Receiver string           `json:"receiver"` // a configured name
	Subject  string           `json:"subject"`  // where in TT_ALERTS its records go
	Born     time.Time        `json:"born"`     // its age counts from here, or from NotBefore if that is later
	Message  receiver.Message `json:"message"`

	// NotBefore is when the first call may be made; zero: at once. If the lane gets
	// something newer by then, only that is told, and nothing at all when it says
	// that the problem is over.
	NotBefore time.Time `json:"not_before,omitzero"`

	// Unsaid: the notification only closes its lane. Nobody is called.
	Unsaid bool `json:"unsaid,omitzero"`
}

// Superseded is the class of a notification that was not called for, or not
// again, because the same lane has a newer one.
const Superseded receiver.Class = "superseded"

// Intended is the data of [events.TypeDeliveryIntended]: a call is about to be
// made.
type Intended struct {
	Notification string `json:"notification"`
	Lane         string `json:"lane"`
	Receiver     string `json:"receiver"`
	Endpoint     string `json:"endpoint,omitzero"` // absent when Receiver is not configured
	Attempt      int    `json:"attempt"`           // 1, 2, …
}

// Concluded is the data of [events.TypeDeliveryConcluded]: what became of a
// call, or of a notification without one.
type Concluded struct {
	Notification string         `json:"notification"`
	Lane         string         `json:"lane"`
	Receiver     string         `json:"receiver"`
	Endpoint     string         `json:"endpoint,omitzero"`
	Attempt      int            `json:"attempt"` // 0: it was never called for
	Class        receiver.Class `json:"class"`
	Status       int            `json:"status,omitzero"` // of HTTP
	ProviderID   string         `json:"provider_id,omitzero"`
	Ref          string         `json:"ref,omitzero"` // of the endpoint, see [receiver.Result]
	Detail       string         `json:"detail,omitzero"`
	NextAt       time.Time      `json:"next_at,omitzero"` // absent: this is the end of it
	Dead         bool           `json:"dead,omitzero"`    // given up, see [DeadLetters]
	Gone         bool           `json:"gone,omitzero"`    // the endpoint wants nothing any more
}

// source is who writes the records of this package.
const source = "/telltale/delivery"

// intended returns the record that stands in the stream before a call.
func (o *open) intended(now time.Time, endpoint string) (Entry, error) {
	attempt := o.Attempts + 1
	id := ID("", o.ID, "intended", strconv.Itoa(attempt))
	return o.entry(now, id, events.TypeDeliveryIntended, Intended{
		Notification: o.ID, Lane: o.Lane, Receiver: o.Receiver, Endpoint: endpoint, Attempt: attempt,
	})
}

// concluded returns the record of an outcome; c says what is particular to it.
// The class is part of the id, because a call that is to be repeated may be
// superseded, too.
func (o *open) concluded(now time.Time, c Concluded) (Entry, error) {
	c.Notification, c.Lane, c.Receiver = o.ID, o.Lane, o.Receiver
	id := ID("", o.ID, "concluded", strconv.Itoa(c.Attempt), string(c.Class))
	return o.entry(now, id, events.TypeDeliveryConcluded, c)
}

func (o *open) entry(now time.Time, id, typ string, data any) (Entry, error) {
	e := &events.Event{ID: id, Source: source, Type: typ, Subject: o.Message.Alert}
	e.SetTime(now.UTC())
	if err := e.SetData(data); err != nil {
		return Entry{}, fmt.Errorf("write a record of notification %s: %w", o.ID, err)
	}
	return Entry{Subject: o.Subject, Event: e}, nil
}

// ID returns prefix and 20 lower-case letters and digits that depend on parts,
// each by itself: ID("", "a", "b") differs from ID("", "ab").
func ID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:12])[:20])
}
