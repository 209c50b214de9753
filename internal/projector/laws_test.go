package projector

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// shownIn renders what a store believes, by line, and holds its indexes against
// what they are made of.
func shownIn(rt *rapid.T, db *store.DB, order []said) string {
	var lines []string
	err := db.View(func(r *store.Reader) error {
		e := testEngine(db)
		if err := e.load(); err != nil {
			return err
		}
		checks := make(map[string]int64)
		err := r.Deployments("", "", func(name string, row *store.Deployment) (bool, error) {
			lines = append(lines, deploymentText(name, row.State, row.Shows()))
			key, err := events.ParseKey(name)
			if err != nil {
				return false, err
			}
			checkDue(rt, e, key, row)
			if row.Check != 0 {
				checks[name] = row.Check
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		checkDueRows(rt, r, checks)
		checkReleases(rt, e, r, order)
		return r.Slots("", "", func(name string, s view.Slot) (bool, error) {
			at, err := events.ParseSlot(name)
			if err != nil {
				return false, err
			}
			landings, err := r.Landings(at)
			if err != nil {
				return false, err
			}
			if len(landings) > 0 {
				lines = append(lines, slotText(name, s.Current, landings))
			}
			checkUnplaced(rt, e, r, at, order)
			return true, nil
		})
	})
	if err != nil {
		rt.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func deploymentText(name string, s *statemachine.State, shown statemachine.Shown) string {
	observed := "nothing"
	if shown.Observed != nil {
		observed = fmt.Sprintf("%+v", *shown.Observed)
	}
	shown.Observed = nil
	digest := s.Digest()
	return fmt.Sprintf("%s base %x %s shown %+v observed %s", name, digest[:4], s.Status, shown, observed)
}

func slotText(name string, current view.Landing, landings []view.Landing) string {
	return fmt.Sprintf("%s runs %+v after %+v", name, current, landings)
}

// checkDue wants a tick to look at a deployment no later than its next deadline.
func checkDue(rt *rapid.T, e *engine, key events.Key, row *store.Deployment) {
	w := e.watermark(key.Region)
	if row.Check != 0 && row.Check <= w {
		rt.Fatalf("%s is to be looked at at %d, and the watermark is %d", key, row.Check, w)
	}
	due := e.lifecycles.at(key.Env, row.State.FirstTau).Deadlines(key, row.State)
	for _, at := range [...]int64{due.Silent, due.Overdue} {
		if at > w && (row.Check == 0 || row.Check > at) {
			rt.Fatalf("%s has a deadline at %d and is looked at at %d", key, at, row.Check)
		}
	}
}

// checkDueRows wants exactly the rows that the deployments know of.
func checkDueRows(rt *rapid.T, r *store.Reader, checks map[string]int64) {
	rows := make(map[string]int64)
	for _, region := range []string{"eu", "us"} {
		err := r.DueFrom(region, store.Due{At: math.MinInt64}, func(d store.Due) (bool, error) {
			if rows[d.Deployment] != 0 {
				rt.Fatalf("%s has two deadlines in the index", d.Deployment)
			}
			rows[d.Deployment] = d.At
			return true, nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	}
	if fmt.Sprint(rows) != fmt.Sprint(checks) {
		rt.Fatalf("the index has the deadlines %v, the deployments know %v", rows, checks)
	}
}

// checkUnplaced holds the rows of unplaced words against a placement from
// nothing.
func checkUnplaced(rt *rapid.T, e *engine, r *store.Reader, at events.Slot, order []said) {
	placing, err := r.ReadPlacing(at, func(tau int64) *statemachine.Lifecycle { return e.lifecycles.at(at.Env, tau) })
	if err != nil {
		rt.Fatal(err)
	}
	var want, got []string
	if placing != nil {
		for _, p := range placing.On("") {
			want = append(want, fmt.Sprint(p.Seq))
		}
	}
	err = r.Unplaced(at.String()+"\x00", "", func(_, _ string, e store.Event) (bool, error) {
		got = append(got, fmt.Sprint(e.Seq))
		return true, nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		rt.Fatalf("%s: the messages %v are noted as unplaced, %v are, of%s", at, got, want, text(order))
	}
}

// checkReleases wants every release to be told as it is, unless the next tick
// has to look at it.
func checkReleases(rt *rapid.T, e *engine, r *store.Reader, order []said) {
	looked := maps.Clone(e.unsettled)
	for of, from := range e.expected {
		err := r.NamedFrom(of, from, func(n store.Naming) (bool, error) {
			looked[of.Env+"/"+n.Release] = true
			return true, nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	}
	for _, name := range []string{"prod/r1", "prod/r2", "prod/r3"} {
		key, err := events.ParseRelease(name)
		if err != nil {
			rt.Fatal(err)
		}
		if looked[name] {
			continue
		}
		release, err := store.NewReleases(r, e.lifecycles.at).Read(key)
		unheard := errors.Is(err, store.ErrNotFound)
		if err != nil && !unheard {
			rt.Fatal(err)
		}
		told, err := r.ToldRelease(name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			rt.Fatal(err)
		}
		if unheard && err != nil {
			continue
		}
		if facts := release.Facts(); told.Digest != facts.Digest(key) {
			rt.Fatalf("%s is %+v and was told as %s, of%s", name, facts, told.Status, text(order))
		}
	}
}

// rehearsed renders what the definitions give for the same stream.
func rehearsed(t testing.TB, order []said) string {
	var history []rehearse.Stored
	for _, m := range toMsgs(order) {
		e, err := events.DecodeStored(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, rehearse.Stored{Event: e, Seq: m.Seq, Time: m.Time, MsgID: m.MsgID})
	}
	h := rehearse.Read(history, view.Watermarks{})
	w := h.World(h.Len(), nil)
	var lines []string
	for key, d := range w.Deployments {
		lines = append(lines, deploymentText(key.String(), d.State, d.Shown))
	}
	for at, s := range w.Slots {
		if len(s.Landings) > 0 {
			lines = append(lines, slotText(at.String(), s.Current, s.Landings))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestSituationsAreWhatTheyAre: whatever happens, in whatever order it comes, in
// batches of whatever size, the store believes what the definitions say of the
// set, and its indexes say the same.
func TestSituationsAreWhatTheyAre(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words, ticks := situation(t, rt)
		words = append(words, rapid.SliceOfN(rapid.SampledFrom(words), 0, 3).Draw(rt, "again")...)
		order := among(rt, rapid.Permutation(words).Draw(rt, "order"), ticks)
		db, _ := interrupted(t, rt, order, false)
		if got, want := shownIn(rt, db, order), rehearsed(t, order); got != want {
			rt.Fatalf("the projector believes\n%s\nthe definitions say\n%s\nof%s", got, want, text(order))
		}
	})
}

// TestSituationsAreToldOnce: where batches and runs end makes no difference to
// what is told, nor to what is kept.
func TestSituationsAreToldOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words, ticks := situation(t, rt)
		order := among(rt, rapid.Permutation(words).Draw(rt, "order"), ticks)
		inOne, want := foldedFor(t, rt, order, 1)
		db, got := interrupted(t, rt, order, true)
		if a, b := shownIn(rt, db, order), shownIn(rt, inOne, order); a != b {
			rt.Fatalf("after restarts\n%s\nwithout\n%s\nof%s", a, b, text(order))
		}
		sameChanges(rt, got, changesIn(want))
	})
}

// text renders a stream for people.
func text(order []said) string {
	var b strings.Builder
	for i := range order {
		fmt.Fprintf(&b, "\n%d %s", i+1, order[i].data)
	}
	return b.String()
}

func changesIn(told []outgoing) (out []view.Change) {
	for _, o := range told {
		out = append(out, o.changes...)
	}
	return out
}

func sameChanges(t interface{ Fatalf(string, ...any) }, got, want []view.Change) {
	for i := range min(len(got), len(want)) {
		g, w := &got[i], &want[i]
		if g.ID != w.ID || g.Before != w.Before || g.Key != w.Key || g.From != w.From || !sameFacts(&g.Facts, &w.Facts) ||
			g.Digest != w.Digest || g.At != w.At || g.Late != w.Late || g.Amends != w.Amends || g.Cause != w.Cause ||
			g.Reason != w.Reason || !bytes.Equal(g.Raw, w.Raw) {
			t.Fatalf("change %d is\n%+v %s\nwant\n%+v %s", i, *g, g.Raw, *w, w.Raw)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d changes, want %d", len(got), len(want))
	}
}

// interrupted applies words to a fresh store in batches of any size. restarts:
// the engine is thrown away now and then and loaded again from the store.
func interrupted(t testing.TB, rt *rapid.T, order []said, restarts bool) (*store.DB, []view.Change) {
	db := open(t, t.TempDir())
	rt.Cleanup(func() {
		if err := db.Close(); err != nil {
			rt.Error(err)
		}
	})
	var told []view.Change
	messages := toMsgs(order)
	for len(messages) > 0 {
		e := testEngine(db)
		e.emit = func(_ context.Context, o outgoing) error {
			told = append(told, o.changes...)
			return nil
		}
		if err := e.load(); err != nil {
			rt.Fatal(err)
		}
		e.position.Incarnation = cmp.Or(e.position.Incarnation, "t")
		n := len(messages)
		if restarts {
			n = rapid.IntRange(1, n).Draw(rt, "until the restart")
		}
		for i := 0; i < n; {
			more := rapid.IntRange(1, n-i).Draw(rt, "batch")
			if err := e.run(t.Context(), decodeAll(messages[i:i+more])); err != nil {
				rt.Fatal(err)
			}
			i += more
		}
		if err := e.sync(t.Context()); err != nil {
			rt.Fatal(err)
		}
		messages = messages[n:]
	}
	return db, told
}
