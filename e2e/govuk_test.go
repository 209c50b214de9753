package e2e

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

const govukDir = "real-history/alphagov+govuk-helm-charts"

// govukExpected is the part of the expected file that is checked.
type govukExpected struct {
	Summary struct {
		Landed int            `json:"landed"`
		PerEnv map[string]int `json:"per_env"`
	} `json:"summary"`
	FinalTag   map[string]string `json:"final_tag"`  // "app/env" → tag
	Downgrades [][]any           `json:"downgrades"` // Unix seconds, app, env, tag before, tag
}

func readExpected(t testing.TB) govukExpected {
	t.Helper()
	raw, err := os.ReadFile(testkit.RealInputs(t, govukDir, "govuk-expected-2023.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want govukExpected
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// govukEvents reads a year of real landings as events: each row was proposed
// and landed. Sequences count per environment by (time, row). The result is in
// order of time over all environments.
func govukEvents(t testing.TB) []*events.Event {
	t.Helper()
	f, err := os.Open(testkit.RealInputs(t, govukDir, "govuk-deployments-2023.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	type timed struct {
		at  int64
		row int
		env string
		e   *events.Event
	}
	var all []timed
	lines := bufio.NewScanner(zr)
	for row := 0; lines.Scan(); row++ {
		c := strings.Split(lines.Text(), "\t")
		if row == 0 {
			continue // the header
		}
		if len(c) != 7 {
			t.Fatalf("row %d has %d columns", row, len(c))
		}
		update, merge, app, env, tag := c[0], c[1], c[4], c[5], c[6]
		for _, say := range [...]struct{ id, status, unix string }{
			{update + "-planned", "planned", c[2]},
			{merge + "-deployed", "deployed", c[3]},
		} {
			at, err := strconv.ParseInt(say.unix, 10, 64)
			if err != nil {
				t.Fatalf("row %d: %v", row, err)
			}
			e := &events.Event{
				ID: say.id, Source: "/govuk/" + env, Type: events.TypeReported,
				Subject: env + "/eu-west-1/" + app + "/" + update,
				Time:    time.Unix(at, 0).UTC(),
			}
			e.SetData(events.Reported{Status: say.status, Version: tag, Release: tag})
			all = append(all, timed{at, row, env, e})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b timed) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.row, b.row))
	})
	count := map[string]int{}
	out := make([]*events.Event, len(all))
	for i, x := range all {
		count[x.env]++
		x.e.Sequence = fmt.Sprint(count[x.env])
		out[i] = x.e
	}
	return out
}

// TestGOVUK sends a year of a real platform's deployments, shuffled, one in
// twenty twice, while the projector is killed three times, and wants what a
// quiet run in order gives: every slot right, every landing counted, the same
// digest, also from a rebuild.
func TestGOVUK(t *testing.T) {
	all, want := govukEvents(t), readExpected(t)
	bodies := make([]string, len(all))
	for i, e := range all {
		raw, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bodies[i] = string(raw)
	}
	if len(bodies) != 2*want.Summary.Landed {
		t.Fatalf("%d events of %d landings", len(bodies), want.Summary.Landed)
	}

	quiet := startRoles(t)
	quiet.ingest.send(t, bodies, 500)
	inOrder := quiet.projector.settle(t, uint64(len(bodies)))
	quiet.stop(t)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	shuffled := slices.Clone(bodies)
	for range len(bodies) / 20 {
		shuffled = append(shuffled, bodies[rnd.IntN(len(bodies))])
	}
	rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })

	rough := startRoles(t)
	kills := []int{rnd.IntN(len(shuffled)), rnd.IntN(len(shuffled)), rnd.IntN(len(shuffled))}
	slices.Sort(kills)
	accepted, duplicates, at := 0, 0, 0
	for _, k := range append(kills, len(shuffled)) {
		a, d := rough.ingest.send(t, shuffled[at:k], 100)
		accepted, duplicates, at = accepted+a, duplicates+d, k
		if k < len(shuffled) {
			rough.projector.kill(t)
			rough.startProjector(t)
		}
	}
	if accepted+duplicates != len(shuffled) {
		t.Errorf("%d accepted and %d duplicates of %d", accepted, duplicates, len(shuffled))
	}
	got := rough.projector.settle(t, uint64(len(bodies)))
	if got.Digest != inOrder.Digest || got.Deployments != inOrder.Deployments {
		t.Errorf("shuffled, doubled and killed: %+v\nin order and quiet: %+v", got, inOrder)
	}
	checkSlots(t, rough.projector, want)
	checkChanges(t, rough.nats)

	rough.projector.stop(t)
	out := run(t, "telltale", "rebuild", "--verify", "-o", "json",
		"--data-dir", rough.projectorDir, "--nats-url", rough.nats.ClientURL())
	if !strings.Contains(out, got.Digest) {
		t.Errorf("rebuild --verify says %s, the projection %s", out, got.Digest)
	}
}

// roles are the three processes against one NATS server.
type roles struct {
	nats              *natsd.Server
	ingest, projector *process
	projectorDir      string
}

func startRoles(t testing.TB) *roles {
	t.Helper()
	r := &roles{nats: server(t), projectorDir: t.TempDir()}
	r.ingest = start(t, "ingest", "--nats-url", r.nats.ClientURL(), "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	r.startProjector(t)
	return r
}

func (r *roles) startProjector(t testing.TB) {
	t.Helper()
	r.projector = start(t, "projector", "--nats-url", r.nats.ClientURL(), "--data-dir", r.projectorDir, "--listen", "127.0.0.1:0")
}

func (r *roles) stop(t testing.TB) {
	t.Helper()
	r.ingest.stop(t)
	r.projector.stop(t)
}

// checkSlots compares what runs where, how often each environment landed, and
// which landings were downgrades with the expected file.
func checkSlots(t *testing.T, p *process, want govukExpected) {
	t.Helper()
	running := map[string]string{}
	count := map[string]int{}
	down := map[string]string{}
	for _, raw := range p.list(t, "/v1/slots?limit=100") {
		var s struct{ Env, Region, Component, Version string }
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		running[s.Component+"/"+s.Env] = s.Version
		var landings []landed
		for _, raw := range p.list(t, "/v1/slots/"+s.Env+"/"+s.Region+"/"+s.Component+"/history?limit=1000") {
			var l struct {
				At               time.Time
				Version, Landing string
			}
			if err := json.Unmarshal(raw, &l); err != nil {
				t.Fatal(err)
			}
			landings = append(landings, landed{l.At.Unix(), l.Version, l.Landing})
		}
		slices.Reverse(landings) // the API tells the newest first
		count[s.Env] += len(landings)
		maps.Copy(down, downgrades(s.Component, s.Env, landings))
	}
	checkRunning(t, running, want)
	if !maps.Equal(count, want.Summary.PerEnv) {
		t.Errorf("landings %v, want %v", count, want.Summary.PerEnv)
	}
	checkDowngrades(t, want, down)
}

// checkRunning compares what runs where, by "app/env", with the expected file.
func checkRunning(t *testing.T, running map[string]string, want govukExpected) {
	t.Helper()
	for slot, tag := range want.FinalTag {
		if running[slot] != tag {
			t.Errorf("%s runs %q, want %q", slot, running[slot], tag)
		}
	}
	if len(running) != len(want.FinalTag) {
		t.Errorf("%d slots, want %d", len(running), len(want.FinalTag))
	}
}

// checkChanges wants the changes of each environment in order of their causes,
// none twice.
func checkChanges(t *testing.T, s *natsd.Server) {
	t.Helper()
	ctx := t.Context()
	conn, err := stream.Connect(ctx, stream.Options{InProcess: s.InProcess()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	id, err := stream.Identify(ctx, conn.JS, events.StreamChanges)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]events.ChangeID{}
	errDone := errors.New("read all")
	err = stream.NewReader(conn, stream.ReaderOptions{Stream: events.StreamChanges}).Run(ctx, func(_ context.Context, batch []stream.Msg) error {
		for _, m := range batch {
			place, ok := events.ParseChangesSubject(m.Subject)
			if !ok {
				return fmt.Errorf("subject %s", m.Subject)
			}
			var change struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(m.Data, &change); err != nil {
				return err
			}
			cause, err := events.ParseChangeID(change.ID)
			if err != nil {
				return err
			}
			if before, ok := last[place.Env]; ok && before.Compare(cause) >= 0 {
				return fmt.Errorf("%s: change %s stands behind %s", place.Env, cause, before)
			}
			last[place.Env] = cause
			if m.Seq == id.Last {
				return errDone
			}
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Error(err)
	}
}
