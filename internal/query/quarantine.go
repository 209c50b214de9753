package query

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// quarantineChunk is how many entries a listing holds at once with their raw
// bytes, which it does not show.
const quarantineChunk = 16

// quarantineBody is something that could not be used, and why.
type quarantineBody struct {
	Seq     uint64              `json:"seq"` // in TT_QUARANTINE
	At      time.Time           `json:"at"`
	Stage   string              `json:"stage"`
	Code    events.Code         `json:"code"`
	Detail  string              `json:"detail"`
	Hint    string              `json:"hint,omitzero"`
	From    string              `json:"from"` // the emitter, or where it came from
	Door    string              `json:"door"`
	Subject string              `json:"subject,omitzero"`
	Headers map[string][]string `json:"headers,omitzero"`
	Bytes   int                 `json:"bytes"`

	// Raw is what came in, as base64; only on a single one.
	Raw []byte `json:"raw,omitzero"`
}

func quarantineOf(e stream.QuarantineEntry) quarantineBody {
	return quarantineBody{
		Seq: e.Seq, At: e.At, Stage: e.Stage, Code: e.Code, Detail: e.Detail, Hint: e.Hint,
		From: e.From, Door: e.Door, Subject: e.Subject, Headers: e.Headers, Bytes: len(e.Raw),
	}
}

// mayInspect lets in only who may see everything: what is in quarantine could
// not be placed, so nobody knows whose it is.
func mayInspect(caller access.Caller) error { return caller.May(access.RoleOperate, "", "") }

func (s *Service) listQuarantine(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "limit", "cursor")
	limit, after := p.limit(), p.position(quarantined)
	if err := cmp.Or(p.err(), mayInspect(caller)); err != nil {
		return err
	}
	page := view.List[quarantineBody]{Items: []quarantineBody{}}
	for len(page.Items) < limit {
		entries, err := s.quarantine.List(r.Context(), after, min(limit-len(page.Items), quarantineChunk))
		if err != nil {
			return err
		}
		for _, e := range entries {
			page.Items = append(page.Items, quarantineOf(e))
			after = e.Seq
		}
		if len(entries) == 0 {
			return writeJSON(w, page)
		}
	}
	page.Next = encodeCursor(quarantined, strconv.FormatUint(after, 10))
	return writeJSON(w, page)
}

func (s *Service) getQuarantine(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	if err := cmp.Or(parseParams(r).err(), mayInspect(caller)); err != nil {
		return err
	}
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		return events.Errorf(events.CodeBadID, "the quarantine is counted in whole numbers")
	}
	e, err := s.quarantine.Get(r.Context(), seq)
	if errors.Is(err, stream.ErrNotFound) {
		return events.Errorf(events.CodeNotFound, "nothing in quarantine has this number").
			WithHint("it may have been replayed or dropped; /v1/quarantine lists what there is")
	}
	if err != nil {
		return err
	}
	body := quarantineOf(e)
	body.Raw = e.Raw
	return writeJSON(w, body)
}
