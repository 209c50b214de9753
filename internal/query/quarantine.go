package query

import (
	"cmp"
	"context"
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
	Tool    string              `json:"tool,omitzero"` // whose mapping read it
	Subject string              `json:"subject,omitzero"`
	Headers map[string][]string `json:"headers,omitzero"`
	Faults  []stream.Fault      `json:"faults,omitzero"` // of a tool's message: each thing that could not be used
	Taken   int                 `json:"taken,omitzero"`  // events of it that were taken all the same
	Bytes   int                 `json:"bytes"`

	// Conclusion is what became of it, absent while it waits.
	Conclusion *stream.Conclusion `json:"conclusion,omitzero"`

	// Raw is what came in, as base64; only on a single one, and gone with what was
	// dropped.
	Raw []byte `json:"raw,omitzero"`
}

func quarantineOf(e *stream.QuarantineEntry) quarantineBody {
	return quarantineBody{
		Seq: e.Seq, At: e.At, Stage: e.Stage, Code: e.Code, Detail: e.Detail, Hint: e.Hint,
		From: e.From, Door: e.Door, Tool: e.Tool, Subject: e.Subject, Headers: e.Headers,
		Faults: e.Faults, Taken: e.Taken, Bytes: e.Bytes,
	}
}

// mayInspect lets in only who may see everything: what is in quarantine could
// not be placed, so nobody knows whose it is.
func mayInspect(caller access.Caller) error { return caller.May(access.RoleOperate, "", "") }

// open walks the entries above a sequence that nothing became of yet, oldest
// first, until fn says that it has enough or so many were looked at as one
// request may. It returns the last sequence that it looked at, and whether there
// may be more.
func (s *Service) open(ctx context.Context, after uint64, fn func(*stream.QuarantineEntry) (enough bool)) (last uint64, more bool, err error) {
	concluded, err := s.quarantine.Concluded(ctx)
	if err != nil {
		return after, false, err
	}
	for looked := 0; looked < maxScan; looked += quarantineChunk {
		entries, err := s.quarantine.List(ctx, after, quarantineChunk)
		if err != nil {
			return after, false, err
		}
		for i := range entries {
			after = entries[i].Seq
			if !concluded[after] && fn(&entries[i]) {
				return after, true, nil
			}
		}
		if len(entries) < quarantineChunk {
			return after, false, nil
		}
	}
	return after, true, nil
}

func (s *Service) listQuarantine(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "tool", "code", "from", "grouped", "limit", "cursor")
	limit, after, keep := p.limit(), p.position(quarantined), p.quarantineFilter()
	grouped := p.one("grouped") == "true"
	if err := cmp.Or(p.err(), mayInspect(caller)); err != nil {
		return err
	}
	if grouped {
		return s.groupQuarantine(w, r, after, keep)
	}
	page := view.List[quarantineBody]{Items: []quarantineBody{}}
	after, more, err := s.open(r.Context(), after, func(e *stream.QuarantineEntry) bool {
		if keep(e) {
			page.Items = append(page.Items, quarantineOf(e))
		}
		return len(page.Items) == limit
	})
	if err != nil {
		return err
	}
	if more {
		page.Next = encodeCursor(quarantined, strconv.FormatUint(after, 10))
	}
	return writeJSON(w, page)
}

// quarantineFilter returns which entries a request is about.
func (p *params) quarantineFilter() func(*stream.QuarantineEntry) bool {
	tool, code, from := p.one("tool"), p.one("code"), p.one("from")
	return func(e *stream.QuarantineEntry) bool {
		return (tool == "" || e.Tool == tool) && (code == "" || string(e.Code) == code) && (from == "" || e.From == from)
	}
}

func (s *Service) getQuarantine(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	if err := cmp.Or(parseParams(r).err(), mayInspect(caller)); err != nil {
		return err
	}
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		return events.Errorf(events.CodeBadID, "the quarantine is counted in whole numbers")
	}
	conclusion, was, err := s.quarantine.Conclusion(r.Context(), seq)
	concluded := err == nil
	if err != nil && !errors.Is(err, stream.ErrNotFound) {
		return err
	}
	e, err := s.quarantine.Get(r.Context(), seq)
	switch {
	case errors.Is(err, stream.ErrNotFound) && concluded: // the record is all that is left
		e = was
	case errors.Is(err, stream.ErrNotFound):
		return events.Errorf(events.CodeNotFound, "nothing in quarantine has this number").
			WithHint("it may be too old by now; /v1/quarantine lists what there is")
	case err != nil:
		return err
	}
	body := quarantineOf(&e)
	body.Raw = e.Raw
	if concluded {
		body.Conclusion = &conclusion
	}
	return writeJSON(w, body)
}
