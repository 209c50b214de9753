package emitcli

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/telltale-dev/telltale/pkg/events"
)

// ReadHistory reads recorded events as import reads them, one CloudEvent in JSON
// per line, plain or gzip, and puts them in the order of recording with the
// ticks of that time between them, as import --keep-recorded would. An event
// without a recordedtime counts as recorded when it happened; those without a
// recorder were recorded by one of that name.
//
// bad are the lines that cannot be used, each as a sentence. err is what keeps
// the rest from being read. seen, which may be nil, is called now and then with
// the number of lines read; its error ends the reading.
func ReadHistory(r io.Reader, recorder string, seen func(lines int) error) (list []events.Event, bad []error, err error) {
	err = readLines(r, func(line int, raw []byte, tooLong bool) error {
		if seen != nil && line%progressEvery == 0 {
			if err := seen(line); err != nil {
				return err
			}
		}
		e, err := readRecorded(raw, tooLong)
		if err != nil {
			bad = append(bad, fmt.Errorf("line %d: %w", line, err))
			return nil
		}
		list = append(list, *e)
		return nil
	})
	if err != nil {
		return nil, bad, err
	}
	slices.SortStableFunc(list, func(a, b events.Event) int { return a.RecordedTime.Compare(b.RecordedTime) })
	list, err = withTicks(list, recorder)
	return list, bad, err
}

func readRecorded(raw []byte, tooLong bool) (*events.Event, error) {
	if tooLong {
		return nil, events.Errorf(events.CodeTooLarge, "the line is longer than an event may be")
	}
	e, err := events.Decode(raw, events.Limits{Bytes: maxLine})
	if err != nil {
		return nil, err
	}
	if e.RecordedTime.IsZero() {
		e.RecordedTime = e.Time
	}
	if e.RecordedTime.IsZero() {
		return nil, errors.New("the event has neither a time nor a recordedtime")
	}
	return e, nil
}

// withTicks puts between events in the order of recording the ticks of that
// time.
func withTicks(list []events.Event, recorder string) ([]events.Event, error) {
	t := newTicks(recorder)
	out := make([]events.Event, 0, 2*len(list))
	for i := range list {
		ticks, err := t.before(&list[i])
		if err != nil {
			return nil, err
		}
		out = append(append(out, ticks...), list[i])
	}
	last, err := t.last()
	if err != nil {
		return nil, err
	}
	return append(out, last...), nil
}
