package projector

import (
	"runtime"
	"strings"
	"sync"
	"time"

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
	copy     store.Copy
	row      store.Event // what is stored of it
	source   string
	id       string
	tau      int64
	recorded int64

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
	m.copy = store.Copy{Hash: hash, Recorded: m.recorded, Seq: in.Seq, Subject: e.Subject}
	m.row = store.Event{Seq: in.Seq, Counts: true}
	word, ok, err := statemachine.NewWord(e, in.Seq, hash)
	if err != nil {
		return err
	}
	if ok {
		key, err := events.ParseKey(e.Subject)
		if err == nil {
			// Words under a follow key wait for a name; they are no deployment's.
			m.row.Word, m.key, m.kind = &word, key, kindWord
			if key.IsFollow() {
				m.kind = kindNote
			}
			return nil
		}
		if _, release := events.ParseRelease(e.Subject); release != nil {
			return err
		}
	}
	m.kind = kindNote
	m.row.Note = &store.Note{
		Type: e.Type, Source: e.Source, ID: e.ID, Hash: hash, Emitter: e.Emitter, Tau: m.tau, Recorded: m.recorded,
	}
	if e.Type == events.TypeDefinitionActivated {
		return m.readDefinition(e)
	}
	return nil
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
		Ahead: at.Sub(m.stored) > maxAhead,
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
	if data.Kind != kindLifecycle {
		return nil
	}
	if _, err := statemachine.Compile([]byte(data.Document)); err != nil {
		return events.Errorf(events.CodeSchema, "the lifecycle document does not compile: %v", err)
	}
	return nil
}

// maxAhead is how far a tick may be ahead of the stream's own clock and still
// count.
const maxAhead = 5 * time.Second
