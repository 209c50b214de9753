package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// builtIn are the mappings that are built in, compiled once for all tests.
var builtIn = sync.OnceValues(adapter.Embedded)

// world is a NATS server with our streams and one ingest.
type world struct {
	*testing.T
	conn *stream.Conn
	in   *Ingest
	stop func() error // ends Run and returns what it returned
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{T: t, conn: testkit.NATS(t)}
	w.run(change)
	return w
}

// run starts an ingest and returns when its doors are open.
func (w *world) run(change func(*Options)) {
	w.Helper()
	opts := Options{
		Conn: w.conn, Recorder: "rec-1", Regions: []string{"eu-west-1"},
		Auth: access.Open(), Clock: time.Now, CommitTimeout: 5 * time.Second, DrainTimeout: 5 * time.Second,
		Limits: Limits{QuarantinePerSecond: 1e6},
	}
	var err error
	if opts.Mappings, err = builtIn(); err != nil {
		w.Fatal(err)
	}
	if change != nil {
		change(&opts)
	}
	in, err := New(opts)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	stopped := false
	w.in = in
	w.stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	stop := w.stop
	w.Cleanup(func() {
		if stopped {
			return
		}
		if err := stop(); err != nil {
			w.Errorf("Run: %v", err)
		}
	})
	w.until("doors are open", func() bool { return in.pipeline.gate.doors() == doorsOpen })
}

// until waits for a condition that something else brings about.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-deadline.C:
			w.Fatalf("never happened: %s", what)
		}
	}
}

// event returns a valid event as JSON; members replaces or adds top-level ones.
func event(id string, members ...string) []byte {
	m := map[string]string{
		"specversion": `"1.0"`, "id": fmt.Sprintf("%q", id), "source": `"/ci/shop"`,
		"type": `"dev.telltale.deployment.reported.v1"`, "subject": `"prod/eu-west-1/checkout/2.14.0"`,
		"time": `"2026-01-02T03:04:05Z"`, "data": `{"status":"deployed","version":"2.14.0"}`,
	}
	for i := 0; i+1 < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	var b bytes.Buffer
	for name, value := range m {
		fmt.Fprintf(&b, `,%q:%s`, name, value)
	}
	out := append(b.Bytes(), '}')
	out[0] = '{'
	return out
}

func batch(list ...[]byte) []byte {
	return append(append([]byte("["), bytes.Join(list, []byte(","))...), ']')
}

// answer is what came back from the HTTP door.
type answer struct {
	Status     int
	RetryAfter string
	Text       string

	Accepted    int
	Duplicates  int
	Quarantined []quarantined
	Code        events.Code
}

// post sends a body; headers are name, value, name, value.
func (w *world) post(path string, body []byte, headers ...string) answer {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentTypeEvent)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.in.Handler().ServeHTTP(rec, r)
	a := answer{Status: rec.Code, RetryAfter: rec.Header().Get("Retry-After"), Text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a, json.MatchCaseInsensitiveNames(true)); err != nil {
		w.Fatalf("answer %d %q: %v", rec.Code, rec.Body, err)
	}
	return a
}

const typeBatch = "application/cloudevents-batch+json"

// publishRaw does what an emitter does on NATS.
func (w *world) publishRaw(subject string, header nats.Header, data []byte) {
	w.Helper()
	if _, err := w.conn.JS.PublishMsg(w.Context(), &nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		w.Fatal(err)
	}
}

// rawEmpty waits until all of TT_RAW has found its place.
func (w *world) rawEmpty() {
	w.Helper()
	w.until("TT_RAW is empty", func() bool {
		state, _, err := w.in.rawState(w.Context())
		return err == nil && state.Msgs == 0
	})
}

// stored is one message of TT_EVENTS.
type stored struct {
	*jetstream.RawStreamMsg
	*events.Event
}

// stored returns TT_EVENTS from the first message.
func (w *world) stored() []stored {
	w.Helper()
	s, err := w.conn.JS.Stream(w.Context(), events.StreamEvents)
	if err != nil {
		w.Fatal(err)
	}
	var out []stored
	for seq := uint64(1); ; seq++ {
		msg, err := s.GetMsg(w.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return out
		}
		if err != nil {
			w.Fatal(err)
		}
		e, err := events.DecodeStored(msg.Data)
		if err != nil {
			w.Fatalf("message %d: %v", seq, err)
		}
		out = append(out, stored{msg, e})
	}
}

// quarantine returns all that is in quarantine after a sequence.
func (w *world) quarantine(after uint64) []stream.QuarantineEntry {
	w.Helper()
	entries, err := w.in.quarantines[doorHTTP].List(w.Context(), after, 1000)
	if err != nil {
		w.Fatal(err)
	}
	return entries
}
