package rehearse

import (
	"errors"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Stored is one message of TT_EVENTS.
type Stored struct {
	Event *events.Event // as ingest stamped it
	Seq   uint64        // its position
	Time  time.Time     // when the stream stored it; zero: when it was recorded
	MsgID string        // its Nats-Msg-Id; "" : that of its content
}

// History is a run of recorded events, ticks and definitions among them, in the
// order of the stream. It is immutable once read and safe for concurrent use.
type History struct {
	messages []message
	settings view.Watermarks
	unusable []Unusable
}

// Unusable is a message that says nothing that could be used, and why. It counts
// for nothing, as in a projector, which puts it in quarantine.
type Unusable struct {
	Seq uint64
	Err error
}

// identity is what makes two events one, or twins.
type identity struct{ source, id string }

// message is what one message means.
type message struct {
	identity
	seq      uint64
	stored   time.Time
	hash     string // of identity and content
	recorded int64  // Unix nanoseconds

	env        string // "" for what belongs to none
	slot       events.Slot
	deployment string // of a word; "_" for a follow word
	release    string // of a word about a release

	// One of these at most: the rest is kept by others and changes nothing here.
	word      *statemachine.Word
	seen      *statemachine.Observation
	declared  *view.Declaration
	freeze    *view.FreezeWord
	activated *activation
	source    *definition.Activation
	tick      *view.Tick
}

// Read reads stored events, which must be in the order of the stream. settings
// say how ticks become watermarks; the zero value means the defaults.
func Read(list []Stored, settings view.Watermarks) *History {
	h := &History{messages: make([]message, 0, len(list)), settings: settings}
	for i := range list {
		m, err := read(&list[i])
		if err != nil {
			h.unusable = append(h.unusable, Unusable{Seq: list[i].Seq, Err: err})
			m = message{seq: list[i].Seq}
		}
		h.messages = append(h.messages, m)
	}
	return h
}

// Len returns how many messages there are.
func (h *History) Len() int { return len(h.messages) }

// Unusable returns the messages that count for nothing.
func (h *History) Unusable() []Unusable { return h.unusable }

var errStamps = errors.New("a stored event has no source, id or recordedtime")

func read(in *Stored) (message, error) {
	e := in.Event
	if e.Source == "" || e.ID == "" || e.RecordedTime.IsZero() {
		return message{}, errStamps
	}
	m := message{
		identity: identity{e.Source, e.ID}, seq: in.Seq, stored: in.Time, hash: in.MsgID, recorded: e.RecordedTime.UnixNano(),
	}
	if m.stored.IsZero() {
		m.stored = e.RecordedTime
	}
	if m.hash == "" {
		content, err := e.Content()
		if err != nil {
			return message{}, err
		}
		m.hash = events.MsgID(e.Source, e.ID, content)
	}
	if err := m.understand(e); err != nil {
		return message{}, err
	}
	return m, nil
}

// understand takes from an event what it means.
func (m *message) understand(e *events.Event) error {
	tau, _ := events.EffectiveTime(e.Time, e.RecordedTime)
	switch e.Type {
	case events.TypeTick:
		var d events.Tick
		if err := e.DataAs(&d); err != nil {
			return err
		}
		at := e.Time
		if at.IsZero() {
			at = e.RecordedTime
		}
		m.tick = &view.Tick{Recorder: e.Subject, Regions: d.Regions, At: at, Closing: d.Closing}
	case events.TypeObserved:
		seen, err := statemachine.NewObservation(e, m.seq, m.hash)
		if err != nil {
			return err
		}
		m.seen = &seen
		m.slot, err = events.ParseSlot(e.Subject)
		m.env = m.slot.Env
		return err
	case events.TypeReleaseDeclared:
		d := view.Declaration{Tau: tau, Source: e.Source, ID: e.ID}
		if err := e.DataAs(&d.ReleaseDeclared); err != nil {
			return err
		}
		release, err := events.ParseRelease(e.Subject)
		d.Release, m.env, m.declared = release, release.Env, &d
		return err
	case events.TypeFreezeDeclared, events.TypeFreezeLifted:
		m.env = e.Subject
		m.freeze = &view.FreezeWord{Tau: tau, Source: e.Source, ID: e.ID, Lifted: e.Type == events.TypeFreezeLifted}
		return e.DataAs(&m.freeze.Freeze)
	case events.TypeDefinitionActivated:
		return m.activate(e, tau)
	default:
		return m.speak(e)
	}
	return nil
}

// speak takes a word of a deployment, of what is under way in a slot, or of a
// release. Other types say nothing about deployments.
func (m *message) speak(e *events.Event) error {
	word, ok, err := statemachine.NewWord(e, m.seq, m.hash)
	if err != nil || !ok {
		return err
	}
	m.word = &word
	ofReleases := word.Kind == statemachine.KindEvidence || word.Kind == statemachine.KindAnnotated
	if ofReleases && strings.Count(e.Subject, "/") == 1 {
		release, err := events.ParseRelease(e.Subject)
		m.env, m.release = release.Env, release.Name
		return err
	}
	key, err := events.ParseKey(e.Subject)
	m.env, m.slot, m.deployment = key.Env, key.Slot, key.Deployment
	return err
}

// isOrdered reports whether the message counts by its place in the stream and
// not by its identity: a tick's promise is about what stands before it.
func (m *message) isOrdered() bool { return m.tick != nil }

// counted returns the messages that count among the first n: of equal contents
// under one identity the copy recorded first, of different ones the least by
// (recordedtime, hash), which knows how many twins it has (DESIGN §4
// "Identity"). Ticks and what cannot be used are not among them.
func (h *History) counted(n int) []message {
	at := make(map[identity]int)
	contents := make(map[identity]map[string]bool)
	var out []message
	for i := range h.messages[:n] {
		m := &h.messages[i]
		if m.hash == "" || m.isOrdered() {
			continue
		}
		j, heard := at[m.identity]
		if !heard {
			at[m.identity], contents[m.identity] = len(out), map[string]bool{m.hash: true}
			out = append(out, *m)
			continue
		}
		contents[m.identity][m.hash] = true
		if m.before(&out[j]) {
			out[j] = *m
		}
	}
	for i := range out {
		if twins := len(contents[out[i].identity]) - 1; twins > 0 && out[i].word != nil {
			word := *out[i].word
			word.Twins = uint32(twins)
			out[i].word = &word
		}
	}
	return out
}

// before reports whether of two copies under one identity m is the one that
// counts.
func (m *message) before(o *message) bool {
	if m.recorded != o.recorded {
		return m.recorded < o.recorded
	}
	return m.hash < o.hash
}
