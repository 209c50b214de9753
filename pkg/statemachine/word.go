package statemachine

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Kind says what sort of word a word is.
type Kind uint8

// The kinds of words that the fold reads. Other event types are no words.
const (
	KindReported Kind = iota + 1
	KindProgressed
	KindEvidence
	KindAnnotated
	KindOverridden
)

// Role says whether a word names its deployment, or by what it was placed on it
// (DESIGN §3). Whoever places a word sets it; it is not stored with the word.
type Role uint8

// The roles.
const (
	RoleLead  Role = iota // the word's own subject names the deployment
	RoleNamed             // a follow word, placed by a ref
	RoleLoose             // a follow word, placed on what was under way: it never lands
)

// Word is one event as the fold sees it: identity, order key and the fields
// that decide or are shown. Its Mark is unlifted: Attempt is the given attempt
// (0: none), Rank is filled by the fold, which alone knows the lifecycle.
type Word struct {
	events.Mark
	Kind     Kind
	Role     Role
	Ahead    bool   // the emitter's clock ran ahead
	BadSeq   bool   // a sequence was sent that is no decimal
	Recorded int64  // Unix nanoseconds
	Stream   uint64 // position in EVENTS of the copy that counts
	Hash     string // events.MsgID of that copy: identity and content
	Emitter  string
	Twins    uint32 // other contents heard under this identity, each an anomaly

	Status  string // reported, overridden: the status as said
	Version string
	Release string
	Class   events.Class
	Reason  string
	Message string
	URL     string
	Actor   string
	Owner   string

	Artifact events.Artifact
	Native   jsontext.Value // canonical JSON object or nil
	Labels   []Label        // sorted by name
	Refs     []string

	Percent    float64 // progressed; negative: not said
	NextBy     int64   // progressed: next_expected_by in Unix nanoseconds, 0: not said
	SubKind    string  // evidence and annotated: their kind
	Verdict    events.Verdict
	Name       string         // evidence
	Text       string         // annotated
	DetailJSON jsontext.Value // evidence: details
}

// given is the attempt that the word names, 0 for none. A follow word knows the
// rollout by another name, so that its number says nothing here.
func (w *Word) given() uint32 {
	if w.Role != RoleLead {
		return 0
	}
	return w.Attempt
}

// Label is one name and its value.
type Label struct{ Name, Value string }

// NewWord makes a word of a stored deployment event. stream is its position in
// EVENTS, hash its Nats-Msg-Id. ok is false for events that are no words (other
// types). It fails with [events.CodeSchema] on data that does not fit the type.
// The word shares no memory with e, whose strings would keep the whole message
// for as long as a state keeps one of them; those of the data share one copy.
func NewWord(e *events.Event, stream uint64, hash string) (w Word, ok bool, err error) {
	// One piece of memory for what every word keeps.
	kept := e.Source + e.ID + e.Emitter + e.Sequence
	next := func(n int) (s string) {
		s, kept = kept[:n], kept[n:]
		return s
	}
	w = Word{
		Mark:     events.Mark{Source: next(len(e.Source)), ID: next(len(e.ID))},
		Recorded: e.RecordedTime.UnixNano(),
		Stream:   stream,
		Hash:     hash,
		Emitter:  next(len(e.Emitter)),
		Percent:  -1,
	}
	w.Tau, w.Ahead = events.EffectiveTime(e.Time, e.RecordedTime)
	seq, valid := events.ParseSequence(next(len(e.Sequence)))
	w.Sequence, w.BadSeq = seq, !valid
	switch e.Type {
	case events.TypeReported:
		err = w.reported(e)
	case events.TypeProgressed:
		err = w.progressed(e)
	case events.TypeEvidence:
		err = w.evidence(e)
	case events.TypeAnnotated:
		err = w.annotated(e)
	case events.TypeOverridden:
		err = w.overridden(e)
	default:
		return Word{}, false, nil
	}
	return w, err == nil, err
}
