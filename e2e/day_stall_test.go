package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// serveDay starts a server under the deadlines of the day.
func serveDay(t *testing.T) *process {
	t.Helper()
	p := serve(t, t.TempDir(), "--clock", "events")
	p.activate(t, dayLifecycle(t), "day")
	return p
}

// checkDay wants every deployment to be what it is in the end, the silent ones
// included, and the releases and slots that the two rollbacks leave behind.
func checkDay(t *testing.T, p *process, d *day) {
	t.Helper()
	for key, status := range d.status {
		if d.stalls[key] != "" {
			status = "stalled"
		}
		var got struct{ Status, Reason string }
		if p.get(t, "/v1/deployments/"+key, &got); got.Status != status {
			t.Errorf("%s is %s, want %s", key, got.Status, status)
		}
	}
	if got := p.stalled(t); !maps.Equal(got, d.stalls) {
		t.Errorf("stalled: %v, want %v", got, d.stalls)
	}
	for release, status := range map[string]string{
		"autumn": "deployed", "winter": "partially_restored", "summer": "deployed", "spring": "manual_intervention",
	} {
		var got struct{ Status string }
		if p.get(t, "/v1/releases/prod/"+release, &got); got.Status != status {
			t.Errorf("release %s is %s, want %s", release, got.Status, status)
		}
	}
	runs := map[string]string{}
	for _, s := range p.slots(t) {
		runs[s.Region+"/"+s.Component] = s.Version
	}
	for slot, version := range map[string]string{
		"eu-west-1/ledger": "2.0.0", "us-east-1/ledger": "2.0.0", "ap-south-1/ledger": "3.0.0", "eu-west-1/early": "1.0.0",
	} {
		if runs[slot] != version {
			t.Errorf("%s runs %q, want %q", slot, runs[slot], version)
		}
	}
}

func lastIndex(all []string, s string) int {
	for i, x := range slices.Backward(all) {
		if x == s {
			return i
		}
	}
	return -1
}

// TestDayStalls replays the day. Three rollouts fall silent, and are told of
// once each; the region that is cut off is dark once, and what happens in it
// meanwhile alarms nobody. What goes silent in it is told of when it is healed.
func TestDayStalls(t *testing.T) {
	d := newDay(t, 1)
	p := serveDay(t)
	inOrder := d.imports(t, p)
	checkDay(t, p, d)
	// The import kept the order, and nothing came behind it.
	healed := inOrder.Position - uint64(len(d.stream)-1-d.healed())
	told := map[string]int{}
	var regions []string
	for _, c := range p.changes(t) {
		switch {
		case c.Data.To == "stalled":
			told[c.Data.Key]++
			cause, err := events.ParseChangeID(c.ID)
			if err != nil {
				t.Fatal(err)
			}
			if c.Data.Key == mute && cause.Seq < healed {
				t.Errorf("%s is told to have stalled at %d, and nobody could know before %d", mute, cause.Seq, healed)
			}
		case c.Data.Region != "" && c.Data.Dark:
			regions = append(regions, c.Data.Region+" dark")
		case c.Data.Region != "":
			regions = append(regions, c.Data.Region+" lit")
		}
	}
	for key := range d.stalls {
		if told[key] != 1 {
			t.Errorf("%s is told to have stalled %d times, want once", key, told[key])
		}
	}
	if len(told) != len(d.stalls) {
		t.Errorf("told to have stalled: %v, want only %v", told, d.stalls)
	}
	// A region may be told to be lit when it is first heard of.
	dark := slices.DeleteFunc(slices.Clone(regions), func(s string) bool { return strings.HasSuffix(s, "lit") })
	if !slices.Equal(dark, []string{cutRegion + " dark"}) || slices.Index(regions, cutRegion+" dark") > lastIndex(regions, cutRegion+" lit") {
		t.Errorf("regions: %v, want %s dark once and lit again", regions, cutRegion)
	}
	for key, why := range map[string]string{mute: "silent", "prod/us-east-1/slow/1.0.0": "overdue"} {
		if first := p.explained(t, key); !strings.Contains(first, "stalled") || !strings.Contains(first, why) {
			t.Errorf("explain begins with %q, want it to say stalled and %s", first, why)
		}
	}
	p.stop(t)

	again := serveDay(t)
	d.shuffles(t, again).same(t, "shuffled", inOrder)
	checkDay(t, again, d)
	again.stop(t)
}
