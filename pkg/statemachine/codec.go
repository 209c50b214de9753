package statemachine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Versions of the binary forms. A store that holds another version is rebuilt
// from the stream.
const (
	stateVersion = 1
	wordVersion  = 1
)

// ErrCodec says that bytes are no state or word that this version wrote.
var ErrCodec = errors.New("statemachine: not a state or word of this version")

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
	b = binary.AppendVarint(b, w.Recorded)
	b = binary.AppendUvarint(b, w.Stream)
	b = binary.AppendUvarint(b, uint64(w.Twins))
	b = appendText(b, w.Hash, w.Emitter, w.Status, w.Version, w.Release, string(w.Class), w.Reason,
		w.Message, w.URL, w.Actor, w.Owner, w.Artifact.Name, w.Artifact.Digest, string(w.Native))
	b = appendLabels(b, w.Labels)
	b = appendTexts(b, w.Refs)
	b = binary.AppendUvarint(b, math.Float64bits(w.Percent))
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
	w.Recorded, w.Stream, w.Twins = r.int(), r.uint(), uint32(r.uint())
	w.Hash, w.Emitter, w.Status, w.Version, w.Release = r.text(), r.text(), r.text(), r.text(), r.text()
	w.Class, w.Reason, w.Message, w.URL = events.Class(r.text()), r.text(), r.text(), r.text()
	w.Actor, w.Owner = r.text(), r.text()
	w.Artifact = events.Artifact{Name: r.text(), Digest: r.text()}
	w.Native = r.json()
	w.Labels, w.Refs = r.labels(), r.texts()
	w.Percent, w.NextBy = math.Float64frombits(r.uint()), r.int()
	w.SubKind, w.Verdict, w.Name, w.Text = r.text(), events.Verdict(r.text()), r.text(), r.text()
	w.DetailJSON = r.json()
	return w, r.done()
}

// AppendBinary appends the state to b in its stored form: what is believed,
// then what the next step needs to know.
func (s *State) AppendBinary(b []byte) []byte {
	b = append(b, stateVersion)
	b = appendText(b, s.Lifecycle.Name, s.Lifecycle.Version)
	b = s.appendBelief(b)
	return s.memory.append(b)
}

// Digest is the SHA-256 over what is believed: equal words give equal digests,
// whenever and in whatever order they came. The lifecycle's version is left
// out, and so is the memory, which the words imply.
func (s *State) Digest() [sha256.Size]byte {
	var buf [1024]byte
	return sha256.Sum256(s.appendBelief(buf[:0]))
}

func (s *State) appendBelief(b []byte) []byte {
	b = appendText(b, s.Status, s.Previous)
	b = binary.AppendUvarint(b, uint64(s.Attempt))
	for _, t := range [...]int64{s.Since, s.Began, s.Started, s.Landed, s.Finished, s.FirstTau, s.LastTau, s.NextBy} {
		b = binary.AppendVarint(b, t)
	}
	b = appendText(b, s.Version, s.Release, s.Owner, s.URL, s.Reason, string(s.Class), s.Message,
		s.Artifact.Name, s.Artifact.Digest, string(s.Native))
	b = binary.AppendUvarint(b, math.Float64bits(s.Percent))
	b = appendLabels(b, s.Labels)
	b = appendTexts(b, s.Refs)
	b = appendTexts(b, s.Conditions)
	b = binary.AppendUvarint(b, uint64(len(s.Held)))
	for _, h := range s.Held {
		b = appendText(b, h.Status, h.Guard, h.Message, h.Source, h.ID)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Evidence)))
	for _, e := range s.Evidence {
		b = appendText(b, e.Kind, e.Name, string(e.Verdict), e.Source, e.URL)
		b = binary.AppendVarint(b, e.Tau)
		b = binary.AppendUvarint(b, uint64(e.Attempt))
	}
	b = binary.AppendUvarint(b, uint64(len(s.Annotations)))
	for _, a := range s.Annotations {
		b = appendText(b, a.Kind, a.Text, a.URL, a.Actor)
		b = binary.AppendVarint(b, a.Tau)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Claims)))
	for _, c := range s.Claims {
		b = appendText(b, c.Source, c.Status)
		b = binary.AppendVarint(b, c.Tau)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Anomalies)))
	for _, a := range s.Anomalies {
		b = appendText(b, a.Reason, a.Source, a.ID, a.Detail)
		b = binary.AppendVarint(b, a.Tau)
	}
	b = binary.AppendUvarint(b, uint64(s.AnomalyN))
	return binary.AppendUvarint(b, uint64(s.Words))
}

// DecodeState reads what [State.AppendBinary] wrote. The state shares no memory
// with b. It fails with [ErrCodec].
func DecodeState(b []byte) (*State, error) {
	r := reader{b: b}
	s := new(State)
	r.version(stateVersion)
	s.Lifecycle = VersionRef{Name: r.text(), Version: r.text()}
	s.Status, s.Previous, s.Attempt = r.text(), r.text(), uint32(r.uint())
	for _, t := range [...]*int64{&s.Since, &s.Began, &s.Started, &s.Landed, &s.Finished, &s.FirstTau, &s.LastTau, &s.NextBy} {
		*t = r.int()
	}
	s.Version, s.Release, s.Owner, s.URL, s.Reason = r.text(), r.text(), r.text(), r.text(), r.text()
	s.Class, s.Message = events.Class(r.text()), r.text()
	s.Artifact = events.Artifact{Name: r.text(), Digest: r.text()}
	s.Native = r.json()
	s.Percent = math.Float64frombits(r.uint())
	s.Labels, s.Refs, s.Conditions = r.labels(), r.texts(), r.texts()
	for range r.count() {
		s.Held = append(s.Held, Held{Status: r.text(), Guard: r.text(), Message: r.text(), Source: r.text(), ID: r.text()})
	}
	for range r.count() {
		s.Evidence = append(s.Evidence, Evidence{
			Kind: r.text(), Name: r.text(), Verdict: events.Verdict(r.text()), Source: r.text(), URL: r.text(),
			Tau: r.int(), Attempt: uint32(r.uint()),
		})
	}
	for range r.count() {
		s.Annotations = append(s.Annotations, Annotation{Kind: r.text(), Text: r.text(), URL: r.text(), Actor: r.text(), Tau: r.int()})
	}
	for range r.count() {
		s.Claims = append(s.Claims, Claim{Source: r.text(), Status: r.text(), Tau: r.int()})
	}
	for range r.count() {
		s.Anomalies = append(s.Anomalies, Anomaly{Reason: r.text(), Source: r.text(), ID: r.text(), Detail: r.text(), Tau: r.int()})
	}
	s.AnomalyN, s.Words = uint32(r.uint()), uint32(r.uint())
	s.memory.read(&r)
	if err := r.done(); err != nil {
		return nil, err
	}
	return s, nil
}

func (m *memory) append(b []byte) []byte {
	b = append(b, byte(m.status))
	b = binary.AppendUvarint(b, uint64(m.visited))
	b = appendText(b, m.said, m.against)
	b = binary.AppendVarint(b, m.landTau)
	b = appendFlags(b, m.override, m.ahead, m.hasLast, m.bare)
	b = binary.AppendUvarint(b, uint64(len(m.sources)))
	for _, s := range m.sources {
		b = appendText(b, s.name, string(s.endSeq))
		b = append(b, byte(s.status))
		b = binary.AppendVarint(b, s.tau)
		b = binary.AppendVarint(b, s.endTau)
		b = appendFlags(b, s.ended)
	}
	b = binary.AppendUvarint(b, uint64(m.last.Attempt))
	b = binary.AppendVarint(b, m.last.Tau)
	b = append(b, m.last.Rank)
	b = appendText(b, m.last.Source, string(m.last.Sequence), m.last.ID)
	b = binary.AppendUvarint(b, uint64(len(m.begun)))
	for _, g := range m.begun {
		b = binary.AppendUvarint(b, uint64(g.attempt))
		b = binary.AppendVarint(b, g.tau)
	}
	b = binary.AppendVarint(b, m.bareTau)
	b = binary.AppendUvarint(b, uint64(len(m.chains)))
	for _, c := range m.chains {
		b = appendText(b, c.source, string(c.sequence))
		b = binary.AppendVarint(b, c.tau)
		b = append(b, c.rank)
	}
	return b
}

func (m *memory) read(r *reader) {
	m.status, m.visited = index(r.byte()), set(r.uint())
	m.said, m.against, m.landTau = r.text(), r.text(), r.int()
	r.flags(&m.override, &m.ahead, &m.hasLast, &m.bare)
	for range r.count() {
		s := sourceMemory{name: r.text(), endSeq: events.Sequence(r.text()), status: index(r.byte()), tau: r.int(), endTau: r.int()}
		r.flags(&s.ended)
		m.sources = append(m.sources, s)
	}
	m.last = events.Mark{Attempt: uint32(r.uint()), Tau: r.int(), Rank: r.byte()}
	m.last.Source, m.last.Sequence, m.last.ID = r.text(), events.Sequence(r.text()), r.text()
	for range r.count() {
		m.begun = append(m.begun, begin{attempt: uint32(r.uint()), tau: r.int()})
	}
	m.bareTau = r.int()
	for range r.count() {
		m.chains = append(m.chains, chain{source: r.text(), sequence: events.Sequence(r.text()), tau: r.int(), rank: r.byte()})
	}
}
