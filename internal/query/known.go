package query

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// known is what is joined into the answers from one snapshot: facts about
// regions and sources, and the documents in force. It belongs to one request.
type known struct {
	rd      *store.Reader
	docs    *documents
	regions []view.Region
	newest  int64                       // the instant of the answer, Unix nanoseconds; 0: nobody knows
	sources map[string]*store.SourceRow // of those that declare something, by name

	*store.Releases
}

func (s *Service) known(rd *store.Reader) (*known, error) {
	k := &known{rd: rd}
	var err error
	if k.docs, err = s.compiler.documents(rd, s.opts.Logger); err != nil {
		return nil, err
	}
	if k.regions, err = s.regions(rd); err != nil {
		return nil, err
	}
	if k.sources, err = rd.Sources(); err != nil {
		return nil, err
	}
	k.newest = s.newest(k)
	k.Releases = store.NewReleases(rd, k.docs.at)
	return k, nil
}

// newest returns the instant of an answer: the clock's, if there is one, else the
// latest that is known to have come, by what is promised and by the last document.
func (s *Service) newest(k *known) int64 {
	if s.opts.Now != nil {
		return s.opts.Now().UnixNano()
	}
	var at int64
	for _, r := range k.regions {
		at = max(at, unixNano(r.Watermark))
	}
	for i := range k.docs.rows {
		at = max(at, k.docs.rows[i].Tau)
	}
	return at
}

// inForceAt is the instant for which documents count. Where nobody knows the
// time, all of them have come.
func (k *known) inForceAt() int64 { return cmp.Or(k.newest, math.MaxInt64) }

// region returns how far a region is known; zero when no recorder stands for it.
func (k *known) region(name string) view.Region {
	i := slices.IndexFunc(k.regions, func(r view.Region) bool { return r.Region == name })
	if i < 0 {
		return view.Region{}
	}
	return k.regions[i]
}

// who returns what the Component in force for a slot says.
func (k *known) who(slot events.Slot) view.Who {
	c := k.docs.set.Component(slot, k.inForceAt())
	if c == nil {
		return view.Who{}
	}
	return view.Who{Owner: c.Owner, Escalation: c.Escalation, Impact: c.Impact, Unit: c.Unit, Labels: c.Labels}
}

// around returns what is joined to a deployment.
func (k *known) around(key events.Key, s *statemachine.State) *view.Around {
	a := &view.Around{Who: k.who(key.Slot)}
	here := k.region(key.Region)
	if here.Dark {
		a.Conditions = append(a.Conditions, view.ConditionDark)
	}
	for _, c := range s.Claims {
		heard, ok := k.heard(key.Env, c.Source)
		if !ok {
			continue
		}
		if heard.OfflineSince(unixNano(here.Watermark)) != 0 {
			a.Conditions = append(a.Conditions, view.ConditionOffline)
		}
		if heard.Incomplete() {
			a.Conditions = append(a.Conditions, view.ConditionIncomplete)
		}
	}
	return a
}

// heard returns what was heard of a source, with what is declared of it in an
// environment; ok is false for one that never declared anything.
func (k *known) heard(env, source string) (s view.SourceHeard, ok bool) {
	row := k.sources[source]
	if row == nil {
		return s, false
	}
	s = view.SourceHeard{Source: source, Last: row.Last, Contiguous: row.Contiguous, Numbers: row.Numbers}
	if doc := k.docs.set.Source(env, source, k.inForceAt()); doc != nil {
		s.Owner, s.ExpectedEvery = doc.Owner, doc.ExpectedEvery
		s.Contiguous = s.Contiguous || doc.Contiguous
	}
	return s, true
}

// deployment renders a deployment with all that is joined to it.
func (k *known) deployment(key events.Key, d *store.Deployment) *view.DeploymentBody {
	shown := d.Shows()
	return view.Deployment(key, d.State, &shown, d.Revision(), k.around(key, d.State))
}

// unixNano returns 0 for the zero time.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
