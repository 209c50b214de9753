package query

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// story is a deployment with the steps by which it was folded, and how words that
// do not name it came to it.
type story struct {
	*store.Deployment
	steps  []statemachine.Step
	placed map[uint64]view.Placed
}

// tell folds a deployment again to tell its story; the fold is a pure function,
// so this is the story behind the stored state. A deployment that does not exist
// is an error.
func (k *known) tell(key events.Key) (*story, error) {
	d, err := deployment(k.rd, key)
	if err != nil {
		return nil, err
	}
	heard, err := k.Words(key, d)
	if err != nil {
		return nil, err
	}
	s := &story{Deployment: d, placed: make(map[uint64]view.Placed)}
	for at, release := range heard.Of {
		s.placed[at] = view.Placed{Release: release}
	}
	if heard.Placing != nil {
		for _, p := range heard.Placing.On(key.Deployment) {
			s.placed[p.Seq] = view.Placed{By: p.At.By, Observed: p.Observed != nil}
		}
	}
	_, s.steps = k.docs.at(key.Env, d.State.FirstTau).Fold(key, heard.Words)
	return s, nil
}

// getEvents lists the events of a deployment in canonical order.
func (s *Service) getEvents(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "limit", "cursor")
	limit, after := p.limit(), p.position(heard)
	k, err := seenKey(r, caller)
	if err = cmp.Or(p.err(), err); err != nil {
		return err
	}
	page := view.List[view.Heard]{Items: []view.Heard{}}
	err = s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		known, err := s.known(rd)
		if err != nil {
			return err
		}
		story, err := known.tell(k)
		if err != nil {
			return err
		}
		history := view.History(story.steps, story.placed)
		if after > 0 {
			// The cursor is the event that ended the last page, wherever late ones
			// have moved it since.
			at := slices.IndexFunc(history, func(h view.Heard) bool { return h.Position == after })
			if at < 0 {
				return events.Errorf(events.CodeMalformed, "the event that cursor names does not count any more").
					WithHint("start over without cursor")
			}
			history = history[at+1:]
		}
		if len(history) > limit {
			history = history[:limit]
			page.Next = encodeCursor(heard, strconv.FormatUint(history[limit-1].Position, 10))
		}
		page.Items = append(page.Items, history...)
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, page)
}

// getBeliefs lists the changes of a deployment: what we came to believe of it,
// in that order, as TT_CHANGES holds it.
func (s *Service) getBeliefs(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "limit", "cursor")
	way := walk{listing: beliefs, limit: p.limit()}
	after := p.change(beliefs)
	k, err := seenKey(r, caller)
	if err = cmp.Or(p.err(), err); err != nil {
		return err
	}
	page := view.List[jsontext.Value]{Items: []jsontext.Value{}}
	err = s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		if _, err := deployment(rd, k); err != nil {
			return err
		}
		return rd.ChangesOf(k.String(), after, func(c view.Change) (bool, error) {
			if !way.looksAt(c.ID.String(), len(page.Items)) {
				return false, nil
			}
			page.Items = append(page.Items, c.AppendJSON(nil))
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	page.Next = way.next
	return writeJSON(w, page)
}

// getExplanation says why a deployment has its status.
func (s *Service) getExplanation(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	k, err := seenKey(r, caller)
	if err = cmp.Or(parseParams(r).err(), err); err != nil {
		return err
	}
	var body *view.Explanation
	err = s.opts.DB.View(func(rd *store.Reader) error {
		known, err := s.known(rd)
		if err != nil {
			return err
		}
		story, err := known.tell(k)
		if err != nil {
			return err
		}
		follows := known.docs.at(k.Env, story.State.FirstTau)
		body = view.Explain(&view.Explained{
			Key: k, State: story.State, Shown: story.Shows(), Steps: story.steps, Placed: story.placed,
			Deadline: follows.Deadlines(k, story.State), Best: follows.Best(story.State),
			Watermark: known.region(k.Region).Watermark, Around: *known.around(k, story.State), Revision: story.Revision(),
		})
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, body)
}
