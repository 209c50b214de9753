package query

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// statusBody says how this server does.
type statusBody struct {
	Version  string       `json:"version"`
	Position positionBody `json:"position"`

	// Counts is how many deployments have each status that any has; absent for a
	// caller who may not see all of them.
	Counts store.Counts `json:"counts,omitzero"`

	Regions []view.Region `json:"regions"`

	// Suspended are the hooks that are turned away for a while, because they sent
	// only what could not be used; for a caller who may see everything, and where
	// the doors are in this process.
	Suspended []SuspendedHook `json:"suspended_hooks,omitzero"`
}

// SuspendedHook is a hook that is turned away for a while.
type SuspendedHook struct {
	Tool    string      `json:"tool"`
	Hook    string      `json:"hook,omitzero"` // its name
	Emitter string      `json:"emitter"`
	Since   time.Time   `json:"since"`
	Until   time.Time   `json:"until"`
	Because events.Code `json:"because"` // why the last message could not be used
}

// positionBody says how far we have read, all in sequences of TT_EVENTS.
type positionBody struct {
	StreamLast *uint64 `json:"stream_last"` // null: the stream does not answer
	Projected  uint64  `json:"projected"`   // folded and kept
	Published  uint64  `json:"published"`   // and told, as far as there was anything to tell
}

func (s *Service) getStatus(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	if err := parseParams(r).err(); err != nil {
		return err
	}
	body := statusBody{Version: s.opts.Version, Position: positionBody{StreamLast: s.streamLast(r.Context())}}
	if s.opts.Suspended != nil && seesAll(caller) {
		body.Suspended = s.opts.Suspended()
	}
	err := s.opts.DB.View(func(rd *store.Reader) error {
		at, err := rd.Position()
		if err != nil {
			return err
		}
		body.Position.Projected = at.Seq
		if body.Position.Published, err = published(rd, at.Seq); err != nil {
			return err
		}
		if seesAll(caller) {
			if body.Counts, err = rd.Counts(); err != nil {
				return err
			}
			maps.DeleteFunc(body.Counts, func(_ string, n uint64) bool { return n == 0 })
		}
		body.Regions, err = s.regions(rd)
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, body)
}

// published returns up to where everything that was projected has been told: the
// cause of the last change that is known to be, or all of it when no change is
// left to tell.
func published(rd *store.Reader, projected uint64) (uint64, error) {
	told, err := rd.Published()
	if err != nil {
		return 0, err
	}
	at := projected
	err = rd.Changes(told, func(view.Change) (bool, error) {
		at = told.Seq
		return false, nil
	})
	return at, err
}

// streamLast returns the last sequence of TT_EVENTS, nil when there is no
// answer: that is when people ask for the status.
func (s *Service) streamLast(ctx context.Context) *uint64 {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	id, err := stream.Identify(ctx, s.opts.Conn.JS, events.StreamEvents)
	if err != nil {
		return nil
	}
	return &id.Last
}

// seesAll reports whether a caller's patterns leave nothing out.
func seesAll(caller access.Caller) bool { return sees(caller, events.Slot{}) }
