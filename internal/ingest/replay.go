package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// concluded is the answer to what a person did with an entry of the quarantine.
type concluded struct {
	Seq uint64 `json:"seq"`
	hookReceipt
	Conclusion *stream.Conclusion `json:"conclusion,omitzero"` // absent while it still cannot be used
}

// serveReplay brings an entry of the quarantine through its door again, with the
// headers and the URL that it came with, in the name of who sent it. What cannot
// be used this time either stays in quarantine as it is; the answer says why.
// Again is safe: what was taken before is a duplicate.
//
// If we died after the events were stored and before that was recorded, the
// entry would still be open, and its next replay would find duplicates only.
func (i *Ingest) serveReplay(w http.ResponseWriter, r *http.Request) {
	caller, e, ok := i.entryFor(w, r)
	if !ok {
		return
	}
	a, d, err := i.again(&e)
	if err != nil {
		i.turnAway(w, r, err)
		return
	}
	gen, doors := i.pipeline.gate.enterOpen()
	if doors != doorsOpen {
		i.turnAway(w, r, notOpen(doors))
		return
	}
	o := &i.take(r.Context(), gen, lot{door: d, arrivals: []arrival{a}, replayed: true})[0]
	if o.err != nil {
		i.turnBack(w, r, a.from, o.err)
		return
	}
	answer := concluded{Seq: e.Seq, hookReceipt: *hookReceiptOf(o)}
	if o.refusal == nil {
		c := stream.Conclusion{
			What: stream.Replayed, By: caller.Name, At: i.pipeline.gate.clock(),
			Accepted: o.accepted, Duplicates: o.duplicates, Ignored: answer.Ignored,
		}
		if err := i.quarantines[doorHTTP].Conclude(r.Context(), e, c); err != nil {
			i.turnBack(w, r, a.from, err)
			return
		}
		answer.Conclusion = &c
	}
	i.log.InfoContext(r.Context(), "quarantined message replayed", "seq", e.Seq, "by", caller.Name,
		"accepted", o.accepted, "duplicates", o.duplicates, "ignored", answer.Ignored, "refused", o.refusal != nil)
	i.writeConcluded(w, r, http.StatusAccepted, answer)
}

// again makes of an entry the arrival that it was, at the door that it came by.
func (i *Ingest) again(e *stream.QuarantineEntry) (arrival, door, error) {
	a := arrival{raw: e.Raw, headers: canonical(e.Headers), subject: e.Subject, from: e.From}
	if e.Taken == 0 { // else what was taken without a time would be another event with one
		a.since = e.At
	}
	a.sender, a.refused = i.opts.Auth.Emitter(e.From)
	d := door(e.Door)
	if d == doorRaw {
		a.binary = isBinary(a.headers)
		return a, d, nil
	}
	u, err := url.Parse(e.Subject)
	if err != nil || d != doorHTTP && d != doorHook {
		return a, d, events.Errorf(events.CodeConflict, "this entry did not come through a door").
			WithHint("what a room behind the doors could not use is in its stream already; drop the entry when it is dealt with")
	}
	a.query = u.Query()
	if d == doorHTTP {
		mode, err := contentMode(a.headers)
		if a.refused == nil && err != nil {
			a.refused = err
		}
		a.binary = mode == modeBinary
		a.imports = a.query.Get("import") == "true" && a.sender.Has(access.RoleImport)
		return a, d, nil
	}
	tool, name, _ := strings.Cut(strings.TrimPrefix(u.Path, "/v1/hooks/"), "/")
	h, err := i.hookAt(tool, name)
	if err != nil {
		return a, d, err
	}
	a.mapping, a.hook = h.mapping, h.Hook.Hook
	if h.verifier != nil && h.caller.Name == e.From {
		a.sender, a.refused = h.caller, nil
	}
	return a, d, nil
}

// canonical returns headers under the names that net/http uses.
func canonical(headers map[string][]string) http.Header {
	h := make(http.Header, len(headers))
	for name, values := range headers {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return h
}

// maxReason bounds why something was dropped, in bytes.
const maxReason = 500

// serveDrop takes an entry out of quarantine for good: its body is deleted, and
// why and by whom is recorded. Again changes nothing.
func (i *Ingest) serveDrop(w http.ResponseWriter, r *http.Request) {
	reason := r.URL.Query().Get("reason")
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		i.turnAway(w, r, events.Errorf(events.CodeSchema, "reason is not 1 to %d bytes", maxReason).
			WithHint("say why with ?reason=…: it is all that will be left of it"))
		return
	}
	caller, e, ok := i.entryFor(w, r)
	if !ok {
		return
	}
	c := stream.Conclusion{What: stream.Dropped, By: caller.Name, Reason: reason, At: i.pipeline.gate.clock()}
	if err := i.quarantines[doorHTTP].Drop(r.Context(), e.Seq, c); err != nil {
		i.turnBack(w, r, caller.Name, err)
		return
	}
	i.log.InfoContext(r.Context(), "quarantined message dropped", "seq", e.Seq, "by", caller.Name, "code", e.Code, "from", e.From)
	i.writeConcluded(w, r, http.StatusOK, struct {
		Seq        uint64             `json:"seq"`
		Conclusion *stream.Conclusion `json:"conclusion"`
	}{e.Seq, &c})
}

// entryFor returns the entry that a request names to who may work in the
// quarantine: an operator for everything, because nobody knows whose it is.
// Otherwise it has answered.
func (i *Ingest) entryFor(w http.ResponseWriter, r *http.Request) (caller access.Caller, e stream.QuarantineEntry, ok bool) {
	caller, err := i.opts.Auth.Authenticate(r)
	if err == nil {
		err = caller.May(access.RoleOperate, "", "")
	}
	var seq uint64
	if err == nil {
		if seq, err = strconv.ParseUint(r.PathValue("seq"), 10, 64); err != nil {
			err = events.Errorf(events.CodeBadID, "the quarantine is counted in whole numbers")
		}
	}
	if err != nil {
		i.turnAway(w, r, err)
		return caller, e, false
	}
	e, err = i.quarantines[doorHTTP].Get(r.Context(), seq)
	switch {
	case err == nil:
		return caller, e, true
	case errors.Is(err, stream.ErrNotFound):
		i.turnAway(w, r, events.Errorf(events.CodeNotFound, "nothing in quarantine has this number").
			WithHint("telltale quarantine show "+r.PathValue("seq")+" says what became of it, if that is known"))
	default:
		i.turnBack(w, r, caller.Name, err)
	}
	return caller, e, false
}

func (i *Ingest) writeConcluded(w http.ResponseWriter, r *http.Request, status int, v any) {
	text, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	i.writeJSON(w, r, status, text, err)
}

// retentionEvery is how often what is too old is looked for in quarantine.
const retentionEvery = time.Hour

// serveRetention deletes what has been in quarantine for too long, until ctx
// ends.
func (i *Ingest) serveRetention(ctx context.Context) {
	if i.opts.QuarantineKeep == 0 {
		return
	}
	every := time.NewTicker(retentionEvery)
	defer every.Stop()
	for {
		switch deleted, err := i.quarantines[doorHTTP].Expire(ctx, i.pipeline.gate.clock().Add(-i.opts.QuarantineKeep)); {
		case err != nil && ctx.Err() == nil:
			i.log.WarnContext(ctx, "quarantine not looked through for what is too old", "error", err)
		case deleted > 0:
			i.log.InfoContext(ctx, "quarantine: what was too old is deleted", "messages", deleted)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}
