package ingest

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Handler returns the HTTP doors, and the way back through them: events
// (CloudEvents HTTP binding 1.0: structured, binary and batched mode), webhooks
// of tools, and what people do with the quarantine. It does not check Host or
// Origin; that belongs around all routes, see [obs.Guard]. Until [Ingest.Run]
// has opened the doors, and once it drains, the answer is 503.
func (i *Ingest) Handler() http.Handler {
	mux := http.NewServeMux()
	i.Register(mux)
	return mux
}

// Register adds the routes of [Ingest.Handler] to a mux that has others too.
func (i *Ingest) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/events", i.serveEvents)
	for _, hook := range []string{"/v1/hooks/{tool}", "/v1/hooks/{tool}/{name}"} {
		mux.HandleFunc("POST "+hook, i.serveHook)
		mux.HandleFunc("OPTIONS "+hook, i.serveHandshake)
	}
	mux.HandleFunc("POST /v1/quarantine/{seq}/replay", i.serveReplay)
	mux.HandleFunc("DELETE /v1/quarantine/{seq}", i.serveDrop)
}

// receipt is the answer to events that were taken. Every event that came is
// counted once: one of a tool counts as accepted when any event that its mapping
// makes of it is new.
type receipt struct {
	Accepted    int
	Duplicates  int
	Ignored     int // of tools, where the mapping says that they mean nothing here
	Quarantined []quarantined
}

type quarantined struct {
	Index  int         `json:"index"`
	ID     string      `json:"id"` // as far as it could be read
	Code   events.Code `json:"code"`
	Detail string      `json:"detail"`
}

// appendJSON appends the receipt as JSON, without reflection where all events
// could be used.
func (r *receipt) appendJSON(b []byte) ([]byte, error) {
	b = append(b, `{"accepted":`...)
	b = strconv.AppendInt(b, int64(r.Accepted), 10)
	b = append(b, `,"duplicates":`...)
	b = strconv.AppendInt(b, int64(r.Duplicates), 10)
	if r.Ignored > 0 {
		b = append(b, `,"ignored":`...)
		b = strconv.AppendInt(b, int64(r.Ignored), 10)
	}
	b = append(b, `,"quarantined":`...)
	if len(r.Quarantined) == 0 {
		return append(b, `[]}`...), nil
	}
	list, err := json.Marshal(r.Quarantined, jsontext.AllowInvalidUTF8(true))
	return append(append(b, list...), '}'), err
}

func (i *Ingest) serveEvents(w http.ResponseWriter, r *http.Request) {
	sender, imports, err := i.admit(r)
	if err != nil {
		i.turnAway(w, r, err)
		return
	}
	mode, err := contentMode(r.Header)
	if err != nil {
		i.writeUnsupported(w, r, err)
		return
	}
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	limit := int64(i.opts.Limits.Event.Bytes)
	if mode == modeBatch {
		limit = i.opts.Limits.BatchBytes
	}
	if err := readBody(w, r, limit, body); err != nil {
		i.turnAway(w, r, err)
		return
	}

	one := arrival{
		raw: body.Bytes(), headers: r.Header, binary: mode == modeBinary, subject: keptURL(r.URL),
		from: sender.Name, sender: sender, imports: imports,
	}
	l := lot{door: doorHTTP, answered: true, arrivals: []arrival{one}}
	if mode == modeBatch {
		elements, err := events.ParseBatch(one.raw, i.opts.Limits.BatchEvents)
		switch {
		case events.CodeOf(err) == events.CodeTooLarge, err != nil && len(one.raw) > stream.MaxQuarantined:
			i.turnAway(w, r, err)
			return
		case slices.ContainsFunc(elements, func(raw jsontext.Value) bool { return len(raw) > stream.MaxQuarantined }):
			i.turnAway(w, r, events.Errorf(events.CodeTooLarge, "an event of the batch has more than %d bytes", stream.MaxQuarantined))
			return
		case err != nil:
			// No element can be told from another: all of it is one thing that
			// cannot be used.
			l.arrivals[0].refused = err
		default:
			l = lot{door: doorHTTP, strict: asked(r, "strict"), arrivals: make([]arrival, len(elements))}
			for n, raw := range elements {
				l.arrivals[n] = one
				l.arrivals[n].raw = raw
			}
		}
	}
	if !i.quota.allow(sender.Name, i.pipeline.gate.clock(), len(l.arrivals)) {
		i.turnAway(w, r, events.Errorf(events.CodeQuota, "%s sends more events than its quota", sender.Name))
		return
	}

	gen, doors := i.pipeline.gate.enterOpen()
	if doors != doorsOpen {
		i.turnAway(w, r, notOpen(doors))
		return
	}
	i.answer(w, r, l, i.take(r.Context(), gen, l))
}

// admit says who sends and whether their stamps count, or why they are not let
// in at all.
func (i *Ingest) admit(r *http.Request) (sender access.Caller, imports bool, err error) {
	if doors := i.pipeline.gate.doors(); doors != doorsOpen {
		return sender, false, notOpen(doors)
	}
	if sender, err = i.opts.Auth.Authenticate(r); err != nil {
		return sender, false, err
	}
	imports = asked(r, "import")
	if imports && !sender.Has(access.RoleImport) {
		return sender, false, events.Errorf(events.CodeForbidden, "%s does not have the role %s", sender.Name, access.RoleImport)
	}
	if !sender.MaySend() {
		return sender, false, events.Errorf(events.CodeForbidden, "%s may not send events", sender.Name)
	}
	return sender, imports, nil
}

// asked reports whether the query of r sets a flag.
func asked(r *http.Request, flag string) bool {
	return r.URL.RawQuery != "" && r.URL.Query().Get(flag) == "true"
}

func notOpen(doors doorState) *events.Error {
	if doors == doorsDraining {
		return events.Errorf(events.CodeUnavailable, "this ingest is shutting down")
	}
	return events.Errorf(events.CodeUnavailable, "this ingest is starting")
}

// mode is a content mode of the CloudEvents HTTP binding, section 3.
type mode uint8

// The content modes.
const (
	modeStructured mode = iota
	modeBinary
	modeBatch
)

// contentTypeBatch is the content type of batched mode.
const contentTypeBatch = "application/cloudevents-batch+json"

// contentMode says how a request carries events. What is neither a CloudEvents
// media type nor has ce- headers is nothing for this door.
func contentMode(h http.Header) (mode, error) {
	if err := notEncoded(h); err != nil {
		return 0, err
	}
	// As nearly all senders write them; the parser is for the others.
	switch h.Get("Content-Type") {
	case contentTypeEvent:
		return modeStructured, nil
	case contentTypeBatch:
		return modeBatch, nil
	}
	const hint = "send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers"
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case strings.HasPrefix(media, "application/cloudevents"):
		if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
			return 0, events.Errorf(events.CodeMalformed, "charset is not utf-8")
		}
		switch media {
		case contentTypeEvent:
			return modeStructured, nil
		case contentTypeBatch:
			return modeBatch, nil
		}
	case h.Get("Ce-Specversion") != "" && (err == nil || h.Get("Content-Type") == ""):
		return modeBinary, nil
	}
	return 0, events.Errorf(events.CodeMalformed, "this content type is not taken").WithHint(hint)
}

// notEncoded refuses a compressed body: what it unpacks to has no bound that the
// sender pays for.
func notEncoded(h http.Header) error {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return events.Errorf(events.CodeMalformed, "Content-Encoding is not taken").
			WithHint("send the body as it is")
	}
	return nil
}

// bodies are kept because a batch is hundreds of kilobytes; nothing that leaves
// a request shares memory with its body.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readBody reads a body of bounded size, before the request enters the gate: a
// slow sender must not hold back a tick.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, body *bytes.Buffer) error {
	if r.ContentLength > limit {
		return bodyTooLarge(limit)
	}
	if r.ContentLength > 0 {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return nil
	}
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return bodyTooLarge(limit)
	}
	return events.Errorf(events.CodeMalformed, "the body ends early")
}

func bodyTooLarge(limit int64) error {
	return events.Errorf(events.CodeTooLarge, "the body has more than %d bytes", limit)
}

// answer tells the sender what became of a lot. An event that is neither stored
// nor in quarantine makes the whole answer 503: sending all of it again is safe.
func (i *Ingest) answer(w http.ResponseWriter, r *http.Request, l lot, outcomes []outcome) {
	var body receipt
	for n := range outcomes {
		switch o := &outcomes[n]; {
		case errors.Is(o.err, errLeft):
		case o.err != nil:
			i.turnBack(w, r, l.arrivals[n].from, o.err)
			return
		case o.refusal != nil:
			body.Quarantined = append(body.Quarantined, quarantined{n, o.id, o.refusal.Code, o.refusal.Detail})
		case o.accepted > 0:
			body.Accepted++
		case o.duplicates > 0:
			body.Duplicates++
		default:
			body.Ignored++
		}
	}
	if bad := len(body.Quarantined); bad > 0 && (l.answered || l.strict) {
		first := outcomes[body.Quarantined[0].Index].refusal
		if l.strict {
			first = events.Errorf(first.Code, "%d of %d events cannot be used, nothing was stored; the first is at index %d: %s",
				bad, len(outcomes), body.Quarantined[0].Index, first.Detail).WithHint(first.Hint)
		}
		obs.WriteProblem(w, first)
		return
	}
	text, err := body.appendJSON(make([]byte, 0, 64))
	i.writeJSON(w, r, http.StatusAccepted, text, err)
}

// turnBack answers a request of which not all is stored.
func (i *Ingest) turnBack(w http.ResponseWriter, r *http.Request, from string, err error) {
	if events.CodeOf(err) != events.CodeQuota {
		i.log.WarnContext(r.Context(), "events not stored, sender told to try again", "emitter", from, "error", err)
		err = events.Errorf(events.CodeUnavailable, "the stream did not take the events; some may be stored, sending them again is safe")
	}
	i.turnAway(w, r, err)
}

// writeJSON answers with a document, given how it was encoded.
func (i *Ingest) writeJSON(w http.ResponseWriter, r *http.Request, status int, text []byte, err error) {
	if err != nil { // any strings and integers marshal
		i.log.ErrorContext(r.Context(), "answer not written", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil {
		i.log.DebugContext(r.Context(), "sender left before the answer", "error", err)
	}
}

// turnAway answers a request of which nothing was kept.
func (i *Ingest) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	refusal := asRefusal(err)
	i.metrics.refuse(doorHTTP, refusal.Code)
	i.log.DebugContext(r.Context(), "request turned away", "code", refusal.Code, "detail", refusal.Detail)
	obs.WriteProblem(w, refusal)
}

// writeUnsupported answers 415, the one status that no code of the contract
// stands for.
func (i *Ingest) writeUnsupported(w http.ResponseWriter, r *http.Request, err error) {
	refusal := asRefusal(err)
	i.metrics.refuse(doorHTTP, refusal.Code)
	i.log.DebugContext(r.Context(), "request turned away", "code", refusal.Code, "detail", refusal.Detail)
	obs.WriteProblemAs(w, http.StatusUnsupportedMediaType, refusal)
}
