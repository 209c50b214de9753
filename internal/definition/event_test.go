package definition

import (
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestEvent(t *testing.T) {
	docs, err := ReadFiles(File{"a.yaml", example(t, KindComponent)})
	if err != nil {
		t.Fatal(err)
	}
	say := func(change func(*events.DefinitionActivated)) *events.Event {
		t.Helper()
		d := docs[0].Activated()
		d.Actor = "user:7f3a"
		change(&d)
		e, err := Event("/cli", d)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	first := say(func(*events.DefinitionActivated) {})
	if first.Subject != "checkout" || !first.Time.IsZero() || first.Source != "/cli" {
		t.Errorf("event %+v", first)
	}
	// The id is what is put in force, from when and where; who says so and why
	// makes no other of it.
	same := map[string]func(*events.DefinitionActivated){
		"who": func(d *events.DefinitionActivated) { d.Actor = "user:other" },
		"why": func(d *events.DefinitionActivated) { d.Reason, d.Origin = "because", &events.Origin{Commit: "abc"} },
	}
	other := map[string]func(*events.DefinitionActivated){
		"from": func(d *events.DefinitionActivated) { d.EffectiveFrom = from },
		"envs": func(d *events.DefinitionActivated) { d.Envs = []string{"prod"} },
	}
	for name, change := range same {
		if say(change).ID != first.ID {
			t.Errorf("%s changes the id", name)
		}
	}
	for name, change := range other {
		if say(change).ID == first.ID {
			t.Errorf("%s does not change the id", name)
		}
	}
	a := say(func(d *events.DefinitionActivated) { d.EffectiveFrom, d.Envs = from, []string{"test", "prod", "test"} })
	b := say(func(d *events.DefinitionActivated) { d.EffectiveFrom, d.Envs = from.UTC(), []string{"prod", "test"} })
	if a.ID != b.ID || string(a.Data) != string(b.Data) {
		t.Errorf("the same in other words: %s\n%s", a.Data, b.Data)
	}
}

func TestEventRefuses(t *testing.T) {
	docs, err := ReadFiles(File{"a.yaml", example(t, KindComponent)})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*events.DefinitionActivated)
		want   string
	}{
		"no actor":      {func(d *events.DefinitionActivated) { d.Actor = "" }, "data.actor"},
		"other digest":  {func(d *events.DefinitionActivated) { d.Document += "\n" }, "digest"},
		"other name":    {func(d *events.DefinitionActivated) { d.Name = "x" }, "data.name is not the name of the document"},
		"other version": {func(d *events.DefinitionActivated) { d.Version = "x" }, "data.version is not the version of the document"},
		"bad document": {func(d *events.DefinitionActivated) {
			broken := Document{Kind: d.Kind, Name: d.Name, Version: d.Version, Text: []byte(strings.Replace(d.Document, "owner:", "ownr:", 1))}
			*d = broken.Activated()
			d.Actor = "user:7f3a"
		}, "11:3: spec.ownr: there is no such key"},
	} {
		t.Run(name, func(t *testing.T) {
			d := docs[0].Activated()
			d.Actor = "user:7f3a"
			tc.change(&d)
			if _, err := Event("/cli", d); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}
