package bench

import (
	"fmt"
	"math/rand/v2"
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

// report is what varies between the events of a load.
type report struct {
	wave, slot int // which deployment: each wave is the next version in every slot
	status     string
	serial     int // differs for each event
	at         time.Time
}

// writer writes events of one length. Their messages are parts of one long text:
// a store that compresses is to find in them what it finds in real ones, and not
// what it finds in blanks.
type writer struct {
	fixed int // bytes of an event without the texts that vary
	text  string
}

// textBytes is longer than what a compressor looks back.
const textBytes = 128 << 10

// prose returns a text of words that no two runs differ in.
func prose() string {
	words := strings.Fields(`rollout of the service to all hosts in this cell waits for health checks that did not
		answer within seconds pod container image pulled started ready probe failed with status code retry after
		backoff replica set scaled up from to canary weight step analysis run succeeded error rate latency`)
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < textBytes {
		fmt.Fprintf(&b, "%s %s %x ", words[random.IntN(len(words))], words[random.IntN(len(words))], random.Uint32())
	}
	return b.String()
}

func newWriter() (*writer, error) {
	w := &writer{fixed: eventBytes, text: prose()}
	// The least message is one byte, so an event that is asked for nothing more
	// shows how long the rest is.
	e, err := w.event(report{status: statemachine.StatusQueued, at: time.Unix(1, 0)})
	if err != nil {
		return nil, err
	}
	raw, err := e.Encode()
	if err != nil {
		return nil, err
	}
	w.fixed = len(raw) - 1 - varying(e, statemachine.StatusQueued, "r-0")
	return w, nil
}

// event returns one event of eventBytes bytes in structured mode, or a few more
// where its numbers are long.
func (w *writer) event(r report) (*events.Event, error) {
	version := fmt.Sprintf("1.%d.0", r.wave)
	release := fmt.Sprintf("r-%d", r.wave)
	e := &events.Event{
		ID:      fmt.Sprintf("run-%d-%d-%s-%d", r.wave, r.slot, r.status, r.serial),
		Source:  fmt.Sprintf("/github/org/app-%d/deploy", r.slot%1000),
		Type:    events.TypeReported,
		Subject: fmt.Sprintf("bench/region-%d/app-%d/%s", r.slot%regions, r.slot/regions, version),
	}
	e.SetTime(r.at.UTC())
	return e, e.SetData(events.Reported{
		Status: r.status, Version: version, Release: release,
		Actor: "github:4711", Owner: "team-checkout", URL: "https://ci.example/org/app/runs/4711",
		Labels:  map[string]string{"cluster": "blue", "tier": "1"},
		Refs:    []string{"git:org/app@9f2c7d1e5b3a", "oci:sha256:0f4b3c8d"},
		Message: w.message(r.serial, max(1, eventBytes-w.fixed-varying(e, r.status, release))),
	})
}

// message is n bytes of the text, from a place that differs from event to event.
func (w *writer) message(serial, n int) string {
	from := serial * 7919 % (textBytes - n)
	return w.text[from : from+n]
}

// varying is how many bytes of an event differ from one to the next, its
// message apart. The last part of the subject is the version, which data says
// again.
func varying(e *events.Event, status, release string) int {
	version := e.Subject[strings.LastIndexByte(e.Subject, '/')+1:]
	return len(e.ID) + len(e.Source) + len(e.Subject) + len(e.Time.Format(time.RFC3339Nano)) +
		len(status) + len(release) + len(version)
}

// load returns n events in structured mode. Waves of inFlight deployments go
// through their stages together.
func load(n int, start time.Time) ([][]byte, error) {
	w, err := newWriter()
	if err != nil {
		return nil, err
	}
	out := make([][]byte, n)
	for i := range out {
		wave, rest := i/(inFlight*len(stages)), i%(inFlight*len(stages))
		e, err := w.event(report{
			wave: wave, slot: rest % inFlight, status: stages[rest/inFlight], serial: i,
			at: start.Add(time.Duration(i) * time.Millisecond),
		})
		if err != nil {
			return nil, err
		}
		if out[i], err = e.Encode(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// deploymentsIn is how many deployments load(n) speaks of.
func deploymentsIn(n int) int {
	wave := inFlight * len(stages)
	return n/wave*inFlight + min(n%wave, inFlight)
}

// changesOf is how many changes load(n) makes: one of each deployment that is
// spoken of, and one of the slot for each landing.
func changesOf(n int) uint64 {
	wave := inFlight * len(stages)
	landings := n/wave*inFlight + max(n%wave-inFlight*(len(stages)-1), 0)
	return uint64(n + landings)
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
