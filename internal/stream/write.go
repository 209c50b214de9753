package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Limits of the server on one atomic batch, and ours on its bytes: the server
// holds a batch in memory while it checks it.
const (
	maxBatch      = 1000
	maxBatchBytes = 8 << 20

	// minBatch is where a batch overtakes single publishes when every message
	// is synced: a batch costs about 2 ms, a single one 0.25 ms.
	minBatch = 10
)

// Headers of the protocol (ADR-50 of NATS).
const (
	headerBatchID     = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

// Message is one message to be stored.
type Message struct {
	Subject string
	ID      string      // Nats-Msg-Id; "" for none, which makes repeats possible
	Header  nats.Header // may be nil; not kept and not changed
	Data    []byte
}

// size is what a message weighs in queues and batches.
func (m *Message) size() int {
	n := len(m.Subject) + len(m.ID) + len(m.Data) + 96
	for k, vs := range m.Header {
		for _, v := range vs {
			n += len(k) + len(v) + 4
		}
	}
	return n
}

// outcome is what became of a single publish.
type outcome struct {
	seq       uint64
	duplicate bool
	err       *Error
}

// writer publishes to one stream and waits for the acknowledgements. It is not
// safe for concurrent use.
type writer struct {
	c       *Conn
	stream  string
	timeout time.Duration // for an acknowledgement

	// One subscription takes the answers to all single publishes; its subjects
	// end in <round>.<index>, so that a late answer is told from a new one.
	replies *nats.Subscription
	inbox   string
	acks    chan *nats.Msg
	round   uint64

	// Scratch of one message: the connection copies what it is given.
	header nats.Header
	values [4][1]string
}

func newWriter(c *Conn, stream string, timeout time.Duration) *writer {
	return &writer{c: c, stream: stream, timeout: timeout, header: make(nats.Header, 8)}
}

func (w *writer) close() error {
	if w.replies == nil || w.c.NC.IsClosed() {
		return nil
	}
	return w.replies.Unsubscribe()
}

// compose builds a message in the writer's scratch, valid until the next call.
func (w *writer) compose(m *Message) *nats.Msg {
	clear(w.header)
	for k, v := range m.Header {
		w.header[k] = v
	}
	if m.ID != "" {
		w.setHeader(0, nats.MsgIdHdr, m.ID)
	}
	return &nats.Msg{Subject: m.Subject, Header: w.header, Data: m.Data}
}

func (w *writer) setHeader(slot int, name, value string) {
	w.values[slot][0] = value
	w.header[name] = w.values[slot][:]
}

// batch stores all messages as one atomic batch, or none of them, and returns
// the sequence of the last; the others have the sequences just below it. There
// are at most maxBatch messages.
//
// When the answer does not come (Transient), the batch may be stored or not. It
// is never stored in part: all messages that the server has not got when the
// commit arrives, or within ten seconds, make it drop the batch.
func (w *writer) batch(ctx context.Context, msgs []*Message) (last uint64, err error) {
	op := "store a batch in " + w.stream
	ctx, cancel := w.c.wait(ctx, w.timeout)
	defer cancel()
	id := nuid.Next()
	for i, m := range msgs {
		msg := w.compose(m)
		w.setHeader(1, headerBatchID, id)
		w.setHeader(2, headerBatchSeq, strconv.Itoa(i+1))
		if i < len(msgs)-1 {
			if err := w.c.NC.PublishMsg(msg); err != nil {
				return 0, classify(op, err)
			}
			continue
		}
		w.setHeader(3, headerBatchCommit, "1")
		answer, err := w.c.NC.RequestMsgWithContext(ctx, msg)
		if err != nil {
			return 0, classify(op, why(ctx, err))
		}
		ack, err := w.ack(answer)
		if err != nil {
			return 0, classify(op, err)
		}
		return ack.Sequence, nil
	}
	return 0, nil
}

// singles publishes the messages one after the other without waiting in
// between, then collects the answers into out, which is as long as msgs. The
// stream has them in this order, except that one which fails and is published
// again comes later.
func (w *writer) singles(ctx context.Context, msgs []*Message, out []outcome) {
	op := "store a message in " + w.stream
	ctx, cancel := w.c.wait(ctx, w.timeout)
	defer cancel()
	if err := w.listen(); err != nil {
		for i := range out {
			out[i] = outcome{err: classify(op, err)}
		}
		return
	}
	w.round++
	round := strconv.FormatUint(w.round, 36)
	waiting := 0
	for i, m := range msgs {
		msg := w.compose(m)
		msg.Reply = w.inbox + round + "." + strconv.Itoa(i)
		out[i] = outcome{}
		if err := w.c.NC.PublishMsg(msg); err != nil {
			out[i].err = classify(op, err)
			continue
		}
		waiting++
	}
	answered := make([]bool, len(msgs))
	for waiting > 0 {
		select {
		case answer := <-w.acks:
			i, ok := w.index(answer.Subject, round, len(msgs))
			if !ok || answered[i] {
				continue
			}
			answered[i] = true
			waiting--
			ack, err := w.ack(answer)
			if err != nil {
				out[i].err = classify(op, err)
				continue
			}
			out[i].seq, out[i].duplicate = ack.Sequence, ack.Duplicate
		case <-ctx.Done():
			for i := range out {
				if !answered[i] && out[i].err == nil {
					out[i].err = classify(op, why(ctx, ctx.Err()))
				}
			}
			return
		}
	}
}

// listen subscribes to the answers once.
func (w *writer) listen() error {
	if w.replies != nil {
		return nil
	}
	inbox := w.c.NC.NewInbox() + "."
	// Room for every answer of a round, and for late ones of the round before.
	acks := make(chan *nats.Msg, 2*maxBatch)
	sub, err := w.c.NC.ChanSubscribe(inbox+"*.*", acks)
	if err != nil {
		return err
	}
	w.replies, w.inbox, w.acks = sub, inbox, acks
	return nil
}

func (w *writer) index(subject, round string, n int) (int, bool) {
	rest, ok := strings.CutPrefix(subject, w.inbox)
	r, num, ok2 := strings.Cut(rest, ".")
	i, err := strconv.Atoi(num)
	return i, ok && ok2 && r == round && err == nil && i >= 0 && i < n
}

type pubAck struct {
	Error     *jetstream.APIError `json:"error"`
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
}

// ack reads an acknowledgement.
func (w *writer) ack(m *nats.Msg) (pubAck, error) {
	var a pubAck
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return a, nats.ErrNoResponders
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("read the acknowledgement: %w", err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	if a.Stream != w.stream || a.Sequence == 0 {
		return a, fmt.Errorf("stream %q acknowledged instead", a.Stream)
	}
	return a, nil
}
