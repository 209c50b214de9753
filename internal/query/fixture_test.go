package query_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/query"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// incarnation of TT_EVENTS in the tests' stores.
const incarnation = "t1"

// epoch is when the tests' stories begin.
var epoch = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// fixture is a server over a store that the test fills by hand.
type fixture struct {
	t    *testing.T
	db   *store.DB
	conn *stream.Conn
	auth *access.Auth
	url  string
	seq  uint64 // last position in TT_EVENTS

	suspended []query.SuspendedHook
	authority []statemachine.AuthoritySpec // that documents give in what is told
}

func newFixture(t *testing.T, auth *access.Auth) *fixture {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{KeepFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, db: db, conn: testkit.NATS(t), auth: auth}
	f.serve(func() time.Time { return epoch.Add(10 * time.Minute) })
	return f
}

// serve begins to answer by a clock, nil for that of the ticks.
func (f *fixture) serve(now func() time.Time) {
	srv := httptest.NewServer(query.New(query.Options{
		DB: f.db, Conn: f.conn, Version: "v1.2.3", Auth: f.auth, Now: now,
		Suspended: func() []query.SuspendedHook { return f.suspended },
	}).Handler())
	f.t.Cleanup(srv.Close)
	f.url = srv.URL
}

// word is one report in a story.
type word struct {
	minute                                   int // after epoch
	status, source, version, release, reason string
}

// tell stores a deployment as the projector would: its events, state, slot,
// release and changes, each event told one position after the one before.
func (f *fixture) tell(key string, story ...word) {
	f.t.Helper()
	k, err := events.ParseKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	var words []statemachine.Word
	for _, w := range story {
		f.seq++
		words = append(words, f.word(k, w))
	}
	state, steps := statemachine.Standard().With(f.authority).Fold(k, words)
	f.update(func(w *store.Writer) error {
		var last events.ChangeID
		var changes []view.Change
		var said store.Ref
		for i := range words {
			ref, err := w.PutEvent(&store.Event{Seq: words[i].Stream, Subject: key, Before: said, Word: &words[i]})
			if err != nil {
				return err
			}
			said = ref
		}
		var slotWords []statemachine.SlotWord
		for _, s := range steps {
			if s.Slot != nil {
				slotWords = append(slotWords, *s.Slot)
				if err := w.PutSlotWord(k.Slot.String(), s.Slot); err != nil {
					return err
				}
			}
			if s.From == s.To {
				continue
			}
			changes = append(changes, view.Change{
				ID:  events.ChangeID{Incarnation: incarnation, Seq: s.Word.Stream},
				Key: key, From: s.From, At: s.Mark.Tau, Recorded: s.Word.Recorded,
				Facts: view.Facts{Status: s.To, Attempt: s.Attempt, Percent: -1, Version: s.Word.Version},
				Cause: view.Cause{Source: s.Word.Source, ID: s.Word.ID},
			})
		}
		slices.SortFunc(changes, func(a, b view.Change) int { return a.ID.Compare(b.ID) })
		for i := range changes {
			changes[i].Before, last = last, changes[i].ID
			if err := w.PutChange(&changes[i]); err != nil {
				return err
			}
		}
		if state.Release != "" {
			if err := w.PutMember(events.Release{Env: k.Env, Name: state.Release}, k, state.FirstTau); err != nil {
				return err
			}
		}
		slot := view.Slot{Revision: last.Seq}
		fold := view.FoldSlot(slotWords)
		slot.Current, _ = fold.Current()
		slot.Latest = view.Latest{Deployment: k.Deployment, Version: state.Version, Status: state.Status, Since: state.Since}
		if err := w.PutSlot(k.Slot.String(), &slot); err != nil {
			return err
		}
		if err := w.SetPosition(store.Position{Incarnation: incarnation, Seq: f.seq}); err != nil {
			return err
		}
		if err := w.SetPublished(last); err != nil {
			return err
		}
		return w.PutDeployment(key, &store.Deployment{State: state, Last: last, Words: said})
	})
}

// word makes the word of a report at the present position.
func (f *fixture) word(k events.Key, w word) statemachine.Word {
	f.t.Helper()
	at := epoch.Add(time.Duration(w.minute) * time.Minute)
	e := &events.Event{
		ID: fmt.Sprintf("e%d", f.seq), Source: w.source, Type: events.TypeReported, Subject: k.String(),
		Time: at, RecordedTime: at.Add(time.Second), Emitter: "local",
	}
	if w.source == "" {
		e.Source = "/ci/checkout"
	}
	if err := e.SetData(events.Reported{Status: w.status, Version: w.version, Release: w.release, Reason: w.reason}); err != nil {
		f.t.Fatal(err)
	}
	word, ok, err := statemachine.NewWord(e, f.seq, e.ID)
	if err != nil || !ok {
		f.t.Fatalf("no word: %v", err)
	}
	return word
}

func (f *fixture) update(fn func(*store.Writer) error) {
	f.t.Helper()
	if err := f.db.Update(fn); err != nil {
		f.t.Fatal(err)
	}
}

// release tells a small release: one region landed, one failed, one waits.
func (f *fixture) release() {
	f.tell("prod/eu-west-1/checkout/2.13.0", word{minute: -60, status: "deployed", version: "2.13.0"})
	f.tell("prod/eu-west-1/checkout/2.14.0",
		word{minute: 0, status: "planned", version: "2.14.0", release: "r7"},
		word{minute: 2, status: "deployed", version: "2.14.0", release: "r7"},
		word{minute: 1, status: "in_progress", source: "/argo/prod"})
	f.tell("prod/us-east-1/checkout/2.14.0",
		word{minute: 1, status: "in_progress", version: "2.14.0", release: "r7"},
		word{minute: 3, status: "failed", reason: "timeout"})
	f.tell("prod/us-east-1/payments/7.1", word{minute: 4, status: "planned", version: "7.1", release: "r7"})
	f.tell("stage/eu-west-1/checkout/2.15.0", word{minute: 5, status: "in_progress", version: "2.15.0", release: "r8"})
	f.update(func(w *store.Writer) error {
		if err := w.SetCounts(store.Counts{"deployed": 2, "failed": 1, "planned": 1, "in_progress": 1, "queued": 0}); err != nil {
			return err
		}
		for _, t := range []store.Tick{
			{Recorder: "one", Regions: []string{"eu-west-1"}, At: epoch.Add(9 * time.Minute).UnixNano()},
			{Recorder: "two", Regions: []string{"us-east-1"}, At: epoch.Add(5 * time.Minute).UnixNano()},
		} {
			if err := w.PutTick(&t); err != nil {
				return err
			}
		}
		return nil
	})
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (f *fixture) do(method, path string, header ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		f.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		f.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, body.Bytes()}
}

// get asks for a resource that must be there.
func (f *fixture) get(path string, header ...string) []byte {
	f.t.Helper()
	a := f.do(http.MethodGet, path, header...)
	if a.status != http.StatusOK {
		f.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	return a.body
}

// list is a page, with the keys of its items.
type list struct {
	Items []struct {
		Key       string `json:"key"`
		Region    string `json:"region"`
		Component string `json:"component"`
		Seq       uint64 `json:"seq"`
	} `json:"items"`
	Next         string `json:"next"`
	ChangesAfter uint64 `json:"changes_after"`
}

func (f *fixture) list(path string, header ...string) list {
	f.t.Helper()
	var l list
	if err := json.Unmarshal(f.get(path, header...), &l); err != nil {
		f.t.Fatal(err)
	}
	return l
}

func (l list) keys() string {
	keys := make([]string, len(l.Items))
	for i, item := range l.Items {
		keys[i] = item.Key
	}
	return strings.Join(keys, " ")
}

// digests are left out of golden files: they stand for the codec of states,
// whose tests are elsewhere.
var digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// golden compares JSON with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	v := jsontext.Value(bytes.Clone(got))
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	v = append(digests.ReplaceAll(v, []byte("sha256:…")), '\n')
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, v, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(v, want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", file, v)
	}
}
