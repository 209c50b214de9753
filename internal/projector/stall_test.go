package projector

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// grace is how far a watermark stays behind its tick, in seconds.
const grace = 5

// progress is a sign of life.
func progress(t testing.TB, n int, source, key string, at int) said {
	t.Helper()
	return event(t, events.TypeProgressed, key, source, "progress-"+string(rune('a'+n)), at, 24*3600+n, events.Progressed{})
}

// changesTo returns what was told of one deployment.
func changesTo(told []outgoing, key string) (out []view.Change) {
	for _, c := range ofDeployments(changesIn(told)) {
		if c.Key == key {
			out = append(out, c)
		}
	}
	return out
}

// shownOf returns a deployment as it is shown.
func shownOf(t testing.TB, db *store.DB, name string) (shown statemachine.Shown) {
	t.Helper()
	key, err := events.ParseKey(name)
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(r *store.Reader) error {
		d, err := r.Deployment(key)
		if err == nil {
			shown = d.Shows()
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return shown
}

func dues(t testing.TB, db *store.DB, region string) (out []store.Due) {
	t.Helper()
	err := db.View(func(r *store.Reader) error {
		return r.DueFrom(region, store.Due{At: math.MinInt64}, func(d store.Due) (bool, error) {
			out = append(out, d)
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStallsAtItsDeadlineAndNotBefore(t *testing.T) {
	const key, silent, overdue = "prod/eu/web/1.0", 15 * 60, 2 * 3600
	start := word(t, 1, "/ci", key, "in_progress", 0)
	busy := []said{start}
	for i := range 11 { // a word every ten minutes, up to ten before the deadline
		busy = append(busy, progress(t, i, "/ci", key, 600*(i+1)))
	}
	for _, tt := range []struct {
		name   string
		words  []said
		at     int
		reason string
	}{
		{"silent", []said{start}, silent, statemachine.ReasonSilent},
		{"overdue", busy, overdue, statemachine.ReasonOverdue},
	} {
		t.Run(tt.name, func(t *testing.T) {
			early := append(tt.words, tick(t, "r1", tt.at+grace-1, "eu"))
			if db, _ := folded(t, early, 1); shownOf(t, db, key).Status != "in_progress" {
				t.Errorf("it stalled before its deadline")
			}
			db, told := folded(t, append(early, tick(t, "r1", tt.at+grace, "eu"), tick(t, "r1", tt.at+600, "eu")), 100)
			shown := shownOf(t, db, key)
			if shown.Status != statemachine.StatusStalled || shown.Reason != tt.reason || shown.Since != second(tt.at).UnixNano() {
				t.Errorf("shown = %+v, want stalled, %s, since second %d", shown, tt.reason, tt.at)
			}
			changes := changesTo(told, key)
			last := changes[len(changes)-1]
			if len(changes) != 2 || last.ID.Seq != uint64(len(early)+1) || last.Status != shown.Status || last.Reason != tt.reason || last.Late {
				t.Errorf("told = %+v, want one stall, by message %d", changes, len(early)+1)
			}
			if left := dues(t, db, "eu"); tt.reason == statemachine.ReasonOverdue && len(left) != 0 {
				t.Errorf("the index keeps %v, and no deadline is left", left)
			}
		})
	}
}

// TestHeartbeatsWriteNoDeadlines: what is alive keeps its first row until that
// passes; the tick finds out that it is too early and moves it.
func TestHeartbeatsWriteNoDeadlines(t *testing.T) {
	const key = "prod/eu/web/1.0"
	words := []said{word(t, 1, "/ci", key, "in_progress", 0), progress(t, 1, "/ci", key, 300), progress(t, 2, "/ci", key, 800)}
	db, _ := folded(t, words, 1)
	if rows := dues(t, db, "eu"); len(rows) != 1 || rows[0] != (store.Due{At: second(900).UnixNano(), Deployment: key}) {
		t.Errorf("the index has %v, want the first deadline", rows)
	}
	db, told := folded(t, append(words, tick(t, "r1", 900+grace, "eu")), 1)
	if rows := dues(t, db, "eu"); len(rows) != 1 || rows[0] != (store.Due{At: second(1700).UnixNano(), Deployment: key}) {
		t.Errorf("the index has %v, want the deadline after the last word", rows)
	}
	if changes := changesTo(told, key); len(changes) != 1 {
		t.Errorf("told = %+v, want the start alone", changes)
	}
}

// TestWordEndsAStall: a word ends it, and if it had been there in time, the
// stall never was.
func TestWordEndsAStall(t *testing.T) {
	const key = "prod/eu/web/1.0"
	for _, tt := range []struct {
		name string
		at   int
		late bool
	}{
		{"said in time, heard late", 899, true},
		{"said after the deadline", 901, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, told := folded(t, []said{
				word(t, 1, "/ci", key, "in_progress", 0), tick(t, "r1", 900+grace, "eu"), progress(t, 1, "/ci", key, tt.at),
			}, 1)
			changes := changesTo(told, key)
			if len(changes) != 3 {
				t.Fatalf("told = %+v, want a start, a stall and its end", changes)
			}
			end := changes[2]
			if end.From != "stalled" || end.Status != "in_progress" || end.Late != tt.late || tt.late != (end.Amends == changes[1].ID) {
				t.Errorf("the end = %+v, want late = %v", end, tt.late)
			}
			if rows := dues(t, db, "eu"); len(rows) != 1 || rows[0].At != second(tt.at+900).UnixNano() {
				t.Errorf("the index has %v, want a deadline after the word", rows)
			}
		})
	}
}

// TestLargeStatesStallInParts: what a tick writes of large deployments is more
// than the store takes at once.
func TestLargeStatesStallInParts(t *testing.T) {
	const many = 600
	var words []said
	for i := range many {
		words = append(words, word(t, i, "/ci", fmt.Sprintf("prod/eu/web-%d/1.0", i), "planned", 0, func(_ *events.Event, r *events.Reported) {
			r.Message = strings.Repeat("x", 8<<10) // as long as a text may be
		}))
	}
	_, told := folded(t, append(words, tick(t, "r1", 24*3600+grace, "eu")), 50)
	stalled, parts := 0, 0
	for _, o := range told {
		here := 0
		for i := range o.changes {
			if o.changes[i].Status == statemachine.StatusStalled {
				here++
			}
		}
		stalled += here
		if here > 0 {
			parts++
		}
	}
	if stalled != many || parts < 2 {
		t.Errorf("%d stalls in %d parts, want %d in more than one", stalled, parts, many)
	}
}
