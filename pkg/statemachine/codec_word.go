package statemachine

import (
	"encoding/binary"

	"github.com/telltale-dev/telltale/pkg/events"
)

// AppendBinary appends the word to b in its stored form.
func (w *Word) AppendBinary(b []byte) []byte {
	b = append(b, wordVersion)
	b = binary.AppendUvarint(b, uint64(w.Attempt))
	b = binary.AppendVarint(b, w.Tau)
	b = appendText(b, w.Source, string(w.Sequence), w.ID)
	flags := byte(0)
	if w.Ahead {
		flags |= 1
	}
	if w.BadSeq {
		flags |= 2
	}
	b = append(b, byte(w.Kind), flags)
	b = binary.AppendVarint(b, w.Recorded-w.Tau)
	b = binary.AppendUvarint(b, w.Stream)
	b = binary.AppendUvarint(b, uint64(w.Twins))
	b = appendText(b, w.Hash, w.Emitter, w.Status, w.Version, w.Release, string(w.Class), w.Reason,
		w.Message, w.URL, w.Actor, w.Owner, w.Artifact.Name, w.Artifact.Digest, string(w.Native))
	b = appendLabels(b, w.Labels)
	b = appendTexts(b, w.Refs)
	b = appendPercent(b, w.Percent)
	b = binary.AppendVarint(b, w.NextBy)
	return appendText(b, w.SubKind, string(w.Verdict), w.Name, w.Text, string(w.DetailJSON))
}

// DecodeWord reads what [Word.AppendBinary] wrote. The word shares no memory
// with b. It fails with [ErrCodec].
func DecodeWord(b []byte) (Word, error) {
	r := reader{b: b}
	var w Word
	r.version(wordVersion)
	w.Attempt, w.Tau = uint32(r.uint()), r.int()
	w.Source, w.Sequence, w.ID = r.text(), events.Sequence(r.text()), r.text()
	w.Kind = Kind(r.byte())
	flags := r.byte()
	w.Ahead, w.BadSeq = flags&1 != 0, flags&2 != 0
	w.Recorded, w.Stream, w.Twins = w.Tau+r.int(), r.uint(), uint32(r.uint())
	w.Hash, w.Emitter, w.Status, w.Version, w.Release = r.text(), r.text(), r.text(), r.text(), r.text()
	w.Class, w.Reason, w.Message, w.URL = events.Class(r.text()), r.text(), r.text(), r.text()
	w.Actor, w.Owner = r.text(), r.text()
	w.Artifact = events.Artifact{Name: r.text(), Digest: r.text()}
	w.Native = asJSON(r.text())
	w.Labels, w.Refs = r.labels(r.text), r.list(r.text)
	w.Percent, w.NextBy = r.percent(), r.int()
	w.SubKind, w.Verdict, w.Name, w.Text = r.text(), events.Verdict(r.text()), r.text(), r.text()
	w.DetailJSON = asJSON(r.text())
	return w, r.done()
}
