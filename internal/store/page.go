package store

import (
	"encoding/binary"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Bounds of a page. It is about one block of Badger's tables, since to read one
// of its entries is to read all.
const (
	pageEntries = 32 // at most 1<<refBits
	pageBytes   = 6 << 10
)

// page is a row in the making: entries of one kind, in order. It is written once
// and never changed.
type page struct {
	n       int
	entries []byte
	entry   []byte // the last one, before its length is known
}

// full reports that the next entry begins another page.
func (p *page) full() bool { return p.n >= pageEntries || len(p.entries) >= pageBytes }

// add puts an entry into the page, with its length before it.
func (p *page) add() {
	p.n++
	p.entries = binary.AppendUvarint(p.entries, uint64(len(p.entry)))
	p.entries = append(p.entries, p.entry...)
}

func (p *page) reset() { p.n, p.entries = 0, p.entries[:0] }

// Ref is the place of a stored event: its page and where it lies in it. The zero
// Ref is none. A later event has a greater one.
type Ref uint64

// refBits is how many bits of a Ref count the entries before it in its page.
const refBits = 6

func (r Ref) page() uint64 { return uint64(r) >> refBits }
func (r Ref) index() int   { return int(r & (1<<refBits - 1)) }

// Event is one stored copy of an event. It is what was heard: whether it counts
// its [Identity] says. The raw bytes stay in EVENTS, at Seq.
type Event struct {
	Seq     uint64
	Subject string
	Before  Ref // the stored word of the same deployment before this one; zero: it is the first

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

	// Data is the event's data where a view goes by it: plans, freezes and
	// observations. Of other types it is nil.
	Data jsontext.Value
}

// Hash returns the events.MsgID of the event: identity and content.
func (e *Event) Hash() string {
	if e.Word != nil {
		return e.Word.Hash
	}
	return e.Note.Hash
}

// Recorded returns when the copy was recorded, in Unix nanoseconds.
func (e *Event) Recorded() int64 {
	if e.Word != nil {
		return e.Word.Recorded
	}
	return e.Note.Recorded
}

// identity returns the hash of (source, id).
func (e *Event) identity() IdentityHash { return HashIdentity(e.Source(), e.ID()) }

func (e *Event) append(b []byte) []byte {
	b = appendFlags(b, e.Word != nil)
	b = binary.AppendUvarint(b, e.Seq)
	b = appendText(b, e.Subject)
	b = binary.AppendUvarint(b, uint64(e.Before))
	if e.Word != nil {
		return e.Word.AppendBinary(b)
	}
	n := e.Note
	b = appendText(b, n.Type, n.Source, n.ID, n.Hash, n.Emitter, string(n.Data))
	b = binary.AppendVarint(b, n.Tau)
	return binary.AppendVarint(b, n.Recorded)
}

func decodeEvent(v []byte) (Event, error) {
	d := decoder{b: v}
	var word bool
	d.flags(&word)
	e := Event{Seq: d.uint(), Subject: d.text(), Before: Ref(d.uint())}
	if word {
		w, err := statemachine.DecodeWord(d.b)
		e.Word = &w
		return e, err
	}
	e.Note = &Note{
		Type: d.text(), Source: d.text(), ID: d.text(), Hash: d.text(), Emitter: d.text(),
		Data: data(d.text()), Tau: d.int(), Recorded: d.int(),
	}
	return e, d.done()
}

// data returns nil for no data.
func data(s string) jsontext.Value {
	if s == "" {
		return nil
	}
	return jsontext.Value(s)
}

// Source returns the source of the event.
func (e *Event) Source() string {
	if e.Word != nil {
		return e.Word.Source
	}
	return e.Note.Source
}

// ID returns the id of the event.
func (e *Event) ID() string {
	if e.Word != nil {
		return e.Word.ID
	}
	return e.Note.ID
}

// decodeEventAt reads one entry of a page of events.
func decodeEventAt(page []byte, index int) (Event, error) {
	d := decoder{b: page}
	for range index {
		d.bytes()
	}
	return decodeEvent(d.bytes())
}

// appendChange leaves out the incarnation, which is in the page's key. Texts and
// times go by the change before it in the page: a tool says most things again.
func appendChange(b []byte, c, prev *view.Change) []byte {
	b = appendFlags(b, c.Late, c.Percent >= 0, c.Amends != events.ChangeID{}, c.Raw != nil)
	b = binary.AppendUvarint(b, c.ID.Seq-prev.ID.Seq)
	b = binary.AppendUvarint(b, uint64(c.ID.Index))
	if c.Raw != nil {
		b = appendText(b, c.Key, string(c.Raw))
		return binary.AppendVarint(b, c.At-prev.At)
	}
	b = appendText(b, c.Key, c.Cause.ID)
	for _, t := range changeTexts(c, prev) {
		b = appendTextOr(b, *t.now, *t.before)
	}
	b = binary.AppendUvarint(b, uint64(c.Attempt))
	b = appendTexts(b, c.Conditions)
	b = appendTexts(b, c.Marks)
	b = binary.AppendVarint(b, c.At-prev.At)
	b = binary.AppendVarint(b, c.Recorded-prev.Recorded)
	if c.Percent >= 0 {
		b = appendFloat(b, c.Percent)
	}
	if (c.Amends != events.ChangeID{}) {
		b = appendRef(b, c.Amends)
	}
	b = appendTextOr(b, c.Before.Incarnation, c.ID.Incarnation)
	b = binary.AppendUvarint(b, c.Before.Seq)
	b = binary.AppendUvarint(b, uint64(c.Before.Index))
	return append(b, c.Digest[:]...)
}

// changeText is one text of a change and the same of the one before it.
type changeText struct{ now, before *string }

// changeTexts are the texts that are left out where they are said again.
func changeTexts(c, prev *view.Change) [8]changeText {
	return [8]changeText{
		{&c.From, &prev.From},
		{&c.Status, &prev.Status},
		{&c.Version, &prev.Version},
		{&c.Release, &prev.Release},
		{&c.Owner, &prev.Owner},
		{&c.Message, &prev.Message},
		{&c.Reason, &prev.Reason},
		{&c.Cause.Source, &prev.Cause.Source},
	}
}

func decodeChange(v []byte, prev *view.Change) (view.Change, error) {
	d := decoder{b: v}
	c := view.Change{Facts: view.Facts{Percent: -1}}
	var percent, amends, other bool
	d.flags(&c.Late, &percent, &amends, &other)
	c.ID = events.ChangeID{Incarnation: prev.ID.Incarnation, Seq: prev.ID.Seq + d.uint(), Index: uint32(d.uint())}
	if other {
		c.Key, c.Raw = d.text(), []byte(d.text())
		c.At = prev.At + d.int()
		return c, d.done()
	}
	c.Key, c.Cause.ID = d.text(), d.text()
	for _, t := range changeTexts(&c, prev) {
		*t.now = d.textOr(*t.before)
	}
	c.Attempt, c.Conditions, c.Marks = uint32(d.uint()), d.texts(), d.texts()
	c.At, c.Recorded = prev.At+d.int(), prev.Recorded+d.int()
	if percent {
		c.Percent = d.float()
	}
	if amends {
		c.Amends = d.ref()
	}
	c.Before = events.ChangeID{Incarnation: d.textOr(c.ID.Incarnation), Seq: d.uint(), Index: uint32(d.uint())}
	if d.failed || len(d.b) != len(c.Digest) {
		return c, ErrCodec
	}
	copy(c.Digest[:], d.b)
	return c, nil
}

// beforeFirst is what the first change of a page goes by.
func beforeFirst(id events.ChangeID) *view.Change {
	return &view.Change{ID: events.ChangeID{Incarnation: id.Incarnation, Seq: id.Seq}}
}

// decodeChanges calls fn for each change of a page, until fn answers more=false
// or an error.
func decodeChanges(first events.ChangeID, v []byte, fn func(view.Change) (more bool, err error)) (more bool, err error) {
	d := decoder{b: v}
	prev := beforeFirst(first)
	for len(d.b) > 0 {
		c, err := decodeChange(d.bytes(), prev)
		if err != nil {
			return false, err
		}
		prev = &c
		if more, err := fn(c); err != nil || !more {
			return false, err
		}
	}
	return true, d.done()
}
