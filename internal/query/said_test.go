package query_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// say stores an event that is no word of a named deployment as the projector
// would: where its subject says. A follower is unplaced unless placed.
func (f *fixture) say(minute int, kind, subject string, data any, placed bool) {
	f.t.Helper()
	f.seq++
	at := epoch.Add(time.Duration(minute) * time.Minute)
	e := &events.Event{
		ID: fmt.Sprintf("e%d", f.seq), Source: "/people", Type: kind, Subject: subject, Time: at,
		RecordedTime: at.Add(time.Second), Emitter: "local",
	}
	if err := e.SetData(data); err != nil {
		f.t.Fatal(err)
	}
	row := &store.Event{Seq: f.seq, Subject: subject}
	if w, ok, err := statemachine.NewWord(e, f.seq, e.ID); err != nil {
		f.t.Fatal(err)
	} else if ok {
		row.Word = &w
	} else {
		row.Note = &store.Note{
			Type: kind, Source: e.Source, ID: e.ID, Hash: e.ID, Emitter: "local",
			Tau: at.UnixNano(), Recorded: e.RecordedTime.UnixNano(), Data: e.Data,
		}
	}
	parts := strings.Split(subject, "/")
	f.update(func(w *store.Writer) error {
		ref, err := w.PutEvent(row)
		if err == nil {
			err = w.PutIdentity(store.HashIdentity(e.Source, e.ID), store.Identity{ref})
		}
		if err == nil && len(parts) <= 2 {
			err = w.PutSaid(parts[0], subject, f.seq, ref)
		}
		if err == nil && len(parts) > 2 {
			err = w.PutAbout(subject, f.seq, ref)
			if slot := strings.Join(parts[:3], "/"); err == nil && !placed {
				err = w.PutUnplaced(slot, f.seq, ref)
			}
		}
		return err
	})
}

// apply puts a document in force at a minute, for envs.
func (f *fixture) apply(minute int, document string, envs ...string) {
	f.t.Helper()
	kind, name, version, err := definition.Read([]byte(document))
	if err != nil {
		f.t.Fatal(err)
	}
	f.seq++
	at := epoch.Add(time.Duration(minute) * time.Minute).UnixNano()
	f.update(func(w *store.Writer) error {
		return w.PutDefinition(&store.Definition{
			Kind: kind, Name: name, Version: version, Digest: "sha256:" + version, Source: "/cli", ID: fmt.Sprint("d", f.seq),
			From: at, Tau: at, Envs: envs, Seq: f.seq, Document: document,
		})
	})
}

// component is a Component document.
func component(name, version, pattern, owner string) string {
	return fmt.Sprintf(`apiVersion: telltale.dev/v1
kind: Component
metadata: {name: %s, version: %q}
spec:
  match: {component: [%q]}
  owner: %s
  escalation: %s-lead
  impact: Nobody can pay.
  unit: retail
  labels: {tier: "1"}
`, name, version, pattern, owner, owner)
}

// show lays something over a deployment, as the projector would.
func (f *fixture) show(key string, near statemachine.Neighbours) {
	f.t.Helper()
	k, err := events.ParseKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.seq++
	f.update(func(w *store.Writer) error {
		d, err := w.Deployment(k)
		if err != nil {
			return err
		}
		shown := statemachine.Standard().Overlay(k, d.State, &near)
		d.Shown, d.Moved = &shown, f.seq
		d.Last = events.ChangeID{Incarnation: incarnation, Seq: f.seq}
		return w.PutDeployment(key, d)
	})
}

// into reads an answer.
func (f *fixture) into(v any, path string, header ...string) {
	f.t.Helper()
	if err := json.Unmarshal(f.get(path, header...), v); err != nil {
		f.t.Fatal(err)
	}
}
