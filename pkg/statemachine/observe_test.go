package statemachine

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

func observations(seconds ...int64) []Observation {
	out := make([]Observation, len(seconds))
	for i, s := range seconds {
		out[i].Source, out[i].ID, out[i].Version = "k8s", fmt.Sprint("o", s), "2.0"
		out[i].Tau = t0.UnixNano() + s*1e9
	}
	return out
}

func TestObservedLandings(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		seen  []int64
		lands string // ids
		want  string // the state then
	}{
		"while it is rolled out":      {"ci 2.0 in_progress @10", []int64{60}, "o60", "2.0=deployed/1"},
		"while it is only planned":    {"ci 2.0 planned @10", []int64{60}, "o60", "2.0=deployed/1"},
		"before anybody spoke of it":  {"ci 2.0 planned @10", []int64{5}, "", "2.0=planned/1"},
		"after it has landed":         {"ci 2.0 deployed @10", []int64{60}, "", "2.0=deployed/1"},
		"again and again":             {"ci 2.0 in_progress @10", []int64{180, 60, 120}, "o60", "2.0=deployed/1"},
		"after it failed":             {"ci 2.0 in_progress @10; ci 2.0 failed @50", []int64{60}, "", "2.0=failed/1"},
		"before it failed":            {"ci 2.0 in_progress @10; ci 2.0 failed @70", []int64{60}, "o60", "2.0=failed/1"},
		"before the tool says so too": {"ci 2.0 in_progress @10; ci 2.0 deployed @70", []int64{60}, "o60", "2.0=deployed/1"},
		"in a second attempt":         {"ci 2.0 in_progress @10; ci 2.0 failed @50; ci 2.0 in_progress @100", []int64{60, 160}, "o160", "2.0=deployed/2"},
	} {
		own := parseWords(t, c.words)["2.0"]
		got := Standard().ObservedLandings(events.Key{}, own, observations(c.seen...))
		var lands []string
		for _, w := range got {
			lands = append(lands, w.ID)
		}
		s, _ := Standard().Fold(events.Key{}, append(own, got...))
		if text := show(map[string]*State{"2.0": s}); strings.Join(lands, " ") != c.lands || !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: %v lands it, and it is %s", name, lands, text)
		}
		if name == "again and again" && s.Reason != ReasonObserved {
			t.Errorf("the landing is not marked: %q", s.Reason)
		}
	}
}

// Which observations land a deployment does not depend on their order, nor on
// that of its words.
func TestObservedLandingsAreOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := drawWords(t, 6)
		seen := observations(rapid.SliceOfNDistinct(rapid.SampledFrom([]int64{0, 20, 61, 450, 5001}), 0, 4, rapid.ID).Draw(t, "seen")...)
		want := fmt.Sprint(Standard().ObservedLandings(events.Key{}, own, seen))
		own, seen = rapid.Permutation(own).Draw(t, "words"), rapid.Permutation(seen).Draw(t, "observations")
		if got := fmt.Sprint(Standard().ObservedLandings(events.Key{}, own, seen)); got != want {
			t.Fatalf("%s, in another order %s", want, got)
		}
	})
}

func TestNewObservation(t *testing.T) {
	e := events.Event{Source: "/k8s", ID: "7", Type: events.TypeObserved, Subject: "prod/eu/web", RecordedTime: t0, Emitter: "agent"}
	if _, err := NewObservation(&e, 1, "h"); err == nil {
		t.Error("an observation without data was taken")
	}
	if err := e.SetData(&events.Observed{Version: "2.0", Health: "degraded", Refs: []string{"oci:x"}}); err != nil {
		t.Fatal(err)
	}
	o, err := NewObservation(&e, 9, "h")
	if err != nil || o.Tau != t0.UnixNano() || o.Version != "2.0" || o.Refs[0] != "oci:x" || o.Stream != 9 || o.Emitter != "agent" || o.Health != "degraded" {
		t.Errorf("%+v, %v", o, err)
	}
}
