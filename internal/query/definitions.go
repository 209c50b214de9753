package query

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// documents are the definitions of a snapshot, compiled. They are immutable.
type documents struct {
	rows       []store.Definition // the strongest first
	set        *definition.Set
	lifecycles []lifecycle // the strongest first
}

type lifecycle struct {
	*store.Definition
	compiled *statemachine.Lifecycle
}

// at returns what a deployment of env follows whose first word was at firstTau:
// the lifecycle in force then, else the built-in one, with the authority that the
// Source documents in force then give.
func (d *documents) at(env string, firstTau int64) *statemachine.Lifecycle {
	written := statemachine.Standard()
	for i := range d.lifecycles {
		if l := &d.lifecycles[i]; l.From <= firstTau && isFor(l.Definition, env) {
			written = l.compiled
			break
		}
	}
	return d.set.Follow(written, env, firstTau)
}

// isFor reports whether a definition is for an environment.
func isFor(d *store.Definition, env string) bool {
	return len(d.Envs) == 0 || slices.Contains(d.Envs, env)
}

// compiler keeps the definitions of the last snapshot: to compile them takes far
// longer than to see that they are the same.
type compiler struct {
	mu   sync.Mutex // guards last, and is held while documents are compiled, so that one caller does it
	last *documents
}

func (c *compiler) documents(rd *store.Reader, log *slog.Logger) (*documents, error) {
	var rows []store.Definition
	for _, kind := range []string{definition.KindLifecycle, definition.KindMapping, definition.KindComponent, definition.KindSource} {
		of, err := rd.Definitions(kind)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	slices.SortFunc(rows, byForce)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && slices.EqualFunc(c.last.rows, rows, same) {
		return c.last, nil
	}
	d := &documents{rows: rows, set: new(definition.Set)}
	for i := range rows {
		row := &rows[i]
		var err error
		if row.Kind == definition.KindLifecycle {
			l := lifecycle{Definition: row}
			if l.compiled, err = statemachine.Compile([]byte(row.Document)); err == nil {
				d.lifecycles = append(d.lifecycles, l)
			}
		} else {
			err = d.set.Activate(definition.Activation{
				Source: row.Source, ID: row.ID, Tau: row.Tau, From: row.From, Envs: row.Envs, Kind: row.Kind, Document: row.Document,
			})
		}
		if err != nil {
			// The door lets in none that cannot be used; one of another version of this
			// program must not keep the rest from being shown.
			log.Warn("a definition cannot be used", slog.String("kind", row.Kind), slog.String("name", row.Name), slog.Any("error", err))
		}
	}
	c.last = d
	return d, nil
}

// byForce orders definitions, the strongest first. The order is total and knows
// nothing of arrival.
func byForce(a, b store.Definition) int {
	return cmp.Or(
		cmp.Compare(b.From, a.From), cmp.Compare(b.Tau, a.Tau),
		strings.Compare(b.Source, a.Source), strings.Compare(b.ID, a.ID),
	)
}

// same reports whether two rows are of one event with one content.
func same(a, b store.Definition) bool {
	return a.Source == b.Source && a.ID == b.ID && a.Seq == b.Seq && a.Document == b.Document
}

// definitionBody is an activated document.
type definitionBody struct {
	Kind          string    `json:"kind"`
	Name          string    `json:"name"`
	Version       string    `json:"version"`
	Digest        string    `json:"digest"`
	EffectiveFrom time.Time `json:"effective_from"`
	Envs          []string  `json:"envs"` // empty: all
	InForce       bool      `json:"in_force"`
	ActivatedAt   time.Time `json:"activated_at"`
	Source        string    `json:"source"`
	ID            string    `json:"id"` // of the event that activated it
	Position      uint64    `json:"position"`
	Document      string    `json:"document,omitzero"` // only when one name is asked for
}

// listDefinitions lists what is in force and, with all, what was or will be.
// What everybody's deployments follow is no secret to anyone who may read at
// all.
func (s *Service) listDefinitions(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	p := parseParams(r, "kind", "name", "all")
	kind, name, all := p.one("kind"), p.one("name"), p.one("all")
	if all != "" && all != "true" {
		p.fail(events.CodeSchema, "all is true, or left out")
	}
	if err := p.err(); err != nil {
		return err
	}
	page := view.List[definitionBody]{Items: []definitionBody{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		k, err := s.known(rd)
		if err != nil {
			return err
		}
		for i, inForce := range k.docs.inForce(k.inForceAt()) {
			d := &k.docs.rows[i]
			if kind != "" && kind != d.Kind || name != "" && name != d.Name || !inForce && all == "" {
				continue
			}
			b := definitionBody{
				Kind: d.Kind, Name: d.Name, Version: d.Version, Digest: d.Digest, EffectiveFrom: time.Unix(0, d.From).UTC(),
				Envs: slices.Clone(d.Envs), InForce: inForce, ActivatedAt: time.Unix(0, d.Tau).UTC(),
				Source: d.Source, ID: d.ID, Position: d.Seq,
			}
			if b.Envs == nil {
				b.Envs = []string{}
			}
			if name != "" {
				b.Document = d.Document
			}
			page.Items = append(page.Items, b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(page.Items, func(a, b definitionBody) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return writeJSON(w, page)
}

// inForce says of each row whether it counts somewhere at an instant, Unix
// nanoseconds: whether it is for an environment for which no stronger one is.
// Lifecycles stand in for each other, other documents for those of their name.
func (d *documents) inForce(at int64) []bool {
	out := make([]bool, len(d.rows))
	covered := make(map[string][]string) // by kind and name: environments, "" for all
	for i := range d.rows {
		row := &d.rows[i]
		of := row.Kind
		if row.Kind != definition.KindLifecycle {
			of += "/" + row.Name
		}
		if row.From > at || slices.Contains(covered[of], "") {
			continue
		}
		if len(row.Envs) == 0 {
			out[i] = true
			covered[of] = append(covered[of], "")
			continue
		}
		for _, env := range row.Envs {
			if !slices.Contains(covered[of], env) {
				out[i] = true
				covered[of] = append(covered[of], env)
			}
		}
	}
	return out
}
