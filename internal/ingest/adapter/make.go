package adapter

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of what goes into an event, in bytes.
const (
	maxMessage = 2000
	maxText    = 512
	maxWord    = 256 // versions, owners, names, refs
	maxNative  = 256
	maxID      = 256
	maxRefs    = 16
	maxEvents  = 1000 // of one request: a batch
)

// nativeValue is the tool's own word.
type nativeValue struct{ field, value string }

// make makes the events of an outcome, and of those that go with it. The n-th
// that goes with it has "/<n>" behind the id.
func (e *evaluation) make(o *outcome) {
	e.makeOne(o, "")
	for i, also := range o.and {
		if holds, ok := e.holds(also); ok && holds {
			e.makeOne(also, "/"+strconv.Itoa(i+1))
		}
	}
}

func (e *evaluation) makeOne(o *outcome, suffix string) {
	if o.kind == outcomeIgnore {
		e.result.Ignored = append(e.result.Ignored, Ignored{e.rule, o.ignore})
		return
	}
	d := &draft{evaluation: e, outcome: o}
	id, ok := d.identity()
	if !ok {
		return
	}
	base := events.Event{Source: source(d.text(fieldSource)), Type: types[o.kind], Sequence: d.text(fieldSequence), TraceParent: d.text(fieldTraceParent)}
	own := d.text(fieldID)
	d.time(fieldTime, &base)
	d.need(own, fieldID)
	d.need(base.Source, fieldSource)
	data := d.data(id)
	if d.err != nil {
		e.result.Unmapped = append(e.result.Unmapped, *d.err)
		return
	}
	if err := base.SetData(data); err != nil {
		d.refuse("event", err)
		e.result.Unmapped = append(e.result.Unmapped, *d.err)
		return
	}
	for _, region := range id.regions {
		event := base
		event.Subject = id.subject(o.kind, region)
		event.ID = own + suffix
		if len(id.regions) > 1 {
			event.ID += "@" + region
		}
		if event.ID = fitID(event.ID); event.ID != own {
			event.OriginalID = cutText(own, maxText)
		}
		if err := event.Validate(); err != nil {
			d.refuse("event", err)
			e.result.Unmapped = append(e.result.Unmapped, *d.err)
			return
		}
		if len(e.result.Events) == maxEvents {
			return // cannot be: each, outcomes and regions are bounded
		}
		e.result.Events = append(e.result.Events, Mapped{Event: &event, Rule: e.rule})
	}
}

// types are the types of the events that outcomes make.
var types = map[outcomeKind]string{
	outcomeStatus:    events.TypeReported,
	outcomeHeartbeat: events.TypeProgressed,
	outcomeEvidence:  events.TypeEvidence,
	outcomeObserved:  events.TypeObserved,
	outcomeAnnotate:  events.TypeAnnotated,
}

// draft is an event in the making. After the first failure err is set, and what
// it says counts for nothing.
type draft struct {
	*evaluation

	outcome *outcome
	labels  map[string]string
	err     *Unmapped
}

// fail records why there is no event, if nothing was recorded before.
func (d *draft) fail(u Unmapped) {
	if d.err == nil {
		u.Rule = d.rule
		d.err = &u
	}
}

func (d *draft) refuse(key string, err error) {
	d.fail(Unmapped{
		Field: key,
		Err: events.Errorf(events.CodeUnmapped, "rule %s of the mapping %s: %s: %s", d.rule, d.mapping.Name, key, err).
			WithHint("the payload is not what the mapping expects: try it with `telltale mapping test`"),
	})
}

// eval evaluates an expression that may not be given.
func (d *draft) eval(key string, f *expr.Formula) expr.Value {
	if f == nil || d.err != nil {
		return expr.Value{}
	}
	v, err := f.Eval(&d.scope)
	if err != nil {
		d.refuse(key, err)
	}
	return v
}

// value is a field of the event.
func (d *draft) value(f field) expr.Value {
	return d.eval("event."+fieldNames[f], d.outcome.event.one[f])
}

// text is a field as text, cut to what an event takes.
func (d *draft) text(f field) string {
	if d.outcome.event.one[f] == nil {
		return ""
	}
	limit := maxText
	switch f {
	case fieldMessage:
		limit = maxMessage
	case fieldVersion, fieldOwner, fieldName, fieldArtifactDigest:
		limit = maxWord
	case fieldURL, fieldID:
		limit = math.MaxInt // cut, they say something else
	}
	return cutText(strings.TrimSpace(d.value(f).Text()), limit)
}

// need fails without a field that every event has.
func (d *draft) need(text string, f field) {
	if text == "" {
		d.fail(Unmapped{
			Field: "event." + fieldNames[f],
			Err:   events.Errorf(events.CodeUnmapped, "rule %s of the mapping %s finds no %s in the payload", d.rule, d.mapping.Name, fieldNames[f]),
		})
	}
}

// time sets the time of an event. What is there and is no time is a failure: a
// time is never guessed.
func (d *draft) time(f field, event *events.Event) {
	v := d.value(f)
	t, ok := v.Time()
	switch text := v.Text(); {
	case ok:
		event.SetTime(t)
	case text != "" && !expr.IsNoTime(text):
		d.fail(Unmapped{
			Field: "event." + fieldNames[f], Value: cutText(text, maxNative),
			Err: events.Errorf(events.CodeUnmapped, "rule %s of the mapping %s: %s is no time", d.rule, d.mapping.Name, fieldNames[f]),
		})
	}
}

// data is what the event says.
func (d *draft) data(id *identity) any {
	switch d.outcome.kind {
	case outcomeHeartbeat:
		p := events.Progressed{Attempt: d.attempt(), Message: d.text(fieldMessage), Refs: d.refs(id)}
		if percent, ok := d.value(fieldPercent).Number(); ok && percent >= 0 && percent <= 100 {
			p.Percent = &percent
		}
		p.NextExpectedBy, _ = d.value(fieldNextExpectedBy).Time()
		return p
	case outcomeEvidence:
		ev := events.Evidence{
			Kind: d.outcome.evidence, Verdict: events.Verdict(d.outcome.verdict), Attempt: d.attempt(),
			Name: d.outcome.name, URL: d.url(), Actor: d.actor(), Details: d.words(), Refs: d.refs(id),
		}
		if ev.Name == "" {
			ev.Name = d.text(fieldName)
		}
		return ev
	case outcomeObserved:
		o := events.Observed{Version: d.text(fieldVersion), Health: d.text(fieldHealth), Refs: d.refs(id)}
		if o.Version == "" {
			o.Version = cutText(id.name, maxWord)
		}
		return o
	case outcomeAnnotate:
		text := d.text(fieldMessage)
		if d.outcome.text != nil {
			text = cutText(d.eval("annotate.text", d.outcome.text).Text(), maxMessage)
		}
		return events.Annotated{Kind: d.outcome.annotation, Text: text, URL: d.url(), Actor: d.actor()}
	}
	r := events.Reported{
		Status: d.outcome.status, Attempt: d.attempt(), Native: d.words(), Class: events.Class(d.outcome.class), Reason: d.outcome.reason,
		Message: d.text(fieldMessage), URL: d.url(), Actor: d.actor(), Owner: d.text(fieldOwner), Refs: d.refs(id),
		Release: fitRollout(d.text(fieldRelease)),
	}
	if !id.follow {
		r.Version = d.text(fieldVersion)
	}
	if r.Class == "" {
		r.Class = class(d.text(fieldClass))
	}
	if r.Reason == "" {
		r.Reason = d.text(fieldReason)
	}
	if a := (events.Artifact{Name: d.text(fieldArtifactName), Digest: d.text(fieldArtifactDigest)}); a != (events.Artifact{}) {
		r.Artifact = &a
	}
	for _, l := range d.outcome.event.labels {
		if text := cutText(d.eval("event.labels."+l.name, l.value).Text(), maxText); text != "" {
			d.label(l.name, text)
		}
	}
	for _, l := range id.originals {
		d.label(l.field, l.value)
	}
	r.Labels = d.labels
	return r
}

func (d *draft) label(name, value string) {
	if d.labels == nil {
		d.labels = make(map[string]string)
	}
	d.labels[name] = value
}

// class is what an expression said of a failure, "" for anything that is no
// class.
func class(text string) events.Class {
	switch c := events.Class(text); c {
	case events.ClassPermanent, events.ClassTransient, events.ClassEnvironmental:
		return c
	}
	return ""
}

// attempt is 0 for what is no number from 1.
func (d *draft) attempt() uint32 {
	if d.outcome.event.one[fieldAttempt] == nil {
		return 0
	}
	n, err := strconv.ParseUint(d.text(fieldAttempt), 10, 31)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// url is "" for what is no link that browsers follow.
func (d *draft) url() string {
	text := d.text(fieldURL)
	host, ok := strings.CutPrefix(text, "https://")
	if !ok {
		host, ok = strings.CutPrefix(text, "http://")
	}
	if !ok || host == "" || strings.ContainsRune("/?#", rune(host[0])) || len(text) > 2048 || !printable(text) {
		return ""
	}
	return text
}

// actor is "" for what is no opaque id: a name or an e-mail address is for
// nobody to keep.
func (d *draft) actor() string {
	if text := d.text(fieldActor); len(text) <= maxWord && printable(text) && !strings.Contains(text, "@") {
		return text
	}
	return ""
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

// words are the tool's own, {field: value}; nil when there are none.
func (d *draft) words() jsontext.Value {
	var all []nativeValue
	if d.native.field != "" && d.native.value != "" {
		all = append(all, nativeValue{d.native.field, cutText(d.native.value, maxNative)})
	}
	for _, n := range d.outcome.event.native {
		text := cutText(d.eval("event.native."+n.name, n.value).Text(), maxText)
		if text != "" && (n.name != d.native.field || d.native.value == "") {
			all = append(all, nativeValue{n.name, text})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b nativeValue) int { return strings.Compare(a.field, b.field) })
	object := []byte{'{'}
	for i, w := range all {
		if i > 0 {
			object = append(object, ',')
		}
		object = append(expr.AppendQuoted(object, w.field), ':')
		object = expr.AppendQuoted(object, w.value)
	}
	return append(object, '}')
}

// refs are the names that other tools may know this by: those of the mapping,
// and of a word that follows its version, its name and its digests.
func (d *draft) refs(id *identity) []string {
	var all []string
	add := func(ref string) {
		if ref = strings.TrimSpace(ref); ref != "" && len(ref) <= maxWord && len(all) < maxRefs && !slices.Contains(all, ref) {
			all = append(all, ref)
		}
	}
	for _, f := range d.outcome.event.refs {
		for _, ref := range d.eval("event.refs", f).Texts() {
			add(ref)
		}
	}
	if id.follow {
		add(d.text(fieldVersion))
		add(d.knownAs())
		for _, image := range d.value(fieldImages).Texts() {
			add(expr.ImageDigest(image))
		}
	}
	return all
}

// cutText returns as much of a text as a limit in bytes lets, whole characters.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// fitID returns an id that an event takes: a longer one keeps its beginning, and
// a hash of the whole.
func fitID(id string) string {
	if len(id) <= maxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return cutText(id, maxID-17) + "-" + hex.EncodeToString(sum[:8])
}

// source escapes what keeps a text from being a URI-reference: names of jobs
// have spaces and percent signs.
func source(text string) string {
	if !strings.ContainsAny(text, " %") {
		return text
	}
	return strings.NewReplacer("%", "%25", " ", "%20").Replace(text)
}
