package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// exampleEvent is one event of an example.
type exampleEvent struct {
	At    *statemachine.Duration `yaml:"at"`    // when it happened, from the beginning
	Heard *statemachine.Duration `yaml:"heard"` // when it was recorded; absent: at once
	From  string                 `yaml:"from"`  // its source; absent: "test"
	Say   string                 `yaml:"say"`   // a status, or one of saying
	Of    string                 `yaml:"of"`    // its subject
	With  map[string]any         `yaml:"with"`  // further members of its data; times in it count from the beginning too
}

// saying is what else than a status can be said.
var saying = map[string]string{
	"progress": events.TypeProgressed,
	"evidence": events.TypeEvidence,
	"annotate": events.TypeAnnotated,
	"override": events.TypeOverridden,
	"observe":  events.TypeObserved,
	"declare":  events.TypeReleaseDeclared,
	"freeze":   events.TypeFreezeDeclared,
	"lift":     events.TypeFreezeLifted,
}

// exampleTimes are the members of data that are times.
var exampleTimes = []string{"from", "to", "next_expected_by"}

// beginning is when every example begins.
var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// history returns the events of an example as they would be recorded, with a
// last tick.
func (x *example) history() (*rehearse.History, error) {
	list := make([]*events.Event, len(x.Events))
	var regions []string
	until := time.Duration(x.Until)
	for i := range x.Events {
		e, err := x.Events[i].event(strconv.Itoa(i + 1))
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		list[i] = e
		if place, err := e.Place(); err == nil && place.Region != "" {
			regions = append(regions, place.Region)
		}
		if x.Until == 0 {
			until = max(until, e.RecordedTime.Sub(beginning))
		}
	}
	if len(regions) > 0 {
		tick, err := lastTick(until, regions)
		if err != nil {
			return nil, err
		}
		list = append(list, tick)
	}
	slices.SortStableFunc(list, func(a, b *events.Event) int { return a.RecordedTime.Compare(b.RecordedTime) })
	stored := make([]rehearse.Stored, len(list))
	for i, e := range list {
		stored[i] = rehearse.Stored{Event: e, Seq: uint64(i + 1)}
	}
	h := rehearse.Read(stored, view.Watermarks{Grace: exampleGrace})
	for _, u := range h.Unusable() {
		return nil, u.Err
	}
	return h, nil
}

// exampleGrace is taken from a tick, and added to the last one before.
const exampleGrace = time.Second

// lastTick returns the tick by which all is known up to a time.
func lastTick(until time.Duration, regions []string) (*events.Event, error) {
	slices.Sort(regions)
	e := &events.Event{ID: "tick", Source: "/examples", Type: events.TypeTick, Subject: "examples", Recorder: "examples"}
	e.RecordedTime = beginning.Add(until + exampleGrace)
	e.SetTime(e.RecordedTime)
	return e, e.SetData(events.Tick{Regions: slices.Compact(regions)})
}

func (x *exampleEvent) event(id string) (*events.Event, error) {
	data := make(map[string]any, len(x.With)+1)
	for name, value := range x.With {
		data[name] = value
		text, isText := value.(string)
		if !slices.Contains(exampleTimes, name) || !isText {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("with.%s is no time from the beginning such as 90s or 2h", name)
		}
		data[name] = beginning.Add(d).Format(time.RFC3339Nano)
	}
	typ := saying[x.Say]
	if typ == "" {
		typ, data["status"] = events.TypeReported, x.Say
	}
	e := &events.Event{ID: id, Source: cmp.Or(x.From, "test"), Type: typ, Subject: x.Of, RecordedTime: beginning.Add(time.Duration(*x.At))}
	e.SetTime(e.RecordedTime)
	if x.Heard != nil {
		e.RecordedTime = beginning.Add(time.Duration(*x.Heard))
	}
	if err := e.SetData(data); err != nil {
		return nil, err
	}
	return e, e.Validate()
}

// expectation is what must be shown of one subject. What is left out may be
// anything. Written as a plain text it is a status.
type expectation struct {
	Status     string   `yaml:"status"`
	Reason     string   `yaml:"reason"`
	Attempt    uint32   `yaml:"attempt"`
	By         string   `yaml:"by"`
	Conditions []string `yaml:"conditions"`  // all of them
	WaitingFor []string `yaml:"waiting_for"` // the names of the guards, all of them
	Runs       *string  `yaml:"runs"`        // of a slot: the version, "" for nothing
	Landing    string   `yaml:"landing"`     // of a slot: the class of the landing of what it runs
}

// UnmarshalYAML reads the short form too.
func (e *expectation) UnmarshalYAML(decode func(any) error) error {
	if err := decode(&e.Status); err == nil {
		return nil
	}
	type plain expectation
	return decode((*plain)(e))
}

// check returns what does not hold of a subject, as sentences.
func (e *expectation) check(subject string, w *rehearse.World) (failed []string) {
	compare := func(what, got, want string) {
		if want != "" && got != want {
			failed = append(failed, fmt.Sprintf("%s: the %s is %q, not %q", subject, what, got, want))
		}
	}
	list := func(what string, got, want []string) {
		if want != nil && !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			failed = append(failed, fmt.Sprintf("%s: the %s are %q, not %q", subject, what, got, want))
		}
	}
	unknown := []string{subject + " is no deployment, slot or release of which a word was heard"}
	switch strings.Count(subject, "/") {
	case 1:
		key, err := events.ParseRelease(subject)
		r := w.Releases[key]
		if err != nil || r == nil {
			return unknown
		}
		compare("status", r.Facts().Status, e.Status)
	case 2:
		key, err := events.ParseSlot(subject)
		s := w.Slots[key]
		if err != nil || s == nil {
			return unknown
		}
		if e.Runs != nil && s.Current.Version != *e.Runs {
			failed = append(failed, fmt.Sprintf("%s: it runs %q, not %q", subject, s.Current.Version, *e.Runs))
		}
		compare("landing", s.Current.Class.String(), e.Landing)
	default:
		key, err := events.ParseKey(subject)
		d := w.Deployments[key]
		if err != nil || d == nil {
			return unknown
		}
		compare("status", d.Shown.Status, e.Status)
		compare("reason", d.Shown.Reason, e.Reason)
		compare("deployment that did it", d.Shown.By, e.By)
		if e.Attempt != 0 && d.State.Attempt != e.Attempt {
			failed = append(failed, fmt.Sprintf("%s: it is attempt %d, not %d", subject, d.State.Attempt, e.Attempt))
		}
		list("conditions", d.Shown.Conditions, e.Conditions)
		guards := []string{}
		for _, h := range d.Shown.WaitingFor {
			guards = append(guards, h.Guard)
		}
		list("guards that it waits for", guards, e.WaitingFor)
	}
	return failed
}
