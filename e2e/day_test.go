package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// words are the day without its ticks.
func (d *day) words() (out []*events.Event) {
	for _, e := range d.stream {
		if e.Type != events.TypeTick {
			out = append(out, e)
		}
	}
	return out
}

// TestDayFold folds the day of some seeds, in the order of the stream and in
// others: clocks that are off by ten minutes, words that came an hour late and
// evidence that came before its landing change nothing.
func TestDayFold(t *testing.T) {
	for seed := range uint64(4) {
		d := newDay(t, seed)
		words := sayings(t, d.words())
		inOrder := foldAll(t, statemachine.Standard(), words)
		for key, want := range d.status {
			if _, unended := d.stalls[key]; unended {
				want = "in_progress"
			}
			if got := inOrder.deployments[key]; got == nil || got.Status != want || got.Attempt != 1 || got.AnomalyN != 0 {
				t.Errorf("seed %d: %s is %+v, want %s", seed, key, got, want)
			}
		}
		if len(inOrder.deployments) != len(d.status) {
			t.Errorf("seed %d: %d deployments, want %d", seed, len(inOrder.deployments), len(d.status))
		}
		for slot, version := range map[string]string{
			"prod/eu-west-1/ledger": "2.0.0", "prod/us-east-1/ledger": "2.0.0", "prod/ap-south-1/ledger": "3.0.0",
			"prod/eu-west-1/early": "1.0.0",
		} {
			if got := inOrder.current[slot].Version; got != version {
				t.Errorf("seed %d: %s runs %q, want %q", seed, slot, got, version)
			}
		}
		digest := inOrder.digest()
		shuffles(t, 10, words, func(words []said) {
			if foldAll(t, statemachine.Standard(), words).digest() != digest {
				t.Fatalf("seed %d: another order gives another answer", seed)
			}
		})
	}
}

// dayLifecycle has the deadlines by which the day is made.
func dayLifecycle(t testing.TB) string {
	t.Helper()
	return withDeadlines(t, "day", map[string]deadline{"in_progress": {Silent: daySilent, Overdue: dayOverdue}})
}

// healed is where in the stream stands the first of what the cut region had to
// say meanwhile.
func (d *day) healed() int {
	return slices.IndexFunc(d.stream, func(e *events.Event) bool {
		return e.Recorder == dayRecorder[cutRegion] && !e.RecordedTime.Before(dayBegins.Add(cutBegins))
	})
}

// TestDayDeadlines walks along the stream and asks at every tick who has stalled
// in its region by then, from the words that stand before it. The clocks of the
// emitters make nobody stall, and neither does the hour in which a region was
// cut off: what is asked is what its own recorder has promised.
func TestDayDeadlines(t *testing.T) {
	l := compile(t, dayLifecycle(t))
	for seed := range uint64(4) {
		d := newDay(t, seed)
		own := map[string][]statemachine.Word{}
		due := map[string]map[string]statemachine.Deadline{} // by recorder, then by key
		stalled := map[string]string{}
		for i, e := range d.stream {
			switch {
			case e.Recorder == slowByHour: // so far behind the other one of its region that it does not count
			case e.Type == events.TypeTick:
				for key, deadline := range due[e.Recorder] {
					why := stallAt(deadline, e.Time.UnixNano())
					if why != "" {
						stalled[key] = why
					}
					if why != "" && key == mute && i < d.healed() {
						t.Errorf("seed %d: %s has stalled before anybody could know", seed, key)
					}
				}
			default:
				word := sayings(t, []*events.Event{e})[0]
				own[word.key] = append(own[word.key], word.word)
				key := parseKey(t, word.key)
				s, _ := l.Fold(key, own[word.key])
				if due[e.Recorder] == nil {
					due[e.Recorder] = map[string]statemachine.Deadline{}
				}
				due[e.Recorder][word.key] = l.Deadlines(key, s)
			}
		}
		if !maps.Equal(stalled, d.stalls) {
			t.Errorf("seed %d: stalled at some time: %v, want %v", seed, stalled, d.stalls)
		}
	}
}

// TestDayIsTheSame: a seed is all that a day depends on.
func TestDayIsTheSame(t *testing.T) {
	one, two, other := encode(t, newDay(t, 1).stream), encode(t, newDay(t, 1).stream), encode(t, newDay(t, 2).stream)
	if !slices.Equal(one, two) || slices.Equal(one, other) {
		t.Error("a seed gives two days, or two seeds one")
	}
}

// imports brings the day into p as a file, in the order of the stream.
func (d *day) imports(t *testing.T, p *process) digest {
	t.Helper()
	file := filepath.Join(t.TempDir(), "day.ndjson")
	if err := os.WriteFile(file, []byte(strings.Join(encode(t, d.stream), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "telltale", "import", file, "--keep-recorded", "--server", p.url)
	return p.settle(t, uint64(len(d.stream)))
}

// shuffles brings the words of the day into p in another order, and behind them
// the ticks: no tick may promise what is still to come.
func (d *day) shuffles(t *testing.T, p *process) digest {
	t.Helper()
	ticks := slices.DeleteFunc(slices.Clone(d.stream), func(e *events.Event) bool { return e.Type != events.TypeTick })
	p.sendRecorded(t, shuffled(t, encode(t, d.words())), 500)
	p.sendRecorded(t, encode(t, ticks), 500)
	return p.settle(t, uint64(len(d.stream)))
}

// TestDayServed replays a day into a server that has no clock of its own: all
// that ended is what it ended as, and every region is known up to the day's end,
// the one whose second recorder lives in the past too.
func TestDayServed(t *testing.T) {
	d := newDay(t, 1)
	p := serve(t, t.TempDir(), "--clock", "events")
	inOrder := d.imports(t, p)
	for key, want := range d.status {
		if _, unended := d.stalls[key]; unended {
			continue
		}
		var got struct{ Status string }
		if p.get(t, "/v1/deployments/"+key, &got); got.Status != want {
			t.Errorf("%s is %s, want %s", key, got.Status, want)
		}
	}
	regions := 0
	for _, raw := range p.list(t, "/v1/regions?") {
		var r struct {
			Region    string
			Watermark time.Time
			Dark      bool
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		regions++
		if end := dayBegins.Add(dayLasts); r.Dark || r.Watermark.After(end) || end.Sub(r.Watermark) > dayTick {
			t.Errorf("%+v, want it known up to %s and not dark", r, end)
		}
	}
	if regions != len(dayRegions) {
		t.Errorf("%d regions, want %d", regions, len(dayRegions))
	}
	p.stop(t)

	again := serve(t, t.TempDir(), "--clock", "events")
	d.shuffles(t, again).same(t, "shuffled", inOrder)
	again.stop(t)
}
