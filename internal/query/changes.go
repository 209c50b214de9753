package query

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/pkg/events"
)

// changesBody is a stretch of the feed of changes.
type changesBody struct {
	Items []jsontext.Value `json:"items"` // CloudEvents, as TT_CHANGES holds them

	// Next is what to pass as after for what comes behind: the sequence in
	// TT_CHANGES of the last change looked at. It stays when there was none.
	Next uint64 `json:"next"`
}

// listChanges reads TT_CHANGES by its own sequence. What a caller may not see
// is left out, and still counts for next.
func (s *Service) listChanges(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "after", "limit")
	after := p.number("after", 0)
	limit := p.limit()
	if err := p.err(); err != nil {
		return err
	}
	body := changesBody{Items: []jsontext.Value{}, Next: after}
	got, err := s.feed.after(r.Context(), after, limit)
	if err != nil {
		return err
	}
	for _, e := range got {
		body.Next = e.seq
		place, ok := events.ParseChangesSubject(e.subject)
		if ok && sees(caller, events.Slot(place)) {
			body.Items = append(body.Items, e.data)
		}
	}
	return writeJSON(w, body)
}
