// Package cesdk turns events into those of the CloudEvents SDK for Go and back,
// for programs that use it. It stands apart from package events so that the
// others do not link the SDK.
//
// It is pure: it reads no clock, no environment and no network.
package cesdk

import (
	"encoding/base64"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/telltale-dev/telltale/pkg/events"
)

// To returns e as the SDK's own type, stamps included as extensions. It shares
// no memory with e. It fails with [events.CodeSchema] on what the SDK cannot
// hold unchanged: an event without id, source or type, or a source that is no
// URI-reference or that the SDK would write differently.
func To(e *events.Event) (event.Event, error) {
	ce := event.New()
	ce.SetID(e.ID)
	ce.SetSource(e.Source)
	ce.SetType(e.Type)
	if e.Subject != "" {
		ce.SetSubject(e.Subject)
	}
	if !e.Time.IsZero() {
		ce.SetTime(e.Time)
	}
	if e.DataSchema != "" {
		ce.SetDataSchema(e.DataSchema)
	}
	if e.DataContentType != "" {
		ce.SetDataContentType(e.DataContentType)
	}
	extend := func(name, s string) {
		if s != "" {
			ce.SetExtension(name, s)
		}
	}
	extend("sequence", e.Sequence)
	if e.Contiguous {
		ce.SetExtension("contiguous", true)
	}
	extend("traceparent", e.TraceParent)
	extend("tracestate", e.TraceState)
	extend("recorder", e.Recorder)
	extend("emitter", e.Emitter)
	extend("originalid", e.OriginalID)
	if !e.RecordedTime.IsZero() {
		ce.SetExtension("recordedtime", e.RecordedTime.UTC().Format(events.RecordedFormat))
	}
	for name, s := range e.Extensions {
		extend(name, s)
	}
	if err := copyData(&ce, e); err != nil {
		return event.Event{}, err
	}
	if err := ce.Validate(); err != nil || ce.Source() != e.Source {
		return event.Event{}, events.Errorf(events.CodeSchema, "the CloudEvents SDK cannot hold the event's attributes")
	}
	return ce, nil
}

func copyData(ce *event.Event, e *events.Event) error {
	if e.Data != nil {
		if e.DataContentType == "" {
			ce.SetDataContentType(event.ApplicationJSON)
		}
		ce.DataEncoded = e.Data.Clone()
		return nil
	}
	if e.DataBase64 == "" {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(e.DataBase64)
	if err != nil {
		return events.Errorf(events.CodeSchema, "data_base64 is not base64")
	}
	ce.DataEncoded, ce.DataBase64 = data, true
	return nil
}

// From reads an event of the SDK. It refuses with [events.CodeSchema] another
// version than 1.0 and attributes that the SDK or we cannot take, and with
// [events.CodeMalformed] JSON data that is not JSON as [events.Decode] demands.
// It applies no limit in bytes and does not validate: that is for
// [events.Event.Validate]. The SDK writes times in UTC: the content of an event
// that came through it says so.
func From(ce event.Event) (*events.Event, error) {
	if ce.Context == nil || ce.SpecVersion() != event.CloudEventsVersionV1 {
		return nil, events.Errorf(events.CodeSchema, "specversion is not %q", event.CloudEventsVersionV1)
	}
	if err := ce.Validate(); err != nil {
		return nil, events.Errorf(events.CodeSchema, "the CloudEvents SDK finds the event invalid")
	}
	e := new(events.Event)
	attributes := [...]struct{ name, value string }{
		{"id", ce.ID()},
		{"source", ce.Source()},
		{"type", ce.Type()},
		{"subject", ce.Subject()},
		{"dataschema", ce.DataSchema()},
		{"datacontenttype", ce.DataContentType()},
	}
	for _, a := range attributes {
		if err := e.SetAttribute(a.name, a.value); err != nil {
			return nil, err
		}
	}
	if t := ce.Time(); !t.IsZero() {
		if err := e.SetAttribute("time", t.UTC().Format(time.RFC3339Nano)); err != nil {
			return nil, err
		}
	}
	for name, value := range ce.Extensions() {
		s, err := types.Format(value)
		if err != nil {
			return nil, events.Errorf(events.CodeSchema, "an extension is of no CloudEvents type")
		}
		if err := e.SetAttribute(name, s); err != nil {
			return nil, err
		}
	}
	if err := e.SetBody(ce.Data(), events.Limits{}); err != nil {
		return nil, err
	}
	return e, nil
}
