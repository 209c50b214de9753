package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// systemActor is who puts the built-in definitions in force.
const systemActor = "user:telltale"

// StandardLifecycle returns the built-in lifecycle as a definition that is in
// force since before any event that the doors take.
func StandardLifecycle() events.DefinitionActivated {
	doc := statemachine.StandardDocument()
	ref := statemachine.Standard().Ref()
	sum := sha256.Sum256(doc)
	return events.DefinitionActivated{
		Kind:          "Lifecycle",
		Name:          ref.Name,
		Version:       ref.Version,
		Digest:        "sha256:" + hex.EncodeToString(sum[:]),
		EffectiveFrom: time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC),
		Actor:         systemActor,
		Document:      string(doc),
	}
}

// activation returns the event that puts a definition in force. Identity and
// content follow from the definition alone, so that two processes that start at
// once say one thing, not two. It fails on a definition that is none.
func activation(d events.DefinitionActivated) (*events.Event, error) {
	e := &events.Event{
		ID:      d.Name + "-" + d.Digest,
		Source:  ownSource + "/definitions",
		Type:    events.TypeDefinitionActivated,
		Subject: d.Name,
	}
	err := e.SetData(d)
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("definition %s: %w", d.Name, err)
	}
	return e, nil
}

// activate puts a definition in force unless TT_EVENTS has it.
func (i *Ingest) activate(ctx context.Context, d events.DefinitionActivated) error {
	e, err := activation(d)
	if err != nil {
		return err
	}
	e.Recorder, e.Emitter = i.opts.Recorder, i.opts.Recorder
	content, err := e.Content()
	if err != nil {
		return fmt.Errorf("definition %s: %w", d.Name, err)
	}
	subject, err := e.EventsSubject()
	if err != nil {
		return fmt.Errorf("definition %s: %w", d.Name, err)
	}
	there, err := i.holds(ctx, subject, events.MsgID(e.Source, e.ID, content))
	if there || err != nil {
		return err
	}
	gen := i.pipeline.gate.enter()
	defer i.pipeline.gate.leave(gen)
	e.RecordedTime = i.pipeline.gate.stamp()
	if err := i.publishOwn(ctx, e); err != nil {
		return fmt.Errorf("activate definition %s: %w", d.Name, err)
	}
	i.log.InfoContext(ctx, "definition activated", "kind", d.Kind, "name", d.Name, "version", d.Version)
	return nil
}

// holds reports whether TT_EVENTS has a message with this id on a subject. The
// server remembers ids for a short time only, so we look. Definitions and words
// about alerts are few.
func (i *Ingest) holds(ctx context.Context, subject, id string) (bool, error) {
	s, err := i.opts.Conn.JS.Stream(ctx, events.StreamEvents)
	if err != nil {
		return false, fmt.Errorf("look up %s: %w", events.StreamEvents, err)
	}
	for seq := uint64(1); ; {
		msg, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for an earlier activation: %w", err)
		}
		if msg.Header.Get(jetstream.MsgIDHeader) == id {
			return true, nil
		}
		seq = msg.Sequence + 1
	}
}
