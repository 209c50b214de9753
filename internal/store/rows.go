package store

import (
	"encoding/binary"

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
	Moved uint64          // the position in EVENTS at which what is told of it last changed

	// Shown is how it is shown; nil: as State.Bare says. Check is when a tick has
	// to look at its deadlines, Unix nanoseconds, 0: never.
	Shown *statemachine.Shown
	Check int64

	// Owner is what its Component says, as it was when something was last told;
	// "" where its own words name one.
	Owner string

	// Also are the releases that its words name beside the one of its state,
	// sorted: it is a member of these too.
	Also []string

	// Words is the last of its words that was stored; each names the one before.
	// Contested says that an identity was heard more than once among them, so
	// that only the Identity knows which copy counts, see [WordsOf].
	Words     Ref
	Contested bool
}

// Revision is the position in EVENTS of what caused the last change.
func (d *Deployment) Revision() uint64 { return d.Last.Seq }

func (d *Deployment) append(b []byte) []byte {
	b = appendFlags(b, d.Contested, d.Shown != nil, d.Check != 0, d.Owner != "", len(d.Also) > 0)
	b = appendRef(b, d.Last)
	b = binary.AppendUvarint(b, d.Moved)
	b = binary.AppendUvarint(b, uint64(d.Words))
	if d.Check != 0 {
		b = binary.AppendVarint(b, d.Check)
	}
	if d.Owner != "" {
		b = appendText(b, d.Owner)
	}
	if len(d.Also) > 0 {
		b = appendTexts(b, d.Also)
	}
	if d.Shown != nil {
		b = appendText(b, string(d.Shown.AppendBinary(nil)))
	}
	return d.State.AppendBinary(b)
}

func decodeDeployment(v []byte) (*Deployment, error) {
	d := decoder{b: v}
	row := new(Deployment)
	var shown, check, owner, also bool
	d.flags(&row.Contested, &shown, &check, &owner, &also)
	row.Last, row.Moved, row.Words = d.ref(), d.uint(), Ref(d.uint())
	if check {
		row.Check = d.int()
	}
	if owner {
		row.Owner = d.text()
	}
	if also {
		row.Also = d.texts()
	}
	var err error
	if shown {
		if row.Shown, err = statemachine.DecodeShown(d.bytes()); err != nil {
			return nil, err
		}
	}
	if d.failed {
		return nil, ErrCodec
	}
	row.State, err = statemachine.DecodeState(d.b)
	return row, err
}

// decodeHead reads the head of the state in a row of a deployment.
func decodeHead(v []byte) (*statemachine.Head, error) {
	d := decoder{b: v}
	var contested, shown, check, owner, also bool
	d.flags(&contested, &shown, &check, &owner, &also)
	d.skipRef()
	d.uint()
	d.uint()
	if check {
		d.int()
	}
	if owner {
		d.bytes()
	}
	if also {
		for range d.count() {
			d.bytes()
		}
	}
	if shown {
		d.bytes()
	}
	if d.failed {
		return nil, ErrCodec
	}
	return statemachine.DecodeHead(d.b)
}

// Identity is all that was heard under one (source, id): each content once, by
// the copy that was recorded first, in the order of (recorded, hash). The first
// counts. There is one, unless an id was used twice.
type Identity []Ref

func (id Identity) append(b []byte) []byte {
	for _, ref := range id {
		b = binary.AppendUvarint(b, uint64(ref))
	}
	return b
}

func decodeIdentity(v []byte) (id Identity, err error) {
	d := decoder{b: v}
	for len(d.b) > 0 {
		id = append(id, Ref(d.uint()))
	}
	if len(id) == 0 {
		return nil, ErrCodec
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

// LatestOf returns what a slot shows of its latest deployment.
func LatestOf(name string, d *Deployment) view.Latest {
	shown := d.Shows()
	return view.Latest{Deployment: name, Version: d.State.Version, Status: shown.Status, Began: d.State.Began, Since: shown.Since}
}

// appendSlot leaves out what the row of the latest deployment says: it changes
// with nearly every event.
func appendSlot(b []byte, s *view.Slot) []byte {
	c := &s.Current
	b = appendText(b, c.Deployment, c.Version, c.Source)
	b = binary.AppendUvarint(b, uint64(c.Attempt))
	b = binary.AppendVarint(b, c.Tau)
	b = append(b, byte(c.Class))
	b = appendFlags(b, c.Restored, s.Follows)
	b = binary.AppendUvarint(b, uint64(s.Landings))
	b = appendText(b, s.Latest.Deployment)
	return binary.AppendUvarint(b, s.Revision)
}

func decodeSlot(v []byte) (view.Slot, error) {
	d := decoder{b: v}
	var s view.Slot
	s.Current = view.Landing{
		Deployment: d.text(), Version: d.text(), Source: d.text(),
		Attempt: uint32(d.uint()), Tau: d.int(), Class: view.Class(d.byte()),
	}
	d.flags(&s.Current.Restored, &s.Follows)
	s.Landings = uint32(d.uint())
	s.Latest.Deployment = d.text()
	s.Revision = d.uint()
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

func (d *decoder) skipRef() {
	d.bytes()
	d.uint()
	d.uint()
}

func (d *decoder) ref() events.ChangeID {
	return events.ChangeID{Incarnation: d.text(), Seq: d.uint(), Index: uint32(d.uint())}
}
