package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Other tools have made mistakes that their users still suffer from. Each test
// here is one of them, told as it happened there.

// peerBegins is when the stories below begin.
var peerBegins = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// peerSlot is where they happen.
const peerSlot = "prod/eu-west-1/checkout"

// peerWord is one word of a story, written "source deployment status @minutes",
// with "#n" behind it for a given attempt. A status of "-" is failing evidence.
func peerWord(t testing.TB, slot, text string) *events.Event {
	t.Helper()
	var source, deployment, status string
	var minutes int
	var attempt uint32
	if n, err := fmt.Sscanf(text, "%s %s %s @%d #%d", &source, &deployment, &status, &minutes, &attempt); n < 4 {
		t.Fatalf("word %q: %v", text, err)
	}
	at := peerBegins.Add(time.Duration(minutes) * time.Minute)
	e := &events.Event{
		ID: text, Source: "/" + source, Type: events.TypeReported, Subject: slot + "/" + deployment,
		Time: at, RecordedTime: at,
	}
	var data any = events.Reported{Status: status, Version: deployment, Attempt: attempt}
	if status == "-" {
		e.Type, data = events.TypeEvidence, events.Evidence{Kind: "health", Verdict: events.VerdictFail}
	}
	if err := e.SetData(data); err != nil {
		t.Fatal(err)
	}
	return e
}

// peerStory is a story, one word a line.
func peerStory(t testing.TB, lines string) (all []*events.Event) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		all = append(all, peerWord(t, peerSlot, strings.TrimSpace(line)))
	}
	return all
}

// peerFold folds a story and wants status and attempt of one deployment, and the
// version that the slot runs, in any order of the words.
func peerFold(t *testing.T, lines, deployment, status string, attempt uint32, runs string) {
	t.Helper()
	words := sayings(t, peerStory(t, lines))
	check := func(words []said) {
		t.Helper()
		h := foldAll(t, statemachine.Standard(), words)
		s := h.deployments[peerSlot+"/"+deployment]
		if s.Status != status || s.Attempt != attempt {
			t.Errorf("%s is %s of attempt %d, want %s of attempt %d", deployment, s.Status, s.Attempt, status, attempt)
		}
		if got := h.current[peerSlot].Version; got != runs {
			t.Errorf("the slot runs %q, want %q", got, runs)
		}
	}
	check(words)
	shuffles(t, 10, words, check)
}

// Keptn's bus acknowledged what the handler had failed to store, and sequences
// stood still for ever. Here a word leaves the door's queue when the record has
// it, and a caller is told the truth meanwhile.
func TestPeerKeptnNothingIsAckedOnError(t *testing.T) {
	r := startRoles(t)
	conn, err := stream.Connect(t.Context(), stream.Options{InProcess: r.nats.InProcess()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	record, err := conn.JS.Stream(t.Context(), events.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.JS.Stream(t.Context(), events.StreamRaw)
	if err != nil {
		t.Fatal(err)
	}
	room := record.CachedInfo().Config
	full := room
	full.MaxMsgs = 1 // the built-in lifecycle is there already
	if _, err := conn.JS.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}

	all := peerStory(t, "keptn 1.0 in_progress @0\nkeptn 2.0 in_progress @1")
	for _, e := range all {
		e.RecordedTime = time.Time{}
	}
	bodies := encode(t, all)
	if resp, text, err := r.ingest.post(typeEvent, bodies[0]); err != nil || resp.StatusCode != 503 {
		t.Errorf("the door of a record that is full answers %v %s %v", resp, text, err)
	}
	if _, err := conn.JS.Publish(t.Context(), "tt.v1.raw.keptn", []byte(bodies[1])); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the word comes again", func() (bool, error) {
		for consumer := range raw.ListConsumers(t.Context()).Info() {
			if consumer.Delivered.Consumer > 1 {
				return true, nil
			}
		}
		return false, nil
	})
	if info, err := raw.Info(t.Context()); err != nil || info.State.Msgs != 1 {
		t.Errorf("the queue holds %+v (%v), want the word that the record has no room for", info, err)
	}

	if _, err := conn.JS.UpdateStream(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if accepted, duplicates := r.ingest.send(t, bodies[:1], 1); accepted+duplicates != 1 {
		t.Errorf("said again: %d accepted, %d duplicates", accepted, duplicates)
	}
	eventually(t, "the queue is empty", func() (bool, error) {
		info, err := raw.Info(t.Context())
		return err == nil && info.State.Msgs == 0, err
	})
	r.projector.settle(t, 3)
	for _, deployment := range []string{"1.0", "2.0"} {
		if got := r.projector.list(t, "/v1/deployments/"+peerSlot+"/"+deployment+"/events?limit=10"); len(got) != 1 {
			t.Errorf("%s has heard %d words, want 1", deployment, len(got))
		}
	}
	r.stop(t)
}

// GitLab's model lets success, failed and canceled overwrite one another, and an
// outdated job may finish after its successor.
func TestPeerGitLabTerminalStatesAreFinal(t *testing.T) {
	for _, tc := range []struct{ name, story, status, runs string }{
		{"cancelled after it ran", "gitlab 2.0 deployed @10\ngitlab 2.0 cancelled @11", "deployed", "2.0"},
		{"a success after it was cancelled", "gitlab 1.0 deployed @0\ngitlab 2.0 cancelled @10\ngitlab 2.0 deployed @11", "cancelled", "1.0"},
		{"cancelled after it failed", "gitlab 2.0 failed @10\ngitlab 2.0 cancelled @11", "failed", ""},
		{"a failure after it was cancelled", "gitlab 2.0 cancelled @10\ngitlab 2.0 failed @11", "cancelled", ""},
	} {
		t.Run(tc.name, func(t *testing.T) { peerFold(t, tc.story, "2.0", tc.status, 1, tc.runs) })
	}
	t.Run("an outdated job fails late", func(t *testing.T) {
		peerFold(t, `
			gitlab 2.0 in_progress @0 #1
			gitlab 2.0 in_progress @10 #2
			gitlab 2.0 deployed @15 #2
			gitlab 2.0 failed @20 #1`, "2.0", "deployed", 2, "2.0")
	})
	t.Run("the job of an older version fails late", func(t *testing.T) {
		peerFold(t, `
			gitlab 1.0 in_progress @0
			gitlab 2.0 in_progress @10
			gitlab 2.0 deployed @15
			gitlab 1.0 failed @20`, "2.0", "deployed", 1, "2.0")
	})
}

// orphaned is what two quick pushes say on GitHub: of the first nobody speaks
// again. GitHub shows it in progress for ever.
const orphaned = `
	github 1.0 in_progress @0
	github 2.0 in_progress @2
	github 2.0 deployed @5`

// The slot at least is not confused: it runs the second, and that is its latest.
func TestPeerGitHubOrphanedDeploymentLeavesTheSlotAlone(t *testing.T) {
	p := serve(t, t.TempDir(), "--clock", "events")
	bodies := encode(t, peerStory(t, orphaned))
	p.sendRecorded(t, bodies, len(bodies))
	p.settle(t, uint64(len(bodies)))
	slots := p.slots(t)
	if len(slots) != 1 || slots[0].Version != "2.0" || slots[0].Latest.Deployment != "2.0" {
		t.Errorf("the slots are %+v, want one that runs 2.0", slots)
	}
	p.stop(t)
}

// A rollback of Nomad over several regions ends blocked for ever. Whatever comes
// next, there is a way out of blocked.
func TestPeerNomadBlockedHasAWayOut(t *testing.T) {
	for _, status := range []string{"in_progress", "failed", "cancelled", "rolling_back", "reverted", "manual_intervention", "removed"} {
		t.Run(status, func(t *testing.T) {
			peerFold(t, "nomad 1.0 deployed @0\nnomad 2.0 in_progress @10\nnomad 2.0 blocked @11\nnomad 2.0 "+status+" @60",
				"2.0", status, 1, "1.0")
		})
	}
}

// Argo Rollouts goes on to say Degraded of a canary that was aborted as it
// should be. What was put back stays put back, and nothing runs that did not.
func TestPeerArgoDegradedAfterAGoodAbort(t *testing.T) {
	const abort = `
		argo 1.0 deployed @0
		argo 2.0 in_progress @60
		argo 2.0 rolling_back @65
		argo 2.0 reverted @66`
	t.Run("the tool says failed", func(t *testing.T) {
		peerFold(t, abort+"\nargo 2.0 failed @67\nargo 2.0 failed @72", "2.0", "reverted", 1, "1.0")
	})
	t.Run("it had said so before", func(t *testing.T) {
		peerFold(t, strings.Replace(abort, "rolling_back @65", "failed @64\nargo 2.0 rolling_back @65", 1)+"\nargo 2.0 failed @67",
			"2.0", "reverted", 1, "1.0")
	})
	t.Run("a probe says so", func(t *testing.T) {
		peerFold(t, abort+"\nprobe 2.0 - @67", "2.0", "reverted", 1, "1.0")
	})
	t.Run("nothing was under way", func(t *testing.T) {
		peerFold(t, "argo 1.0 deployed @0\nprobe 1.0 - @600", "1.0", "deployed", 1, "1.0")
	})
}

// TestPeerStandardLifecycleHasNoForEver wants a deadline in the built-in
// lifecycle for every status that something else must follow: the mistake of
// Nomad and of GitHub cannot be made by leaving the document as it is.
func TestPeerStandardLifecycleHasNoForEver(t *testing.T) {
	l := statemachine.Standard()
	key := parseKey(t, peerSlot+"/1.0")
	for _, status := range l.Statuses() {
		if c := l.Category(status); c != statemachine.CategoryWaiting && c != statemachine.CategoryActive {
			continue
		}
		h := foldAll(t, l, sayings(t, peerStory(t, "tool 1.0 "+status+" @0")))
		s := h.deployments[key.String()]
		if d := l.Deadlines(key, s); s.Status != status || d.Silent <= s.Since && d.Overdue <= s.Since {
			t.Errorf("%s may last for ever: %+v", status, d)
		}
	}
}
