package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// outcome is what became of one arrival. An event is in TT_EVENTS (accepted or
// duplicates is 1), or in TT_QUARANTINE (refusal set), or stored nowhere that we
// know of (err set), and then the sender has to send it again.
//
// What a mapping reads comes to any number of events. Those that can be used are
// in TT_EVENTS; if anything in it cannot, refusal is set and all of the arrival
// is in TT_QUARANTINE too: to replay it repeats the former, which changes
// nothing.
type outcome struct {
	id         string
	accepted   int // events new in TT_EVENTS
	duplicates int // events that it had already
	reading    *reading
	refusal    *events.Error
	err        error
}

// meansNothing reports whether an arrival is a message of a tool of which the
// mapping says that all of it means nothing here.
func (o *outcome) meansNothing() bool {
	return o.reading != nil && len(o.reading.ignored) > 0 && o.accepted+o.duplicates == 0 && o.refusal == nil && o.err == nil
}

// lot is what came in one request or one fetch.
type lot struct {
	door     door
	arrivals []arrival

	// strict stores none of the arrivals when one of them is refused. The
	// refused ones go to quarantine all the same, the others are left with the
	// sender.
	strict bool

	// answered says that the sender waits for the answer to a single event, so
	// that what only says "not now" needs no quarantine.
	answered bool

	// replayed says that the arrivals come out of quarantine: those that are
	// refused again stay there as they are.
	replayed bool
}

// errLeft is why an arrival of a strict lot was not stored.
var errLeft = errors.New("left with the sender")

// take brings a lot to where it belongs and says what became of each arrival,
// in order. When it returns, all that is not marked with an error is durable,
// and gen, which the caller has entered, is left.
//
// TT_EVENTS comes before TT_QUARANTINE. If we died in between, the sender would
// have no answer and send all of it again: the first part is then found to be
// there already, and the second is kept.
func (i *Ingest) take(ctx context.Context, gen *generation, l lot) []outcome {
	defer i.pipeline.gate.leave(gen)
	outcomes := make([]outcome, len(l.arrivals))
	msgs := make([]stream.Message, 0, len(l.arrivals))
	index := make([]int, 0, len(l.arrivals)) // of msgs in arrivals
	refused := 0
	for n := range l.arrivals {
		msgs = i.pipeline.accept(&l.arrivals[n], &outcomes[n], msgs)
		for len(index) < len(msgs) {
			index = append(index, n)
		}
		if outcomes[n].refusal != nil {
			refused++
		}
	}
	i.metrics.of[l.door].batch.Observe(float64(len(l.arrivals)))

	// The end of a request must not end a commit half-way: who hung up may have
	// been told nothing, but what can be stored is stored.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.opts.CommitTimeout)
	defer cancel()
	switch {
	case l.strict && refused > 0:
		for _, n := range index {
			outcomes[n].err = errLeft
		}
	case len(msgs) > 0:
		i.commit(ctx, l.door, msgs, func(n int) *outcome { return &outcomes[index[n]] })
	}
	if refused > 0 && !l.replayed {
		i.keep(ctx, l, outcomes)
	}
	for n := range outcomes {
		if o := &outcomes[n]; o.meansNothing() {
			i.metrics.ignored.WithLabelValues(o.reading.tool).Inc()
		}
	}
	return outcomes
}

// commit publishes msgs to TT_EVENTS and fills in their outcomes.
func (i *Ingest) commit(ctx context.Context, d door, msgs []stream.Message, at func(int) *outcome) {
	began := time.Now()
	results, err := i.committer.Commit(ctx, msgs)
	i.metrics.commit.Observe(time.Since(began).Seconds())
	accepted, duplicates := 0, 0
	for n := range msgs {
		o := at(n)
		switch {
		case err != nil && n >= len(results):
			o.err = err
		case results[n].Err != nil:
			o.err = results[n].Err
		case results[n].Duplicate:
			o.duplicates++
			duplicates++
		default:
			o.accepted++
			accepted++
		}
	}
	i.metrics.of[d].accepted.Add(float64(accepted))
	i.metrics.of[d].duplicate.Add(float64(duplicates))
}

// keep puts what was refused into quarantine, except what the sender has to
// send again anyway.
func (i *Ingest) keep(ctx context.Context, l lot, outcomes []outcome) {
	for n := range outcomes {
		o, a := &outcomes[n], &l.arrivals[n]
		if o.refusal == nil || o.err != nil {
			continue
		}
		if l.answered && isNotNow(o.refusal.Code) {
			i.metrics.refuse(l.door, o.refusal.Code)
			continue
		}
		v := stream.Quarantined{
			Stage:   stageIngest,
			Code:    o.refusal.Code,
			Detail:  o.refusal.Detail,
			Hint:    o.refusal.Hint,
			From:    a.from,
			Door:    string(l.door),
			Subject: a.subject,
			Headers: keptHeaders(l.door, a.headers),
			Taken:   o.accepted + o.duplicates,
			At:      i.pipeline.gate.clock(),
			Raw:     a.raw,
		}
		if o.reading != nil {
			i.countUnmapped(o.reading)
			v.Stage, v.Tool, v.Faults = o.reading.stage, o.reading.tool, keptFaults(o.reading.faults)
		}
		seq, err := i.quarantines[l.door].Put(ctx, v)
		switch {
		case events.CodeOf(err) == events.CodeTooLarge:
			// The HTTP doors and TT_RAW let in only what quarantine can hold. What is
			// left is an outside server that takes smaller messages than ours: there
			// the envelope may not fit where the event did. Handed back, it would
			// come again for ever and hold back the ticks of everyone.
			o.refusal = asRefusal(err)
			i.metrics.refuse(l.door, events.CodeTooLarge)
			i.log.ErrorContext(ctx, "event dropped: too large for quarantine", "door", l.door, "emitter", a.from,
				"bytes", len(a.raw))
			continue
		case err != nil:
			o.err = err
			continue
		}
		if o.reading != nil {
			o.reading.seq = seq
		}
		i.metrics.quarantined.WithLabelValues(string(l.door), string(o.refusal.Code)).Inc()
		i.log.DebugContext(ctx, "quarantined", "door", l.door, "emitter", a.from, "tool", v.Tool,
			"code", o.refusal.Code, "detail", o.refusal.Detail)
	}
}

// keptHeaders returns what quarantine keeps of the headers: what says how the
// event came, and at the door of the tools all that a mapping may ask for.
// Credentials are never among them.
func keptHeaders(d door, headers map[string][]string) map[string][]string {
	kept := make(map[string][]string)
	for name, values := range headers {
		lower := strings.ToLower(name)
		if lower == "content-type" || strings.HasPrefix(lower, "ce-") || strings.HasPrefix(lower, "nats-") ||
			d == doorHook && !isCredential(lower) {
			kept[name] = values
		}
	}
	return kept
}

// credentials are parts of the names of headers and query parameters that hold
// secrets, or what is computed from them.
var credentials = [...]string{"auth", "token", "secret", "passw", "cookie", "signature", "credential", "api-key", "apikey", "api_key"}

// isCredential reports whether a header or a query parameter, in lower case,
// goes by a name of something that is nobody's to read.
func isCredential(name string) bool {
	return name == "key" || name == "sig" || slices.ContainsFunc(credentials[:], func(part string) bool {
		return strings.Contains(name, part)
	})
}

// stageIngest names this room in the subjects of TT_QUARANTINE.
const stageIngest = "ingest"

// isNotNow reports whether a code says that the same event may be welcome
// later, or after another look.
func isNotNow(code events.Code) bool {
	return code == events.CodeConflict || code == events.CodeUnavailable
}
