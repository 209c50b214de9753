package ingest

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/schemas"
)

// documentOf returns the example of a kind with one text in place of another.
func documentOf(t *testing.T, kind, old, now string) *definition.Document {
	t.Helper()
	text, err := schemas.Document(kind)
	if err != nil {
		t.Fatal(err)
	}
	d := &definition.Document{Kind: kind, Text: []byte(strings.Replace(string(text), old, now, 1))}
	if _, d.Name, d.Version, err = definition.Read(d.Text); err != nil {
		t.Fatal(err)
	}
	return d
}

// activating returns an event as a stranger may send it, checked by nobody.
func activating(t *testing.T, id string, d events.DefinitionActivated) []byte {
	t.Helper()
	e := events.Event{ID: id, Source: "/cli", Type: events.TypeDefinitionActivated, Subject: d.Name}
	if err := e.SetData(d); err != nil {
		t.Fatal(err)
	}
	raw, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestDoorRefusesWhatCannotBeInForce sends documents that only somebody who
// goes by them would stumble over.
func TestDoorRefusesWhatCannotBeInForce(t *testing.T) {
	w := newWorld(t, nil)
	standard := StandardLifecycle()
	lifecycle := strings.Replace(standard.Document, "spec:", "spec:\n  stats: []", 1)
	renamed := Configured(documentOf(t, definition.KindSource, "", ""))
	renamed.Version = "2"
	for name, tc := range map[string]struct {
		d    events.DefinitionActivated
		want []string
	}{
		"component": {
			Configured(documentOf(t, definition.KindComponent, "owner: team-payments", "ownr: x\n  ownrs: y")),
			[]string{"data.document: 11:3: spec.ownr: there is no such key", "; 12:3: spec.ownrs: there is no such key"},
		},
		"lifecycle": {Configured(&definition.Document{
			Kind: standard.Kind, Name: standard.Name, Version: standard.Version, Text: []byte(lifecycle),
		}), []string{"data.document: ", "stats"}},
		"kind": {
			Configured(documentOf(t, definition.KindSource, "kind: Source", "kind: Mapping")),
			[]string{"data.kind is not the kind of the document"},
		},
		"version": {renamed, []string{"data.version is not the version of the document"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.post("/v1/events", activating(t, name, tc.d))
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, `"E_SCHEMA"`) {
				t.Errorf("%d %s", a.Status, a.Text)
			}
			for _, want := range tc.want {
				if !strings.Contains(a.Text, want) {
					t.Errorf("%s\nlacks %q", a.Text, want)
				}
			}
		})
	}
	if n := len(w.stored()); n != 0 {
		t.Errorf("%d of them are in the stream", n)
	}
	for _, kind := range []string{definition.KindComponent, definition.KindSource} {
		if a := w.post("/v1/events", activating(t, kind, Configured(documentOf(t, kind, "", "")))); a.Accepted != 1 {
			t.Errorf("%s: %d %s", kind, a.Status, a.Text)
		}
	}
}

// TestConfigurationGoesBack starts with a document that was in force before
// another: what was said is said, and goes on to hold.
func TestConfigurationGoesBack(t *testing.T) {
	first := Configured(documentOf(t, definition.KindComponent, "", ""))
	second := Configured(documentOf(t, definition.KindComponent, `version: "3"`, `version: "4"`))
	w := newWorld(t, func(o *Options) { o.Definitions = []events.DefinitionActivated{first} })
	var log bytes.Buffer
	for _, d := range []events.DefinitionActivated{second, second, first} {
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		w.run(func(o *Options) {
			o.Definitions = []events.DefinitionActivated{d}
			o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.stored()); n != 2 {
		t.Errorf("%d activations, want 2", n)
	}
	if said := log.String(); strings.Count(said, "replaced by a later one") != 1 || !strings.Contains(said, "name=checkout version=3") {
		t.Errorf("the log says %q", said)
	}
}
