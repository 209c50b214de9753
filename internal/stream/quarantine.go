package stream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Limits of the quarantine.
const (
	// MaxQuarantined is the largest body, in bytes, that is kept in one message: in
	// base64 and with its envelope it must fit into 1 MiB. No event may be larger.
	MaxQuarantined = 512 << 10

	// MaxKept is the largest body, in bytes, that is kept at all, in several
	// messages: a webhook at its limit. The doors refuse what is larger.
	MaxKept = 1 << 20

	quarantineTimeout = 5 * time.Second
	quarantineTries   = 3
)

// Quarantined is something that could not be used, whole, with the reason. It
// is the JSON that the stream holds.
type Quarantined struct {
	Stage   string              `json:"stage"` // which room refused it: ingest, map, projector, notifier
	Code    events.Code         `json:"code"`
	Detail  string              `json:"detail"`
	Hint    string              `json:"hint,omitempty"`
	From    string              `json:"from"`              // the emitter, or where it came from when that is unknown
	Door    string              `json:"door"`              // http, hook, raw, …
	Tool    string              `json:"tool,omitempty"`    // whose mapping read it
	Subject string              `json:"subject,omitempty"` // as received, or the path with its query
	Headers map[string][]string `json:"headers,omitempty"` // without credentials
	Faults  []Fault             `json:"faults,omitempty"`  // where a mapping read it, each thing that it could not use
	Taken   int                 `json:"taken,omitempty"`   // events of it that TT_EVENTS has all the same
	At      time.Time           `json:"at"`
	Raw     []byte              `json:"raw"` // at most [MaxKept]; base64 in JSON
}

// Fault is one thing in a tool's request that could not be used.
type Fault struct {
	Code    events.Code `json:"code"`
	Detail  string      `json:"detail"`
	Rule    string      `json:"rule,omitempty"`    // of the mapping
	Field   string      `json:"field,omitempty"`   // the tool's name of what has no place in the vocabulary
	Value   string      `json:"value,omitempty"`   // what the tool said there
	Missing []string    `json:"missing,omitempty"` // parts of the identity that nobody gave
}

// QuarantineEntry is a quarantined thing and its sequence, which is its name.
type QuarantineEntry struct {
	Quarantined
	Seq   uint64 `json:"seq"`
	Bytes int    `json:"bytes"` // of the body, also where Raw does not have all of it
}

// kept is one message of the stream: an entry, a part of a longer entry's body,
// or what became of an entry.
type kept struct {
	Quarantined

	// Parts are the sequences of the messages that hold the rest of the body, and
	// Size is its length with them.
	Parts []uint64 `json:"parts,omitempty"`
	Size  int      `json:"size,omitempty"`

	Conclusion *Conclusion `json:"conclusion,omitempty"`
}

// Stages, in subjects, of messages that are no entries themselves.
const (
	stagePart      = "part"
	stageConcluded = "concluded"
)

func (k *kept) isEntry() bool { return k.Stage != stagePart && k.Conclusion == nil }

func (k *kept) entry(seq uint64) QuarantineEntry {
	return QuarantineEntry{Quarantined: k.Quarantined, Seq: seq, Bytes: max(k.Size, len(k.Raw))}
}

// QuarantineOption changes a default of [NewQuarantine].
type QuarantineOption func(*Quarantine)

// WithQuota sets how much one caller may put in: perSecond entries on average,
// burst at once. The default is 20 and 1,000.
func WithQuota(perSecond float64, burst int) QuarantineOption {
	return func(q *Quarantine) { q.quota = newQuota(perSecond, burst) }
}

// Quarantine is TT_QUARANTINE. It is safe for concurrent use.
type Quarantine struct {
	c     *Conn
	quota *quota
}

// NewQuarantine returns the quarantine.
func NewQuarantine(c *Conn, opts ...QuarantineOption) *Quarantine {
	q := &Quarantine{c: c, quota: newQuota(defaultQuotaRate, defaultQuotaBurst)}
	for _, o := range opts {
		o(q)
	}
	return q
}

// Put stores one thing and returns its sequence when it is durable. The same
// thing again, body, reason, caller and time, is stored once within the
// server's window. Errors: [ErrQuota] (E_QUOTA) when v.From has put in too much
// lately, an [*events.Error] with E_TOO_LARGE when the body is over
// [MaxKept], an *[Error] when the stream does not take it.
func (q *Quarantine) Put(ctx context.Context, v Quarantined) (uint64, error) {
	if len(v.Raw) > MaxKept {
		return 0, events.Errorf(events.CodeTooLarge, "%d bytes, the quarantine keeps up to %d", len(v.Raw), MaxKept)
	}
	if !q.quota.allow(v.From, time.Now()) {
		return 0, fmt.Errorf("%w: %w", ErrQuota, events.Errorf(events.CodeQuota, "too much that cannot be used comes from here").
			WithHint("look at GET /v1/quarantine for the reasons, and slow down"))
	}
	k := kept{Quarantined: v}
	if len(v.Raw) > MaxQuarantined {
		k.Raw, k.Size = v.Raw[:MaxQuarantined], len(v.Raw)
		for rest := v.Raw[MaxQuarantined:]; len(rest) > 0; {
			n := min(len(rest), MaxQuarantined)
			part := Quarantined{Stage: stagePart, Code: v.Code, From: v.From, At: v.At, Raw: rest[:n]}
			// If we died before the entry that names it, the part would stay unseen
			// until it is too old, and the sender would send all of it again.
			seq, err := q.put(ctx, events.QuarantineSubject(stagePart, v.Code), kept{Quarantined: part})
			if err != nil {
				return 0, err
			}
			k.Parts, rest = append(k.Parts, seq), rest[n:]
		}
	}
	return q.put(ctx, events.QuarantineSubject(v.Stage, v.Code), k)
}

// put publishes one message and returns its sequence.
func (q *Quarantine) put(ctx context.Context, subject string, k kept) (uint64, error) {
	data, err := json.Marshal(k)
	if err != nil {
		return 0, fmt.Errorf("encode for quarantine: %w", err)
	}
	sum := sha256.Sum256(data)
	msg := nats.NewMsg(subject)
	msg.Data = data
	id := base64.RawURLEncoding.EncodeToString(sum[:24])
	op := "store in " + events.StreamQuarantine
	for try := 1; ; try++ {
		// The id makes a repeat after a lost acknowledgement safe.
		ack, err := q.publish(ctx, msg, id)
		if err == nil {
			return ack.Sequence, nil
		}
		e := classify(op, err)
		if e.Kind != Transient || try == quarantineTries || !sleep(ctx, retryFirst<<try) {
			return 0, e
		}
	}
}

func (q *Quarantine) publish(ctx context.Context, msg *nats.Msg, id string) (*jetstream.PubAck, error) {
	ctx, cancel := q.c.wait(ctx, quarantineTimeout)
	defer cancel()
	return q.c.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(events.StreamQuarantine))
}

// Get returns one entry, whole. [ErrNotFound] when there is none of that
// sequence.
func (q *Quarantine) Get(ctx context.Context, seq uint64) (QuarantineEntry, error) {
	e, err := q.whole(ctx, seq)
	if err != nil {
		return QuarantineEntry{}, fmt.Errorf("get quarantined %d: %w", seq, err)
	}
	return e, nil
}

func (q *Quarantine) whole(ctx context.Context, seq uint64) (QuarantineEntry, error) {
	k, _, err := q.get(ctx, map[string]any{"seq": seq})
	if err != nil {
		return QuarantineEntry{}, err
	}
	if !k.isEntry() {
		return QuarantineEntry{}, ErrNotFound
	}
	e := k.entry(seq)
	for _, at := range k.Parts {
		part, _, err := q.get(ctx, map[string]any{"seq": at})
		if err != nil {
			return QuarantineEntry{}, fmt.Errorf("part at %d: %w", at, err)
		}
		e.Raw = append(e.Raw, part.Raw...)
	}
	return e, nil
}

// List returns up to limit entries with a sequence above after, oldest first. Of
// a body that is longer than [MaxQuarantined] they have the beginning.
func (q *Quarantine) List(ctx context.Context, after uint64, limit int) ([]QuarantineEntry, error) {
	var out []QuarantineEntry
	for len(out) < limit {
		k, seq, err := q.get(ctx, map[string]any{"seq": after + 1, "next_by_subj": events.AllQuarantine})
		if errors.Is(err, ErrNotFound) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list quarantine: %w", err)
		}
		if k.isEntry() {
			out = append(out, k.entry(seq))
		}
		after = seq
	}
	return out, nil
}

// get asks the leader for one message, so that what was just put is there.
func (q *Quarantine) get(ctx context.Context, req map[string]any) (k kept, seq uint64, err error) {
	data, seq, err := getMessage(ctx, q.c, events.StreamQuarantine, req)
	if err != nil {
		return k, 0, err
	}
	if err := json.Unmarshal(data, &k); err != nil {
		return k, seq, fmt.Errorf("sequence %d is not a quarantine entry: %w", seq, err)
	}
	return k, seq, nil
}
