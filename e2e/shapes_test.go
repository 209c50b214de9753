package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// slot is what must be the same however the events came in.
type slot struct {
	Env, Region, Component, Version, Deployment, Since, Landing string
	Latest                                                      struct{ Deployment, Version, Status, Since string }
}

func (p *process) slots(t testing.TB) []slot {
	t.Helper()
	var slots []slot
	for _, raw := range p.list(t, "/v1/slots?limit=100") {
		var s slot
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		slots = append(slots, s)
	}
	return slots
}

// TestShapesAgree brings the same events, in the same disorder, to one process
// over HTTP, to three processes over one NATS server, and to one process from a
// file: all come to what a run in order comes to.
func TestShapesAgree(t *testing.T) {
	inOrder := story(t, 800, time.Now().Add(-time.Hour))
	want := told(t, inOrder)
	bodies := shuffled(t, inOrder)
	n := uint64(len(bodies))

	whole := serve(t, t.TempDir())
	whole.send(t, bodies, 100)
	whole.settle(t, n).same(t, "one process", want)
	slots := whole.slots(t)
	whole.stop(t)
	if len(slots) == 0 {
		t.Fatal("no slots")
	}

	three := startRoles(t)
	notifier := start(t, "notifier", "--nats-url", three.nats.ClientURL(), "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	three.ingest.send(t, bodies, 100)
	three.projector.settle(t, n).same(t, "three processes", want)
	if got := three.projector.slots(t); !slices.Equal(got, slots) {
		t.Errorf("three processes have the slots %v, one has %v", got, slots)
	}
	notifier.stop(t)
	three.stop(t)

	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(bodies, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	imported := serve(t, t.TempDir())
	run(t, "telltale", "import", file, "--server", imported.url)
	imported.settle(t, n).same(t, "imported", want)
	if got := imported.slots(t); !slices.Equal(got, slots) {
		t.Errorf("after an import the slots are %v, over HTTP %v", got, slots)
	}
	imported.stop(t)
}

// TestEmitWithoutServer says something while no server is there: the step goes
// on, and the word arrives later, once.
func TestEmitWithoutServer(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	code, _, stderr := attempt(t, "telltale-emit", "emit", "deployed", "--env", "prod", "--region", "eu-west-1,us-east-1",
		"--component", "checkout", "--version", "2.14.0", "--server", "http://"+address, "--spool-dir", spool, "--timeout", "1s")
	if code != 0 || !strings.Contains(stderr, "warning: not said yet") {
		t.Errorf("exit code %d, %s", code, stderr)
	}

	p := serve(t, t.TempDir())
	flush := func(sent int) {
		t.Helper()
		var report struct{ Sent, Remaining int }
		out := run(t, "telltale-emit", "flush", "-o", "json", "--server", p.url, "--spool-dir", spool)
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.Sent != sent || report.Remaining != 0 {
			t.Errorf("flush reports %s (%v), want %d sent", out, err, sent)
		}
	}
	flush(2)
	flush(0)
	p.settle(t, 2)
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		if got := p.list(t, "/v1/deployments/prod/"+region+"/checkout/2.14.0/events?limit=10"); len(got) != 1 {
			t.Errorf("%s has heard %d words, want 1", region, len(got))
		}
	}
	p.stop(t)
}
