package stream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Bounds of what a reader has asked for and not yet handled.
const (
	readAhead      = 8        // batches
	readAheadBytes = 32 << 20 // by the mean size of the messages seen
	pullExpiry     = 30 * time.Second
)

// session is the life of one consumer.
type session struct {
	r           *Reader
	handle      func(context.Context, []Msg) error
	next        uint64 // sequence to deliver next; 0 before the first message when From is 0
	incarnation string
	delivered   bool // at least one message

	name   string
	inbox  string
	in     chan *nats.Msg
	asked  int    // messages asked for and not yet received
	dseq   uint64 // sequence in the consumer, of the last message
	window int    // most messages to ask for
	mean   int    // bytes of a message, a moving average that is at least 1
	batch  []Msg
}

// run reads until ctx ends (nil), the handler fails, the stream is another one
// (*MismatchError), or the consumer is of no use (*resetError).
func (s *session) run(ctx context.Context) error {
	nc := s.r.c.NC
	status := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer nc.RemoveStatusListener(status)

	name, id, err := s.r.consumer(ctx, s.next, s.incarnation)
	if name != "" {
		defer s.r.forget(name)
	}
	if err != nil {
		return err
	}
	s.name, s.incarnation = name, id.Incarnation()

	// The server sends no more than was asked for, so the channel has room; if
	// not, the client drops, and the gap resets us.
	s.in = make(chan *nats.Msg, (readAhead+1)*s.r.o.MaxBatch+256)
	s.inbox = nc.NewInbox()
	sub, err := nc.ChanSubscribe(s.inbox, s.in)
	if err != nil {
		return &resetError{"no_subscription", err}
	}
	err = s.read(ctx, status)
	if nc.IsClosed() {
		return err
	}
	if e := sub.Unsubscribe(); e != nil && err == nil {
		return &resetError{"no_subscription", e}
	}
	return err
}

func (s *session) read(ctx context.Context, status <-chan nats.Status) error {
	s.window = min(s.r.o.MaxBatch, 256) // until we know the size of messages
	s.batch = make([]Msg, 0, s.r.o.MaxBatch)
	patience := 2 * s.r.o.Heartbeat
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if err := s.pull(); err != nil {
			return err
		}
		timer.Reset(patience)
		select {
		case <-ctx.Done():
			return nil
		case m := <-s.in:
			if err := s.take(m); err != nil {
				return err
			}
		case st := <-status:
			// Reconnected, perhaps to a server that does not know our consumer;
			// closed, and there is nothing more to hope for.
			if st == nats.CLOSED {
				return nats.ErrConnectionClosed
			}
			return &resetError{"reconnected", nil}
		case <-timer.C:
			return &resetError{"no_heartbeat", nil}
		}
		if err := s.gather(); err != nil {
			return err
		}
		if len(s.batch) == 0 {
			continue // a heartbeat
		}
		if err := s.pull(); err != nil { // so that the server works while we do
			return err
		}
		if err := s.handle(ctx, s.batch); err != nil {
			return err
		}
		s.next = s.batch[len(s.batch)-1].Seq + 1
		s.delivered = true
		clear(s.batch)
		s.batch = s.batch[:0]
	}
}

// gather takes what is there without waiting.
func (s *session) gather() error {
	for len(s.batch) < s.r.o.MaxBatch {
		select {
		case m := <-s.in:
			if err := s.take(m); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// pull asks for more when half of what we may ask for has come.
func (s *session) pull() error {
	if s.mean > 0 {
		s.window = max(min(readAhead*s.r.o.MaxBatch, readAheadBytes/s.mean), 1)
	}
	if s.asked > s.window/2 {
		return nil
	}
	n := s.window - s.asked
	req, err := json.Marshal(map[string]any{
		"batch":          n,
		"expires":        pullExpiry,
		"idle_heartbeat": min(s.r.o.Heartbeat, pullExpiry/2),
	})
	if err != nil {
		return err
	}
	// Handled messages are not taken back by a failure here: it resets us.
	if err := s.r.c.NC.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+s.r.o.Stream+"."+s.name, s.inbox, req); err != nil {
		return &resetError{"no_pull", err}
	}
	s.asked += n
	return nil
}

// take appends a message to the batch, or reacts to what the server says about
// the consumer.
func (s *session) take(m *nats.Msg) error {
	if m.Reply == "" { // a message of the stream has one, whatever its headers say
		return s.status(m.Header)
	}
	meta, ok := parseAck(m.Reply)
	if !ok || meta.dseq != s.dseq+1 {
		return &resetError{"gap", nil}
	}
	s.dseq = meta.dseq
	s.asked--
	size := len(m.Data) + 1
	if s.mean == 0 {
		s.mean = size
	}
	s.mean += (size - s.mean) / 16
	msg := Msg{Seq: meta.sseq, Time: time.Unix(0, meta.nanos), Subject: m.Subject, Data: m.Data}
	if v := m.Header[nats.MsgIdHdr]; len(v) > 0 {
		msg.MsgID = v[0]
	}
	s.batch = append(s.batch, msg)
	return nil
}

func (s *session) status(h nats.Header) error {
	switch code := h.Get("Status"); code {
	case "100": // heartbeat
		return nil
	case "404", "408": // a pull ended, perhaps not filled
		s.unasked(h)
		return nil
	case "409": // deleted, a new leader, a shutdown
		return &resetError{"consumer_gone", errors.New(h.Get("Description"))}
	case "503":
		return &resetError{"no_responders", nil}
	default:
		return &resetError{"status", errors.New(code + " " + h.Get("Description"))}
	}
}

// unasked takes back what a pull that ended will not deliver.
func (s *session) unasked(h nats.Header) {
	if n, err := strconv.Atoi(h.Get("Nats-Pending-Messages")); err == nil {
		s.asked = max(s.asked-n, 0)
	}
}

// ackMeta is what the reply subject of a delivered message tells.
type ackMeta struct {
	sseq, dseq uint64
	nanos      int64
}

// parseAck reads $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<dseq>.<time>.<pending>
// and the form with domain and account in front of the stream, which may also
// have a token behind.
func parseAck(reply string) (ackMeta, bool) {
	var tok [12]string
	n := 0
	for rest, more := reply, true; more; n++ {
		if n == len(tok) {
			return ackMeta{}, false
		}
		tok[n], rest, more = strings.Cut(rest, ".")
	}
	at := 0
	switch {
	case n < 9 || tok[0] != "$JS" || tok[1] != "ACK":
		return ackMeta{}, false
	case n >= 11:
		at = 2
	case n != 9:
		return ackMeta{}, false
	}
	sseq, err1 := strconv.ParseUint(tok[at+5], 10, 64)
	dseq, err2 := strconv.ParseUint(tok[at+6], 10, 64)
	nanos, err3 := strconv.ParseInt(tok[at+7], 10, 64)
	return ackMeta{sseq: sseq, dseq: dseq, nanos: nanos}, err1 == nil && err2 == nil && err3 == nil
}
