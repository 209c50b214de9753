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
	// MaxQuarantined is the largest body, in bytes, that is kept: in base64 and
	// with its envelope it must fit into one message of 1 MiB. The doors refuse
	// what is larger.
	MaxQuarantined = 512 << 10

	quarantineTimeout = 5 * time.Second
	quarantineTries   = 3
)

// Quarantined is something that could not be used, whole, with the reason. It
// is the JSON that the stream holds.
type Quarantined struct {
	Stage   string              `json:"stage"` // which room refused it: ingest, projector, notifier
	Code    events.Code         `json:"code"`
	Detail  string              `json:"detail"`
	Hint    string              `json:"hint,omitempty"`
	From    string              `json:"from"`              // the emitter, or where it came from when that is unknown
	Door    string              `json:"door"`              // http, raw, …
	Subject string              `json:"subject,omitempty"` // as received, or the path
	Headers map[string][]string `json:"headers,omitempty"` // without credentials
	At      time.Time           `json:"at"`
	Raw     []byte              `json:"raw"` // at most [MaxQuarantined]; base64 in JSON
}

// QuarantineEntry is a quarantined thing and its sequence, which is its name.
type QuarantineEntry struct {
	Quarantined
	Seq uint64 `json:"seq"`
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
// [MaxQuarantined], an *[Error] when the stream does not take it.
func (q *Quarantine) Put(ctx context.Context, v Quarantined) (uint64, error) {
	if len(v.Raw) > MaxQuarantined {
		return 0, events.Errorf(events.CodeTooLarge, "%d bytes, the quarantine keeps up to %d", len(v.Raw), MaxQuarantined)
	}
	if !q.quota.allow(v.From, time.Now()) {
		return 0, fmt.Errorf("%w: %w", ErrQuota, events.Errorf(events.CodeQuota, "too much that cannot be used comes from here").
			WithHint("look at GET /v1/quarantine for the reasons, and slow down"))
	}
	data, err := json.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("encode for quarantine: %w", err)
	}
	sum := sha256.Sum256(data)
	msg := nats.NewMsg(events.QuarantineSubject(v.Stage, v.Code))
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

// Get returns one entry. [ErrNotFound] when there is none of that sequence.
func (q *Quarantine) Get(ctx context.Context, seq uint64) (QuarantineEntry, error) {
	e, err := q.get(ctx, map[string]any{"seq": seq})
	if err == nil && e.Seq != seq {
		err = ErrNotFound
	}
	if err != nil {
		return QuarantineEntry{}, fmt.Errorf("get quarantined %d: %w", seq, err)
	}
	return e, nil
}

// List returns up to limit entries with a sequence above after, oldest first.
func (q *Quarantine) List(ctx context.Context, after uint64, limit int) ([]QuarantineEntry, error) {
	var out []QuarantineEntry
	for len(out) < limit {
		e, err := q.get(ctx, map[string]any{"seq": after + 1, "next_by_subj": events.AllQuarantine})
		if errors.Is(err, ErrNotFound) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list quarantine: %w", err)
		}
		out = append(out, e)
		after = e.Seq
	}
	return out, nil
}

// get asks the leader for one message, so that what was just put is there.
func (q *Quarantine) get(ctx context.Context, req map[string]any) (QuarantineEntry, error) {
	data, seq, err := getMessage(ctx, q.c, events.StreamQuarantine, req)
	if err != nil {
		return QuarantineEntry{}, err
	}
	e := QuarantineEntry{Seq: seq}
	if err := json.Unmarshal(data, &e.Quarantined); err != nil {
		return e, fmt.Errorf("sequence %d is not a quarantine entry: %w", seq, err)
	}
	return e, nil
}
