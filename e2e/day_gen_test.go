package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// dayBegins is long over, so that its end is too.
var dayBegins = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const (
	dayLasts   = 24 * time.Hour
	dayTick    = 30 * time.Second
	cutRegion  = "ap-south-1"
	cutBegins  = 12 * time.Hour
	cutEnds    = 13 * time.Hour
	dayBeat    = 4 * time.Minute // between two signs of life of a rollout
	daySilent  = 10 * time.Minute
	dayOverdue = time.Hour
	slowByHour = "rec-eu-2" // its clock is an hour behind
)

var dayRegions = []string{"eu-west-1", "us-east-1", cutRegion}

// dayRecorder is who records what a region says. Each stands for one region.
var dayRecorder = map[string]string{"eu-west-1": "rec-eu-1", "us-east-1": "rec-us", cutRegion: "rec-ap"}

// day is a day of traffic in three regions, as its recorders wrote it: words and
// ticks in the order of the stream, and what each deployment is in the end.
type day struct {
	stream []*events.Event
	status map[string]string // by key: the last fact, whatever silence adds
	stalls map[string]string // by key: what has stalled in the end, and why

	arrivals []arrival
	sequence map[string]int // by source: the emitters number what they say
	rnd      *rand.Rand
}

// arrival is an event and when the stream got it.
type arrival struct {
	at    time.Duration
	order int // among equals: as it was said
	e     *events.Event
}

// emitter is who speaks of a component. Its clock is off by a fixed amount.
type emitter struct {
	source string
	off    time.Duration
}

// newDay returns the day of a seed. No clock is read: the same seed gives the
// same bytes.
func newDay(t testing.TB, seed uint64) *day {
	t.Helper()
	d := &day{
		status: map[string]string{}, stalls: map[string]string{}, sequence: map[string]int{},
		rnd: rand.New(rand.NewPCG(seed, 4)),
	}
	d.traffic(t)
	d.silences(t)
	d.evidenceFirst(t)
	d.rollbacks(t)
	d.ticks(t)
	slices.SortFunc(d.arrivals, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.at, b.at), a.e.RecordedTime.Compare(b.e.RecordedTime), cmp.Compare(a.order, b.order))
	})
	for _, a := range d.arrivals {
		d.stream = append(d.stream, a.e)
	}
	return d
}

// put files an event under when the stream gets it: at once, unless its recorder
// is cut off. What a cut recorder took comes when it is healed, in its order.
func (d *day) put(at time.Duration, region string, e *events.Event) {
	e.RecordedTime = dayBegins.Add(at)
	e.Recorder = dayRecorder[region]
	if region == cutRegion && at >= cutBegins && at < cutEnds {
		at = cutEnds
	}
	d.arrivals = append(d.arrivals, arrival{at, len(d.arrivals), e})
}

// say is one word, recorded lag after it was said.
func (d *day) say(t testing.TB, by emitter, at, lag time.Duration, key, typ string, data any) {
	t.Helper()
	d.sequence[by.source]++
	n := d.sequence[by.source]
	e := &events.Event{
		ID: fmt.Sprint(by.source, "-", n), Source: by.source, Type: typ, Subject: key,
		Time: dayBegins.Add(at + by.off), Sequence: fmt.Sprint(n),
	}
	if err := e.SetData(data); err != nil {
		t.Fatal(err)
	}
	d.put(at+lag, strings.Split(key, "/")[1], e)
}

// report is one status. The last one said is what the deployment is.
func (d *day) report(t testing.TB, by emitter, at time.Duration, key, status, release string) {
	t.Helper()
	version := key[strings.LastIndexByte(key, '/')+1:]
	d.say(t, by, at, 0, key, events.TypeReported, events.Reported{Status: status, Version: version, Release: release})
	d.status[key] = status
}

// beats is a sign of life every few minutes in [from, to).
func (d *day) beats(t testing.TB, by emitter, from, to time.Duration, key string) {
	t.Helper()
	for at := from; at < to; at += dayBeat {
		d.say(t, by, at, 0, key, events.TypeProgressed, events.Progressed{Message: "still at it"})
	}
}

// passes is evidence by a probe whose clock is seven minutes behind.
func (d *day) passes(t testing.TB, at time.Duration, key string) {
	t.Helper()
	probe := emitter{"/probe/" + strings.Split(key, "/")[1], -7 * time.Minute}
	d.say(t, probe, at, 0, key, events.TypeEvidence, events.Evidence{Kind: "health", Verdict: events.VerdictPass})
	d.status[key] = "verified"
}

// rollout takes some minutes, with signs of life, and ends.
func (d *day) rollout(t testing.TB, by emitter, begin, lasts time.Duration, key, release, end string) {
	t.Helper()
	d.report(t, by, begin, key, "planned", release)
	d.report(t, by, begin+time.Minute, key, "in_progress", release)
	d.beats(t, by, begin+2*time.Minute, begin+lasts, key)
	d.report(t, by, begin+lasts, key, end, release)
}

// traffic is what a day is made of: a dozen components, rolled out everywhere
// every four hours by tools whose clocks are off by up to ten minutes. One in
// ten fails; of the others two in three are confirmed later.
func (d *day) traffic(t testing.TB) {
	t.Helper()
	const components = 12
	for c := range components {
		off := time.Duration(c*20*60/(components-1)-10*60) * time.Second
		for _, region := range dayRegions {
			by := emitter{fmt.Sprintf("/ci/%s/service-%d", region, c), off}
			for round := range 5 {
				begin := time.Duration(1+4*round)*time.Hour + time.Duration(d.rnd.IntN(3600))*time.Second
				lasts := time.Duration(5+d.rnd.IntN(20)) * time.Minute
				key := fmt.Sprintf("prod/%s/service-%d/1.%d.0", region, c, round)
				if d.rnd.IntN(10) == 0 {
					d.rollout(t, by, begin, lasts, key, "", "failed")
					continue
				}
				d.rollout(t, by, begin, lasts, key, "", "deployed")
				if d.rnd.IntN(3) > 0 {
					d.passes(t, begin+lasts+45*time.Minute, key)
				}
			}
		}
	}
	// One rollout of the cut region is under way all through the cut, by a tool
	// whose clock is ten minutes behind.
	by := emitter{"/ci/" + cutRegion + "/tenacious", -10 * time.Minute}
	key := "prod/" + cutRegion + "/tenacious/1.0.0"
	d.rollout(t, by, cutBegins-5*time.Minute, 55*time.Minute, key, "", "deployed")
}

// silences are the three rollouts that never end. One more word of each kind of
// silence than that would be a false alert.
func (d *day) silences(t testing.TB) {
	t.Helper()
	quiet := "prod/eu-west-1/quiet/1.0.0"
	d.report(t, emitter{"/ci/quiet", 10 * time.Minute}, 9*time.Hour, quiet, "in_progress", "")
	d.stalls[quiet] = "silent"

	slow, by := "prod/us-east-1/slow/1.0.0", emitter{"/ci/slow", -10 * time.Minute}
	d.report(t, by, 10*time.Hour, slow, "in_progress", "")
	d.beats(t, by, 10*time.Hour+dayBeat, dayLasts, slow)
	d.stalls[slow] = "overdue"

	// Its deadline passes while its region is dark: nobody can know before the
	// region is healed.
	d.report(t, emitter{"/ci/mute", 0}, cutBegins-5*time.Minute, mute, "in_progress", "")
	d.stalls[mute] = "silent"
}

const mute = "prod/" + cutRegion + "/mute/1.0.0"

// evidenceFirst is a landing that is heard of only after what confirms it: the
// tool's word waited in a spool for twelve minutes.
func (d *day) evidenceFirst(t testing.TB) {
	t.Helper()
	key, by := early, emitter{"/ci/early", 0}
	d.report(t, by, 6*time.Hour, key, "in_progress", "")
	d.beats(t, by, 6*time.Hour+dayBeat, 6*time.Hour+10*time.Minute, key)
	d.say(t, emitter{"/probe/early", 0}, 6*time.Hour+15*time.Minute, 0, key, events.TypeEvidence,
		events.Evidence{Kind: "health", Verdict: events.VerdictPass})
	d.say(t, by, 6*time.Hour+10*time.Minute, 12*time.Minute, key, events.TypeReported,
		events.Reported{Status: "deployed", Version: "1.0.0"})
	d.status[key] = "verified"
}

const early = "prod/eu-west-1/early/1.0.0"

// rollbacks are two that must not look the same: one succeeds in two of three
// regions, the other fails.
func (d *day) rollbacks(t testing.TB) {
	t.Helper()
	for i, region := range dayRegions {
		by := emitter{"/ci/" + region + "/ledger", time.Duration(i-1) * 8 * time.Minute}
		before, after := "prod/"+region+"/ledger/2.0.0", "prod/"+region+"/ledger/3.0.0"
		d.rollout(t, by, 4*time.Hour, 10*time.Minute, before, "autumn", "deployed")
		d.rollout(t, by, 15*time.Hour, 10*time.Minute, after, "winter", "deployed")
		if region == cutRegion {
			continue // nobody took it back there
		}
		d.report(t, by, 15*time.Hour+30*time.Minute, after, "failed", "winter")
		d.report(t, by, 15*time.Hour+31*time.Minute, after, "rolling_back", "winter")
		d.report(t, by, 15*time.Hour+36*time.Minute, after, "reverted", "winter")
	}
	by := emitter{"/ci/search", 9 * time.Minute}
	d.rollout(t, by, 4*time.Hour, 10*time.Minute, "prod/eu-west-1/search/4.0.0", "summer", "deployed")
	d.rollout(t, by, 16*time.Hour, 10*time.Minute, "prod/eu-west-1/search/5.0.0", "spring", "deployed")
	for i, status := range []string{"failed", "rolling_back", "manual_intervention"} {
		d.report(t, by, 16*time.Hour+time.Duration(20+5*i)*time.Minute, "prod/eu-west-1/search/5.0.0", status, "spring")
	}
}

// ticks are the promises of four recorders. One of them stands for a region
// that another one stands for too, with a clock that is an hour behind: no door
// opens with such a clock, so it has ticks and no words.
func (d *day) ticks(t testing.TB) {
	t.Helper()
	for at := time.Duration(0); at <= dayLasts; at += dayTick {
		for _, region := range dayRegions {
			// As far as the recorder knows nothing is amiss while it is cut off.
			d.put(at, region, tick(t, dayRecorder[region], dayBegins.Add(at), region))
		}
		e := tick(t, slowByHour, dayBegins.Add(at-time.Hour), "eu-west-1")
		d.arrivals = append(d.arrivals, arrival{at, len(d.arrivals), e})
	}
}
