package ingest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// stageMap is the stage of quarantine for a tool's message that its mapping
// could not use.
const stageMap = "map"

// reading is what a mapping made of an arrival, beside the events.
type reading struct {
	tool    string // whose mapping it is
	ignored []adapter.Ignored
	faults  []stream.Fault // the refusal first
	stage   string         // where the refusal arose: map or ingest
	seq     uint64         // in TT_QUARANTINE, 0 when it is not there
}

// toolTypes are the types of events that tools send as CloudEvents of their own,
// by prefix, with the tool whose mapping reads them.
var toolTypes = [...]struct{ prefix, tool string }{
	{"dev.cdevents.", "cdevents"},
	{"dev.tekton.event.", "tekton"},
	{"sh.keptn.event.", "keptn"},
}

// mappingOf returns the mapping of a type that is a tool's own, nil for all
// others: what comes at a door for events goes the way that it would have gone at
// the hook of its tool.
func (p *pipeline) mappingOf(typ string) *adapter.Mapping {
	for _, t := range toolTypes {
		if strings.HasPrefix(typ, t.prefix) {
			m, _ := p.tools.Load().mappings.Tool(t.tool)
			return m
		}
	}
	return nil
}

// read appends the messages of what a mapping makes of an arrival. Each of its
// events stands the same checks as one that came as such.
func (p *pipeline) read(m *adapter.Mapping, a *arrival, o *outcome, msgs []stream.Message) []stream.Message {
	r := &reading{tool: m.Name, stage: stageMap}
	o.reading = r
	headers := a.headers
	if a.mapping == nil { // an event, wherever it came from
		headers = http.Header{"Content-Type": {contentTypeEvent}}
		if a.binary {
			headers = canonical(a.headers)
		}
	}
	result, err := m.Map(&adapter.Request{Header: headers, Query: a.query, Body: a.raw, Hook: a.hook})
	if err != nil {
		o.refusal = asRefusal(err)
		r.faults = []stream.Fault{faultOf(o.refusal, "")}
		return msgs
	}
	if a.mapping != nil && isAboutNothing(result) {
		e, ok, err := p.customEvent(a)
		if ok && err == nil {
			result = &adapter.Result{Events: []adapter.Mapped{{Event: e}}}
		}
	}
	r.ignored = result.Ignored
	for i := range result.Unmapped {
		u := &result.Unmapped[i]
		if o.refusal == nil {
			o.refusal = u.Err
		}
		f := faultOf(u.Err, u.Rule)
		f.Field, f.Value, f.Missing = u.Field, u.Value, u.Missing
		r.faults = append(r.faults, f)
	}
	for i := range result.Events {
		mapped := &result.Events[i]
		if o.id == "" {
			o.id = mapped.Event.ID
		}
		msg, err := p.said(a, mapped.Event)
		if err == nil {
			msgs = append(msgs, msg)
			continue
		}
		refusal := asRefusal(err)
		if o.refusal == nil {
			o.refusal, r.stage = refusal, stageIngest
		}
		r.faults = append(r.faults, faultOf(refusal, mapped.Rule))
	}
	return msgs
}

// isAboutNothing reports whether no rule of a mapping was about a request.
func isAboutNothing(r *adapter.Result) bool {
	return len(r.Events) == 0 && len(r.Unmapped) == 0 && len(r.Ignored) == 1 && r.Ignored[0].Rule == ""
}

func faultOf(refusal *events.Error, rule string) stream.Fault {
	return stream.Fault{Code: refusal.Code, Detail: refusal.Detail, Rule: rule}
}

// countUnmapped counts what no mapping had a word for. Other faults have codes
// of their own, which are counted as such.
func (i *Ingest) countUnmapped(r *reading) {
	for n := range r.faults {
		if r.faults[n].Code == events.CodeUnmapped {
			i.metrics.unmapped.count(r.tool, &r.faults[n])
		}
	}
}

// Bounds of what an entry in quarantine says of its faults; the bytes that came
// have the rest.
const (
	mostFaults     = 16
	mostFaultValue = 256 // bytes
)

func keptFaults(faults []stream.Fault) []stream.Fault {
	kept := slices.Clone(faults[:min(len(faults), mostFaults)])
	for i := range kept {
		kept[i].Value = cut(kept[i].Value, mostFaultValue)
	}
	return kept
}
