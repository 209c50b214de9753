package query

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// unplacedBody is a word or an observation of a slot that names no deployment,
// and goes by a name that no deployment of the slot has yet.
type unplacedBody struct {
	Env       string `json:"env"`
	Region    string `json:"region"`
	Component string `json:"component"`
	view.Unplaced
}

// listUnplaced lists what waits for a name, by slot and position.
func (s *Service) listUnplaced(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "env", "region", "component", "limit", "cursor")
	want := events.Slot{Env: p.name("env"), Region: p.name("region"), Component: p.name("component")}
	way := walk{listing: unplaced, limit: p.limit()}
	after := p.cursor(unplaced)
	if err := p.err(); err != nil {
		return err
	}
	prefix := prefixOf(want.Env, want.Region)
	page := view.List[unplacedBody]{Items: []unplacedBody{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		return rd.Unplaced(prefix, startBehind(prefix, after), func(cursor, slot string, e store.Event) (bool, error) {
			if !way.looksAt(cursor, len(page.Items)) {
				return false, nil
			}
			at, err := storedSlot(slot)
			if err != nil || !matches(want, at) || !sees(caller, at) {
				return true, err
			}
			item := unplacedBody{Env: at.Env, Region: at.Region, Component: at.Component}
			item.Unplaced, err = unplacedOf(&e)
			page.Items = append(page.Items, item)
			return true, err
		})
	})
	if err != nil {
		return err
	}
	page.Next = way.next
	return writeJSON(w, page)
}

// unplacedOf renders a follow word or an observation.
func unplacedOf(e *store.Event) (view.Unplaced, error) {
	if e.Word != nil {
		return view.UnplacedWord(e.Word), nil
	}
	var seen events.Observed
	if err := json.Unmarshal(e.Note.Data, &seen); err != nil {
		return view.Unplaced{}, fmt.Errorf("read a stored observation: %w", err)
	}
	return view.Unplaced{
		Source: e.Note.Source, ID: e.Note.ID, Type: e.Note.Type, At: time.Unix(0, e.Note.Tau).UTC(),
		RecordedAt: time.Unix(0, e.Note.Recorded).UTC(), Position: e.Seq, Emitter: e.Note.Emitter,
		Version: seen.Version, Refs: slices.Concat([]string{}, seen.Refs),
	}, nil
}

// storedSlot parses the name of a slot in the store. That one does not parse is a
// fault of ours, so the code of the refusal is left behind.
func storedSlot(name string) (events.Slot, error) {
	at, err := events.ParseSlot(name)
	if err != nil {
		return at, fmt.Errorf("the store has the slot %q: %v", name, err)
	}
	return at, nil
}
