package emit

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// report returns a valid event.
func report(id string) events.Event {
	e := events.Event{
		ID: id, Source: "/test", Type: events.TypeReported, Subject: "prod/eu-west-1/checkout/2.14.0",
		Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
	if err := e.SetData(&events.Reported{Status: "deployed"}); err != nil {
		panic(err) // our own literal is JSON
	}
	return e
}

// memory is a server in memory: it keeps contents by identity, as a stream that
// drops repeats does.
type memory struct {
	mu    sync.Mutex
	got   map[string][]string // different contents under one id, in order
	sends int

	// answer, if set, is asked first; stored says whether the events are taken
	// all the same, as when an answer gets lost on the way.
	answer func(n int, raw [][]byte) (receipt Receipt, err error, stored bool)
}

func (m *memory) send(_ context.Context, raw [][]byte) (Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sends++
	var receipt Receipt
	var err error
	stored := true
	if m.answer != nil {
		receipt, err, stored = m.answer(m.sends, raw)
	}
	refused := make(map[int]bool)
	for _, r := range receipt.Refused {
		refused[r.Index] = true
	}
	for i, b := range raw {
		if !stored || refused[i] {
			continue
		}
		e, decodeErr := events.Decode(b, events.Limits{})
		if decodeErr != nil {
			return Receipt{}, &Error{Kind: ErrRefused, Code: events.CodeOf(decodeErr)}
		}
		if m.add(e.ID, string(b)) {
			receipt.Accepted++
		} else {
			receipt.Duplicates++
		}
	}
	return receipt, err
}

func (m *memory) add(id, content string) bool {
	if m.got == nil {
		m.got = make(map[string][]string)
	}
	for _, known := range m.got[id] {
		if known == content {
			return false
		}
	}
	m.got[id] = append(m.got[id], content)
	return true
}

func (m *memory) close() error { return nil }

// once fails if the server does not hold exactly these ids, each with one
// content.
func (m *memory) once(t *testing.T, ids ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.got) != len(ids) {
		t.Errorf("server holds %d ids, want %d: %v", len(m.got), len(ids), m.got)
	}
	for _, id := range ids {
		if n := len(m.got[id]); n != 1 {
			t.Errorf("server holds %d contents under %q, want 1", n, id)
		}
	}
}

// client returns a client of m, with a spool unless dir is "".
func (m *memory) client(t *testing.T, dir string, change ...func(*Options)) *Client {
	t.Helper()
	opts := Options{Server: "http://127.0.0.1:1", SpoolDir: dir, Attempts: 1}
	for _, f := range change {
		f(&opts)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	c.door = m
	return c
}

// away is the answer of a server that cannot be reached.
func away(int, [][]byte) (Receipt, error, bool) {
	return Receipt{}, unavailable(errors.New("connection refused"), "cannot reach the server"), false
}

func pending(t *testing.T, c *Client) int {
	t.Helper()
	n, err := c.Pending()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
