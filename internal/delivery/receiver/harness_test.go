package receiver_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

// goldenJSON is [golden] for a body of JSON.
func goldenJSON(t *testing.T, name string, body []byte) {
	t.Helper()
	text := jsontext.Value(slices.Clone(body))
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatal(err)
	}
	golden(t, name+".golden.json", append(text, '\n'))
}

// firing, resolved and hostile are the messages of the golden files.
func firing() receiver.Message {
	m := receivertest.Message()
	m.Link = "https://telltale.example/v1/deployments/prod/eu-west-1/checkout/2.14.0?a=1&b=2"
	m.Labels = map[string]string{
		"alertname": "failed", "severity": "warning", "env": "prod", "region": "eu-west-1", "component": "checkout",
	}
	return m
}

func resolved() receiver.Message {
	m := firing()
	m.Status = receiver.StatusResolved
	m.At = m.Since.Add(12*60*1e9 + 30*1e9)
	m.Title = "Resolved: checkout 2.14.0 in prod/eu-west-1 was put back"
	m.Text = "It was put back at 2026-11-20 10:17:30 UTC.\nThe problem began at 2026-11-20 10:05:00 UTC, 12m30s before."
	return m
}

func hostile() receiver.Message {
	m := firing()
	m.Title = "<!channel> <https://evil.example|click> & \"quoted\" \xff " + strings.Repeat("é😀", 1000)
	m.Text = "<@U1> &amp; </script>\n" + strings.Repeat("<😀>", 100_000)
	m.Severity = "catastrophic"
	return m
}

// fault is what goes wrong with one request to a fake endpoint.
type fault string

const (
	works      fault = "works"
	lost       fault = "lost"        // the connection breaks, nothing was done
	answerLost fault = "answer lost" // it was done, and the connection breaks
	broken     fault = "500"         // nothing was done
	gateway    fault = "504"         // it was done
	busy       fault = "429"
)

// faulty plays an endpoint: act does what a good request asks for. While there
// are faults left, each spoils one request.
type faulty struct {
	mu       sync.Mutex // guards all below, and what act works on
	faults   []fault
	requests []string // their bodies
}

func (f *faulty) serve(t *testing.T, act func(w http.ResponseWriter, r *http.Request, body []byte)) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		f.requests = append(f.requests, string(body))
		next := works
		if len(f.faults) > 0 {
			next, f.faults = f.faults[0], f.faults[1:]
		}
		switch next {
		case lost:
			panic(http.ErrAbortHandler)
		case answerLost:
			act(httptest.NewRecorder(), r, body)
			panic(http.ErrAbortHandler)
		case broken:
			w.WriteHeader(http.StatusInternalServerError)
		case gateway:
			act(httptest.NewRecorder(), r, body)
			w.WriteHeader(http.StatusGatewayTimeout)
		case busy:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			act(w, r, body)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// last returns the body of the last request.
func (f *faulty) last() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []byte(f.requests[len(f.requests)-1])
}

// lane calls a receiver as package delivery does: in order, again until it is
// delivered, with what it knows of the endpoint.
type lane struct {
	to    receiver.Receiver
	ref   string
	doubt bool
}

// say delivers a message in at most tries calls and returns the last result.
func (l *lane) say(ctx context.Context, id string, m receiver.Message, tries int) receiver.Result {
	var r receiver.Result
	for range tries {
		r = l.to.Send(ctx, receiver.Call{ID: id, Message: m, Ref: l.ref, Again: l.doubt})
		switch r.Class {
		case receiver.Ambiguous:
			l.doubt = true
		case receiver.Delivered:
			l.ref, l.doubt = cmp.Or(r.Ref, l.ref), false
			if m.Status == receiver.StatusResolved {
				l.ref = ""
			}
			return r
		case receiver.Permanent:
			return r
		}
	}
	return r
}

// story tells one problem over and over through lanes while requests fail, each
// word until it is delivered; check says after each whether people see what they
// should: told words of an episode so far, over or not.
func story(rt *rapid.T, f *faulty, to receiver.Receiver, check func(episode, told int, m receiver.Message)) {
	l := &lane{to: to}
	for episode := range rapid.IntRange(1, 3).Draw(rt, "episodes") {
		words := rapid.IntRange(1, 3).Draw(rt, "words")
		for told := range words + 1 {
			m := firing()
			if told == words {
				m = resolved()
			}
			m.Since = m.Since.AddDate(0, 0, episode)
			m.At = m.At.AddDate(0, 0, episode)
			m.Title = fmt.Sprintf("episode %d, word %d", episode, told)
			faults := rapid.SliceOfN(rapid.SampledFrom([]fault{works, lost, answerLost, broken, gateway, busy}), 0, 6).Draw(rt, "faults")
			f.mu.Lock()
			f.faults = faults
			f.mu.Unlock()
			id := fmt.Sprintf("nt_%d_%d", episode, told)
			if r := l.say(rt.Context(), id, m, len(faults)+1); r.Class != receiver.Delivered {
				rt.Fatalf("%s was not delivered: %+v", id, r)
			}
			func() {
				f.mu.Lock()
				defer f.mu.Unlock() // also when check ends the test, which is run again to find a smaller one
				f.faults = nil
				check(episode, told+1, m)
			}()
		}
	}
}

// decode reads a request of ours.
func decode[T any](t interface{ Errorf(string, ...any) }, body []byte) T {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	return v
}
