package query

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// groupKey is what entries of the quarantine have in common that one remedy
// helps: a line in a mapping, a default at a hook, a sender to talk to.
type groupKey struct {
	Tool   string      `json:"tool,omitzero"` // absent: they came as events
	Stage  string      `json:"stage"`
	Code   events.Code `json:"code"`
	Rule   string      `json:"rule,omitzero"`
	Field  string      `json:"field,omitzero"`
	Value  string      `json:"value,omitzero"`
	Detail string      `json:"detail"`
}

func (k groupKey) compare(o groupKey) int {
	return cmp.Or(
		cmp.Compare(k.Tool, o.Tool), cmp.Compare(k.Stage, o.Stage), cmp.Compare(k.Code, o.Code),
		cmp.Compare(k.Rule, o.Rule), cmp.Compare(k.Field, o.Field), cmp.Compare(k.Value, o.Value), cmp.Compare(k.Detail, o.Detail),
	)
}

// groupBody is how many entries wait for one and the same thing.
type groupBody struct {
	groupKey

	Count    int       `json:"count"`
	FirstSeq uint64    `json:"first_seq"`
	LastSeq  uint64    `json:"last_seq"`
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at"`
	From     []string  `json:"from"` // the first of those who sent it
}

// mostSenders bounds whom a group names.
const mostSenders = 5

// groupQuarantine answers with the groups of what waits, the greatest first. It
// looks at as many entries as one request may; from next on, groups begin anew.
func (s *Service) groupQuarantine(w http.ResponseWriter, r *http.Request, after uint64, keep func(*stream.QuarantineEntry) bool) error {
	groups := make(map[groupKey]*groupBody)
	after, more, err := s.open(r.Context(), after, func(e *stream.QuarantineEntry) bool {
		if keep(e) {
			for _, key := range keysOf(e) {
				g := groups[key]
				if g == nil {
					g = &groupBody{groupKey: key, FirstSeq: e.Seq, FirstAt: e.At, From: []string{}}
					groups[key] = g
				}
				g.Count, g.LastSeq, g.LastAt = g.Count+1, e.Seq, e.At
				if len(g.From) < mostSenders && !slices.Contains(g.From, e.From) {
					g.From = append(g.From, e.From)
				}
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	page := view.List[groupBody]{Items: make([]groupBody, 0, len(groups))}
	for _, g := range groups {
		page.Items = append(page.Items, *g)
	}
	slices.SortFunc(page.Items, func(a, b groupBody) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.compare(b.groupKey))
	})
	if more {
		page.Next = encodeCursor(quarantined, strconv.FormatUint(after, 10))
	}
	return writeJSON(w, page)
}

// keysOf returns the groups that an entry belongs to: one for each different
// thing in it that could not be used.
func keysOf(e *stream.QuarantineEntry) []groupKey {
	if len(e.Faults) == 0 {
		return []groupKey{{Tool: e.Tool, Stage: e.Stage, Code: e.Code, Detail: e.Detail}}
	}
	keys := make([]groupKey, 0, len(e.Faults))
	for i := range e.Faults {
		f := &e.Faults[i]
		key := groupKey{
			Tool: e.Tool, Stage: e.Stage, Code: f.Code, Rule: f.Rule, Field: f.Field, Value: f.Value, Detail: f.Detail,
		}
		if len(f.Missing) > 0 {
			key.Field, key.Value = "missing", strings.Join(f.Missing, ",")
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
