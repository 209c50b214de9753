package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Activated returns the data of an event that puts the document in force, but for
// who, when and why.
func (d *Document) Activated() events.DefinitionActivated {
	sum := sha256.Sum256(d.Text)
	return events.DefinitionActivated{
		Kind: d.Kind, Name: d.Name, Version: d.Version,
		Digest: "sha256:" + hex.EncodeToString(sum[:]), Document: string(d.Text),
	}
}

// Event returns the event that puts a definition in force, as a source says it.
// Its id follows from what is put in force, from when and where, so that whoever
// says the same thing again says a duplicate; it has no time, so that what is not
// told to begin at a time begins when it is recorded. It fails on a definition
// that is none, with an [*events.Error] or, for the document, an [*Error].
func Event(source string, d events.DefinitionActivated) (*events.Event, error) {
	d.Envs = slices.Clone(d.Envs)
	slices.Sort(d.Envs)
	d.Envs = slices.Compact(d.Envs)
	from := ""
	if !d.EffectiveFrom.IsZero() {
		d.EffectiveFrom = d.EffectiveFrom.UTC()
		from = d.EffectiveFrom.Format(time.RFC3339Nano)
	}
	h := sha256.New()
	for _, part := range append([]string{d.Kind, d.Name, d.Version, d.Digest, from}, d.Envs...) {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	e := &events.Event{
		ID:      d.Kind + "-" + hex.EncodeToString(h.Sum(nil)),
		Source:  source,
		Type:    events.TypeDefinitionActivated,
		Subject: d.Name,
	}
	err := e.SetData(d)
	if err == nil {
		err = e.Validate()
	}
	if err == nil {
		err = CheckActivated(&d)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CheckActivated reports what keeps a definition from being put in force: a
// document that cannot be used, as an [*Error], or one that is of another kind,
// name or version than the event says.
func CheckActivated(d *events.DefinitionActivated) error {
	kind, name, version, err := Read([]byte(d.Document))
	if err != nil {
		return err
	}
	for _, m := range []struct{ member, said, is string }{
		{"kind", d.Kind, kind}, {"name", d.Name, name}, {"version", d.Version, version},
	} {
		if m.said != m.is {
			return fmt.Errorf("data.%s is not the %s of the document", m.member, m.member)
		}
	}
	return Check([]byte(d.Document))
}
