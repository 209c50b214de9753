package ingest

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// customCDEvents is the prefix of CDEvents that others have defined for
// themselves (CDEvents, "Custom CDEvents"). They mean nothing to us, and are kept
// and passed on.
const customCDEvents = "dev.cdeventsx."

// customEvent returns the event that an arrival at a hook is, when it is a custom
// CDEvent: as a CloudEvent, or bare, where its context says what a CloudEvent
// would. Otherwise ok is false.
func (p *pipeline) customEvent(a *arrival) (e *events.Event, ok bool, err error) {
	if mode, err := contentMode(a.headers); err == nil && mode != modeBatch {
		a.binary = mode == modeBinary
		e, err := p.decode(a)
		return e, e != nil && strings.HasPrefix(e.Type, customCDEvents), err
	}
	var bare struct {
		Context struct {
			ID        string    `json:"id"`
			Source    string    `json:"source"`
			Type      string    `json:"type"`
			Timestamp time.Time `json:"timestamp"`
		} `json:"context"`
		Subject struct {
			ID string `json:"id"`
		} `json:"subject"`
	}
	if json.Unmarshal(a.raw, &bare) != nil || !strings.HasPrefix(bare.Context.Type, customCDEvents) {
		return nil, false, nil
	}
	e = &events.Event{
		ID: bare.Context.ID, Source: bare.Context.Source, Type: bare.Context.Type, Subject: bare.Subject.ID,
	}
	if !bare.Context.Timestamp.IsZero() {
		e.SetTime(bare.Context.Timestamp)
	}
	return e, true, e.SetData(jsontext.Value(a.raw))
}
