package definition

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"checkout", "checkout", true},
		{"checkout", "checkout-eu", false},
		{"checkout*", "checkout", true},
		{"*", "", true},
		{"", "", true},
		{"a*c", "abbc", true},
		{"a*c", "abb", false},
		{"a*b*c", "a-b-b-c", true},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"**", "x", true},
		{"/github/*", "/github/org/app/deploy", true},
		{"/github/*/deploy", "/github/org/app/deploy", true},
		{"/github/*", "/gitlab/org", false},
		{"a", "", false},
		{"a*", "", false},
	} {
		if got := glob.Match(tc.pattern, tc.s); got != tc.want {
			t.Errorf("Match(%q, %q) = %v", tc.pattern, tc.s, got)
		}
	}
}

func component(name, match string) string {
	return "apiVersion: telltale.dev/v1\nkind: Component\nmetadata: {name: " + name + ", version: \"1\"}\nspec: {match: {" + match + "}}\n"
}

func TestTheMostSpecificCounts(t *testing.T) {
	var s Set
	for i, d := range []struct{ name, match string }{
		{"all", "component: '*'"},
		{"all-again", "component: '*'"},
		{"check", "component: 'check*'"},
		{"check-prod", "component: 'check*', env: prod, region: eu-west-1"},
		{"checkout", "component: [stock, checkout]"},
		{"checkout-prod", "component: checkout, env: 'pr*'"},
		{"checkout-prod-eu", "component: checkout, env: 'pr*', region: eu-west-1"},
		{"middle", "component: '*back*'"},
	} {
		a := Activation{Source: "/cli", ID: fmt.Sprint(i), Kind: KindComponent, Document: component(d.name, d.match)}
		if err := s.Activate(a); err != nil {
			t.Fatal(err)
		}
	}
	for slot, want := range map[string]string{
		"prod/eu-west-1/search":       "all",
		"prod/eu-west-1/feedback-api": "middle",
		"prod/eu-west-1/checks":       "check-prod",
		"test/eu-west-1/checks":       "check",
		"prod/us-east-1/checkout":     "checkout-prod",
		"prod/eu-west-1/checkout":     "checkout-prod-eu",
		"test/eu-west-1/checkout":     "checkout",
		"test/eu-west-1/stock":        "checkout",
	} {
		key, err := events.ParseSlot(slot)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Component(key, 0); got == nil || got.Name != want {
			t.Errorf("%s: %+v, want %s", slot, got, want)
		}
	}
}

func TestWhatIsInForce(t *testing.T) {
	slot := events.Slot{Env: "prod", Region: "r", Component: "c"}
	doc := func(owner string) string {
		return strings.Replace(component("c", "component: c"), "}}", "}, owner: "+owner+"}", 1)
	}
	all := []Activation{
		{ID: "a", Tau: 10, From: 10, Document: doc("first")},
		{ID: "b", Tau: 20, From: 50, Document: doc("planned")},
		{ID: "c", Tau: 30, From: 30, Document: doc("test-only"), Envs: []string{"test"}},
		{ID: "d", Tau: 40, From: 30, Document: doc("later")},
		{ID: "e", Tau: 40, From: 30, Document: doc("greater-id")},
	}
	var s Set
	for _, a := range all {
		a.Kind = KindComponent
		if err := s.Activate(a); err != nil {
			t.Fatal(err)
		}
	}
	owner := func(at int64) string {
		c := s.Component(slot, at)
		if c == nil {
			return ""
		}
		return c.Owner
	}
	for at, want := range map[int64]string{9: "", 10: "first", 29: "first", 30: "greater-id", 49: "greater-id", 50: "planned"} {
		if got := owner(at); got != want {
			t.Errorf("at %d: %q, want %q", at, got, want)
		}
	}
	slot.Env = "test"
	if got := owner(30); got != "greater-id" {
		t.Errorf("in test: %q", got)
	}
	// What comes in place of an activation, or is taken back, is gone.
	if err := s.Activate(Activation{ID: "e", Tau: 40, From: 90, Kind: KindComponent, Document: component("other", "component: x")}); err != nil {
		t.Fatal(err)
	}
	s.Drop("", "d")
	if got := owner(30); got != "test-only" {
		t.Errorf("without d and e: %q", got)
	}
	// A document that cannot be used changes nothing, other kinds neither.
	if err := s.Activate(Activation{ID: "a", Kind: KindComponent, Document: "kind: Component"}); err == nil {
		t.Error("a document that cannot be used is taken")
	}
	if err := s.Activate(Activation{ID: "a", Kind: KindLifecycle}); err != nil || owner(10) != "first" {
		t.Errorf("another kind: %v, then %q", err, owner(10))
	}
}

func TestSources(t *testing.T) {
	source := func(name, pattern string) string {
		return "apiVersion: telltale.dev/v1\nkind: Source\nmetadata: {name: " + name + ", version: \"1\"}\nspec: {match: {source: '" + pattern + "'}}\n"
	}
	var s Set
	for i, a := range []Activation{
		{Document: source("github", "/github/*")},
		{Document: source("deploy", "/github/*/deploy")},
		{Document: source("prod", "/github/org/app/deploy"), Envs: []string{"prod"}},
	} {
		a.Kind, a.ID = KindSource, fmt.Sprint(i)
		if err := s.Activate(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ env, source, want string }{
		{"prod", "/github/org/app/deploy", "prod"}, {"", "/github/org/app/deploy", "deploy"}, {"test", "/github/a/b", "github"}, {"prod", "/gitlab/a", ""},
	} {
		got := ""
		if d := s.Source(tc.env, tc.source, 0); d != nil {
			got = d.Name
		}
		if got != tc.want {
			t.Errorf("%s in %q: %q, want %q", tc.source, tc.env, got, tc.want)
		}
	}
}

// drawn is an activation with what its document says, for the oracle.
type drawn struct {
	Activation
	doc *Component
}

// TestSetIsTheDefinition holds a Set, filled in any order and with repeats, to
// the definition of what is in force, read over all activations one by one.
func TestSetIsTheDefinition(t *testing.T) {
	patterns := []string{"a", "ab", "abc", "a*", "ab*", "*", "*c", "a*c", "b"}
	rapid.Check(t, func(t *rapid.T) {
		var all []drawn
		for i := range rapid.IntRange(0, 12).Draw(t, "activations") {
			match := "component: [" + strings.Join(quoted(rapid.SliceOfN(rapid.SampledFrom(patterns), 1, 2).Draw(t, "components")), ", ") + "]"
			if rapid.Bool().Draw(t, "with env") {
				match += ", env: '" + rapid.SampledFrom([]string{"e", "f", "*"}).Draw(t, "env") + "'"
			}
			d := component(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name"), match)
			c, err := ParseComponent([]byte(d))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, drawn{Activation{
				Source: rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "source"), ID: fmt.Sprint(i), Kind: KindComponent, Document: d,
				Tau: rapid.Int64Range(0, 3).Draw(t, "tau"), From: rapid.Int64Range(0, 3).Draw(t, "from"),
				Envs: rapid.SampledFrom([][]string{nil, {"e"}, {"e", "f"}}).Draw(t, "envs"),
			}, c})
		}
		var s Set
		for _, d := range rapid.Permutation(append(slices.Clone(all), all[:len(all)/2]...)).Draw(t, "order") {
			if err := s.Activate(d.Activation); err != nil {
				t.Fatal(err)
			}
		}
		for _, env := range []string{"e", "f"} {
			for _, name := range []string{"a", "ab", "abc", "b", "c"} {
				for at := range int64(4) {
					slot := events.Slot{Env: env, Region: "r", Component: name}
					if got, want := s.Component(slot, at), slowly(all, slot, at); (got == nil) != (want == nil) || got != nil && got.Name+fmt.Sprint(got.Match) != want.Name+fmt.Sprint(want.Match) {
						t.Fatalf("%v at %d: %+v, want %+v", slot, at, got, want)
					}
				}
			}
		}
	})
}

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "'" + s + "'"
	}
	return out
}

// slowly is the definition of [Set.Component].
func slowly(all []drawn, slot events.Slot, at int64) *Component {
	inForce := make(map[string]drawn)
	for _, d := range all {
		if d.From > at || len(d.Envs) > 0 && !slices.Contains(d.Envs, slot.Env) {
			continue
		}
		key := func(d drawn) string { return fmt.Sprintf("%d %d %s %2s", d.From, d.Tau, d.Source, d.ID) }
		if old, ok := inForce[d.doc.Name]; !ok || later(d.Activation, old.Activation) {
			inForce[d.doc.Name] = d
		} else if key(d) == key(old) {
			panic("two activations of one identity")
		}
	}
	weigh := func(patterns []string, s string) int {
		most := -1
		for _, p := range patterns {
			switch {
			case p == s:
				most = max(most, exact)
			case strings.Contains(p, "*") && glob.Match(p, s):
				most = max(most, len(strings.ReplaceAll(p, "*", "")))
			}
		}
		return most
	}
	var found *Component
	weight := ""
	for _, name := range []string{"x", "y", "z"} {
		d, ok := inForce[name]
		if !ok {
			continue
		}
		c, e := weigh(d.doc.Match.Component, slot.Component), weigh(d.doc.Match.Env, slot.Env)
		if c < 0 || e < 0 && len(d.doc.Match.Env) > 0 {
			continue
		}
		if w := fmt.Sprintf("%05d %05d", c, e+1); found == nil || w > weight {
			found, weight = d.doc, w
		}
	}
	return found
}

func later(a, b Activation) bool {
	switch {
	case a.From != b.From:
		return a.From > b.From
	case a.Tau != b.Tau:
		return a.Tau > b.Tau
	case a.Source != b.Source:
		return a.Source > b.Source
	}
	return a.ID > b.ID
}

func BenchmarkComponent(b *testing.B) {
	var s Set
	for i := range 5000 {
		match := fmt.Sprintf("component: svc-%d", i)
		if i%10 == 0 {
			match = fmt.Sprintf("component: 'svc-%d*'", i)
		}
		if err := s.Activate(Activation{ID: fmt.Sprint(i), Kind: KindComponent, Document: component(fmt.Sprintf("n%d", i), match)}); err != nil {
			b.Fatal(err)
		}
	}
	slot := events.Slot{Env: "prod", Region: "eu-west-1", Component: "svc-4321"}
	for b.Loop() {
		if s.Component(slot, 0) == nil {
			b.Fatal("not found")
		}
	}
}
