package demo

import (
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestTheStoryIsSound: what the checks take for granted about its words.
func TestTheStoryIsSound(t *testing.T) {
	base := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	ids := make(map[string]bool)
	last := make(map[string]time.Time) // by key
	doors := make(map[door]int)
	for _, w := range story() {
		e, err := w.event(base)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s cannot be used: %v", w.id(), err)
		}
		if ids[e.ID] {
			t.Errorf("%s is said by two words", e.ID)
		}
		if e.Time.After(base) {
			t.Errorf("%s happens after the end of the story", e.ID)
		}
		if !e.Time.After(last[w.key()]) {
			t.Errorf("%s stands after what happened later", e.ID)
		}
		ids[e.ID], last[w.key()] = true, e.Time
		doors[w.door]++
	}
	for _, d := range []door{batch, single, raw} {
		if doors[d] == 0 {
			t.Errorf("nothing goes through the %s door", d)
		}
	}
	e, err := unusable(base)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); events.CodeOf(err) != events.CodeBadID {
		t.Errorf("the unusable event is judged %v", err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		45 * time.Second:                "45s",
		6 * time.Minute:                 "6m00s",
		11*time.Minute + 20*time.Second: "11m20s",
		26*time.Hour - time.Second:      "25h",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %s, want %s", d, got, want)
		}
	}
}
