package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// The load of the table: 665-byte events, three status events per deployment,
// 10,000 deployments in flight, each in a slot of its own.
const (
	eventBytes = 665
	inFlight   = 10_000
	regions    = 10
)

// stages are the three things that are said of each deployment.
var stages = [...]string{statemachine.StatusQueued, statemachine.StatusInProgress, statemachine.StatusDeployed}

// load returns n events in structured mode. Waves of inFlight deployments go
// through their stages together; each wave is the next version in every slot.
func load(n int, start time.Time) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		wave, rest := i/(inFlight*len(stages)), i%(inFlight*len(stages))
		stage, slot := rest/inFlight, rest%inFlight
		out[i] = event(wave, slot, stage, start.Add(time.Duration(i)*time.Millisecond))
	}
	return out
}

// event returns one event of eventBytes bytes, or a few more where its numbers
// are long.
func event(wave, slot, stage int, at time.Time) []byte {
	version := fmt.Sprintf("1.%d.0", wave)
	e := events.Event{
		ID:      fmt.Sprintf("run-%d-%d-%s", wave, slot, stages[stage]),
		Source:  fmt.Sprintf("/github/org/app-%d/deploy", slot%1000),
		Type:    events.TypeReported,
		Subject: fmt.Sprintf("bench/region-%d/app-%d/%s", slot%regions, slot/regions, version),
		Time:    at.UTC(),
	}
	said := events.Reported{
		Status: stages[stage], Version: version, Release: fmt.Sprintf("r-%d", wave),
		Actor: "github:4711", Owner: "team-checkout", URL: "https://ci.example/org/app/runs/4711",
		Labels: map[string]string{"cluster": "blue", "tier": "1"},
		Refs:   []string{"git:org/app@9f2c7d1e5b3a", "oci:sha256:0f4b3c8d"},
	}
	for {
		err := e.SetData(said)
		if err != nil {
			panic("bench: " + err.Error()) // our own literal is JSON
		}
		raw, err := e.Encode()
		if err != nil {
			panic("bench: " + err.Error()) // as above
		}
		short := eventBytes - len(raw)
		if short <= 0 || said.Message != "" {
			return raw
		}
		said.Message = strings.Repeat("m", max(1, short-len(`,"message":""`)))
	}
}

// batches joins events into JSON arrays of size.
func batches(all [][]byte, size int) [][]byte {
	var out [][]byte
	for len(all) > 0 {
		n := min(size, len(all))
		b := make([]byte, 0, n*(eventBytes+16))
		for i, e := range all[:n] {
			if i == 0 {
				b = append(b, '[')
			} else {
				b = append(b, ',')
			}
			b = append(b, e...)
		}
		out, all = append(out, append(b, ']')), all[n:]
	}
	return out
}
