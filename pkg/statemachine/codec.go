package statemachine

import (
	"cmp"
	"crypto/sha256"
	"errors"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Versions of the binary forms. A store that holds another version is rebuilt
// from the stream.
const (
	stateVersion = 2
	wordVersion  = 2
)

// ErrCodec says that bytes are no state or word that this version wrote.
var ErrCodec = errors.New("statemachine: not a state or word of this version")

// AppendBinary appends the state to b in its stored form: what is believed,
// then what the next step needs to know.
func (s *State) AppendBinary(b []byte) []byte {
	b, _ = s.append(b, false)
	return b
}

// AppendDigested is [State.AppendBinary] and [State.Digest] at the cost of one:
// every event writes a state and says its digest.
func (s *State) AppendDigested(b []byte) ([]byte, [sha256.Size]byte) { return s.append(b, true) }

// Digest is the SHA-256 over what is believed: equal words give equal digests,
// whenever and in whatever order they came. What was heard when, the lifecycle's
// version and the memory, which the words imply, are left out.
func (s *State) Digest() [sha256.Size]byte {
	w := writer{b: make([]byte, 0, 512)}
	w.belief(s)
	return sha256.Sum256(w.b)
}

func (s *State) append(b []byte, digest bool) (out []byte, sum [sha256.Size]byte) {
	w := writer{b: append(b, stateVersion)}
	from := len(w.b)
	w.belief(s)
	if digest {
		sum = sha256.Sum256(w.b[from:])
	}
	w.text(s.Lifecycle.Name, s.Lifecycle.Version)
	w.time(s.Heard, s.SinceHeard)
	w.memory(&s.memory)
	return w.b, sum
}

// belief writes what the digest is taken of. It comes first, since what a
// writer wrote before decides what can be referred to.
func (w *writer) belief(s *State) {
	w.text(s.Status, s.Previous, s.Says)
	w.uint(uint64(s.Attempt))
	w.time(s.FirstTau, s.Since, s.Began, s.Started, s.Landed, s.Finished, s.LastTau, s.NextBy, s.Verified, s.LastBegan, s.LastStarted)
	w.text(s.Version, s.Release, s.Owner, s.URL, s.Reason, string(s.Class), s.Message,
		s.Artifact.Name, s.Artifact.Digest, string(s.Native))
	w.b = appendPercent(w.b, s.Percent)
	w.labels(s.Labels)
	w.list(s.Refs)
	w.list(s.Conditions)
	w.list(s.Marks)
	w.uint(uint64(len(s.Held)))
	for _, h := range s.Held {
		w.text(h.Status, h.Guard, h.Message, h.Source, h.ID)
	}
	w.uint(uint64(len(s.Violations)))
	for _, v := range s.Violations {
		w.text(v.Policy, v.Message, v.Source, v.ID)
		w.time(v.Tau)
	}
	w.uint(uint64(len(s.Evidence)))
	for _, e := range s.Evidence {
		w.text(e.Kind, e.Name, string(e.Verdict), e.Source, e.URL)
		w.time(e.Tau)
		w.uint(uint64(e.Attempt))
	}
	w.uint(uint64(len(s.Annotations)))
	for _, a := range s.Annotations {
		w.text(a.Kind, a.Text, a.URL, a.Actor)
		w.time(a.Tau)
	}
	w.uint(uint64(len(s.Claims)))
	for _, c := range s.Claims {
		w.text(c.Source, c.Status)
		w.time(c.Tau)
	}
	w.uint(uint64(len(s.Anomalies)))
	for _, a := range s.Anomalies {
		w.text(a.Reason, a.Source, a.ID, a.Detail)
		w.time(a.Tau)
	}
	w.uint(uint64(s.AnomalyN))
	w.uint(uint64(s.Words))
}

// DecodeState reads what [State.AppendBinary] wrote. The state shares no memory
// with b. It fails with [ErrCodec].
func DecodeState(b []byte) (*State, error) {
	r := reader{b: b}
	s := new(State)
	r.version(stateVersion)
	r.belief(s)
	s.Lifecycle = VersionRef{Name: r.known(), Version: r.known()}
	s.Heard, s.SinceHeard = r.time(), r.time()
	r.memory(&s.memory)
	if err := r.done(); err != nil {
		return nil, err
	}
	return s, nil
}

// Head is what others go by of a state: it stands at the beginning of the stored
// form, and can be read without the rest.
type Head struct {
	Status  string
	Attempt uint32

	// As in [State].
	FirstTau, Since, Began, Started, Landed, LastTau, LastBegan, LastStarted int64
}

// Head returns what others go by.
func (s *State) Head() *Head {
	return &Head{
		Status: s.Status, Attempt: s.Attempt,
		FirstTau: s.FirstTau, Since: s.Since, Began: s.Began, Started: s.Started, Landed: s.Landed,
		LastTau: s.LastTau, LastBegan: s.LastBegan, LastStarted: s.LastStarted,
	}
}

// StartedAt is [State.StartedAt].
func (h *Head) StartedAt() int64 { return cmp.Or(h.Started, h.Landed) }

// DecodeHead reads the head of what [State.AppendBinary] wrote, at a tenth of the
// cost of the whole. It fails with [ErrCodec] when that much cannot be read.
func DecodeHead(b []byte) (*Head, error) {
	r := reader{b: b}
	var s State
	r.version(stateVersion)
	r.head(&s)
	if r.failed {
		return nil, ErrCodec
	}
	return s.Head(), nil
}

func (r *reader) head(s *State) {
	s.Status, s.Previous, s.Says, s.Attempt = r.known(), r.known(), r.known(), uint32(r.uint())
	for _, t := range [...]*int64{
		&s.FirstTau, &s.Since, &s.Began, &s.Started, &s.Landed, &s.Finished, &s.LastTau, &s.NextBy,
		&s.Verified, &s.LastBegan, &s.LastStarted,
	} {
		*t = r.time()
	}
}

func (r *reader) belief(s *State) {
	r.head(s)
	s.Version, s.Release, s.Owner, s.URL, s.Reason = r.known(), r.known(), r.known(), r.known(), r.known()
	s.Class, s.Message = events.Class(r.known()), r.known()
	s.Artifact = events.Artifact{Name: r.known(), Digest: r.known()}
	s.Native = asJSON(r.known())
	s.Percent = r.percent()
	s.Labels, s.Refs, s.Conditions, s.Marks = r.labels(r.known), r.list(r.known), r.list(r.known), r.list(r.known)
	for range r.count() {
		s.Held = append(s.Held, Held{Status: r.known(), Guard: r.known(), Message: r.known(), Source: r.known(), ID: r.known()})
	}
	for range r.count() {
		s.Violations = append(s.Violations, Violation{Policy: r.known(), Message: r.known(), Source: r.known(), ID: r.known(), Tau: r.time()})
	}
	for range r.count() {
		s.Evidence = append(s.Evidence, Evidence{
			Kind: r.known(), Name: r.known(), Verdict: events.Verdict(r.known()), Source: r.known(), URL: r.known(),
			Tau: r.time(), Attempt: uint32(r.uint()),
		})
	}
	for range r.count() {
		s.Annotations = append(s.Annotations, Annotation{Kind: r.known(), Text: r.known(), URL: r.known(), Actor: r.known(), Tau: r.time()})
	}
	for range r.count() {
		s.Claims = append(s.Claims, Claim{Source: r.known(), Status: r.known(), Tau: r.time()})
	}
	for range r.count() {
		s.Anomalies = append(s.Anomalies, Anomaly{Reason: r.known(), Source: r.known(), ID: r.known(), Detail: r.known(), Tau: r.time()})
	}
	s.AnomalyN, s.Words = uint32(r.uint()), uint32(r.uint())
}

func (w *writer) memory(m *memory) {
	w.byte(byte(m.status))
	w.byte(byte(m.before))
	w.uint(uint64(m.visited))
	w.text(m.said, m.against, m.dissent)
	w.time(m.landTau, m.prior)
	w.b = appendFlags(w.b, m.override, m.judged, m.ahead, m.hasLast, m.bare)
	w.uint(uint64(len(m.sources)))
	for _, s := range m.sources {
		w.text(s.name, string(s.endSeq))
		w.byte(byte(s.status))
		w.time(s.tau, s.endTau)
		w.b = appendFlags(w.b, s.ended)
	}
	w.uint(uint64(m.last.Attempt))
	w.time(m.last.Tau)
	w.byte(m.last.Rank)
	w.text(m.last.Source, string(m.last.Sequence), m.last.ID)
	w.uint(uint64(len(m.begun)))
	for _, g := range m.begun {
		w.uint(uint64(g.attempt))
		w.time(g.tau)
	}
	w.time(m.bareTau)
	w.uint(uint64(len(m.chains)))
	for _, c := range m.chains {
		w.text(c.source, string(c.sequence))
		w.time(c.tau)
		w.byte(c.rank)
	}
}

func (r *reader) memory(m *memory) {
	m.status, m.before, m.visited = index(r.byte()), index(r.byte()), set(r.uint())
	m.said, m.against, m.dissent = r.known(), r.known(), r.known()
	m.landTau, m.prior = r.time(), r.time()
	r.flags(&m.override, &m.judged, &m.ahead, &m.hasLast, &m.bare)
	for range r.count() {
		s := sourceMemory{name: r.known(), endSeq: events.Sequence(r.known()), status: index(r.byte()), tau: r.time(), endTau: r.time()}
		r.flags(&s.ended)
		m.sources = append(m.sources, s)
	}
	m.last = events.Mark{Attempt: uint32(r.uint()), Tau: r.time(), Rank: r.byte()}
	m.last.Source, m.last.Sequence, m.last.ID = r.known(), events.Sequence(r.known()), r.known()
	for range r.count() {
		m.begun = append(m.begun, begin{attempt: uint32(r.uint()), tau: r.time()})
	}
	m.bareTau = r.time()
	for range r.count() {
		m.chains = append(m.chains, chain{source: r.known(), sequence: events.Sequence(r.known()), tau: r.time(), rank: r.byte()})
	}
}
