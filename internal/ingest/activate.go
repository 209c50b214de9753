package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// systemActor is who puts the built-in definitions in force, and those that the
// configuration names.
const systemActor = "user:telltale"

// StandardLifecycle returns the built-in lifecycle as a definition that is in
// force since before any event that the doors take.
func StandardLifecycle() events.DefinitionActivated {
	ref := statemachine.Standard().Ref()
	standard := definition.Document{
		Kind: definition.KindLifecycle, Name: ref.Name, Version: ref.Version, Text: statemachine.StandardDocument(),
	}
	d := Configured(&standard)
	d.EffectiveFrom = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	return d
}

// Configured returns a document of the configuration as a definition that is in
// force from when it is first recorded.
func Configured(doc *definition.Document) events.DefinitionActivated {
	d := doc.Activated()
	d.Actor = systemActor
	return d
}

// checkDefinition refuses a definition whose document cannot be used: in the
// stream it would stand in the way of everyone who reads it. What was in force
// stays so.
func checkDefinition(e *events.Event) error {
	if e.Type != events.TypeDefinitionActivated {
		return nil
	}
	var d events.DefinitionActivated
	if err := e.DataAs(&d); err != nil {
		return err
	}
	if err := definition.CheckActivated(&d); err != nil {
		return events.Errorf(events.CodeSchema, "data.document: %s", strings.ReplaceAll(err.Error(), "\n", "; ")).
			WithHint("the numbers are line and column in the document; telltale apply --dry-run checks it before it is sent")
	}
	return nil
}

// definitionSource says what this process puts in force. Two processes that start
// at once say one thing with it, not two.
const definitionSource = ownSource + "/definitions"

// activateAll puts the definitions in force that TT_EVENTS does not have, in their
// order.
func (i *Ingest) activateAll(ctx context.Context) error {
	if len(i.opts.Definitions) == 0 {
		return nil
	}
	there, err := i.activated(ctx)
	if err != nil {
		return err
	}
	for _, d := range i.opts.Definitions {
		if err := i.activate(ctx, d, there); err != nil {
			return fmt.Errorf("activate %s %s: %w", d.Kind, d.Name, err)
		}
	}
	return nil
}

// activate puts one definition in force.
func (i *Ingest) activate(ctx context.Context, d events.DefinitionActivated, there activations) error {
	e, err := definition.Event(definitionSource, d)
	if err != nil {
		return err
	}
	if there.ids[e.ID] {
		if last := there.last[named{d.Kind, d.Name}]; last != e.ID {
			i.log.WarnContext(ctx, "definition was replaced by a later one and stays so: give it a new version to put it in force again",
				"kind", d.Kind, "name", d.Name, "version", d.Version)
		}
		return nil
	}
	e.Recorder, e.Emitter = i.opts.Recorder, i.opts.Recorder
	gen := i.pipeline.gate.enter()
	defer i.pipeline.gate.leave(gen)
	e.RecordedTime = i.pipeline.gate.stamp()
	if err := i.publishOwn(ctx, e); err != nil {
		return err
	}
	i.log.InfoContext(ctx, "definition activated", "kind", d.Kind, "name", d.Name, "version", d.Version)
	return nil
}

// activations are the definitions that processes have put in force by their own
// configuration.
type activations struct {
	ids  map[string]bool
	last map[named]string // the id of the latest of each name
}

type named struct{ kind, name string }

// activated reads what TT_EVENTS has of them. The server remembers ids for a
// short time only, so we look; definitions and words about alerts, which share
// their subject, are few.
func (i *Ingest) activated(ctx context.Context) (activations, error) {
	found := activations{make(map[string]bool), make(map[named]string)}
	s, err := i.opts.Conn.JS.Stream(ctx, events.StreamEvents)
	if err != nil {
		return found, fmt.Errorf("look up %s: %w", events.StreamEvents, err)
	}
	subject := events.Place{}.EventsSubject()
	for seq := uint64(1); ; {
		msg, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("look for earlier activations: %w", err)
		}
		seq = msg.Sequence + 1
		e, err := events.DecodeStored(msg.Data)
		if err != nil || e.Type != events.TypeDefinitionActivated || e.Source != definitionSource {
			continue // the projector says what is wrong with a message
		}
		var d events.DefinitionActivated
		if e.DataAs(&d) == nil {
			found.ids[e.ID] = true
			found.last[named{d.Kind, d.Name}] = e.ID
		}
	}
}
