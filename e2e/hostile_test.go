package e2e

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// about returns an event about a subject, with more members of its own.
func about(id, subject, more string) string {
	return fmt.Sprintf(`{"specversion":"1.0","type":"dev.telltale.deployment.reported.v1","source":"/hostile",`+
		`"id":%q,"subject":%q%s}`, id, subject, more)
}

const (
	somewhere = "prod/eu-west-1/checkout/1"
	deployed  = `,"data":{"status":"deployed"}`
)

// native is an event with a value that only its tool understands.
func native(id, value string) string {
	return about(id, somewhere, `,"data":{"status":"deployed","native":{"a":`+value+`}}`)
}

func TestHostileHTTP(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	cut := slowHeader(t, p)
	keys := make([]string, 5000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	many := "[" + strings.Repeat(about("many", somewhere, deployed)+",", 1000) + about("many", somewhere, deployed) + "]"
	long := about("long", somewhere, `,"data":{"status":"deployed","message":"`+strings.Repeat("x", 65<<10)+`"}`)
	tick := strings.Replace(about("tick", "rec-1", `,"data":{"regions":["eu-west-1"]}`), events.TypeReported, events.TypeTick, 1)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	kept := 0 // in quarantine
	for _, tc := range []struct {
		name   string
		body   string
		change func(*http.Request)
		status int // default 400
		code   events.Code
	}{
		{"no JSON", "status=deployed", nil, 0, events.CodeMalformed},
		{"byte-order mark", "\xef\xbb\xbf" + about("bom", somewhere, deployed), nil, 0, events.CodeMalformed},
		{"trailing data", about("trailing", somewhere, deployed) + "{}", nil, 0, events.CodeMalformed},
		{"a key twice", about("twice", somewhere, `,"data":{"status":"failed","status":"deployed"}`), nil, 0, events.CodeMalformed},
		{"5,000 keys", about("keys", somewhere, `,"data":{"status":"deployed","native":{`+strings.Join(keys, ",")+`}}`), nil, 0, events.CodeMalformed},
		{"depth bomb", native("deep", strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), nil, 0, events.CodeMalformed},
		{"depth bomb, left open", strings.Repeat(`{"a":[`, 10_000), nil, 0, events.CodeMalformed},
		{"NaN", native("nan", "NaN"), nil, 0, events.CodeMalformed},
		{"1e400", native("huge", "1e400"), nil, 0, events.CodeMalformed},
		{"2^53+1", native("int", "9007199254740993"), nil, 0, events.CodeMalformed},
		{"invalid UTF-8", native("utf8", "\"\xff\xfe\""), nil, 0, events.CodeMalformed},
		{"NUL in the id", strings.Replace(about("-", somewhere, deployed), `"-"`, `"a\u0000b"`, 1), nil, 0, events.CodeBadID},
		{"confusable component", about("cyrillic", "prod/eu-west-1/\u0430pi/1", deployed), nil, 0, events.CodeBadID},
		{"wildcard region", about("star", "prod/*/api/1", deployed), nil, 0, events.CodeBadID},
		{"wildcard component", about("tail", "prod/eu-west-1/>/1", deployed), nil, 0, events.CodeBadID},
		{"$JS as env", about("js", "$JS/eu-west-1/api/1", deployed), nil, 0, events.CodeBadID},
		{"dot in env", about("dot", "pr.od/eu-west-1/api/1", deployed), nil, 0, events.CodeBadID},
		{"year 9999", about("far", somewhere, `,"time":"9999-12-31T23:59:59Z"`+deployed), nil, 0, events.CodeClock},
		{"before 2000", about("old", somewhere, `,"time":"1999-12-31T23:59:59Z"`+deployed), nil, 0, events.CodeClock},
		{"over 64 KiB", long, nil, 413, events.CodeTooLarge},
		{"1,001 in a batch", many, header("Content-Type", typeBatch), 413, events.CodeTooLarge},
		{"plain JSON", about("plain", somewhere, deployed), header("Content-Type", "application/json"), 415, events.CodeMalformed},
		{"gzip", "\x1f\x8b\x08\x00", header("Content-Encoding", "gzip"), 415, events.CodeMalformed},
		{"forged Host", about("host", somewhere, deployed), func(r *http.Request) { r.Host = "evil.example.org" }, 403, events.CodeForbidden},
		{"another origin", about("origin", somewhere, deployed), header("Origin", "https://evil.example.org"), 403, events.CodeForbidden},
		{"a page elsewhere", about("site", somewhere, deployed), header("Sec-Fetch-Site", "cross-site"), 403, events.CodeForbidden},
		{"a tick of ours", tick, nil, 403, events.CodeForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, p.url+"/v1/events", strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", typeEvent)
			if tc.change != nil {
				tc.change(req)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var problem struct {
				Code         events.Code
				Detail, Type string
			}
			text, err := io.ReadAll(resp.Body)
			if err := errors.Join(err, json.Unmarshal(text, &problem)); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			status := cmp.Or(tc.status, 400)
			if resp.StatusCode != status || problem.Code != tc.code || problem.Detail == "" {
				t.Errorf("answer %s %s, want %d %s", resp.Status, text, status, tc.code)
			}
			if status != 400 && tc.body != tick {
				return // turned away, not looked at
			}
			kept++
			q := p.quarantine(t)
			if len(q) != kept || q[kept-1].Code != tc.code || string(q[kept-1].Raw) != tc.body {
				t.Errorf("quarantine holds %d entries, want %d and the last with %s as it came", len(q), kept, tc.code)
			}
		})
	}
	t.Run("16 KiB of headers", func(t *testing.T) {
		req, err := http.NewRequest(http.MethodPost, p.url+"/v1/events", strings.NewReader(about("headers", somewhere, deployed)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Much", strings.Repeat("x", 64<<10))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("answer %s", resp.Status)
		}
	})
	if err := <-cut; err != nil {
		t.Errorf("a header that never ends: %v", err)
	}
	p.checkSound(t, dir, []string{about("1", somewhere, deployed), about("2", somewhere, `,"time":"2026-01-02T17:04:05+14:00"`+deployed)})
}

// slowHeader begins a request and never ends it. The channel says nil once the
// server has hung up.
func slowHeader(t testing.TB, p *process) <-chan error {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	cut := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		if err == nil {
			err = conn.SetReadDeadline(time.Now().Add(time.Minute))
		}
		if err == nil {
			_, err = io.Copy(io.Discard, conn) // nil at the end of what the server says
		}
		cut <- errors.Join(err, conn.Close())
	}()
	return cut
}

func TestHostileNATS(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir, "--nats-listen", "127.0.0.1:0")
	refused := make(chan error, 16) // what the server says of its own accord
	nc, err := nats.Connect(p.nats, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	publish := func(subject, body string, headers ...string) error {
		m := &nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{}}
		for i := 0; i < len(headers); i += 2 {
			m.Header.Set(headers[i], headers[i+1])
		}
		_, err := js.PublishMsg(t.Context(), m)
		return err
	}

	// What names no one emitter is taken, and kept aside.
	strange := []string{"tt.v1.raw.em-a.>", "tt.v1.raw.*", "tt.v1.raw.a.b", "tt.v1.raw.EM"}
	for _, subject := range strange {
		if err := publish(subject, about(subject, somewhere, deployed)); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	eventually(t, "quarantine holds them", func() (bool, error) {
		q := p.quarantine(t)
		subjects := make([]string, 0, len(q))
		for _, e := range q {
			if e.Code != events.CodeBadID {
				t.Errorf("%s is quarantined with %s", e.Subject, e.Code)
			}
			subjects = append(subjects, e.Subject)
		}
		return slices.Equal(subjects, strange), fmt.Errorf("%q", subjects)
	})

	// What is meant for the server itself is refused there or means nothing behind
	// the door: never does it reach what is stored already.
	good := []string{}
	for i, h := range [][]string{
		{"Nats-Rollup", "all"},
		{"Nats-TTL", "1s"},
		{"Nats-Expected-Last-Sequence", "0"},
		{"Nats-Expected-Stream", "TT_EVENTS"},
		{"Nats-Msg-Id", "tt"},
		{"Nats-Schedule", "@every 1s", "Nats-Schedule-Target", "tt.v1.events.prod.eu-west-1.checkout"},
		{"Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1"},
		{"Nats-Incr", "1"},
	} {
		body := about(fmt.Sprint("header-", i), somewhere, deployed)
		if err := publish("tt.v1.raw.em-a", body, h...); err == nil {
			good = append(good, body)
		} else {
			t.Logf("%s is refused: %v", h[0], err)
		}
	}

	var api *jetstream.APIError
	if err := publish("tt.v1.raw.em-a", strings.Repeat("x", 600<<10)); !errors.As(err, &api) || api.ErrorCode != 10054 {
		t.Errorf("600 KiB: %v, want 10054", err)
	}
	if err := publish("tt.v1.raw.em-a", strings.Repeat("x", 2<<20)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("2 MiB: %v", err)
	}
	for _, subject := range []string{
		"tt.v1.events.prod.eu-west-1.checkout", "tt.v1.changes.prod.eu-west-1.checkout",
		"$JS.API.STREAM.DELETE.TT_EVENTS", "$JS.API.STREAM.PURGE.TT_RAW", "$KV.TT_CURRENT.prod.eu-west-1.checkout",
	} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v, want a violation", subject, err)
		}
	}
	p.checkSound(t, dir, good)
}

// held is an entry of the quarantine.
type held struct {
	Seq     uint64
	Code    events.Code
	Subject string
	Raw     []byte
}

func (p *process) quarantine(t testing.TB) (entries []held) {
	t.Helper()
	for _, raw := range p.list(t, "/v1/quarantine?limit=100") {
		var e held
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		p.get(t, fmt.Sprint("/v1/quarantine/", e.Seq), &e)
		entries = append(entries, e)
	}
	return entries
}

// checkSound wants p to be alive and well after all: it takes what is good, and
// holds that and nothing else of what /hostile said.
func (p *process) checkSound(t *testing.T, dataDir string, good []string) {
	t.Helper()
	if ok, err := p.ready(); !ok || p.ended() {
		t.Errorf("it is not ready: %v", err)
	}
	p.send(t, good, len(good))
	if accepted, duplicates := p.send(t, good, len(good)); accepted != 0 || duplicates != len(good) {
		t.Errorf("the same bytes again: %d accepted, %d duplicates", accepted, duplicates)
	}
	p.settle(t, uint64(len(good)))
	p.stop(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	has := stored(t, dataDir)
	for _, body := range good {
		if id := idOf(t, []byte(body)); has[id] != 1 {
			t.Errorf("TT_EVENTS holds %s %d times", id, has[id])
		}
	}
	if len(has) != len(good) {
		t.Errorf("TT_EVENTS holds %v, want what is good", has)
	}
}
