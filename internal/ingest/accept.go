package ingest

import (
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/schema"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// arrival is one event, or one request of a tool, as it came, before anything is
// known of it.
type arrival struct {
	raw     []byte              // as it came; in binary mode the data alone
	headers map[string][]string // as they came; in binary mode the attributes
	binary  bool
	subject string // the NATS subject, or the HTTP path with its query, that it came on
	from    string // the emitter as far as known, for quarantine
	sender  access.Caller
	imports bool  // its stamps count: the sender may and wants that
	refused error // why it is not even looked at, e.g. a subject that names no emitter

	// Of a request to a hook: whose mapping reads it, and what the hook adds. Nil
	// for an event; a tool's own events find their mapping by their type.
	mapping *adapter.Mapping
	hook    adapter.Hook
	query   url.Values

	// since is when it first came, for what is replayed: an event without a time
	// was of then.
	since time.Time
}

// pipeline is what all doors do with one arrival. It has no effect beyond
// giving out a stamp, and is safe for concurrent use. It must not be copied.
type pipeline struct {
	recorder string
	header   nats.Header // of every message; never changed
	limits   events.Limits
	gate     *gate
	custom   *schema.Set // nil: no types but ours
	tools    atomic.Pointer[tools]
	digest   func(events.Key) (string, bool)
}

// accept appends the messages that TT_EVENTS stores of an arrival, and fills in
// o as far as it is known: the id, what a mapping read, and with an
// [*events.Error] why the arrival, or something in it, cannot be used.
//
// Messages are made afresh: of the arrival they have the content and the id, and
// no header, so that no sender can reach a feature of JetStream (Nats-Rollup,
// Nats-TTL, Nats-Expected-* and the like) through us.
func (p *pipeline) accept(a *arrival, o *outcome, msgs []stream.Message) []stream.Message {
	if a.mapping != nil && a.refused == nil {
		return p.read(a.mapping, a, o, msgs)
	}
	e, err := p.decode(a)
	if e != nil {
		o.id = e.ID
	}
	if err == nil {
		if m := p.mappingOf(e.Type); m != nil {
			return p.read(m, a, o, msgs)
		}
		var msg stream.Message
		if msg, err = p.said(a, e); err == nil {
			return append(msgs, msg)
		}
	}
	o.refusal = asRefusal(err)
	return msgs
}

// said makes the message of one event.
func (p *pipeline) said(a *arrival, e *events.Event) (stream.Message, error) {
	if !a.since.IsZero() && e.Time.IsZero() {
		e.SetTime(a.since)
	}
	if err := p.check(a, e); err != nil {
		return stream.Message{}, err
	}
	p.stamp(a, e)
	return p.message(e)
}

func (p *pipeline) decode(a *arrival) (*events.Event, error) {
	if a.refused != nil {
		return nil, a.refused
	}
	if a.binary {
		return events.DecodeBinary(a.headers, a.raw, p.limits)
	}
	return events.Decode(a.raw, p.limits)
}

// check holds an event against the vocabulary, the clock, the sender's rights
// and, where it asks for that, the state of the deployment.
func (p *pipeline) check(a *arrival, e *events.Event) error {
	if err := p.validate(e); err != nil {
		return err
	}
	now := p.gate.clock()
	if err := events.CheckTime(e.Time, now); err != nil {
		return err
	}
	place, err := e.Place()
	if err != nil {
		return err
	}
	if err := a.sender.May(roleFor(e.Type), place.Env, place.Component); err != nil {
		return err
	}
	if a.imports {
		if err := a.sender.May(access.RoleImport, place.Env, place.Component); err != nil {
			return err
		}
		if err := events.CheckTime(e.RecordedTime, now); err != nil {
			return err
		}
	} else if e.Type == events.TypeTick {
		return events.Errorf(events.CodeForbidden, "ticks are ours; from outside they come with an import only")
	}
	if err := checkDefinition(e); err != nil {
		return err
	}
	return p.checkDigest(e)
}

func (p *pipeline) validate(e *events.Event) error {
	if strings.HasPrefix(e.Type, customCDEvents) {
		return e.ValidateWith(func(string) bool { return true })
	}
	if p.custom == nil {
		return e.Validate()
	}
	if err := e.ValidateWith(p.custom.Registered); err != nil || events.Known(e.Type) {
		return err
	}
	return p.custom.Validate(e.Type, e.Data)
}

// checkDigest refuses an override that was decided on a state that has moved
// on. It is checked here, once: in the fold it would make the answer depend on
// the order of arrival.
func (p *pipeline) checkDigest(e *events.Event) error {
	if e.Type != events.TypeOverridden {
		return nil
	}
	var word events.Overridden
	if err := e.DataAs(&word); err != nil || word.ExpectedDigest == "" {
		return err
	}
	if p.digest == nil {
		return events.Errorf(events.CodeUnavailable, "expected_digest cannot be checked at this door").
			WithHint("send it where the projector runs as well, or leave expected_digest out")
	}
	key, err := events.ParseKey(e.Subject)
	if err != nil {
		return err
	}
	if digest, ok := p.digest(key); !ok || digest != word.ExpectedDigest {
		return events.Errorf(events.CodeConflict, "the deployment is not in the state that expected_digest names").
			WithHint("look at it again and decide anew")
	}
	return nil
}

// roleFor returns the role that it takes to say something.
func roleFor(typ string) access.Role {
	switch typ {
	case events.TypeOverridden, events.TypeFreezeDeclared, events.TypeFreezeLifted,
		events.TypeAlertAcknowledged, events.TypeAlertUnacknowledged, events.TypeAlertNoise,
		events.TypeSilenceCreated, events.TypeSilenceExpired:
		return access.RoleOperate
	case events.TypeDefinitionActivated:
		return access.RoleAdmin
	case events.TypeTick:
		return access.RoleImport
	}
	return access.RoleEmit
}

// stamp overwrites what only ingest may say. An import keeps the time and the
// name of the recorder that first took the event, unless that time is ahead of
// our clock; the emitter is always who stands at the door now.
func (p *pipeline) stamp(a *arrival, e *events.Event) {
	e.Emitter = a.sender.Name
	if !a.imports {
		e.RecordedTime, e.Recorder, e.OriginalID = time.Time{}, "", ""
	}
	if e.Recorder == "" || events.CheckName("recorder", e.Recorder) != nil {
		e.Recorder = p.recorder
	}
	if e.RecordedTime.IsZero() || e.RecordedTime.After(p.gate.clock()) {
		e.RecordedTime = p.gate.stamp()
	}
}

// stampsRoom is how much the stamps may add to an event of the greatest size.
const stampsRoom = 1 << 10

// contentTypeEvent is the only content type in TT_EVENTS.
const contentTypeEvent = "application/cloudevents+json"

func (p *pipeline) message(e *events.Event) (stream.Message, error) {
	content, err := e.Content()
	if err != nil {
		return stream.Message{}, err
	}
	id := events.MsgID(e.Source, e.ID, content)
	// Canonical JSON writes 1e20 as 21 digits: content can be longer than what
	// came, and the stream has a limit as well.
	data := e.Stamped(content)
	if limit := p.limits.Bytes + stampsRoom; len(data) > limit {
		return stream.Message{}, events.Errorf(events.CodeTooLarge,
			"event has %d bytes in canonical form, the limit is %d", len(data), limit)
	}
	subject, err := e.EventsSubject()
	if err != nil {
		return stream.Message{}, err
	}
	return stream.Message{
		Subject: subject,
		ID:      id,
		Header:  p.header,
		Data:    data,
	}, nil
}

// asRefusal returns err as the refusal it is. Errors without a code do not come
// out of pure code over checked input; should one, the event is kept as
// malformed rather than lost.
func asRefusal(err error) *events.Error {
	if err == nil {
		return nil
	}
	var refusal *events.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return events.Errorf(events.CodeMalformed, "%v", err)
}
