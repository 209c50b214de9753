package statemachine

import (
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

func (w *Word) reported(e *events.Event) error {
	var d events.Reported
	if err := e.DataAs(&d); err != nil {
		return err
	}
	w.Kind = KindReported
	w.Attempt, w.Status, w.Version, w.Release = d.Attempt, d.Status, d.Version, d.Release
	w.Class, w.Reason, w.Message, w.URL = d.Class, d.Reason, d.Message, d.URL
	w.Actor, w.Owner, w.Refs = d.Actor, d.Owner, d.Refs
	if d.Artifact != nil {
		w.Artifact = *d.Artifact
	}
	if len(d.Native) > 0 {
		native, err := events.Canonical(d.Native)
		if err != nil {
			return events.Errorf(events.CodeSchema, "native is not JSON")
		}
		w.Native = native
	}
	if len(d.Labels) > 0 {
		w.Labels = make([]Label, 0, len(d.Labels))
		for name, value := range d.Labels {
			w.Labels = append(w.Labels, Label{name, value})
		}
		slices.SortFunc(w.Labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	}
	return nil
}

func (w *Word) progressed(e *events.Event) error {
	var d events.Progressed
	if err := e.DataAs(&d); err != nil {
		return err
	}
	w.Kind = KindProgressed
	w.Attempt, w.Message, w.Refs = d.Attempt, d.Message, d.Refs
	if d.Percent != nil {
		w.Percent = *d.Percent
	}
	if !d.NextExpectedBy.IsZero() {
		w.NextBy = d.NextExpectedBy.UnixNano()
	}
	return nil
}

func (w *Word) evidence(e *events.Event) error {
	var d events.Evidence
	if err := e.DataAs(&d); err != nil {
		return err
	}
	w.Kind = KindEvidence
	w.Attempt, w.SubKind, w.Verdict, w.Name = d.Attempt, d.Kind, d.Verdict, d.Name
	w.URL, w.Actor, w.Refs, w.DetailJSON = d.URL, d.Actor, d.Refs, d.Details
	return nil
}

func (w *Word) annotated(e *events.Event) error {
	var d events.Annotated
	if err := e.DataAs(&d); err != nil {
		return err
	}
	w.Kind = KindAnnotated
	w.SubKind, w.Text, w.URL, w.Actor = d.Kind, d.Text, d.URL, d.Actor
	return nil
}

func (w *Word) overridden(e *events.Event) error {
	var d events.Overridden
	if err := e.DataAs(&d); err != nil {
		return err
	}
	w.Kind = KindOverridden
	w.Status, w.Reason, w.Actor = d.Status, d.Reason, d.Actor
	return nil
}
