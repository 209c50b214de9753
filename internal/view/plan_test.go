package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// declared reads a plan: "region/component[=deployment][<component…]", members
// by spaces, what they depend on by commas.
func declared(release string, tau int64, plan string) Declaration {
	d := Declaration{Release: events.Release{Env: "prod", Name: release}, Tau: tau, Source: "train", ID: fmt.Sprint(release, tau, plan)}
	for text := range strings.FieldsSeq(plan) {
		text, needs, _ := strings.Cut(text, "<")
		text, deployment, _ := strings.Cut(text, "=")
		region, component, _ := strings.Cut(text, "/")
		m := events.Member{Region: region, Component: component, Deployment: deployment}
		if needs != "" {
			m.DependsOn = strings.Split(needs, ",")
		}
		d.Members = append(d.Members, m)
	}
	return d
}

func membersText(members []events.Member) string {
	var out []string
	for _, m := range members {
		out = append(out, m.Region+"/"+m.Component)
	}
	return strings.Join(out, " ")
}

func TestPlanResolvesDependencies(t *testing.T) {
	d := declared("r", 1, "eu/web=2<pay,db us/web<pay eu/pay us/pay ap/db eu/db2<pay")
	p, err := NewPlan(&d)
	if err != nil {
		t.Fatal(err)
	}
	slot := func(region, component string) events.Slot {
		return events.Slot{Env: "prod", Region: region, Component: component}
	}
	for _, c := range []struct{ region, component, needs, by string }{
		{"eu", "web", "eu/pay ap/db", ""},
		{"us", "web", "us/pay", ""},
		{"eu", "pay", "", "eu/web eu/db2"},
		{"ap", "db", "", "eu/web"},
		{"ap", "pay", "", ""},
	} {
		if got := membersText(p.Needs(slot(c.region, c.component))); got != c.needs {
			t.Errorf("%s/%s needs %q, want %q", c.region, c.component, got, c.needs)
		}
		if got := membersText(p.NeededBy(slot(c.region, c.component))); got != c.by {
			t.Errorf("%s/%s is needed by %q, want %q", c.region, c.component, got, c.by)
		}
	}
	everywhere := declared("r", 1, "eu/web<db us/db ap/db")
	if p, err = NewPlan(&everywhere); err != nil || membersText(p.Needs(slot("eu", "web"))) != "us/db ap/db" {
		t.Errorf("none in the region means all of them: %v", err)
	}
	if p.Slots()[2] != slot("ap", "db") {
		t.Errorf("slots are %v", p.Slots())
	}
}

func TestPlanMember(t *testing.T) {
	d := declared("r", 1, "eu/web=2 eu/pay")
	p, err := NewPlan(&d)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"prod/eu/web/2": true, "prod/eu/web/3": false, "prod/eu/pay/7": true, "prod/us/pay/7": false} {
		k, err := events.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Member(k); ok != want {
			t.Errorf("%s is a member: %v, want %v", key, ok, want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for plan, want := range map[string]string{
		"eu/a<b eu/b<a":                    "the plan's dependencies form a cycle: prod/eu/a of r needs prod/eu/b of r needs prod/eu/a of r",
		"eu/a=1<a":                         "the plan's dependencies form a cycle: prod/eu/a/1 needs prod/eu/a/1",
		"eu/x<a eu/a<b eu/b<c eu/c<a":      "the plan's dependencies form a cycle: prod/eu/a of r needs prod/eu/b of r needs prod/eu/c of r needs prod/eu/a of r",
		"eu/a<b us/b<a":                    "the plan's dependencies form a cycle: prod/eu/a of r needs prod/us/b of r needs prod/eu/a of r",
		"eu/a<b us/b<a us/a":               "",
		"eu/a eu/a":                        "the member prod/eu/a stands there twice",
		"eu/a<b":                           "prod/eu/a depends on b, which is no member",
		"eu/a<b,c eu/b<d eu/c<d eu/d":      "",
		"eu/a<b us/a<b ap/a<b cn/b eu/c<a": "",
	} {
		d := declared("r", 1, plan)
		_, err := NewPlan(&d)
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("%s: %v, want %q", plan, err, want)
		}
	}
}

func TestPlans(t *testing.T) {
	for name, c := range map[string]struct {
		all     []Declaration
		want    string // release@τ in force
		refused string // of whose declarations, with the cycle
	}{
		"the latest counts":              {[]Declaration{declared("r", 2, "eu/b"), declared("r", 1, "eu/a")}, "r@2", ""},
		"a bad one replaces nothing":     {[]Declaration{declared("r", 1, "eu/a"), declared("r", 2, "eu/a<b eu/b<a")}, "r@1", "r@2 prod/eu/a of r,prod/eu/b of r,prod/eu/a of r"},
		"two halves do not add up":       {[]Declaration{declared("r", 1, "eu/a<b eu/b"), declared("r", 2, "eu/b<a eu/a")}, "r@2", ""},
		"two releases form one":          {[]Declaration{declared("r", 1, "eu/a=1<b eu/b=1"), declared("s", 2, "eu/b=1<a eu/a=1")}, "r@1", "s@2 prod/eu/b/1,prod/eu/a/1,prod/eu/b/1"},
		"the first is free of it again":  {[]Declaration{declared("r", 1, "eu/a=1<b eu/b=1"), declared("r", 2, "eu/a=1"), declared("s", 3, "eu/b=1<a eu/a=1")}, "r@2 s@3", ""},
		"other deployments are no cycle": {[]Declaration{declared("r", 1, "eu/a=1<b eu/b=1"), declared("s", 2, "eu/b=2<a eu/a=2")}, "r@1 s@2", ""},
		"nor are members without a name": {[]Declaration{declared("r", 1, "eu/a<b eu/b"), declared("s", 2, "eu/b<a eu/a")}, "r@1 s@2", ""},
	} {
		inForce, refused := Plans(c.all)
		var got, bad []string
		for name, p := range inForce {
			got = append(got, fmt.Sprintf("%s@%d", name, p.Tau))
		}
		slices.Sort(got)
		for _, r := range refused {
			bad = append(bad, fmt.Sprintf("%s@%d %s", r.Release.Name, r.Tau, strings.Join(r.Err.Cycle, ",")))
		}
		if strings.Join(got, " ") != c.want || strings.Join(bad, " ") != c.refused {
			t.Errorf("%s: in force %v, refused %v", name, got, bad)
		}
	}
}

// Whatever is in force has no cycle, alone or together, and the order in which
// declarations came does not matter.
func TestPlansAreOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Declaration
		for i := range rapid.IntRange(1, 6).Draw(t, "declarations") {
			var plan []string
			for _, c := range []string{"a", "b", "c"} {
				m := "eu/" + c + rapid.SampledFrom([]string{"", "=1"}).Draw(t, "deployment")
				if need := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "needs"); need != "" {
					m += "<" + need
				}
				plan = append(plan, m)
			}
			d := declared(rapid.SampledFrom([]string{"r", "s"}).Draw(t, "release"), rapid.Int64Range(0, 3).Draw(t, "tau"), strings.Join(plan, " "))
			d.ID = fmt.Sprint(i)
			all = append(all, d)
		}
		show := func(all []Declaration) string {
			inForce, refused := Plans(all)
			g := graph{}
			var ids []string
			for _, name := range []string{"r", "s"} {
				if p := inForce[name]; p != nil {
					g.add(p)
					ids = append(ids, name+p.ID)
				}
			}
			for _, p := range inForce {
				if cycle := g.cycle(p); cycle != nil {
					t.Fatalf("in force, and a cycle: %v", cycle)
				}
			}
			for _, r := range refused {
				ids = append(ids, r.ID, r.Err.Error())
			}
			return strings.Join(ids, ";")
		}
		if a, b := show(all), show(rapid.Permutation(all).Draw(t, "order")); a != b {
			t.Fatalf("%s, in another order %s", a, b)
		}
	})
}

func TestPlanWaits(t *testing.T) {
	d := declared("r", 1, "eu/web<pay,db,mq,log eu/pay=7 eu/db=3 eu/mq eu/log=1")
	p, err := NewPlan(&d)
	if err != nil {
		t.Fatal(err)
	}
	bases := map[string]*Base{
		"pay": {Deployment: "7", State: &statemachine.State{Status: statemachine.StatusFailed, Verified: 5}, PutBack: true},
		"mq":  {Deployment: "4", State: &statemachine.State{Status: statemachine.StatusReverted}},
		"log": {Deployment: "1", State: &statemachine.State{Status: statemachine.StatusVerified, Verified: 9}},
	}
	got := p.Waits(p.Slots()[0], func(m events.Member) *Base { return bases[m.Component] })
	want := []statemachine.Dependency{
		{Region: "eu", Component: "pay", Deployment: "7", Status: statemachine.StatusFailed, Verified: 5, PutBack: true},
		{Region: "eu", Component: "db", Deployment: "3"},
		{Region: "eu", Component: "mq", Deployment: "4", Status: statemachine.StatusReverted, PutBack: true},
		{Region: "eu", Component: "log", Deployment: "1", Status: statemachine.StatusVerified, Verified: 9},
	}
	if !slices.Equal(got, want) {
		t.Errorf("waits for %+v, want %+v", got, want)
	}
	if got := p.Waits(events.Slot{Env: "prod", Region: "eu", Component: "other"}, nil); got != nil {
		t.Errorf("a slot that is no member waits for %+v", got)
	}
}
