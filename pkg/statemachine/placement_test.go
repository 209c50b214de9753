package statemachine

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPlace(t *testing.T) {
	lead := func(deployment string, tau int64, refs ...string) Lead {
		return Lead{Deployment: deployment, Tau: tau, Source: "ci", ID: fmt.Sprint(deployment, tau), Refs: refs}
	}
	underWay := func(l Lead) Lead {
		l.UnderWay = true
		return l
	}
	ones := []Lead{lead("1", 10, "g1"), underWay(lead("1", 20)), lead("2", 30, "g2", "g1"), underWay(lead("2", 40))}
	tie := []Lead{underWay(lead("2", 10, "g")), underWay(lead("1", 10, "g"))}
	for name, c := range map[string]struct {
		leads  []Lead
		follow FollowWord
		want   Placement
	}{
		"by a ref":                            {ones, FollowWord{Tau: 15, Refs: []string{"g9", "g1"}}, Placement{"1", RoleNamed, "g1"}},
		"by a ref, the latest not after":      {ones, FollowWord{Tau: 30, Refs: []string{"g1"}}, Placement{"2", RoleNamed, "g1"}},
		"by a ref, else the earliest after":   {ones, FollowWord{Tau: 5, Refs: []string{"g1", "g2"}}, Placement{"1", RoleNamed, "g1"}},
		"by several refs, the latest of all":  {ones, FollowWord{Tau: 99, Refs: []string{"1", "g2"}}, Placement{"2", RoleNamed, "g2"}},
		"by its version, which is a name":     {ones, FollowWord{Tau: 99, Version: "1"}, Placement{"1", RoleNamed, "1"}},
		"by a version that a lead word said":  {[]Lead{{Deployment: "k1", Version: "1.0"}}, FollowWord{Version: "1.0"}, Placement{"k1", RoleNamed, "1.0"}},
		"a tag and an image's version":        {[]Lead{{Deployment: "v1.0"}}, FollowWord{Version: "1.0"}, Placement{"v1.0", RoleNamed, "1.0"}},
		"an image and a tag as a ref":         {[]Lead{{Deployment: "k1", Version: "1.0"}}, FollowWord{Refs: []string{"v1.0"}}, Placement{"k1", RoleNamed, "1.0"}},
		"a word that begins with a v":         {[]Lead{{Deployment: "va"}}, FollowWord{Version: "a"}, Placement{Role: RoleNamed}},
		"by a ref that nobody has":            {ones, FollowWord{Tau: 99, Refs: []string{"g9"}}, Placement{Role: RoleNamed}},
		"without refs, on what is under way":  {ones, FollowWord{Tau: 35}, Placement{"1", RoleLoose, PlacedUnderWay}},
		"without refs, at the very instant":   {ones, FollowWord{Tau: 40}, Placement{"2", RoleLoose, PlacedUnderWay}},
		"without refs, before all":            {ones, FollowWord{Tau: 15}, Placement{Role: RoleLoose}},
		"among equal times the name decides":  {tie, FollowWord{Tau: 10}, Placement{"2", RoleLoose, PlacedUnderWay}},
		"among equal times after it, as well": {tie, FollowWord{Tau: 5, Refs: []string{"g"}}, Placement{"1", RoleNamed, "g"}},
		"with no lead word at all":            {nil, FollowWord{Version: "1"}, Placement{Role: RoleNamed}},
	} {
		if got := Place(c.leads, []FollowWord{c.follow})[0]; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLeadOf(t *testing.T) {
	l := Standard()
	var got []string
	for _, status := range append(l.Statuses(), StatusUnknown, "nonsense") {
		if l.LeadOf("1", &Word{Kind: KindReported, Status: status}).UnderWay {
			got = append(got, status)
		}
	}
	if want := []string{StatusInProgress, StatusPartiallyDeployed, StatusDeployed}; !slices.Equal(got, want) {
		t.Errorf("under way are %v, want %v", got, want)
	}
	if l.LeadOf("1", &Word{Kind: KindEvidence, Status: StatusDeployed}).UnderWay {
		t.Error("an evidence is no status")
	}
}

// The placer says what the definition says, whatever comes and goes in what
// order; it tells of each move, and of nothing else.
func TestPlacerIsPlace(t *testing.T) {
	refs := []string{"", "a", "b", "c", "1", "2", "v2"}
	rapid.Check(t, func(t *rapid.T) {
		p := NewPlacer()
		var leads []Lead
		var follows []FollowWord
		told := map[string]Placement{} // by id, what the placer's answers add up to
		move := func(moved []Moved) {
			for i, m := range moved {
				if told[m.ID] != m.From || m.From == m.To {
					t.Fatalf("told %+v of a word at %+v", m, told[m.ID])
				}
				if i > 0 && moved[i-1].Tau > m.Tau {
					t.Fatalf("%+v is out of order", moved)
				}
				told[m.ID] = m.To
			}
		}
		for i := range rapid.IntRange(1, 25).Draw(t, "steps") {
			id, tau := fmt.Sprint(i), rapid.Int64Range(0, 6).Draw(t, "tau")
			own := rapid.SliceOfN(rapid.SampledFrom(refs), 0, 2).Draw(t, "refs")
			version := rapid.SampledFrom(refs).Draw(t, "version")
			switch op := rapid.IntRange(0, 7).Draw(t, "op"); {
			case op <= 2:
				l := Lead{
					Deployment: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "deployment"), Tau: tau, ID: id,
					Refs: own, Version: version, UnderWay: rapid.Bool().Draw(t, "under way"),
				}
				leads = append(leads, l)
				move(p.AddLead(l))
			case op <= 5:
				w := FollowWord{Tau: tau, ID: id, Refs: own, Version: version}
				follows = append(follows, w)
				told[id] = p.AddFollow(w)
			case op == 6 && len(leads) > 0:
				j := rapid.IntRange(0, len(leads)-1).Draw(t, "which")
				move(p.RemoveLead(leads[j]))
				leads = slices.Delete(leads, j, j+1)
			case op == 7 && len(follows) > 0:
				j := rapid.IntRange(0, len(follows)-1).Draw(t, "which")
				p.RemoveFollow("", follows[j].ID)
				delete(told, follows[j].ID)
				follows = slices.Delete(follows, j, j+1)
			}
			unplaced := 0
			for j, want := range Place(leads, follows) {
				got, ok := p.Placement("", follows[j].ID)
				if !ok || got != want || told[follows[j].ID] != want {
					t.Fatalf("%+v is at %+v and was told at %+v, want %+v", follows[j], got, told[follows[j].ID], want)
				}
				if want.Deployment == "" {
					unplaced++
				}
			}
			if p.Unplaced() != unplaced {
				t.Fatalf("%d unplaced, want %d", p.Unplaced(), unplaced)
			}
		}
		for _, l := range leads {
			p.RemoveLead(l)
		}
		for _, w := range follows {
			p.RemoveFollow("", w.ID)
		}
		if len(p.named)+len(p.placed)+len(p.underWay.leads)+len(p.underWay.follows) > 0 {
			t.Fatalf("an empty placer keeps %+v", p)
		}
	})
}

// Place does not depend on the order of lead words.
func TestPlaceIsOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var leads []Lead
		for i := range rapid.IntRange(0, 8).Draw(t, "leads") {
			leads = append(leads, Lead{
				Deployment: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "deployment"),
				Tau:        rapid.Int64Range(0, 3).Draw(t, "tau"), ID: fmt.Sprint(i),
				Refs: []string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "ref")}, UnderWay: i%2 == 0,
			})
		}
		follows := []FollowWord{{Tau: 2, Refs: []string{"a", "b"}}, {Tau: 2}, {Tau: 0, Version: "b"}}
		if got, want := Place(rapid.Permutation(leads).Draw(t, "order"), follows), Place(leads, follows); !slices.Equal(got, want) {
			t.Fatalf("%+v, in another order %+v", want, got)
		}
	})
}

// A lead word in order looks at the follow words that it concerns, however many
// the slot has.
func TestPlacerLooksAtFew(t *testing.T) {
	p := NewPlacer()
	for i := range int64(1000) {
		name := fmt.Sprint("v", i)
		p.AddLead(Lead{Deployment: name, Tau: 10 * i, ID: name, Refs: []string{"shared"}, UnderWay: true})
		p.AddFollow(FollowWord{Tau: 10*i + 1, ID: name + "loose"})
		p.AddFollow(FollowWord{Tau: 10*i + 1, ID: name + "shared", Refs: []string{"shared"}})
	}
	late := Lead{Deployment: "v", Tau: 5001, ID: "late", Refs: []string{"shared"}, UnderWay: true}
	looked := 0
	p.eachOf(&late, func(n *names) {
		i, _ := slices.BinarySearchFunc(n.leads, &late, compareLeads)
		looked += len(n.around(i, late.Tau))
	})
	if moved := p.AddLead(late); len(moved) != 2 || looked != 2 {
		t.Errorf("a late lead word looked at %d and moved %d follow words, want 2 and 2", looked, len(moved))
	}
	early := Lead{Tau: -1, ID: "early", UnderWay: true}
	p.AddFollow(FollowWord{Tau: -2, ID: "before all"})
	p.eachOf(&early, func(n *names) {
		if touched := n.around(0, early.Tau); len(touched) > 0 {
			t.Errorf("the first to be under way looked at %d follow words, want none", len(touched))
		}
	})
}
