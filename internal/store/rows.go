package store

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Position is how far the store has followed EVENTS. The zero value is a store
// that has seen nothing.
type Position struct {
	Incarnation string // of EVENTS, see stream.Identity
	Seq         uint64 // the last message that is wholly in the store

	// A message with much work is done in parts, each a transaction. Part counts
	// those of message Seq+1 that are done, Resume is the key behind which the
	// next one goes on, and Index the index of its next change.
	Part   uint32
	Resume string
	Index  uint32
}

func (p *Position) append(b []byte) []byte {
	b = appendText(b, p.Incarnation, p.Resume)
	b = binary.AppendUvarint(b, p.Seq)
	b = binary.AppendUvarint(b, uint64(p.Part))
	return binary.AppendUvarint(b, uint64(p.Index))
}

func (p *Position) decode(v []byte) error {
	d := decoder{b: v}
	*p = Position{Incarnation: d.text(), Resume: d.text(), Seq: d.uint(), Part: uint32(d.uint()), Index: uint32(d.uint())}
	return d.done()
}

// Counts is how many deployments have each status.
type Counts map[string]uint64

func (c Counts) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(c)))
	for status, n := range c {
		b = binary.AppendUvarint(appendText(b, status), n)
	}
	return b
}

func decodeCounts(v []byte) (Counts, error) {
	d := decoder{b: v}
	c := Counts{}
	for range d.count() {
		status := d.text()
		c[status] = d.uint()
	}
	return c, d.done()
}

// Deployment is what is believed of one deployment.
type Deployment struct {
	State *statemachine.State
	Last  events.ChangeID // the last change that told of it; zero: none did
}

// Revision is the position in EVENTS of what caused the last change.
func (d *Deployment) Revision() uint64 { return d.Last.Seq }

func (d *Deployment) append(b []byte) []byte {
	b = appendRef(b, d.Last)
	return d.State.AppendBinary(b)
}

func decodeDeployment(v []byte) (*Deployment, error) {
	d := decoder{b: v}
	row := &Deployment{Last: d.ref()}
	if d.failed {
		return nil, ErrCodec
	}
	var err error
	row.State, err = statemachine.DecodeState(d.b)
	return row, err
}

// Event is one stored copy of an event, under its subject. The raw bytes stay
// in EVENTS, at Seq.
type Event struct {
	Seq    uint64
	Counts bool // false: another content under its identity goes before

	// Exactly one is set: a word of a deployment (follow words included), or a
	// note of any other event.
	Word *statemachine.Word
	Note *Note
}

// Note is what the store keeps of an event that is no word.
type Note struct {
	Type, Source, ID string
	Hash, Emitter    string
	Tau, Recorded    int64
	Twins            uint32 // other contents heard under this identity
}

func (e *Event) append(b []byte) []byte {
	b = appendFlags(b, e.Counts, e.Word != nil)
	if e.Word != nil {
		return e.Word.AppendBinary(b)
	}
	n := e.Note
	b = appendText(b, n.Type, n.Source, n.ID, n.Hash, n.Emitter)
	b = binary.AppendVarint(b, n.Tau)
	b = binary.AppendVarint(b, n.Recorded)
	return binary.AppendUvarint(b, uint64(n.Twins))
}

func decodeEvent(seq uint64, v []byte) (Event, error) {
	d := decoder{b: v}
	e := Event{Seq: seq}
	var word bool
	d.flags(&e.Counts, &word)
	if word {
		w, err := statemachine.DecodeWord(d.b)
		e.Word = &w
		return e, err
	}
	e.Note = &Note{
		Type: d.text(), Source: d.text(), ID: d.text(), Hash: d.text(), Emitter: d.text(),
		Tau: d.int(), Recorded: d.int(), Twins: uint32(d.uint()),
	}
	return e, d.done()
}

// Copy is one content under an identity, by the copy that was recorded first.
type Copy struct {
	Hash     string // events.MsgID: identity and content
	Recorded int64  // Unix nanoseconds
	Seq      uint64 // in EVENTS
	Subject  string // of the event row
}

// Identity is all that was heard under one (source, id), by (recorded, hash):
// the first copy counts. There is one, unless an id was used twice.
type Identity []Copy

// Sort puts the copy that counts first.
func (id Identity) Sort() {
	slices.SortFunc(id, func(a, b Copy) int {
		return cmp.Or(cmp.Compare(a.Recorded, b.Recorded), strings.Compare(a.Hash, b.Hash))
	})
}

func (id Identity) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(id)))
	for _, c := range id {
		b = appendText(b, c.Hash, c.Subject)
		b = binary.AppendVarint(b, c.Recorded)
		b = binary.AppendUvarint(b, c.Seq)
	}
	return b
}

func decodeIdentity(v []byte) (Identity, error) {
	d := decoder{b: v}
	id := make(Identity, d.count())
	for i := range id {
		id[i] = Copy{Hash: d.text(), Subject: d.text(), Recorded: d.int(), Seq: d.uint()}
	}
	return id, d.done()
}

// Tick is the last tick of a recorder.
type Tick struct {
	Recorder string
	Regions  []string
	At       int64  // Unix nanoseconds: all before stands before it in the stream
	Seq      uint64 // in EVENTS
	Closing  bool   // the recorder drained and stopped
	Ahead    bool   // its clock ran ahead of the stream's; At is from before
}

func (t *Tick) append(b []byte) []byte {
	b = appendTexts(b, t.Regions)
	b = binary.AppendVarint(b, t.At)
	b = binary.AppendUvarint(b, t.Seq)
	return appendFlags(b, t.Closing, t.Ahead)
}

func decodeTick(recorder string, v []byte) (Tick, error) {
	d := decoder{b: v}
	t := Tick{Recorder: recorder, Regions: d.texts(), At: d.int(), Seq: d.uint()}
	d.flags(&t.Closing, &t.Ahead)
	return t, d.done()
}

// Definition is an activated document.
type Definition struct {
	Kind, Name, Version, Digest string
	Source, ID                  string   // of the event that activated it
	From                        int64    // effective from, τ when not said
	Tau                         int64    // of the activation
	Envs                        []string // empty: all
	Seq                         uint64   // in EVENTS
	Document                    string
}

func (f *Definition) append(b []byte) []byte {
	b = appendText(b, f.Kind, f.Name, f.Version, f.Digest, f.Source, f.ID)
	b = binary.AppendVarint(b, f.From)
	b = binary.AppendVarint(b, f.Tau)
	b = appendTexts(b, f.Envs)
	b = binary.AppendUvarint(b, f.Seq)
	return appendText(b, f.Document)
}

func decodeDefinition(v []byte) (Definition, error) {
	d := decoder{b: v}
	f := Definition{
		Kind: d.text(), Name: d.text(), Version: d.text(), Digest: d.text(), Source: d.text(), ID: d.text(),
		From: d.int(), Tau: d.int(), Envs: d.texts(), Seq: d.uint(), Document: d.text(),
	}
	return f, d.done()
}

func appendSlot(b []byte, s *view.Slot) []byte {
	c, l := &s.Current, &s.Latest
	b = appendText(b, c.Deployment, c.Version, c.Source)
	b = binary.AppendUvarint(b, uint64(c.Attempt))
	b = binary.AppendVarint(b, c.Tau)
	b = append(b, byte(c.Class))
	b = appendFlags(b, c.Restored)
	b = binary.AppendUvarint(b, uint64(s.Landings))
	b = appendText(b, l.Deployment, l.Version, l.Status)
	b = binary.AppendVarint(b, l.Began)
	b = binary.AppendVarint(b, l.Since)
	return binary.AppendUvarint(b, s.Revision)
}

func decodeSlot(v []byte) (view.Slot, error) {
	d := decoder{b: v}
	var s view.Slot
	s.Current = view.Landing{
		Deployment: d.text(), Version: d.text(), Source: d.text(),
		Attempt: uint32(d.uint()), Tau: d.int(), Class: view.Class(d.byte()),
	}
	d.flags(&s.Current.Restored)
	s.Landings = uint32(d.uint())
	s.Latest = view.Latest{Deployment: d.text(), Version: d.text(), Status: d.text(), Began: d.int(), Since: d.int()}
	s.Revision = d.uint()
	if s.Current.Class > view.ClassOvertaken {
		return s, ErrCodec
	}
	return s, d.done()
}

func appendSlotWord(b []byte, w *statemachine.SlotWord) []byte {
	b = append(b, byte(w.Kind))
	b = binary.AppendVarint(b, w.Tau)
	b = appendText(b, w.Source, string(w.Sequence), w.Deployment, w.ID)
	b = binary.AppendUvarint(b, uint64(w.Attempt))
	return appendText(b, w.Version)
}

func decodeSlotWord(v []byte) (statemachine.SlotWord, error) {
	d := decoder{b: v}
	w := statemachine.SlotWord{
		Kind: statemachine.SlotKind(d.byte()), Tau: d.int(), Source: d.text(),
		Sequence: events.Sequence(d.text()), Deployment: d.text(), ID: d.text(),
		Attempt: uint32(d.uint()), Version: d.text(),
	}
	return w, d.done()
}

// appendRef writes the id of a change that a row refers to.
func appendRef(b []byte, id events.ChangeID) []byte {
	b = appendText(b, id.Incarnation)
	b = binary.AppendUvarint(b, id.Seq)
	return binary.AppendUvarint(b, uint64(id.Index))
}

func (d *decoder) ref() events.ChangeID {
	return events.ChangeID{Incarnation: d.text(), Seq: d.uint(), Index: uint32(d.uint())}
}

// appendChange leaves out the id, which is the key.
func appendChange(b []byte, c *view.Change) []byte {
	b = appendText(b, c.Key, c.From, c.Status)
	b = binary.AppendUvarint(b, uint64(c.Attempt))
	b = appendTexts(b, c.Conditions)
	b = appendText(b, c.Version, c.Release, c.Owner, c.Message)
	b = binary.AppendUvarint(b, math.Float64bits(c.Percent))
	b = binary.AppendVarint(b, c.At)
	b = binary.AppendVarint(b, c.Recorded)
	b = appendText(b, c.Reason, c.Cause.Source, c.Cause.ID)
	b = appendFlags(b, c.Late)
	b = appendRef(b, c.Amends)
	b = appendRef(b, c.Before)
	b = appendTexts(b, c.Marks)
	return append(b, c.Digest[:]...)
}

func decodeChange(id events.ChangeID, v []byte) (view.Change, error) {
	d := decoder{b: v}
	c := view.Change{ID: id, Key: d.text(), From: d.text()}
	c.Status, c.Attempt, c.Conditions = d.text(), uint32(d.uint()), d.texts()
	c.Version, c.Release, c.Owner, c.Message = d.text(), d.text(), d.text(), d.text()
	c.Percent = math.Float64frombits(d.uint())
	c.At, c.Recorded = d.int(), d.int()
	c.Reason, c.Cause = d.text(), view.Cause{Source: d.text(), ID: d.text()}
	d.flags(&c.Late)
	c.Amends, c.Before = d.ref(), d.ref()
	c.Marks = d.texts()
	if len(d.b) != len(c.Digest) {
		return c, ErrCodec
	}
	copy(c.Digest[:], d.b)
	return c, nil
}
