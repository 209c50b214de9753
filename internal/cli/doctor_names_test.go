package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// named is a deployment of one slot, as a table of cases says it.
type named struct {
	name, version string
	first, last   int // minutes
	landed, ended int // minutes; 0: not
	refs          string
	source        string
	image         string
}

func (n named) body(slot string) view.DeploymentBody {
	at := func(minutes int) time.Time {
		return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
	}
	p := strings.Split(slot, "/")
	d := view.DeploymentBody{
		Key: slot + "/" + n.name, Env: p[0], Region: p[1], Component: p[2], Deployment: n.name, Version: n.version,
		Since: at(n.last), StartedAt: at(n.first), LastEventAt: at(n.last), Refs: strings.Fields(n.refs),
		Claims: []view.Said{{Source: n.source}},
	}
	if n.landed > 0 {
		d.LandedAt = at(n.landed)
	}
	if n.ended > 0 {
		d.FinishedAt = at(n.ended)
	}
	if n.image != "" {
		d.Artifact = &events.Artifact{Digest: n.image}
	}
	return d
}

func TestPairs(t *testing.T) {
	const slot = "prod/eu-west-1/checkout"
	for name, tc := range map[string]struct {
		one, other named
		want       string // why, "" for no pair
	}{
		"the version of the other": {
			named{name: "2.14.0", source: "/ci", last: 5},
			named{name: "git-abcdef012345", version: "2.14.0", source: "/argocd", first: 6, last: 9, landed: 9},
			"2.14.0 is also said of git-abcdef012345; 2.14.0 never landed; 1m apart",
		},
		"one version": {
			named{name: "run-7", version: "2.14.0", source: "/ci", last: 5, landed: 5},
			named{name: "2.14.0", version: "2.14.0", source: "/argocd", first: 3, last: 9, landed: 9},
			"both are version 2.14.0; 2.14.0 is also said of run-7; heard of at the same time",
		},
		"one commit, one in short": {
			named{name: "a", refs: "git:org/app@abcdef0", source: "/ci", last: 5, landed: 5},
			named{name: "b", refs: "git:org/app@abcdef0123456789", source: "/argocd", first: 25, last: 30, landed: 30},
			"both carry git:org/app@abcdef0; 20m apart",
		},
		"a name from a commit": {
			named{name: "git-abcdef012345", source: "/ci", last: 5, landed: 5},
			named{name: "2.14.0", refs: "git:org/app@abcdef0123456789", source: "/argocd", first: 5, last: 6, landed: 6},
			"git-abcdef012345 is also said of 2.14.0; heard of at the same time",
		},
		"one image": {
			named{name: "a", image: "sha256:1", source: "/ci", last: 5, landed: 5},
			named{name: "b", image: "sha256:1", source: "/argocd", first: 6, last: 6, landed: 6},
			"both roll out sha256:1; 1m apart",
		},
		"only one landed": {
			named{name: "run-7", source: "/ci", last: 5},
			named{name: "2.14.0", version: "2.14.0", source: "/argocd", first: 6, last: 9, landed: 9},
			"run-7 never landed; 1m apart",
		},
		"only the first landed": {
			named{name: "a", source: "/ci", last: 5, landed: 5},
			named{name: "b", source: "/argocd", first: 6, last: 9},
			"b never landed; 1m apart",
		},
		"one source, two names, a common ref, one open": {
			named{name: "a", refs: "run:github/1", source: "/ci", last: 5},
			named{name: "b", refs: "run:github/1", source: "/ci", first: 6, last: 6, landed: 6},
			"both carry run:github/1; a never landed; 1m apart",
		},

		"one source that landed both": {
			named{name: "a", refs: "git:org/app@abcdef0", source: "/ci", last: 5, landed: 5}, named{name: "b", refs: "git:org/app@abcdef0", source: "/ci", first: 6, last: 6, landed: 6}, "",
		},
		"one source, nothing in common": {named{name: "a", source: "/ci", last: 5}, named{name: "b", source: "/ci", first: 6, last: 6, landed: 6}, ""},
		"two versions": {
			named{name: "2.13.0", version: "2.13.0", source: "/ci", last: 5}, named{name: "2.14.0", version: "2.14.0", source: "/argocd", first: 6, last: 6, landed: 6}, "",
		},
		"one failed":                    {named{name: "a", source: "/ci", last: 5, ended: 5}, named{name: "b", source: "/argocd", first: 6, last: 6, landed: 6}, ""},
		"neither landed":                {named{name: "a", source: "/ci", last: 5}, named{name: "b", source: "/argocd", first: 6, last: 6}, ""},
		"too far apart":                 {named{name: "a", version: "1", source: "/ci", last: 5}, named{name: "b", version: "1", source: "/argocd", first: 66, last: 70}, ""},
		"commits of two repositories":   {named{name: "a", refs: "git:org/app@abcdef0", source: "/ci", last: 5, landed: 5}, named{name: "b", refs: "git:org/ops@abcdef0", source: "/argocd", last: 5, landed: 5}, ""},
		"a beginning that is no commit": {named{name: "a", refs: "git:org/app@ab", source: "/ci", last: 5, landed: 5}, named{name: "b", refs: "git:org/app@abcdef0", source: "/argocd", last: 5, landed: 5}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			one, other := tc.one.body(slot), tc.other.body(slot)
			for _, list := range [][]view.DeploymentBody{{one, other}, {other, one}} {
				got := pairs(list, time.Hour)
				switch {
				case tc.want == "":
					if len(got) != 0 {
						t.Errorf("they are a pair: %+v", got)
					}
				case len(got) != 1 || strings.Join(got[0].Why, "; ") != tc.want || got[0].One != one.Key && got[0].One != other.Key:
					t.Errorf("pairs %+v, want one: %s", got, tc.want)
				}
			}
		})
	}
}

// TestPairsOfManySlots wants pairs within a slot only, in the order of slots and
// time, whatever the order of the list.
func TestPairsOfManySlots(t *testing.T) {
	var list []view.DeploymentBody
	for _, slot := range []string{"prod/eu-west-1/b", "prod/eu-west-1/a"} {
		for i := range 3 {
			list = append(list, named{name: fmt.Sprint("n", i), version: "1", source: fmt.Sprint("/s", i), first: i * 50, last: i * 50, landed: i*50 + 1}.body(slot))
		}
	}
	want := []string{"prod/eu-west-1/a/n0 n1", "prod/eu-west-1/a/n1 n2", "prod/eu-west-1/b/n0 n1", "prod/eu-west-1/b/n1 n2"}
	for range 2 {
		slices.Reverse(list)
		var got []string
		for _, p := range pairs(list, time.Hour) {
			got = append(got, p.One+" "+lastPart(p.Other))
		}
		if !slices.Equal(got, want) {
			t.Errorf("pairs %q, want %q", got, want)
		}
	}
}

func TestDoctorNames(t *testing.T) {
	const first = `{"items":[{"key":"prod/r/c/2.14.0","env":"prod","region":"r","component":"c","deployment":"2.14.0","last_event_at":"2026-03-01T10:00:00Z","claims":[{"source":"/ci"}]}],"next":"x"}`
	const second = `{"items":[{"key":"prod/r/c/git-1","env":"prod","region":"r","component":"c","deployment":"git-1","version":"2.14.0",
		"started_at":"2026-03-01T10:01:00Z","last_event_at":"2026-03-01T10:02:00Z","landed_at":"2026-03-01T10:02:00Z","claims":[{"source":"/argocd"}]}],"next":""}`
	server := answers{
		"/v1/deployments?env=prod&limit=1000&since=2026-02-01T00%3A00%3A00Z":          first,
		"/v1/deployments?cursor=x&env=prod&limit=1000&since=2026-02-01T00%3A00%3A00Z": second,
	}
	args := []string{"doctor", "names", "--env", "prod", "--since", "2026-02-01T00:00:00Z"}
	out, errs, code := telltale(t, server, args...)
	if want := "SLOT       ONE      OTHER   WHY\nprod/r/c   2.14.0   git-1   2.14.0 is also said of git-1; 2.14.0 never landed; 1m apart\n"; out != want || code != ExitOK || !strings.HasPrefix(errs, "1 pairs.") {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, errs, out, want)
	}
	if out, _, _ = telltale(t, server, append(args, "-o", "json")...); !strings.Contains(out, `"one": "prod/r/c/2.14.0"`) {
		t.Errorf("-o json:\n%s", out)
	}
	if out, _, _ = telltale(t, server, append(args, "-o", "name")...); out != "prod/r/c/2.14.0 prod/r/c/git-1\n" {
		t.Errorf("-o name:\n%s", out)
	}
	out, errs, code = telltale(t, server, append(args, "--within", "1s")...)
	if out != "" || !strings.Contains(errs, "No two names look like one rollout.") || code != ExitOK {
		t.Errorf("exit code %d, stderr %q, stdout %q", code, errs, out)
	}
}
