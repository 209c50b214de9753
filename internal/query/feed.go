package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	// feedTimeout bounds one read of TT_CHANGES.
	feedTimeout = 5 * time.Second

	// joinTimeout bounds the look at its end that goes before a listing: a
	// listing does without, see feed.safe.
	joinTimeout = 500 * time.Millisecond

	// feedBytes bounds one answer of the server.
	feedBytes = 8 << 20
)

// feed reads TT_CHANGES by its sequence. It asks the server directly for a
// range: a consumer for each request would cost the server more than the
// messages do. It is safe for concurrent use.
type feed struct {
	conn *stream.Conn

	mu   sync.Mutex
	safe uint64 // guarded by mu: every change up to here is in our store
}

// entry is one message of TT_CHANGES.
type entry struct {
	seq     uint64
	subject string
	data    []byte
}

// directGet is a request of the server's direct-get API (NATS ADR-31).
type directGet struct {
	Seq      uint64 `json:"seq,omitzero"`
	LastFor  string `json:"last_by_subj,omitzero"`
	Batch    int    `json:"batch,omitzero"`
	MaxBytes int    `json:"max_bytes,omitzero"`
}

// after returns up to limit changes behind a sequence; none is no error.
func (f *feed) after(ctx context.Context, seq uint64, limit int) ([]entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, feedTimeout, errors.New("no answer in time"))
	defer cancel()
	return f.get(ctx, directGet{Seq: seq + 1, Batch: limit, MaxBytes: feedBytes})
}

// tip is the end of TT_CHANGES at some moment; zero when nothing is known of it.
type tip struct {
	seq   uint64
	cause events.ChangeID
}

// tip returns the last change. Without an answer it is zero: that only makes
// the join of a listing with the changes less tight.
func (f *feed) tip(ctx context.Context) tip {
	ctx, cancel := context.WithTimeoutCause(ctx, joinTimeout, errors.New("no answer in time"))
	defer cancel()
	got, err := f.get(ctx, directGet{LastFor: events.AllChanges})
	if err != nil || len(got) == 0 {
		return tip{}
	}
	e, err := events.DecodeStored(got[0].data)
	if err != nil {
		return tip{}
	}
	id, err := events.ParseChangeID(e.ID)
	if err != nil {
		return tip{} // no projector wrote it
	}
	return tip{seq: got[0].seq, cause: id}
}

// join returns where to join the changes behind a snapshot at position: the tip
// that was seen before it, unless the tip tells of something that the snapshot
// does not have yet (another projector is ahead of ours). Then the last place
// that was known to be safe serves: too early repeats some changes, too late
// would lose them.
func (f *feed) join(t tip, at store.Position) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.cause.Incarnation == at.Incarnation && t.cause.Seq <= at.Seq && t.seq > f.safe {
		f.safe = t.seq
	}
	return f.safe
}

// get sends one request and collects what comes until the server says that it
// was all.
func (f *feed) get(ctx context.Context, req directGet) ([]entry, error) {
	payload, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("ask for changes: %w", err)
	}
	inbox := f.conn.NC.NewInbox()
	sub, err := f.conn.NC.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("ask for changes: %w", err)
	}
	got, err := f.collect(ctx, sub, req, payload)
	if uerr := sub.Unsubscribe(); err == nil && uerr != nil {
		err = fmt.Errorf("ask for changes: %w", uerr)
	}
	return got, err
}

func (f *feed) collect(ctx context.Context, sub *nats.Subscription, req directGet, payload []byte) ([]entry, error) {
	err := f.conn.NC.PublishRequest("$JS.API.DIRECT.GET."+events.StreamChanges, sub.Subject, payload)
	if err != nil {
		return nil, fmt.Errorf("ask for changes: %w", err)
	}
	var got []entry
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("read changes: %w", errors.Join(err, context.Cause(ctx)))
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204", "404": // the end of a batch, nothing there
			return got, nil
		default:
			return nil, fmt.Errorf("read changes: the server answered %s %s", status, m.Header.Get("Description"))
		}
		seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read changes: a message without its sequence: %w", err)
		}
		got = append(got, entry{seq: seq, subject: m.Header.Get("Nats-Subject"), data: m.Data})
		if req.Batch == 0 {
			return got, nil
		}
	}
}
