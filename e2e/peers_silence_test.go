package e2e

import (
	"testing"
	"time"
)

// peerShown serves a story under a deadline of half an hour for every status
// that may end in silence, then a tick, and returns what each deployment shows.
func peerShown(t *testing.T, lines string, minutes int) map[string]shownBuild {
	t.Helper()
	document := withDeadlines(t, "peers", map[string]deadline{
		"in_progress": {Silent: 30 * time.Minute}, "blocked": {Overdue: 30 * time.Minute},
		"pending_approval": {Overdue: 30 * time.Minute},
	})
	story := append(peerStory(t, lines), tick(t, "import", peerBegins.Add(time.Duration(minutes)*time.Minute), "eu-west-1"))
	shown, _ := replayed(t, len(story)+1,
		func(p *process) { p.sendRecorded(t, encode(t, story), 100) },
		func(p *process) { p.activate(t, document, "peers") })
	return shown
}

// The first of two quick pushes is superseded, not in progress for ever, and
// nobody is told that it stalled.
func TestPeerGitHubOrphanedDeploymentIsSuperseded(t *testing.T) {
	shown := peerShown(t, orphaned, 120)
	if got := shown[peerSlot+"/1.0"].Status; got != "superseded" {
		t.Errorf("1.0 is %s, want superseded", got)
	}
	if got := shown[peerSlot+"/2.0"].Status; got != "deployed" {
		t.Errorf("2.0 is %s, want deployed", got)
	}
}

// A deployment that nobody follows and nobody ends has stalled.
func TestPeerGitHubPendingForEverStalls(t *testing.T) {
	for _, status := range []string{"in_progress", "pending_approval"} {
		if got := peerShown(t, "github 1.0 "+status+" @0", 120)[peerSlot+"/1.0"].Status; got != "stalled" {
			t.Errorf("%s for two hours is %s, want stalled", status, got)
		}
	}
}

// Blocked for ever is stalled, and the stall ends by itself when word arrives.
func TestPeerNomadBlockedForEverStalls(t *testing.T) {
	const story = "nomad 2.0 in_progress @10\nnomad 2.0 blocked @11"
	if got := peerShown(t, story, 60)[peerSlot+"/2.0"]; got.Status != "stalled" || got.Reason != "overdue" {
		t.Errorf("2.0 is %+v, want it stalled, overdue", got)
	}
	if got := peerShown(t, story+"\nnomad 2.0 reverted @50", 60)[peerSlot+"/2.0"]; got.Status != "reverted" {
		t.Errorf("2.0 is %+v, want it reverted", got)
	}
}
