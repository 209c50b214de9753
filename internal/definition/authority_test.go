package definition

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// trusted makes a Source document whose word goes before that of others in
// these statuses.
func trusted(name string, patterns []string, statuses ...string) string {
	return fmt.Sprintf("apiVersion: telltale.dev/v1\nkind: Source\nmetadata: {name: %s, version: \"1\"}\nspec: {match: {source: [%s]}, authority: [%s]}\n",
		name, strings.Join(quoted(patterns), ", "), strings.Join(statuses, ", "))
}

// drawSources draws activations, so many at least, of a few Source documents whose
// patterns meet.
func drawSources(t *rapid.T, least int) []Activation {
	patterns := []string{"/a", "/ab", "/abc", "/a*", "/ab*", "*", "*c", "/a*c", "/b"}
	out := make([]Activation, rapid.IntRange(least, 8).Draw(t, "activations"))
	for i := range out {
		var statuses []string
		if rapid.Bool().Draw(t, "with authority") {
			statuses = rapid.SampledFrom([][]string{{"deployed"}, {"failed"}}).Draw(t, "authority")
		}
		match := rapid.SliceOfNDistinct(rapid.SampledFrom(patterns), 1, 2, rapid.ID[string]).Draw(t, "patterns")
		out[i] = Activation{
			Source: "/config", ID: fmt.Sprint(i), Kind: KindSource, Tau: int64(i), From: rapid.Int64Range(0, 3).Draw(t, "from"),
			Envs:     rapid.SampledFrom([][]string{nil, nil, {"e"}, {"e", "f"}}).Draw(t, "envs"),
			Document: trusted(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name"), match, statuses...),
		}
	}
	return out
}

func setOf(t interface{ Fatal(...any) }, activations []Activation) *Set {
	s := new(Set)
	for _, a := range activations {
		if err := s.Activate(a); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// everywhere visits each environment, source and time that makes a difference.
func everywhere(visit func(env, source string, at int64)) {
	for _, env := range []string{"e", "f", "g"} {
		for _, source := range []string{"/a", "/ab", "/abc", "/b", "/c", "/ac"} {
			for at := int64(-1); at < 5; at++ {
				visit(env, source, at)
			}
		}
	}
}

// TestAuthorityIsOfTheSourceInForce holds the rows that a lifecycle is given to
// the document in force for each source.
func TestAuthorityIsOfTheSourceInForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := setOf(t, drawSources(t, 0))
		everywhere(func(env, source string, at int64) {
			rows := s.authorityIn(s.authority.period(env, at))
			var got, want []string
			if i := slices.IndexFunc(rows, func(r statemachine.AuthoritySpec) bool { return glob.Match(r.Source, source) }); i >= 0 {
				got = rows[i].Statuses
			}
			if d := s.Source(env, source, at); d != nil {
				want = d.Authority
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s in %s at %d knows %v best, want %v, of %v", source, env, at, got, want, rows)
			}
			l := statemachine.Standard()
			if follows := s.Follow(l, env, at); follows != s.Follow(l, env, at) || !follows.Same(l.With(rows)) {
				t.Fatalf("in %s at %d another lifecycle is followed than that with %v", env, at, rows)
			}
		})
	})
}

// TestAuthorizes: whatever an activation changes is announced, and the set
// without it is the one that it was never in.
func TestAuthorizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawSources(t, 1)
		s, last := setOf(t, all), all[len(all)-1]
		never, without, changed := setOf(t, all[:len(all)-1]), s.Without(last.Source, last.ID), false
		l := statemachine.Standard()
		everywhere(func(env, source string, at int64) {
			if d, w := never.Source(env, source, at), without.Source(env, source, at); (d == nil) != (w == nil) || d != nil && d.Name != w.Name {
				t.Fatalf("%s in %s at %d: %+v without the activation, want %+v", source, env, at, w, d)
			}
			if !without.Follow(l, env, at).Same(never.Follow(l, env, at)) {
				t.Fatalf("in %s at %d another lifecycle is followed without the activation", env, at)
			}
			changed = changed || !never.Follow(l, env, at).Same(s.Follow(l, env, at))
		})
		if got := s.Authorizes(last.Source, last.ID); got != changed {
			t.Fatalf("the activation changes authority: %v, want %v", got, changed)
		}
	})
}

func TestWhatChangesAuthority(t *testing.T) {
	argo := Activation{ID: "argo", Kind: KindSource, From: 10, Document: trusted("argo", []string{"/argo/*"}, "deployed")}
	for name, tc := range map[string]struct {
		Activation
		want bool
	}{
		"another that gives none":            {Activation{From: 20, Document: trusted("ci", []string{"/ci/*"})}, false},
		"a more specific one takes it away":  {Activation{From: 20, Document: trusted("argo-prod", []string{"/argo/prod"})}, true},
		"a less specific one does not":       {Activation{From: 20, Document: trusted("all", []string{"*"})}, false},
		"the same again, from later on":      {Activation{From: 20, Document: trusted("argo", []string{"/argo/*"}, "deployed")}, false},
		"the same, from before on":           {Activation{From: 5, Document: trusted("argo", []string{"/argo/*"}, "deployed")}, true},
		"a version that gives none any more": {Activation{From: 20, Document: trusted("argo", []string{"/argo/*"})}, true},
		"for one environment only":           {Activation{From: 20, Envs: []string{"prod"}, Document: trusted("argo", []string{"/argo/*"})}, true},
		"a status more":                      {Activation{From: 20, Document: trusted("argo", []string{"/argo/*"}, "deployed", "failed")}, true},
	} {
		tc.ID, tc.Kind = "b", KindSource
		if got := setOf(t, []Activation{argo, tc.Activation}).Authorizes("", "b"); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	if s := setOf(t, []Activation{argo}); s.Authorizes("", "other") || s.Follow(statemachine.Standard(), "prod", 9) != statemachine.Standard() {
		t.Error("before it is in force, or by another event, it says something")
	}
}
