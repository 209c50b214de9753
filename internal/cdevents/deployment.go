package cdevents

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TypePrefix begins the type of each of our CDEvents; the predicate and the
// version follow.
const TypePrefix = "dev.cdeventsx.telltale-deployment."

// ContentType is the datacontenttype of a CDEvent that CloudEvents carry
// (CDEvents, "CloudEvents Binding", structured content mode).
const ContentType = "application/cdevents+json"

const (
	typeVersion = "0.1.0" // of our custom type; it moves when content does, or specVersion
	specVersion = "0.5.1" // of the CDEvents specification that the event is valid by

	predicateUpdated = "updated"
)

// cdEvent is the JSON of a CDEvent, version 0.5.
type cdEvent struct {
	Context header  `json:"context"`
	Subject subject `json:"subject"`

	// CustomData is our change as TT_CHANGES has it, so that nothing of it is lost
	// on those who know us.
	CustomData            jsontext.Value `json:"customData"`
	CustomDataContentType string         `json:"customDataContentType"`
}

type header struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Timestamp   time.Time `json:"timestamp"`
	ChainID     string    `json:"chainId"`
}

type subject struct {
	ID      string  `json:"id"`
	Content content `json:"content"`
}

// content is what a consumer of CDEvents needs to know, in words that CDEvents
// uses elsewhere.
type content struct {
	Environment    named  `json:"environment"`
	Region         string `json:"region"`
	Service        named  `json:"service"`
	Deployment     string `json:"deployment"`
	Attempt        uint32 `json:"attempt"`
	Version        string `json:"version,omitzero"`
	Release        string `json:"release,omitzero"`
	Status         string `json:"status"`
	PreviousStatus string `json:"previousStatus"`
	Reason         string `json:"reason"`
}

type named struct {
	ID string `json:"id"`
}

// Event returns a change of a deployment as a CloudEvent whose data is a
// CDEvent; ok is false for a change of something else (a slot, a release, a
// region), which CDEvents has no words for.
//
// The CDEvent's id is the change's own, so that a change that is sent twice is
// recognised by whoever keeps (source, id). Its timestamp is when the deployment
// became so, not when we heard of it. All changes of one attempt share a
// chainId. Event fails on a change whose key is none, which no projector writes.
func Event(c *view.Change) (e *events.Event, ok bool, err error) {
	if c.Raw != nil {
		return nil, false, nil
	}
	key, err := events.ParseKey(c.Key)
	if err != nil {
		return nil, false, err
	}
	at := time.Unix(0, c.At).UTC()
	said := cdEvent{
		Context: header{
			SpecVersion: specVersion,
			ID:          c.ID.String(),
			Source:      view.SourceProjector,
			Type:        TypePrefix + predicate(c.From, c.Status) + "." + typeVersion,
			Timestamp:   at,
			ChainID:     c.Key + "/" + strconv.FormatUint(uint64(c.Attempt), 10),
		},
		Subject: subject{
			ID: c.Key,
			Content: content{
				Environment: named{key.Env}, Region: key.Region, Service: named{key.Component},
				Deployment: key.Deployment, Attempt: c.Attempt, Version: c.Version, Release: c.Release,
				Status: c.Status, PreviousStatus: c.From, Reason: c.Reason,
			},
		},
		CustomData:            c.AppendData(nil),
		CustomDataContentType: "application/json",
	}
	e = &events.Event{
		ID: said.Context.ID, Source: said.Context.Source, Type: said.Context.Type, Subject: said.Subject.ID,
		DataContentType: ContentType,
	}
	e.SetTime(at)
	if err := e.SetData(said); err != nil {
		return nil, false, err
	}
	return e, true, nil
}

// predicate is what happened to the deployment. CDEvents takes letters only. Two
// statuses of one lifecycle that differ by an underscore alone would share a
// type; the status itself stands in the content.
func predicate(from, to string) string {
	if from == to {
		return predicateUpdated
	}
	letters := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, to)
	if letters == "" {
		return predicateUpdated
	}
	return letters
}
