package routing

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// paths returns where an alert comes to, as "path receiver".
func paths(leaves []Leaf) []string {
	var out []string
	for _, l := range leaves {
		out = append(out, l.Path+" "+l.Receiver)
	}
	return out
}

func mustNew(t interface {
	Helper()
	Fatal(...any)
}, c Config,
) *Tree {
	t.Helper()
	tree, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestMatch(t *testing.T) {
	receivers := []string{"first", "a", "b", "c"}
	cases := []struct {
		name   string
		routes []Route
		labels map[string]string
		want   []string
	}{
		{"nothing below", nil, nil, []string{"route first"}},
		{
			"no route matches",
			[]Route{{Receiver: "a", Matchers: []string{"env=prod"}}},
			map[string]string{"env": "dev"},
			[]string{"route first"},
		},
		{
			"the first that matches",
			[]Route{{Receiver: "a", Matchers: []string{"env=dev"}}, {Receiver: "b", Matchers: []string{"env=prod"}}, {Receiver: "c"}},
			map[string]string{"env": "prod"},
			[]string{"route.routes[1] b"},
		},
		{
			"and those behind it, if it says so",
			[]Route{{Receiver: "a", Continue: true}, {Receiver: "b", Matchers: []string{"env=dev"}}, {Receiver: "c"}},
			map[string]string{"env": "prod"},
			[]string{"route.routes[0] a", "route.routes[2] c"},
		},
		{
			"continue of a route that does not match",
			[]Route{{Receiver: "a", Continue: true, Matchers: []string{"env=dev"}}, {Receiver: "b"}, {Receiver: "c"}},
			map[string]string{"env": "prod"},
			[]string{"route.routes[1] b"},
		},
		{
			"a route speaks for itself when none below it matches",
			[]Route{{Receiver: "a", Routes: []Route{{Receiver: "b", Matchers: []string{"severity=critical"}}}}},
			map[string]string{"severity": "warning"},
			[]string{"route.routes[0] a"},
		},
		{
			"the receiver is the parent's",
			[]Route{{Receiver: "a", Routes: []Route{{Matchers: []string{"severity=critical"}}}}},
			map[string]string{"severity": "critical"},
			[]string{"route.routes[0].routes[0] a"},
		},
		{
			"several below one",
			[]Route{{Receiver: "a", Continue: true, Routes: []Route{{Receiver: "b", Continue: true}, {Receiver: "c"}}}, {}},
			nil,
			[]string{"route.routes[0].routes[0] b", "route.routes[0].routes[1] c", "route.routes[1] first"},
		},
		{
			"all ways to say what labels have to be",
			[]Route{{
				Receiver: "a", Matchers: []string{`a!="x"`, `b=~"y.*", c!~"z"`, `"d é"=v`},
				Match: map[string]string{"e": "1"}, MatchRE: map[string]string{"f": "^(2|3)$"},
			}},
			map[string]string{"b": "yes", "d é": "v", "e": "1", "f": "3"},
			[]string{"route.routes[0] a"},
		},
		{
			"an expression matches the whole label",
			[]Route{{Receiver: "a", Matchers: []string{"env=~prod"}}},
			map[string]string{"env": "prod-eu"},
			[]string{"route first"},
		},
		{
			"a label that is not there is empty",
			[]Route{{Receiver: "a", Matchers: []string{`owner=""`, `owner!~".+"`}}},
			map[string]string{"env": "prod"},
			[]string{"route.routes[0] a"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := mustNew(t, Config{Route: Route{Receiver: "first", Routes: c.routes}, Receivers: receivers})
			if got := paths(tree.Match(c.labels)); !slices.Equal(got, c.want) {
				t.Errorf("it comes to %q, want %q", got, c.want)
			}
		})
	}
}

// What a route does not say is its parent's, but for the intervals.
func TestInheritance(t *testing.T) {
	tree := mustNew(t, Config{
		Receivers:     []string{"r"},
		TimeIntervals: []TimeInterval{{Name: "always", TimeIntervals: []Interval{{}}}},
		Route: Route{
			Receiver: "r", HoldFor: "5m", GroupBy: []string{"region", "env"}, GroupWait: "0s", RepeatInterval: "1d",
			Routes: []Route{{
				MuteTimeIntervals: []string{"always"}, Matchers: []string{"a=1"},
				Routes: []Route{{HoldFor: "0s", GroupBy: []string{"..."}, GroupInterval: "1m"}},
			}},
		},
	})
	nodes := tree.Nodes()
	if len(nodes) != 3 || nodes[1].Matchers != `{a="1"}` || nodes[2].Depth != 2 {
		t.Fatalf("the tree is %+v", nodes)
	}
	above, below := nodes[1].Leaf, nodes[2].Leaf
	if above.HoldFor != 5*time.Minute || !slices.Equal(above.GroupBy, []string{"env", "region"}) || above.GroupWait != 0 ||
		above.GroupInterval != 5*time.Minute || above.RepeatInterval != 24*time.Hour {
		t.Errorf("the route has %+v", above)
	}
	if below.HoldFor != 0 || !slices.Equal(below.GroupBy, []string{"..."}) || below.GroupInterval != time.Minute || below.RepeatInterval != 24*time.Hour {
		t.Errorf("the route below has %+v", below)
	}
	if _, _, ok := above.Earliest(noon); ok {
		t.Error("the muted route tells somebody")
	}
	if at, _, ok := below.Earliest(noon); !ok || !at.Equal(noon) {
		t.Errorf("the route below is told at %v, %v", at, ok)
	}
}

func TestNobodyIsToldByDefault(t *testing.T) {
	if tree, err := New(Config{}); tree != nil || err != nil {
		t.Errorf("%v, %v", tree, err)
	}
}

// condition is a matcher as the test understands it.
type condition struct{ name, op, value string }

func (c condition) String() string { return c.name + c.op + `"` + c.value + `"` }

func (c condition) holds(labels map[string]string) bool {
	whole := regexp.MustCompile(`\A(?:` + c.value + `)\z`)
	switch v := labels[c.name]; c.op {
	case "=":
		return v == c.value
	case "!=":
		return v != c.value
	case "=~":
		return whole.MatchString(v)
	default:
		return !whole.MatchString(v)
	}
}

// plan is a route as the test understands it.
type plan struct {
	receiver   string
	conditions []condition
	goesOn     bool
	below      []*plan
}

func (p *plan) route() Route {
	r := Route{Receiver: p.receiver, Continue: p.goesOn}
	for i, c := range p.conditions {
		switch {
		case c.op == "=" && i%2 == 0 && r.Match[c.name] == "":
			r.Match = map[string]string{c.name: c.value}
		case c.op == "=~" && i%2 == 0 && r.MatchRE[c.name] == "":
			r.MatchRE = map[string]string{c.name: c.value}
		default:
			r.Matchers = append(r.Matchers, c.String())
		}
	}
	for _, b := range p.below {
		r.Routes = append(r.Routes, b.route())
	}
	return r
}

// walk is what the rules say, read once more: it appends what an alert comes to
// below and at p, and reports whether it got there.
func (p *plan) walk(path, receiver string, labels map[string]string, found *[]string) bool {
	for _, c := range p.conditions {
		if !c.holds(labels) {
			return false
		}
	}
	if p.receiver != "" {
		receiver = p.receiver
	}
	before := len(*found)
	for i, b := range p.below {
		if b.walk(fmt.Sprintf("%s.routes[%d]", path, i), receiver, labels, found) && !b.goesOn {
			return true
		}
	}
	if len(*found) == before {
		*found = append(*found, path+" "+receiver)
	}
	return true
}

// TestMatchIsWhatTheRulesSay holds random trees and label sets to the rules.
func TestMatchIsWhatTheRulesSay(t *testing.T) {
	names, values := []string{"a", "b", "c"}, []string{"", "x", "y", "x|y", "x.*", ".+"}
	several, deep := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var grow func(depth int) *plan
		grow = func(depth int) *plan {
			p := &plan{receiver: rapid.SampledFrom([]string{"", "r", "s"}).Draw(t, "receiver"), goesOn: rapid.Bool().Draw(t, "continue")}
			for range rapid.IntRange(0, 2).Draw(t, "conditions") {
				p.conditions = append(p.conditions, condition{
					rapid.SampledFrom(names).Draw(t, "name"),
					rapid.SampledFrom([]string{"=", "!=", "=~", "!~"}).Draw(t, "op"),
					rapid.SampledFrom(values).Draw(t, "value"),
				})
			}
			if depth < 3 {
				for range rapid.IntRange(0, 3).Draw(t, "below") {
					p.below = append(p.below, grow(depth+1))
				}
			}
			return p
		}
		first := grow(0)
		first.receiver, first.conditions, first.goesOn = "r", nil, false
		tree := mustNew(t, Config{Route: first.route(), Receivers: []string{"r", "s"}})
		for range 5 {
			labels := map[string]string{}
			for _, name := range names {
				if v := rapid.SampledFrom([]string{"", "x", "y", "xy", "z"}).Draw(t, "label"); v != "" {
					labels[name] = v
				}
			}
			var want []string
			first.walk("route", "", labels, &want)
			got := paths(tree.Match(labels))
			if !slices.Equal(got, want) {
				t.Fatalf("%v comes to %q, want %q", labels, got, want)
			}
			if len(want) > 1 {
				several++
			}
			if strings.Count(want[0], "routes") > 1 {
				deep++
			}
		}
	})
	if several == 0 || deep == 0 {
		t.Errorf("%d alerts took several routes, %d came deep", several, deep)
	}
}
