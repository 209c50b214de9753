package projector

import (
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// message is one message of EVENTS, decoded as far as that needs no state.
type message struct {
	seq      uint64
	stored   time.Time // by the stream's clock
	kind     kind
	subject  string // of the event
	key      events.Key
	identity store.IdentityHash
	row      store.Event // what is stored of it
	source   string
	id       string
	tau      int64
	recorded int64

	sequence   events.Sequence
	contiguous bool // its source says that it numbers without gaps

	tick       *store.Tick
	definition *store.Definition

	fault  error // kindUnusable: why
	raw    []byte
	place  string // NATS subject
	sender string // emitter, as far as it is known
}

// kind says how a message is applied.
type kind uint8

const (
	kindWord       kind = iota // of a named deployment
	kindFollow                 // of a slot: a follow word or an observation, to be placed
	kindSaid                   // of a release or an environment: a plan, a freeze, a word about all members
	kindNote                   // stored and counted, changes no status
	kindTick                   // a recorder's promise
	kindDefinition             // a document is put in force
	kindUnusable               // goes to quarantine
)

// decodeAll decodes messages in parallel and keeps their order.
func decodeAll(batch []stream.Msg) []message {
	out := make([]message, len(batch))
	inShares(len(batch), func(i int) { out[i].decode(&batch[i]) })
	return out
}

// inShares calls work with 0 to n-1, as many at once as there are processors,
// and returns when all is done. A share is large enough that its goroutine
// costs nothing.
func inShares(n int, work func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), 1+n/64)
	share := (n + workers - 1) / workers
	var wg sync.WaitGroup
	for from := share; from < n; from += share {
		wg.Go(func() {
			for i := from; i < min(from+share, n); i++ {
				work(i)
			}
		})
	}
	for i := range min(share, n) {
		work(i)
	}
	wg.Wait()
}

func (m *message) decode(in *stream.Msg) {
	m.seq, m.stored, m.place = in.Seq, in.Time, in.Subject
	if err := m.read(in); err != nil {
		m.kind, m.fault, m.raw = kindUnusable, err, in.Data
	}
}

func (m *message) read(in *stream.Msg) error {
	e, err := events.DecodeStored(in.Data)
	if err != nil {
		return err
	}
	m.subject, m.source, m.id, m.sender = e.Subject, e.Source, e.ID, e.Emitter
	if e.Source == "" || e.ID == "" || e.RecordedTime.IsZero() {
		return events.Errorf(events.CodeSchema, "a stored event has no source, id or recordedtime")
	}
	m.tau, _ = events.EffectiveTime(e.Time, e.RecordedTime)
	m.recorded = e.RecordedTime.UnixNano()
	m.sequence, _ = events.ParseSequence(e.Sequence)
	m.contiguous = e.Contiguous
	if e.Type == events.TypeTick {
		return m.readTick(e)
	}
	if strings.IndexByte(e.Subject, 0) >= 0 {
		return events.Errorf(events.CodeBadID, "the subject has a zero byte")
	}
	hash := in.MsgID
	if hash == "" { // not written by ingest; it counts all the same
		content, err := e.Content()
		if err != nil {
			return err
		}
		hash = events.MsgID(e.Source, e.ID, content)
	}
	m.identity = store.HashIdentity(e.Source, e.ID)
	m.row = store.Event{Seq: in.Seq, Subject: e.Subject}
	word, ok, err := statemachine.NewWord(e, in.Seq, hash)
	if err != nil {
		return err
	}
	if ok {
		key, err := events.ParseKey(e.Subject)
		if err == nil {
			m.row.Word, m.key, m.kind = &word, key, kindWord
			if key.IsFollow() {
				m.kind = kindFollow
			}
			return nil
		}
		if _, release := events.ParseRelease(e.Subject); release != nil {
			return err
		}
		m.row.Word, m.kind = &word, kindSaid
		return nil
	}
	m.kind = kindNote
	m.row.Note = &store.Note{
		Type: e.Type, Source: e.Source, ID: e.ID, Hash: hash, Emitter: e.Emitter, Tau: m.tau, Recorded: m.recorded,
	}
	switch e.Type {
	case events.TypeDefinitionActivated:
		return m.readDefinition(e)
	case events.TypeObserved:
		at, err := events.ParseSlot(e.Subject)
		if err != nil {
			return err
		}
		m.key, m.kind, m.row.Note.Data = events.Key{Slot: at}, kindFollow, e.Data.Clone()
	case events.TypeReleaseDeclared, events.TypeFreezeDeclared, events.TypeFreezeLifted:
		m.kind, m.row.Note.Data = kindSaid, e.Data.Clone()
	}
	return nil
}

// cause returns what a message is told as, when it causes a change.
func (m *message) cause() cause {
	return cause{source: m.source, id: m.id, at: m.tau, recorded: m.recorded}
}

func (m *message) readTick(e *events.Event) error {
	var data events.Tick
	if err := e.DataAs(&data); err != nil {
		return err
	}
	recorder, ok := events.ParseTickSubject(m.place)
	if !ok {
		return events.Errorf(events.CodeBadID, "a tick is not on tt.v1.ticks.<recorder>")
	}
	at := e.Time
	if at.IsZero() {
		at = e.RecordedTime
	}
	m.kind = kindTick
	m.tick = &store.Tick{
		Recorder: recorder, Regions: data.Regions, At: at.UnixNano(), Seq: m.seq, Closing: data.Closing,
	}
	return nil
}

func (m *message) readDefinition(e *events.Event) error {
	var data events.DefinitionActivated
	if err := e.DataAs(&data); err != nil {
		return err
	}
	m.kind = kindDefinition
	m.definition = &store.Definition{
		Kind: data.Kind, Name: data.Name, Version: data.Version, Digest: data.Digest,
		Source: e.Source, ID: e.ID, From: m.tau, Tau: m.tau, Envs: data.Envs, Seq: m.seq, Document: data.Document,
	}
	if !data.EffectiveFrom.IsZero() {
		m.definition.From = data.EffectiveFrom.UnixNano()
	}
	switch data.Kind {
	case definition.KindLifecycle, definition.KindComponent, definition.KindSource:
		// The door has checked it; a stream may hold one from before that was so.
		if err := definition.Check([]byte(data.Document)); err != nil {
			return events.Errorf(events.CodeSchema, "the document cannot be put in force: %v", err)
		}
	}
	return nil
}
