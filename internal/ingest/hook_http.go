package ingest

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/pkg/events"
)

// serveHook takes one message of a tool as the tool sends it. What is wrong with
// the content is no error: the tool could not mend it. It is in quarantine then,
// and the answer says so.
func (i *Ingest) serveHook(w http.ResponseWriter, r *http.Request) {
	h, err := i.hookAt(r.PathValue("tool"), r.PathValue("name"))
	if err == nil {
		if doors := i.pipeline.gate.doors(); doors != doorsOpen {
			err = notOpen(doors)
		}
	}
	if err != nil {
		i.turnAway(w, r, err)
		return
	}
	if err := notEncoded(r.Header); err != nil {
		i.writeUnsupported(w, r, err)
		return
	}
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	sender, err := i.admitToHook(w, r, h, body)
	if err != nil {
		i.turnAway(w, r, err)
		return
	}
	now := i.pipeline.gate.clock()
	who := sending{h.Tool, h.Name, sender.Name}
	if end, suspended := i.suspensions.until(who, now); suspended {
		w.Header().Set("Retry-After", strconv.Itoa(1+int(end.Sub(now)/time.Second)))
		i.turnAway(w, r, events.Errorf(events.CodeQuota, "this hook is suspended until %s: it sent only what could not be used", end.UTC().Format(time.RFC3339)).
			WithHint("see telltale quarantine ls for what came and why it could not be used; the hook returns by itself"))
		return
	}
	if !i.quota.allow(sender.Name, now, 1) {
		i.turnAway(w, r, events.Errorf(events.CodeQuota, "%s sends more than its quota", sender.Name))
		return
	}
	one := arrival{
		raw: body.Bytes(), headers: r.Header, subject: keptURL(r.URL), from: sender.Name, sender: sender,
		mapping: h.mapping, hook: h.Hook.Hook, query: r.URL.Query(),
	}
	gen, doors := i.pipeline.gate.enterOpen()
	if doors != doorsOpen {
		i.turnAway(w, r, notOpen(doors))
		return
	}
	o := &i.take(r.Context(), gen, lot{door: doorHook, arrivals: []arrival{one}})[0]
	if o.err != nil {
		i.turnBack(w, r, sender.Name, o.err)
		return
	}
	i.judge(r, h, who, o)
	text, err := hookReceiptOf(o).appendJSON(nil)
	i.writeJSON(w, r, http.StatusAccepted, text, err)
}

// admitToHook reads the body and says who sends it: the hook itself, where it
// has secrets, else a caller with a token, before anything of the body is read.
func (i *Ingest) admitToHook(w http.ResponseWriter, r *http.Request, h *hook, body *bytes.Buffer) (sender access.Caller, err error) {
	if h.verifier == nil {
		if sender, err = i.opts.Auth.Authenticate(r); err != nil {
			return sender, err
		}
		if !sender.Has(access.RoleEmit) {
			return sender, events.Errorf(events.CodeForbidden, "%s does not have the role %s", sender.Name, access.RoleEmit)
		}
	}
	if err := readBody(w, r, i.opts.Limits.HookBytes, body); err != nil {
		return sender, err
	}
	if h.verifier == nil {
		return sender, nil
	}
	return h.caller, h.verifier.Verify(r.Header, body.Bytes(), i.pipeline.gate.clock())
}

// judge notes how a request to a hook went, and suspends the hook when it has
// sent only what could not be used for too long.
func (i *Ingest) judge(r *http.Request, h *hook, who sending, o *outcome) {
	if o.refusal == nil || o.accepted+o.duplicates+len(o.reading.ignored) > 0 {
		i.suspensions.good(who)
		return
	}
	s, suspended := i.suspensions.bad(who, o.refusal.Code, i.pipeline.gate.clock(), h.SuspendAfter, h.SuspendFor)
	if !suspended {
		return
	}
	i.metrics.suspended.WithLabelValues(s.Tool, s.Hook, s.Emitter).Set(float64(s.Until.Unix()))
	i.log.ErrorContext(r.Context(), "hook suspended: it sends only what cannot be used",
		"tool", s.Tool, "hook", s.Hook, "emitter", s.Emitter, "until", s.Until, "code", s.Because)
}

// hookReceipt is the answer to a message of a tool.
type hookReceipt struct {
	Accepted       int                `json:"accepted"`   // events new in TT_EVENTS
	Duplicates     int                `json:"duplicates"` // events that it had already
	Ignored        int                `json:"ignored"`    // parts of the message that mean nothing here
	IgnoredBecause []string           `json:"ignored_because"`
	Quarantined    []quarantinedFault `json:"quarantined"`
}

// quarantinedFault is one thing that could not be used. The message is in
// quarantine once, whole, however many there are.
type quarantinedFault struct {
	quarantined

	Hint    string   `json:"hint,omitzero"`    // what helps against the first
	Rule    string   `json:"rule,omitzero"`    // of the mapping
	Field   string   `json:"field,omitzero"`   // the tool's name of what the mapping does not know
	Value   string   `json:"value,omitzero"`   // what the tool said there
	Missing []string `json:"missing,omitzero"` // parts of the identity that nobody gave
	Seq     uint64   `json:"seq,omitzero"`     // of the message, in quarantine
}

func hookReceiptOf(o *outcome) *hookReceipt {
	receipt := &hookReceipt{
		Accepted: o.accepted, Duplicates: o.duplicates,
		IgnoredBecause: []string{}, Quarantined: []quarantinedFault{},
	}
	if o.reading == nil {
		if o.refusal != nil {
			receipt.Quarantined = append(receipt.Quarantined, quarantinedFault{
				quarantined: quarantined{0, o.id, o.refusal.Code, o.refusal.Detail}, Hint: o.refusal.Hint,
			})
		}
		return receipt
	}
	receipt.Ignored = len(o.reading.ignored)
	for _, ignored := range o.reading.ignored {
		receipt.IgnoredBecause = append(receipt.IgnoredBecause, ignored.Reason)
	}
	for _, f := range keptFaults(o.reading.faults) {
		receipt.Quarantined = append(receipt.Quarantined, quarantinedFault{
			quarantined: quarantined{0, o.id, f.Code, f.Detail},
			Rule:        f.Rule, Field: f.Field, Value: f.Value, Missing: f.Missing, Seq: o.reading.seq,
		})
	}
	if o.refusal != nil { // the first of the faults
		receipt.Quarantined[0].Hint = o.refusal.Hint
	}
	return receipt
}

func (h *hookReceipt) appendJSON(b []byte) ([]byte, error) {
	text, err := json.Marshal(h, jsontext.AllowInvalidUTF8(true))
	return append(b, text...), err
}

// serveHandshake answers the validation request of CloudEvents web hooks (HTTP
// 1.1 Web Hooks for Event Delivery 1.0, section 4): a sender may ask whether it
// is welcome. It is at every hook that there is; what it sends is still held
// against the hook's secrets. The callback that it may name is never called:
// anyone could have us call anything.
func (i *Ingest) serveHandshake(w http.ResponseWriter, r *http.Request) {
	if _, err := i.hookAt(r.PathValue("tool"), r.PathValue("name")); err != nil {
		i.turnAway(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Allow", "POST, OPTIONS")
	if origin := r.Header.Get("Webhook-Request-Origin"); origin != "" {
		h.Set("Webhook-Allowed-Origin", origin)
		rate := r.Header.Get("Webhook-Request-Rate")
		if n, err := strconv.ParseUint(rate, 10, 32); err != nil || n == 0 {
			rate = "*"
		}
		h.Set("Webhook-Allowed-Rate", rate)
	}
	w.WriteHeader(http.StatusOK)
}

// keptURL returns the path of a URL with its query, without what might be a
// secret in it.
func keptURL(u *url.URL) string {
	if u.RawQuery == "" {
		return u.Path
	}
	query := u.Query()
	for name := range query {
		if isCredential(strings.ToLower(name)) {
			query.Del(name)
		}
	}
	if len(query) == 0 {
		return u.Path
	}
	return u.Path + "?" + query.Encode()
}
