// Package receiver hands messages to endpoints outside: one file per kind of
// endpoint, all held to the suite in receivertest.
//
// A receiver makes one call and judges its answer. It keeps no state, does not
// retry and knows neither routes nor alerts: package delivery does the rest.
// Nothing it returns or prints carries a secret, and an endpoint's address
// counts as one, since many carry a token in their path.
package receiver

import (
	"context"
	"time"
)

// Receiver makes single calls to one endpoint. It is safe for concurrent use.
type Receiver interface {
	// Endpoint names the endpoint in records. It holds no secret, stays the
	// same over restarts, and another address gives another name.
	Endpoint() string

	// Send makes one call. It returns by itself after the receiver's timeout, or
	// when ctx ends.
	Send(ctx context.Context, c Call) Result
}

// Call is one call to an endpoint.
type Call struct {
	// ID is that of the notification. The same id always comes with the same
	// message, so that an endpoint can recognise a repeat.
	ID      string
	Message Message

	// Ref is the [Result.Ref] of the message about the same problem that the
	// endpoint had last, "" when it had none or gave none.
	Ref string

	// Again says that an earlier call under this id, or an earlier message about
	// the same problem, may have reached the endpoint without our knowing. One
	// that cannot tell repeats by itself looks first, or marks its message.
	Again bool
}

// repeatMark ends the title of a message that a person may have read before.
const repeatMark = " (may be a repeat)"

// title returns the message's title in at most limit runes, marked as a repeat
// if the call may be one. It is for endpoints that cannot tell by themselves.
func (c *Call) title(limit int) string {
	if !c.Again {
		return fitRunes(c.Message.Title, limit)
	}
	return fitRunes(c.Message.Title, limit-len(repeatMark)) + repeatMark
}

// Status says whether a problem stands.
type Status string

// The two statuses of a message.
const (
	StatusFiring   Status = "firing"
	StatusResolved Status = "resolved"
)

// Message is what a person gets to read, in words that fit every receiver.
type Message struct {
	Alert    string    `json:"alert"`    // what the message is about: firing and resolved share it
	Status   Status    `json:"status"`   // firing or resolved
	Severity string    `json:"severity"` // critical, warning or info
	Title    string    `json:"title"`    // one line
	Text     string    `json:"text"`     // a few lines of plain text
	Since    time.Time `json:"since"`    // when the problem began
	At       time.Time `json:"at"`       // when it came to Status
	Link     string    `json:"link,omitzero"`

	// Labels say the same to machines. They name what does not change while the
	// problem stands: no texts, no times.
	Labels map[string]string `json:"labels,omitzero"`
}

// Class is the verdict on one call. It decides what delivery does next.
type Class string

// The classes.
const (
	Delivered   Class = "delivered"   // the endpoint has it
	Transient   Class = "transient"   // it has not, and may have later
	Permanent   Class = "permanent"   // it has not, and never will have
	Environment Class = "environment" // it cannot be reached as configured; a person may mend that
	Ambiguous   Class = "ambiguous"   // it may have it: the answer never came
)

// Result is the outcome of one call.
type Result struct {
	Class      Class
	Status     int           // of HTTP, 0 when there was none
	ProviderID string        // the endpoint's own name for the call, if it gave one
	Ref        string        // what it keeps the problem under, for later calls; no secret
	RetryAfter time.Duration // how long the endpoint asked us to wait, 0 when it did not
	Gone       bool          // the endpoint wants nothing any more
	Detail     string        // one sentence for people, without a secret; empty when all went well
}

// Kind describes a kind of receiver.
type Kind struct {
	Name    string
	Summary string // one sentence
	Repeats string // what a person sees when a call is repeated
}

// All returns the kinds of receivers there are.
func All() []Kind {
	return []Kind{
		webhookKind(),
		alertmanagerKind(),
		alertmanagerWebhookKind(),
		pagerDutyKind(),
		slackKind(),
		slackWebhookKind(),
		emailKind(),
		msTeamsV2Kind(),
		opsgenieKind(),
		serviceNowKind(),
		jiraKind(),
	}
}
