package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// story returns what was said of n deployments in three regions since begin, in
// order of time and three words each: planned, in_progress, and then deployed,
// or failed for every tenth. What fails runs in a slot of its own, so that
// nothing takes its place.
func story(t testing.TB, n int, begin time.Time) (bodies []string) {
	t.Helper()
	at := begin.UTC().Truncate(time.Second)
	for i := range n {
		region := [...]string{"eu-west-1", "us-east-1", "ap-south-1"}[i%3]
		component, end := fmt.Sprintf("component-%d", i%20), "deployed"
		if i%10 == 9 {
			component, end = fmt.Sprintf("broken-%d", i), "failed"
		}
		for _, status := range [...]string{"planned", "in_progress", end} {
			at = at.Add(time.Second)
			bodies = append(bodies, word(t, fmt.Sprintf("prod/%s/%s/1.0.%d", region, component, i), status, at))
		}
	}
	return bodies
}

// word returns one status of a deployment as an event.
func word(t testing.TB, key, status string, at time.Time) string {
	t.Helper()
	e := &events.Event{
		ID: strings.ReplaceAll(key, "/", ".") + "-" + status, Source: "/e2e", Type: events.TypeReported,
		Subject: key, Time: at,
	}
	e.SetData(events.Reported{Status: status, Version: key[strings.LastIndexByte(key, '/')+1:]})
	raw, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// shuffled returns the events in another order, and says which.
func shuffled(t testing.TB, bodies []string) []string {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	out := slices.Clone(bodies)
	rand.New(rand.NewPCG(seed, 2)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// told is the digest of a quiet run: one process, everything in order.
func told(t testing.TB, bodies []string) digest {
	t.Helper()
	p := serve(t, t.TempDir())
	p.send(t, bodies, 500)
	d := p.settle(t, uint64(len(bodies)))
	p.stop(t)
	return d
}

// same fails unless the deployments of both are the same; positions may differ.
func (d digest) same(t testing.TB, what string, want digest) {
	t.Helper()
	if d.Digest != want.Digest || d.Deployments != want.Deployments {
		t.Errorf("%s: %+v, want %+v", what, d, want)
	}
}

// serve starts all roles in one process.
func serve(t testing.TB, dataDir string, args ...string) *process {
	t.Helper()
	return start(t, "telltale", append([]string{"serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0"}, args...)...)
}

// post sends one body to the door and returns the answer, or an error when there
// is none.
func (p *process) post(contentType, body string) (*http.Response, string, error) {
	resp, err := http.Post(p.url+"/v1/events", contentType, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// stored reads TT_EVENTS of a data directory that no process has open, and
// counts how often it holds each reported status, by id.
func stored(t testing.TB, dataDir string) map[string]int {
	t.Helper()
	s, err := natsd.Start(t.Context(), natsd.Config{StoreDir: filepath.Join(dataDir, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	count := map[string]int{}
	read(t, s, events.StreamEvents, func(m stream.Msg) {
		if bytes.Contains(m.Data, []byte(events.TypeReported)) {
			count[idOf(t, m.Data)]++
		}
	})
	return count
}

// read calls fn with all that a stream holds.
func read(t testing.TB, s *natsd.Server, name string, fn func(stream.Msg)) {
	t.Helper()
	conn, err := stream.Connect(t.Context(), stream.Options{InProcess: s.InProcess()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	id, err := stream.Identify(t.Context(), conn.JS, name)
	if err != nil {
		t.Fatal(err)
	}
	if id.Last == 0 {
		return
	}
	errDone := errors.New("read all")
	err = stream.NewReader(conn, stream.ReaderOptions{Stream: name}).Run(t.Context(), func(_ context.Context, batch []stream.Msg) error {
		for _, m := range batch {
			fn(m)
			if m.Seq == id.Last {
				return errDone
			}
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Fatal(err)
	}
}

// idOf returns the id of an event.
func idOf(t testing.TB, body []byte) string {
	t.Helper()
	var e struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	return e.ID
}
