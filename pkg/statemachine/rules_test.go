package statemachine

import (
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// key2 is the key of the deployment that most tests speak of.
var key2 = events.Key{Slot: events.Slot{Env: "prod", Region: "eu", Component: "api"}, Deployment: "2.0"}

func say(source, status string, sec int64) Word {
	tau := t0.UnixNano() + sec*1e9
	return Word{
		Mark: events.Mark{Source: source, ID: source + status + string(rune('a'+sec%26)), Tau: tau},
		Kind: KindReported, Status: status, Percent: -1, Recorded: tau,
	}
}

func TestRemovedInventsNoSteps(t *testing.T) {
	s, steps := Standard().Fold(key2, []Word{say("ci", StatusPlanned, 0), say("k8s", StatusRemoved, 30)})
	if s.Landed != 0 || s.Started != 0 {
		t.Errorf("landed %d, started %d: steps were invented", s.Landed, s.Started)
	}
	if last := steps[1].Slot; last == nil || last.Kind != SlotRemoved {
		t.Errorf("the slot hears %+v", last)
	}
}

func TestTimesOfAnAttempt(t *testing.T) {
	at := func(sec int64) int64 { return t0.UnixNano() + sec*1e9 }
	s, _ := Standard().Fold(key2, []Word{
		say("ci", StatusQueued, 0), say("ci", StatusInProgress, 10), say("ci", StatusDeployed, 20), say("ci", StatusFailed, 30),
	})
	if s.Began != at(0) || s.Started != at(10) || s.Landed != at(20) || s.Finished != at(30) || s.Since != at(30) {
		t.Errorf("began %d started %d landed %d finished %d since %d", s.Began, s.Started, s.Landed, s.Finished, s.Since)
	}
	if s.Previous != StatusDeployed {
		t.Errorf("previous %s", s.Previous)
	}
	s, _ = Standard().Fold(key2, []Word{
		say("ci", StatusDeployed, 20), say("ci", StatusFailed, 30), say("ci", StatusQueued, 40),
	})
	if s.Attempt != 2 || s.Began != at(40) || s.Started != 0 || s.Landed != 0 || s.Finished != 0 || s.Class != "" {
		t.Errorf("a new attempt keeps %+v", s)
	}
}

func TestSlotWords(t *testing.T) {
	kinds := func(words ...Word) (out []SlotKind) {
		_, steps := Standard().Fold(key2, words)
		for _, s := range steps {
			if s.Slot != nil {
				out = append(out, s.Slot.Kind)
			}
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		words []Word
		want  []SlotKind
	}{
		{"a landing", []Word{say("ci", StatusInProgress, 0), say("ci", StatusDeployed, 9)}, []SlotKind{SlotLanded}},
		{"an echo is still a landing word", []Word{say("ci", StatusDeployed, 0), say("argo", StatusDeployed, 9)}, []SlotKind{SlotLanded, SlotLanded}},
		{"the word that lands the attempt", []Word{say("ci", StatusInProgress, 0), say("argo", StatusVerifying, 9)}, []SlotKind{SlotLanded}},
		{"a judgement lands nothing twice", []Word{say("ci", StatusDeployed, 0), say("ci", StatusVerifying, 9)}, []SlotKind{SlotLanded}},
		{"a refused landing is none", []Word{say("ci", StatusReverted, 0), say("ci", StatusDeployed, 9)}, []SlotKind{SlotReverted}},
		{"put back", []Word{say("ci", StatusDeployed, 0), say("ci", StatusReverted, 9), say("argo", StatusReverted, 12)}, []SlotKind{SlotLanded, SlotReverted}},
		{"removed", []Word{say("ci", StatusDeployed, 0), say("k8s", StatusRemoved, 9)}, []SlotKind{SlotLanded, SlotRemoved}},
	} {
		got := kinds(tc.words...)
		if len(got) != len(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
			}
		}
	}
}

// What a word says of its status belongs to that status; what it says of the
// deployment stays.
func TestWhatIsShown(t *testing.T) {
	failed := say("ci", StatusFailed, 10)
	failed.Reason, failed.Class, failed.Message = "timeout", events.ClassTransient, "no answer"
	failed.Version, failed.Release, failed.Owner = "2.0", "r1", "team-a"
	echo := say("argo", StatusFailed, 20)
	echo.Reason, echo.Version = "other", "2.0.1"
	progress := say("ci", "", 5)
	progress.Kind, progress.Percent, progress.Message = KindProgressed, 40, "pods 2 of 5"

	s, _ := Standard().Fold(key2, []Word{say("ci", StatusInProgress, 0), progress})
	if s.Percent != 40 || s.Message != "pods 2 of 5" {
		t.Errorf("progress shows %v %q", s.Percent, s.Message)
	}
	s, _ = Standard().Fold(key2, []Word{say("ci", StatusInProgress, 0), progress, failed, echo})
	if s.Reason != "timeout" || s.Class != events.ClassTransient || s.Message != "no answer" {
		t.Errorf("an echo took over the reason: %q %q %q", s.Reason, s.Class, s.Message)
	}
	if s.Version != "2.0.1" || s.Release != "r1" || s.Owner != "team-a" {
		t.Errorf("version %q release %q owner %q", s.Version, s.Release, s.Owner)
	}
	if len(s.Claims) != 2 || s.Claims[0].Source != "argo" {
		t.Errorf("claims %+v", s.Claims)
	}
	s, _ = Standard().Fold(key2, []Word{say("ci", StatusInProgress, 0), failed, say("ci", StatusQueued, 30)})
	if s.Reason != "" || s.Message != "" || s.Version != "2.0" {
		t.Errorf("a new attempt shows %q %q %q", s.Reason, s.Message, s.Version)
	}
}

func TestClockAheadIsMarked(t *testing.T) {
	w := say("ci", StatusDeployed, 0)
	w.Ahead = true
	s, _ := Standard().Fold(key2, []Word{w})
	if len(s.Conditions) != 1 || s.Conditions[0] != ConditionClockAhead {
		t.Errorf("conditions %v", s.Conditions)
	}
}

func TestTwinsAreAnomalies(t *testing.T) {
	w := say("ci", StatusDeployed, 0)
	w.Twins = 2
	s, _ := Standard().Fold(key2, []Word{w})
	if s.AnomalyN != 2 || s.Anomalies[0].Reason != AnomalyConflict {
		t.Errorf("%d anomalies: %+v", s.AnomalyN, s.Anomalies)
	}
}

// What a state keeps is bounded, the count is not.
func TestBounds(t *testing.T) {
	var words []Word
	for i := range int64(3 * MaxKept) {
		w := say("ci", "nonsense", i)
		w.ID += string(rune('A' + i/26))
		words = append(words, w)
	}
	s, _ := Standard().Fold(key2, words)
	if len(s.Anomalies) != MaxKept || s.AnomalyN != 3*MaxKept {
		t.Errorf("%d kept of %d", len(s.Anomalies), s.AnomalyN)
	}
}
