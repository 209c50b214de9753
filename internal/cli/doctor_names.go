package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
)

// pair is two deployments that are probably one rollout.
type pair struct {
	Slot  string   `json:"slot"`
	One   string   `json:"one"`   // the key that was heard of first
	Other string   `json:"other"` // the other one
	Why   []string `json:"why"`   // what speaks for it, the strongest first
}

// pairs returns the pairs of deployments that are probably one rollout, by slot
// and time. It is a guess for people, and changes nothing.
//
// Two deployments of one slot are a pair if no more than within lies between
// the last word of the one and the first of the other, and either they have a
// name in common, or one of them never came to an end while the other landed. A
// source that has spoken of both meant two rollouts, unless they have a name in
// common and one of them never came to an end; two versions are two rollouts.
func pairs(list []view.DeploymentBody, within time.Duration) []pair {
	slots := make(map[string][]*view.DeploymentBody)
	var order []string
	for i := range list {
		d := &list[i]
		slot := d.Env + "/" + d.Region + "/" + d.Component
		if slots[slot] == nil {
			order = append(order, slot)
		}
		slots[slot] = append(slots[slot], d)
	}
	slices.Sort(order)
	found := []pair{}
	for _, slot := range order {
		in := slots[slot]
		slices.SortFunc(in, func(a, b *view.DeploymentBody) int {
			return cmp.Or(firstHeard(a).Compare(firstHeard(b)), strings.Compare(a.Key, b.Key))
		})
		for i, one := range in {
			for _, other := range in[i+1:] {
				gap := firstHeard(other).Sub(lastHeard(one))
				if gap > within {
					break // and so are all that begin later
				}
				if why := together(one, other); len(why) > 0 {
					found = append(found, pair{slot, one.Key, other.Key, append(why, apart(gap))})
				}
			}
		}
	}
	return found
}

// together says what speaks for one rollout; nothing when that is not enough.
func together(one, other *view.DeploymentBody) []string {
	why := common(one, other)
	oneSource := slices.ContainsFunc(one.Claims, func(c view.Said) bool {
		return slices.ContainsFunc(other.Claims, func(o view.Said) bool { return o.Source == c.Source })
	})
	dangling := ""
	switch {
	case isOpen(one) && !other.LandedAt.IsZero():
		dangling = one.Deployment
	case isOpen(other) && !one.LandedAt.IsZero():
		dangling = other.Deployment
	}
	switch {
	case oneSource && (dangling == "" || len(why) == 0):
		return nil
	case len(why) == 0 && one.Version != "" && other.Version != "":
		return nil // each has a version, and they are two
	case dangling != "":
		return append(why, dangling+" never landed")
	}
	return why
}

// common lists the names that two deployments share.
func common(one, other *view.DeploymentBody) (why []string) {
	for _, r := range one.Refs {
		for _, o := range other.Refs {
			if sameRef(r, o) {
				why = append(why, "both carry "+shorter(r, o))
			}
		}
	}
	if one.Version != "" && one.Version == other.Version {
		why = append(why, "both are version "+one.Version)
	}
	if a, b := one.Artifact, other.Artifact; a != nil && b != nil && a.Digest != "" && a.Digest == b.Digest {
		why = append(why, "both roll out "+a.Digest)
	}
	for _, p := range [2][2]*view.DeploymentBody{{one, other}, {other, one}} {
		if name := p[0].Deployment; carries(p[1], name) {
			why = append(why, name+" is also said of "+p[1].Deployment)
		}
	}
	return why
}

// carries reports whether a deployment has the name that another is known by,
// as its version, or as a commit.
func carries(d *view.DeploymentBody, name string) bool {
	if d.Version == name {
		return true
	}
	commit, isCommit := strings.CutPrefix(name, "git-")
	return slices.ContainsFunc(d.Refs, func(ref string) bool {
		_, at, ok := strings.Cut(ref, "@")
		return ref == name || isCommit && len(commit) >= shortCommit && ok && strings.HasPrefix(at, commit)
	})
}

// shortCommit is the least length at which the beginning of a commit id still
// tells it from others.
const shortCommit = 7

// sameRef reports whether two refs name one thing: equal ones, or commits of one
// repository of which one is written in short.
func sameRef(a, b string) bool {
	if a == b {
		return true
	}
	repo, commit, ok := strings.Cut(a, "@")
	otherRepo, otherCommit, too := strings.Cut(b, "@")
	return ok && too && repo == otherRepo && strings.HasPrefix(a, "git:") && min(len(commit), len(otherCommit)) >= shortCommit &&
		(strings.HasPrefix(commit, otherCommit) || strings.HasPrefix(otherCommit, commit))
}

func shorter(a, b string) string {
	if len(b) < len(a) {
		return b
	}
	return a
}

// isOpen reports whether a deployment has neither landed nor come to an end.
func isOpen(d *view.DeploymentBody) bool { return d.LandedAt.IsZero() && d.FinishedAt.IsZero() }

// firstHeard returns the earliest time that a deployment shows.
func firstHeard(d *view.DeploymentBody) time.Time {
	first := d.LastEventAt
	for _, t := range []time.Time{d.StartedAt, d.LandedAt, d.Since} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// lastHeard returns when a deployment was last spoken of.
func lastHeard(d *view.DeploymentBody) time.Time {
	if d.LastEventAt.IsZero() {
		return firstHeard(d)
	}
	return d.LastEventAt
}

// apart tells how close in time two deployments are.
func apart(gap time.Duration) string {
	if gap <= 0 {
		return "heard of at the same time"
	}
	return short(gap) + " apart"
}
