package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// numericTag is a tag whose looks say which of two is the older.
var numericTag = regexp.MustCompile(`^v\d+$`)

// landed is one landing, from wherever it was read.
type landed struct {
	at             int64 // Unix seconds
	version, class string
}

// downgrades names the landings of a slot, oldest first, that put a numeric tag
// after a greater one, as the expected file names them, with their class.
func downgrades(component, env string, landings []landed) map[string]string {
	out := map[string]string{}
	for i, l := range landings[min(1, len(landings)):] {
		before := landings[i]
		down := l.class == view.ClassRollback.String() || l.class == view.ClassOvertaken.String()
		if down && numericTag.MatchString(l.version) && numericTag.MatchString(before.version) {
			out[fmt.Sprint(l.at, " ", component, " ", env, " ", before.version, " ", l.version)] = l.class
		}
	}
	return out
}

// checkDowngrades holds the downgrades of all slots against the expected file:
// 15 put back what had run, 162 came late, overtaken by a greater tag.
func checkDowngrades(t *testing.T, want govukExpected, got map[string]string) {
	t.Helper()
	expected := map[string]bool{}
	for _, d := range want.Downgrades {
		// JSON numbers: the time is whole seconds.
		expected[fmt.Sprintf("%.0f %s %s %s %s", d...)] = true
	}
	counts := map[string]int{}
	for name, class := range got {
		counts[class]++
		if !expected[name] {
			t.Errorf("%s is a %s, and no downgrade", name, class)
		}
	}
	for name := range expected {
		if got[name] == "" {
			t.Errorf("%s is a downgrade and was not seen as one", name)
		}
	}
	if len(expected) != 177 || counts["rollback"] != 15 || counts["overtaken"] != 162 {
		t.Errorf("%v of %d downgrades, want 15 rollbacks and 162 overtaken", counts, len(expected))
	}
}

// recorded says that events were recorded when they happened.
func recorded(all []*events.Event) []*events.Event {
	for _, e := range all {
		e.RecordedTime = e.Time
	}
	return all
}

// ofHistory splits a slot's name and tells its landings.
func ofHistory(slot string, landings []view.Landing) (component, env string, out []landed) {
	parts := strings.Split(slot, "/")
	for _, l := range landings {
		out = append(out, landed{l.Tau / int64(time.Second), l.Version, l.Class.String()})
	}
	return parts[2], parts[0], out
}

// checkHistory holds what every slot runs, how often each environment landed
// and what was a downgrade against the expected file.
func checkHistory(t *testing.T, h history, want govukExpected, perEnv map[string]int) {
	t.Helper()
	running, count, down := map[string]string{}, map[string]int{}, map[string]string{}
	for slot, landings := range h.landings {
		component, env, all := ofHistory(slot, landings)
		running[component+"/"+env] = h.current[slot].Version
		count[env] += len(all)
		maps.Copy(down, downgrades(component, env, all))
	}
	checkRunning(t, running, want)
	if !maps.Equal(count, perEnv) {
		t.Errorf("landings %v, want %v", count, perEnv)
	}
	checkDowngrades(t, want, down)
}

// TestGOVUKLandings folds the year in ever another order: the classes of all
// landings are those of the expected file.
func TestGOVUKLandings(t *testing.T) {
	want := readExpected(t)
	words := sayings(t, recorded(govukEvents(t)))
	inOrder := foldAll(t, statemachine.Standard(), words)
	checkHistory(t, inOrder, want, want.Summary.PerEnv)
	digest := inOrder.digest()
	shuffles(t, 2, words, func(words []said) {
		if foldAll(t, statemachine.Standard(), words).digest() != digest {
			t.Fatal("another order gives another answer")
		}
	})
}

// TestGOVUKByTag names each rollout by its tag instead of its commit, so that a
// redeploy is a new attempt under an old key: every slot comes out the same. One
// landing fewer counts: once two proposals of one tag were open at the same
// time, which is one attempt.
func TestGOVUKByTag(t *testing.T) {
	want := readExpected(t)
	all := recorded(govukEvents(t))
	for _, e := range all {
		var data events.Reported
		if err := e.DataAs(&data); err != nil {
			t.Fatal(err)
		}
		e.Subject = e.Subject[:strings.LastIndexByte(e.Subject, '/')+1] + data.Version
	}
	words := sayings(t, all)
	h := foldAll(t, statemachine.Standard(), words)
	total := 0
	perEnv := maps.Clone(want.Summary.PerEnv)
	for slot, landings := range h.landings {
		total += len(landings)
		env, _, _ := strings.Cut(slot, "/")
		perEnv[env] -= len(landings)
	}
	missing := slices.Sorted(maps.Values(perEnv))
	if total != 22354 || missing[len(missing)-1] != 1 || missing[0] != 0 {
		t.Errorf("%d landings, want 22354; fewer than by commit: %v", total, perEnv)
	}
	for slot, now := range h.current {
		component, env, _ := ofHistory(slot, nil)
		if tag := want.FinalTag[component+"/"+env]; now.Version != tag || now.Deployment != tag {
			t.Errorf("%s runs %s (%s), want %s", slot, now.Version, now.Deployment, tag)
		}
	}
	if len(h.current) != len(want.FinalTag) {
		t.Errorf("%d slots, want %d", len(h.current), len(want.FinalTag))
	}
	digest := h.digest()
	shuffles(t, 1, words, func(words []said) {
		if foldAll(t, statemachine.Standard(), words).digest() != digest {
			t.Error("another order gives another answer")
		}
	})
}
