package projector

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) {
	// Each check opens two stores; -rapid.checks asks for more.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// epoch is second 0 of the tests' words.
var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// said is an event as ingest stored it.
type said struct {
	subject string // in TT_EVENTS
	msgID   string
	data    []byte
}

// word makes a reported event. n makes its id and when it was recorded.
func word(t testing.TB, n int, source, key, status string, second int, change ...func(*events.Event, *events.Reported)) said {
	t.Helper()
	e := &events.Event{
		ID: fmt.Sprintf("%s-%d", status, n), Source: source, Type: events.TypeReported, Subject: key,
		RecordedTime: epoch.Add(24*time.Hour + time.Duration(n)*time.Millisecond), Recorder: "r1", Emitter: "local",
	}
	e.SetTime(epoch.Add(time.Duration(second) * time.Second))
	k, err := events.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data := events.Reported{Status: status, Version: k.Deployment}
	for _, c := range change {
		c(e, &data)
	}
	e.SetData(&data)
	return stored(t, e)
}

func stored(t testing.TB, e *events.Event) said {
	t.Helper()
	content, err := e.Content()
	if err != nil {
		t.Fatal(err)
	}
	subject := events.TickSubject(e.Recorder)
	if e.Type != events.TypeTick {
		place, err := e.Place()
		if err != nil {
			t.Fatal(err)
		}
		subject = place.EventsSubject()
	}
	return said{subject, events.MsgID(e.Source, e.ID, content), e.Stamped(content)}
}

func open(t testing.TB, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(dir, store.Options{CacheBytes: 16 << 20, KeepFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// folded applies words to a fresh store, in transactions of at most `most`
// messages, and returns the store and what was told.
func folded(t testing.TB, words []said, most int) (*store.DB, []outgoing) {
	t.Helper()
	return foldedFor(t, t, words, most)
}

// foldedFor is [folded] with a store that is open until the end of something: an
// open store takes megabytes, and a law makes thousands.
func foldedFor(t testing.TB, end interface{ Cleanup(func()) }, words []said, most int) (*store.DB, []outgoing) {
	t.Helper()
	db := open(t, t.TempDir())
	end.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var told []outgoing
	e := testEngine(db)
	e.emit = func(_ context.Context, o outgoing) error {
		told = append(told, o)
		return nil
	}
	if err := e.load(); err != nil {
		t.Fatal(err)
	}
	e.position.Incarnation = "t"
	messages := toMsgs(words)
	for i := 0; i < len(words); i += most {
		if err := e.run(t.Context(), decodeAll(messages[i:min(i+most, len(words))])); err != nil {
			t.Fatal(err)
		}
		// Every second batch is still in flight when the next one begins.
		if i/most%2 == 0 {
			if err := e.sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, told
}

// toMsgs numbers words as a stream does.
func toMsgs(words []said) []stream.Msg {
	out := make([]stream.Msg, len(words))
	for i, w := range words {
		out[i] = stream.Msg{Seq: uint64(i + 1), Time: epoch.Add(24 * time.Hour), Subject: w.subject, MsgID: w.msgID, Data: w.data}
	}
	return out
}

func testEngine(db *store.DB) *engine {
	return &engine{
		db: db, log: slog.New(slog.DiscardHandler), fail: func(string) error { return nil },
		quarantine: func(context.Context, *message) error { return nil },
	}
}

func digestOf(t testing.TB, db *store.DB) Digest {
	t.Helper()
	d, err := DigestOf(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func bodyOf(t testing.TB, at events.Slot, s view.Slot) string {
	t.Helper()
	b, err := json.Marshal(s.Body(at))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ofDeployments leaves out the changes of slots, releases and regions.
func ofDeployments(changes []view.Change) []view.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c view.Change) bool { return c.Raw != nil })
}
