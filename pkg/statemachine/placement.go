package statemachine

import (
	"cmp"
	"slices"
	"strings"
)

// PlacedUnderWay is what a follow word without refs is placed by: the
// deployment that was under way at its time.
const PlacedUnderWay = "under_way"

// Lead is a lead word of a slot as far as placement needs it (DESIGN §3 "One
// rollout, many tools").
type Lead struct {
	Deployment string // the name that the word gives the rollout; a ref too
	Tau        int64  // unlifted, Unix nanoseconds
	Source, ID string
	Refs       []string
	Version    string // "" when not said; a ref too
	// UnderWay says that from here on the slot's rollout is this deployment: the
	// word says in_progress, partially_deployed or a landing.
	UnderWay bool
}

// FollowWord is a follow word of a slot as far as placement needs it. Without
// Refs and Version it means whatever is rolling out.
type FollowWord struct {
	Tau        int64 // unlifted, Unix nanoseconds
	Source, ID string
	Refs       []string
	Version    string
}

// Placement says to which deployment a follow word belongs. The Deployment is
// "" as long as the word is unplaced: it is kept and has no effect.
type Placement struct {
	Deployment string
	Role       Role   // RoleNamed with refs, RoleLoose without, placed or not
	By         string // the ref, the version or the name that they share, PlacedUnderWay, or "" when unplaced
}

// Moved is a follow word whose placement changed.
type Moved struct {
	Source, ID string
	Tau        int64
	From, To   Placement
}

// LeadOf returns what placement needs of a lead word of a deployment.
func (l *Lifecycle) LeadOf(deployment string, w *Word) Lead {
	lead := Lead{
		Deployment: deployment, Tau: w.Tau, Source: w.Source, ID: w.ID, Refs: w.Refs, Version: w.Version,
	}
	if w.Kind == KindReported || w.Kind == KindOverridden {
		s := &l.states[l.byName[w.Status]]
		lead.UnderWay = s.lands || s.category == CategoryActive && l.Unlanded(w.Status)
	}
	return lead
}

// FollowOf returns what placement needs of a follow word.
func FollowOf(w *Word) FollowWord {
	return FollowWord{Tau: w.Tau, Source: w.Source, ID: w.ID, Refs: w.Refs, Version: w.Version}
}

// Place places follow words on lead words of the same slot: the definition,
// word by word and in any order. A word with refs belongs to the lead word that
// shares one, the latest not after it, else the earliest after it. A word
// without belongs to the latest lead word not after it that was under way.
// Among lead words of one instant the order is that of their deployments' names.
// Nothing is transitive.
func Place(leads []Lead, follows []FollowWord) []Placement {
	out := make([]Placement, len(follows))
	for i := range follows {
		w := &follows[i]
		names := w.names()
		var best *Lead
		for j := range leads {
			l := &leads[j]
			if len(names) == 0 && (!l.UnderWay || l.Tau > w.Tau) || len(names) > 0 && l.shares(names) == "" {
				continue
			}
			if best == nil || nearer(w.Tau, l, best) {
				best = l
			}
		}
		out[i] = placeOn(best, names)
	}
	return out
}

// nearer reports whether a word at tau is to be placed on a and not on b.
func nearer(tau int64, a, b *Lead) bool {
	if before := a.Tau <= tau; before != (b.Tau <= tau) {
		return before
	}
	if a.Tau <= tau {
		return compareLeads(a, b) > 0
	}
	return compareLeads(a, b) < 0
}

// placeOn returns the placement on a lead word, nil for none, of a follow word
// that goes by names.
func placeOn(l *Lead, names []string) Placement {
	p := Placement{Role: RoleNamed, By: PlacedUnderWay}
	if len(names) == 0 {
		p.Role = RoleLoose
	}
	if l == nil {
		p.By = ""
		return p
	}
	p.Deployment = l.Deployment
	if len(names) > 0 {
		p.By = l.shares(names)
	}
	return p
}

// compareLeads is the order of a slot's lead words: total, since no two share
// (source, id).
func compareLeads(a, b *Lead) int {
	return cmp.Or(
		cmp.Compare(a.Tau, b.Tau), strings.Compare(a.Deployment, b.Deployment),
		strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID),
	)
}

func compareFollows(a, b *follow) int {
	return cmp.Or(cmp.Compare(a.Tau, b.Tau), strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
}

// shares returns the first of names that the lead word has, "" for none.
func (l *Lead) shares(names []string) string {
	own := l.names()
	for _, n := range names {
		if slices.Contains(own, n) {
			return n
		}
	}
	return ""
}

// names returns all that a lead word can be known by, each once.
func (l *Lead) names() []string {
	return distinct(slices.Concat(l.Refs, []string{l.Version, l.Deployment}))
}

// names returns what a follow word goes by, in the order in which it says them.
func (w *FollowWord) names() []string {
	return distinct(slices.Concat(w.Refs, []string{w.Version}))
}

// distinct returns names in their order and as they are compared, each once and
// none empty.
func distinct(names []string) []string {
	out := names[:0]
	for _, n := range names {
		if n = bare(n); n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// bare returns a version without the "v" that some tools write before it and
// others do not: a tag v2.14.0 and an image 2.14.0 are one rollout, as they are
// one version to a slot (DESIGN §4 "Landings").
func bare(name string) string {
	if len(name) > 1 && name[0] == 'v' && '0' <= name[1] && name[1] <= '9' {
		return name[1:]
	}
	return name
}
