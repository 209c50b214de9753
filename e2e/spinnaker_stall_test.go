package e2e

import (
	"maps"
	"slices"
	"testing"
)

func activateBuildDeadline(t *testing.T) func(*process) {
	return func(p *process) { p.activate(t, buildLifecycle(t), "builds") }
}

// TestSpinnakerStalls replays real builds up to the end of the recording: those
// that are overdue have stalled, whatever the order in which their words came.
func TestSpinnakerStalls(t *testing.T) {
	all, want := readBuilds(t)
	told, keys := toldAll(t, all, lone)
	overdue := overdueBuilds(t, &want, keys)
	for how, bring := range bringers(t, told, endOfBuilds(t, all, &want)) {
		// The definition is one more event.
		shown, _ := replayed(t, len(told)+2, bring, activateBuildDeadline(t))
		for name, result := range want.Final {
			status, reason := finalStatus[result], ""
			if overdue[keys[name]] != "" {
				status, reason = "stalled", overdue[keys[name]]
			}
			if got := shown[keys[name]]; got.Status != status || status == "stalled" && got.Reason != reason {
				t.Errorf("%s: %s is %+v, want %s %s", how, name, got, status, reason)
			}
		}
	}
}

func (s *spoken) first() int64 { return s.times[0] }
func (s *spoken) last() int64  { return s.times[len(s.times)-1] }

// started is when the build was first said to run or to have landed, zero when
// it never was: a failure that came alone is no start.
func (s *spoken) started() int64 {
	for i, word := range s.words {
		if word == "RUNNING" || word == "SUCCESS" || word == "UNSTABLE" {
			return s.times[i]
		}
	}
	return 0
}

// overlaid reads the rules of what neighbours and time lay over a build, one
// after the other, by looking at every pair of builds. end is the watermark.
//
// A build with an end is what its end says: that goes before everything, and as
// no build has a version, none that failed can be seen to have been put back. One
// that runs is superseded by a build of its slot that was first heard of later
// and started after its last word. Else it is stalled when its deadline, counted
// from when it began to run, has passed.
func overlaid(all map[string]*spoken, end int64) map[string]string {
	out := map[string]string{}
	for key, own := range all {
		word := own.words[len(own.words)-1]
		if word != "RUNNING" {
			out[key] = finalStatus[word]
			continue
		}
		since := own.times[slices.Index(own.words, "RUNNING")]
		out[key] = "in_progress"
		if end-since > buildDeadline.Milliseconds() {
			out[key] = "stalled"
		}
		for _, other := range all {
			if other.slot == own.slot && other.first() > own.first() && other.started() > own.last() {
				out[key] = "superseded"
			}
		}
	}
	return out
}

// TestSpinnakerOverlays replays the builds with one slot for each job, where
// most builds have neighbours.
func TestSpinnakerOverlays(t *testing.T) {
	all, want := readBuilds(t)
	expected := overlaid(readSpoken(all, ofJob), want.StreamEnd)
	counts := map[string]int{}
	for _, status := range expected {
		counts[status]++
	}
	// Not to be fooled by a recording in which nothing of this happens.
	if counts["superseded"] != 10 || counts["stalled"] != 29 || counts["in_progress"] != 62 {
		t.Fatalf("the rules give %v", counts)
	}
	told, _ := toldAll(t, all, ofJob)
	digests := map[string]string{}
	for how, bring := range bringers(t, told, endOfBuilds(t, all, &want)) {
		shown, d := replayed(t, len(told)+2, bring, activateBuildDeadline(t))
		digests[d.Digest] += how + " "
		got := map[string]string{}
		for key, b := range shown {
			got[key] = b.Status
		}
		if !maps.Equal(got, expected) {
			for key, status := range expected {
				if got[key] != status {
					t.Errorf("%s: %s is %q, want %s", how, key, got[key], status)
				}
			}
			t.Errorf("%s: %d deployments, want %d", how, len(got), len(expected))
		}
	}
	if len(digests) != 1 {
		t.Errorf("the order of arrival shows: %v", digests)
	}
}
