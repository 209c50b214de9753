package emitcli

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// tickEvery is the time between two ticks of a recorder.
const tickEvery = 10 * time.Second

// ticks writes the promises that recorders made when a history was recorded:
// before the first event of a period that has events, and after its last. What
// lies between two such periods is silence, and the first tick after it is what
// lets a replay notice. A recorder that has its own ticks in the file needs none.
type ticks struct {
	recorder  string // for events that name none
	recorders map[string]*recording
}

// recording is what one recorder has recorded so far.
type recording struct {
	latest  time.Time       // of its events; never goes back
	period  time.Time       // start of the period of latest
	regions map[string]bool // that it has stood for
	ticked  time.Time       // its last tick
	own     bool            // it has its own ticks in the file
}

func newTicks(recorder string) *ticks {
	return &ticks{recorder: recorder, recorders: make(map[string]*recording)}
}

// before takes the next event of the file, gives it a recorder if it has none,
// and returns the ticks that stand before it. An event without a recordedtime,
// or recorded before its predecessor, is refused: the promise of a tick could
// not be kept.
func (t *ticks) before(e *events.Event) ([]events.Event, error) {
	if e.RecordedTime.IsZero() {
		return nil, events.Errorf(events.CodeSchema, "the event has no recordedtime to keep")
	}
	if e.Recorder == "" {
		e.Recorder = t.recorder
	}
	if err := events.CheckName("recorder", e.Recorder); err != nil {
		return nil, err
	}
	r := t.recorders[e.Recorder]
	if r == nil {
		r = &recording{regions: make(map[string]bool)}
		t.recorders[e.Recorder] = r
	}
	if e.RecordedTime.Before(r.latest) {
		return nil, events.Errorf(events.CodeClock, "recordedtime goes back: the file is not in the order of recording")
	}
	var out []events.Event
	if period := e.RecordedTime.UTC().Truncate(tickEvery); !period.Equal(r.period) {
		for _, at := range []time.Time{r.period.Add(tickEvery), period} {
			tick, err := r.tick(e.Recorder, at)
			if err != nil {
				return nil, err
			}
			out = append(out, tick...)
		}
		r.period = period
	}
	r.latest = e.RecordedTime
	if e.Type == events.TypeTick {
		r.own = true
	}
	if place, err := e.Place(); err == nil && place.Region != "" {
		r.regions[place.Region] = true
	}
	return out, nil
}

// last returns the ticks that stand behind everything, by recorder.
func (t *ticks) last() ([]events.Event, error) {
	var out []events.Event
	for _, name := range slices.Sorted(maps.Keys(t.recorders)) {
		r := t.recorders[name]
		tick, err := r.tick(name, r.period.Add(tickEvery))
		if err != nil {
			return nil, err
		}
		out = append(out, tick...)
	}
	return out, nil
}

// tick returns the tick just before the boundary at, so that an event recorded
// right on it counts as later; nothing if there is no region to stand for, or
// the recorder ticks itself. The id follows from the boundary: a repeated import
// repeats it.
func (r *recording) tick(recorder string, at time.Time) ([]events.Event, error) {
	at = at.Add(-time.Nanosecond)
	if r.own || len(r.regions) == 0 || !at.After(r.ticked) {
		return nil, nil
	}
	r.ticked = at
	e := events.Event{
		ID:           "import-tick-" + strconv.FormatInt(at.Unix(), 10),
		Source:       "/telltale/" + recorder,
		Type:         events.TypeTick,
		Subject:      recorder,
		RecordedTime: at,
		Recorder:     recorder,
	}
	e.SetTime(at)
	if err := e.SetData(&events.Tick{Regions: slices.Sorted(maps.Keys(r.regions))}); err != nil {
		return nil, err
	}
	return []events.Event{e}, nil
}
