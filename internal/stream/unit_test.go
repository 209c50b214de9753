package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestParseAck(t *testing.T) {
	want := ackMeta{sseq: 12, dseq: 3, nanos: 1700000000000000001}
	for _, reply := range []string{
		"$JS.ACK.TT_EVENTS.abc.1.12.3.1700000000000000001.99",
		"$JS.ACK._.hash.TT_EVENTS.abc.1.12.3.1700000000000000001.99",
		"$JS.ACK.hub.hash.TT_EVENTS.abc.1.12.3.1700000000000000001.99.token",
	} {
		if got, ok := parseAck(reply); !ok || got != want {
			t.Errorf("%s: %+v, %t", reply, got, ok)
		}
	}
	for _, reply := range []string{
		"", "_INBOX.a.b", "$JS.ACK.TT_EVENTS.abc.1.12.3.17", "$JS.ACK.TT_EVENTS.abc.1.12.3.17.99.x",
		"$JS.ACK.TT_EVENTS.abc.1.x.3.17.99", "$JS.ACK.a.b.c.d.e.f.g.h.i.j.k.l.m.n",
	} {
		if got, ok := parseAck(reply); ok {
			t.Errorf("%q: %+v", reply, got)
		}
	}
}

// TestRecent walks through the life of an id.
func TestRecent(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		at         []time.Duration // looks before the last
		reconnects uint64
		known      bool
	}{
		"at once":              {[]time.Duration{0}, 0, true},
		"within a half":        {[]time.Duration{14 * time.Second}, 0, true},
		"older than a half":    {[]time.Duration{16 * time.Second}, 0, true},
		"two turns later":      {[]time.Duration{16 * time.Second, 31 * time.Second}, 0, false},
		"after a long silence": {[]time.Duration{time.Hour}, 0, false},
		"on a new connection":  {[]time.Duration{time.Second}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecent(30 * time.Second)
			r.turn(start, 0)
			r.add("a", 7)
			for _, d := range c.at {
				r.turn(start.Add(d), c.reconnects)
			}
			if seq, ok := r.find("a"); ok != c.known || ok && seq != 7 {
				t.Errorf("%d, %t", seq, ok)
			}
		})
	}
	r := newRecent(time.Hour)
	for i := range 10 * recentIDs {
		r.turn(start, 0)
		r.add(fmt.Sprint(i), 1)
	}
	if n := len(r.young) + len(r.old); n > 2*recentIDs {
		t.Errorf("%d ids are remembered", n)
	}
}

// TestQuotaIsBounded invents callers: the memory is bounded and the inventor
// gains nothing.
func TestQuotaIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	q := newQuota(1, 2)
	allowed := 0
	for i := range 2 * quotaCallers {
		if q.allow(fmt.Sprint(i), now) {
			allowed++
		}
	}
	if len(q.callers) > quotaCallers || allowed != quotaCallers+q.burst {
		t.Errorf("%d callers, %d allowed", len(q.callers), allowed)
	}
	// Once they have been quiet for long enough, others are told apart again.
	if now = now.Add(time.Minute); !q.allow("new", now) || len(q.callers) != 1 {
		t.Errorf("%d callers after a pause", len(q.callers))
	}
}

func TestClassify(t *testing.T) {
	api := func(status int, code jetstream.ErrorCode, text string) error {
		return &jetstream.APIError{Code: status, ErrorCode: code, Description: text}
	}
	for _, c := range []struct {
		err  error
		kind Kind
		code events.Code
	}{
		{api(400, 10201, "atomic publish batch contains duplicate message id"), Duplicate, ""},
		{api(400, 10071, "wrong last sequence: 4"), Moved, ""},
		{api(400, 10164, "wrong last sequence"), Moved, ""},
		{api(503, 10077, "maximum bytes exceeded"), Full, events.CodeUnavailable},
		{api(503, 10077, "message too large"), Permanent, events.CodeTooLarge},
		{api(503, 10023, "insufficient resources"), Full, events.CodeUnavailable},
		{api(400, 10054, "message size exceeds maximum allowed"), Permanent, events.CodeTooLarge},
		{api(400, 10176, "atomic publish batch is incomplete"), Transient, events.CodeUnavailable},
		{api(503, 10076, "JetStream not enabled"), Transient, events.CodeUnavailable},
		{api(400, 10174, "atomic publish is disabled"), Permanent, ""},
		{nats.ErrMaxPayload, Permanent, events.CodeTooLarge},
		{nats.ErrNoResponders, Transient, events.CodeUnavailable},
		{context.DeadlineExceeded, Transient, events.CodeUnavailable},
		{errLost, Transient, events.CodeUnavailable},
		{errors.New("who knows"), Transient, events.CodeUnavailable},
	} {
		e := classify("store", fmt.Errorf("wrapped: %w", c.err))
		if e.Kind != c.kind || events.CodeOf(e) != c.code || !errors.Is(e, c.err) {
			t.Errorf("%v: %s, code %q", c.err, e.Kind, events.CodeOf(e))
		}
		if again := classify("other", fmt.Errorf("wrapped: %w", e)); again != e {
			t.Errorf("%v is classified twice", c.err)
		}
	}
}
