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

// steps folds a deployment again to tell its story; the fold is a pure
// function, so this is the story behind the stored state. A deployment that
// does not exist is an error.
func steps(rd *store.Reader, k events.Key) (*store.Deployment, []statemachine.Step, error) {
	d, err := deployment(rd, k)
	if err != nil {
		return nil, nil, err
	}
	l, err := lifecycleOf(rd, k.Env, d.State)
	if err != nil {
		return nil, nil, err
	}
	words, err := rd.Words(k.String())
	if err != nil {
		return nil, nil, err
	}
	_, story := l.Fold(k.Deployment, words)
	return d, story, nil
}

// lifecycleOf returns the version of the lifecycle that a state says it was
// folded with: the activated one of that name, the one in force where there are
// several, else the built-in one.
func lifecycleOf(rd *store.Reader, env string, s *statemachine.State) (*statemachine.Lifecycle, error) {
	defs, err := rd.Definitions("Lifecycle")
	if err != nil {
		return nil, err
	}
	defs = slices.DeleteFunc(defs, func(d store.Definition) bool {
		return d.Name != s.Lifecycle.Name || d.Version != s.Lifecycle.Version || d.From > s.FirstTau ||
			len(d.Envs) > 0 && !slices.Contains(d.Envs, env)
	})
	if len(defs) == 0 {
		return statemachine.Standard(), nil
	}
	last := slices.MaxFunc(defs, func(a, b store.Definition) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Tau, b.Tau),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return statemachine.Compile([]byte(last.Document))
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
		_, story, err := steps(rd, k)
		if err != nil {
			return err
		}
		history := view.History(story)
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
		d, story, err := steps(rd, k)
		if err == nil {
			body = view.Explain(k.String(), d.State, d.Revision(), story)
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeJSON(w, body)
}
