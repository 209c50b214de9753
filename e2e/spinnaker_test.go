package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// build is one event about a build, as a build server sent it.
type build struct {
	Content struct {
		Master  string `json:"master"`
		Project struct {
			Name      string `json:"name"`
			LastBuild struct {
				Building bool   `json:"building"`
				Number   int64  `json:"number"`
				Result   string `json:"result"`
			} `json:"lastBuild"`
		} `json:"project"`
	} `json:"content"`
	InsertedTime int64 `json:"insertedTime"` // Unix milliseconds
}

// name is how the expected file names the build.
func (b *build) name() string {
	return fmt.Sprintf("%s|%s|%d", b.Content.Master, b.Content.Project.Name, b.Content.Project.LastBuild.Number)
}

// expectedBuilds is what is known of the 478 builds.
type expectedBuilds struct {
	Final          map[string]string  `json:"final"` // by name, in the tool's words
	Contradictory  []string           `json:"contradictory_building_true_with_result"`
	StreamEnd      int64              `json:"stream_end_ms"`
	RunningAge     map[string]float64 `json:"running_age_s"`
	TerminalOnly   []string           `json:"terminal_without_start"`
	CountsByResult map[string]int     `json:"counts"`
}

// finalStatus is what the tool's words mean.
var finalStatus = map[string]string{
	"RUNNING": "in_progress", "SUCCESS": "deployed", "UNSTABLE": "deployed", "FAILURE": "failed", "ABORTED": "cancelled",
}

func readBuilds(t testing.TB) ([]build, expectedBuilds) {
	t.Helper()
	var all []build
	var want expectedBuilds
	for path, v := range map[string]any{
		"spinnaker/spinnaker+echo/echo-pipelinetriggers/src/test/resources/events.json": &all,
		"expected/echo-events-expected.json":                                            &want,
	} {
		raw, err := os.ReadFile(testkit.RealInputs(t, filepath.FromSlash(path)))
		if err == nil {
			err = json.Unmarshal(raw, v)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if len(all) != 665 || len(want.Final) != 478 {
		t.Fatalf("%d events of %d builds, want 665 of 478", len(all), len(want.Final))
	}
	return all, want
}

// lone gives each build a slot of its own, so that none has a neighbour.
func lone(b *build) string {
	sum := sha256.Sum256([]byte(b.name()))
	return "job-" + hex.EncodeToString(sum[:])[:12]
}

// ofJob gives the builds of one job one slot.
func ofJob(b *build) string { return events.Slug(b.Content.Project.Name) }

// key is the deployment that a build is taken for.
func (b *build) key(component func(*build) string) string {
	return fmt.Sprintf("ci/%s/%s/%d", events.Slug(b.Content.Master), component(b), b.Content.Project.LastBuild.Number)
}

// told is what a build event says in our words. An unstable build has landed
// with failing tests. One that is said to be both running and finished is
// running; the other word goes along as it is: nobody mapped it, so it may
// change nothing, and is an anomaly that people can look at.
func (b *build) told(t testing.TB, component func(*build) string) []*events.Event {
	t.Helper()
	at := time.UnixMilli(b.InsertedTime).UTC()
	last := b.Content.Project.LastBuild
	id := fmt.Sprintf("%s|%t|%s", b.name(), last.Building, last.Result)
	say := func(id, typ string, data any) *events.Event {
		e := &events.Event{
			ID: id, Source: "/echo/" + b.Content.Master, Type: typ, Subject: b.key(component),
			Time: at, RecordedTime: at,
		}
		if err := e.SetData(data); err != nil {
			t.Fatal(err)
		}
		return e
	}
	report := func(status string) *events.Event {
		return say(id, events.TypeReported, events.Reported{Status: status})
	}
	switch {
	case last.Building && last.Result != "" && last.Result != "BUILDING":
		return []*events.Event{
			report("in_progress"),
			say(id+"|contradiction", events.TypeReported, events.Reported{Status: "building_and_" + strings.ToLower(last.Result)}),
		}
	case last.Building:
		return []*events.Event{report("in_progress")}
	case last.Result == "UNSTABLE":
		return []*events.Event{
			report("deployed"),
			say(id+"|tests", events.TypeEvidence, events.Evidence{Kind: "tests", Verdict: events.VerdictFail}),
		}
	}
	status, known := finalStatus[last.Result]
	if !known {
		t.Fatalf("%s: result %q", b.name(), last.Result)
	}
	return []*events.Event{report(status)}
}

// toldAll is the whole recording in our words, in order of arrival, and the keys
// of the builds by name.
func toldAll(t testing.TB, all []build, component func(*build) string) (told []*events.Event, keys map[string]string) {
	t.Helper()
	keys = map[string]string{}
	for i := range all {
		told = append(told, all[i].told(t, component)...)
		keys[all[i].name()] = all[i].key(component)
	}
	return told, keys
}

// endOfBuilds is the one tick behind the recording, for all masters.
func endOfBuilds(t testing.TB, all []build, want *expectedBuilds) *events.Event {
	t.Helper()
	regions := map[string]bool{}
	for i := range all {
		regions[events.Slug(all[i].Content.Master)] = true
	}
	if len(regions) != 23 {
		t.Fatalf("%d masters, want 23", len(regions))
	}
	return tick(t, "import", time.UnixMilli(want.StreamEnd).UTC(), slices.Sorted(maps.Keys(regions))...)
}

// buildDeadline is the one deadline of the builds.
const buildDeadline = 600 * time.Second

func buildLifecycle(t testing.TB) string {
	t.Helper()
	return withDeadlines(t, "builds", map[string]deadline{"in_progress": {Overdue: buildDeadline}})
}

// overdueBuilds is what has stalled at the end of the recording, by key. None is
// within half a minute after its deadline, so that no grace decides.
func overdueBuilds(t testing.TB, want *expectedBuilds, keys map[string]string) map[string]string {
	t.Helper()
	overdue := map[string]string{}
	for name, age := range want.RunningAge {
		if age > buildDeadline.Seconds() {
			overdue[keys[name]] = "overdue"
			if age < buildDeadline.Seconds()+30 {
				t.Errorf("%s is overdue by less than half a minute", name)
			}
		}
	}
	if len(want.RunningAge) != 101 || len(overdue) != 39 {
		t.Fatalf("%d of %d running builds are overdue, want 39 of 101", len(overdue), len(want.RunningAge))
	}
	return overdue
}

// TestSpinnakerFold folds real build events in a hundred orders. A build that
// is only heard of at its end is as good as one that was seen to start, and of
// 101 that still run the same 39 are overdue.
func TestSpinnakerFold(t *testing.T) {
	all, want := readBuilds(t)
	told, keys := toldAll(t, all, lone)
	words := sayings(t, told)
	l := compile(t, buildLifecycle(t))
	inOrder := foldAll(t, l, words)

	terminalOnly := map[string]bool{}
	for _, name := range want.TerminalOnly {
		terminalOnly[name] = true
	}
	counts := map[string]int{}
	for name, result := range want.Final {
		s := inOrder.deployments[keys[name]]
		counts[result]++
		if s.Status != finalStatus[result] || s.Attempt != 1 {
			t.Errorf("%s is %s of attempt %d, want %s: %s", name, s.Status, s.Attempt, finalStatus[result], result)
		}
		anomalies := uint32(0)
		if slices.Contains(want.Contradictory, name) {
			anomalies = 1
		}
		if s.AnomalyN != anomalies {
			t.Errorf("%s has %d anomalies, want %d: %v", name, s.AnomalyN, anomalies, s.Anomalies)
		}
		if unstable := result == "UNSTABLE"; unstable != (len(s.Evidence) == 1) {
			t.Errorf("%s: %s has the evidence %v", name, result, s.Evidence)
		}
		if terminalOnly[name] && s.Previous != statemachine.StatusUnknown {
			t.Errorf("%s, heard of at its end only, was %q before", name, s.Previous)
		}
	}
	if len(inOrder.deployments) != len(want.Final) || !maps.Equal(counts, want.CountsByResult) || len(terminalOnly) != 195 {
		t.Errorf("%d deployments %v, %d without a start", len(inOrder.deployments), counts, len(terminalOnly))
	}

	overdue := overdueBuilds(t, &want, keys)
	stalled := func(h history) map[string]string {
		out := map[string]string{}
		for key, s := range h.deployments {
			if why := stallAt(l.Deadlines(parseKey(t, key), s), want.StreamEnd*int64(time.Millisecond)); why != "" {
				out[key] = why
			}
		}
		return out
	}
	if got := stalled(inOrder); !maps.Equal(got, overdue) {
		t.Errorf("%d have stalled, want 39: %v", len(got), got)
	}
	digest := inOrder.digest()
	shuffles(t, 100, words, func(words []said) {
		if h := foldAll(t, l, words); h.digest() != digest || !maps.Equal(stalled(h), overdue) {
			t.Fatal("another order gives another answer")
		}
	})
}

// shownBuild is what the API says of a build.
type shownBuild struct {
	Key       string `json:"key"`
	Status    string `json:"status"`
	Reason    string `json:"reason"`
	Anomalies int    `json:"anomalies"`
}

// replayed brings a recording, its tick last, into an empty server that sends
// no ticks of its own, after what setup does, and returns what is shown in the
// end.
func replayed(t *testing.T, n int, bring, setup func(*process)) (map[string]shownBuild, digest) {
	t.Helper()
	p := serve(t, t.TempDir(), "--clock", "events")
	if setup != nil {
		setup(p)
	}
	bring(p)
	d := p.settle(t, uint64(n))
	shown := map[string]shownBuild{}
	for _, raw := range p.list(t, "/v1/deployments?limit=1000") {
		var b shownBuild
		if err := json.Unmarshal(raw, &b); err != nil {
			t.Fatal(err)
		}
		shown[b.Key] = b
	}
	p.stop(t)
	return shown, d
}

// bringers are the ways in which a recording may come: as a file in the order
// of arrival, and through the door backwards and shuffled.
func bringers(t *testing.T, told []*events.Event, end *events.Event) map[string]func(*process) {
	t.Helper()
	last := encode(t, []*events.Event{end})
	bodies := encode(t, told)
	backwards := slices.Clone(bodies)
	slices.Reverse(backwards)
	mixed := shuffled(t, bodies)
	post := func(bodies []string) func(*process) {
		return func(p *process) { p.sendRecorded(t, slices.Concat(bodies, last), 500) }
	}
	return map[string]func(*process){
		"reversed": post(backwards),
		"shuffled": post(mixed),
		"imported": func(p *process) {
			file := filepath.Join(t.TempDir(), "builds.ndjson")
			if err := os.WriteFile(file, []byte(strings.Join(slices.Concat(bodies, last), "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "telltale", "import", file, "--keep-recorded", "--server", p.url)
		},
	}
}

// TestSpinnakerServed brings the recording through the doors, in three orders:
// all builds end as they did, and it is one digest.
func TestSpinnakerServed(t *testing.T) {
	all, want := readBuilds(t)
	told, keys := toldAll(t, all, lone)
	digests := map[string]string{}
	for how, bring := range bringers(t, told, endOfBuilds(t, all, &want)) {
		shown, d := replayed(t, len(told)+1, bring, nil)
		digests[d.Digest] += how + " "
		for name, result := range want.Final {
			got := shown[keys[name]]
			// By the standard deadlines one that never ended may have stalled.
			if got.Status != finalStatus[result] && (got.Status != "stalled" || result != "RUNNING") {
				t.Errorf("%s: %s is %+v, want %s", how, name, got, finalStatus[result])
			}
		}
		if len(shown) != len(want.Final) || d.Deployments != len(want.Final) {
			t.Errorf("%s: %d deployments listed, %d digested, want %d", how, len(shown), d.Deployments, len(want.Final))
		}
		for _, name := range want.Contradictory {
			if got := shown[keys[name]].Anomalies; got != 1 {
				t.Errorf("%s: %s has %d anomalies, want 1", how, name, got)
			}
		}
	}
	if len(digests) != 1 {
		t.Errorf("the order of arrival shows: %v", digests)
	}
}
