package projector

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// others are the changes of one type that are not of deployments, and their data.
func others[T any](t testing.TB, told []outgoing, typ string) (out []view.Change, data []T) {
	t.Helper()
	for _, c := range changesIn(told) {
		if c.Raw == nil {
			continue
		}
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(c.Raw, &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Type != typ {
			continue
		}
		var e struct {
			Data T `json:"data"`
		}
		if err := json.Unmarshal(c.Raw, &e); err != nil {
			t.Fatal(err)
		}
		out, data = append(out, c), append(data, e.Data)
	}
	return out, data
}

// TestRegionsAreToldOnce: a region that falls behind the others is dark in every
// environment that has a slot there, and light again when its recorder is back.
// Nothing stalls there meanwhile.
func TestRegionsAreToldOnce(t *testing.T) {
	const key = "prod/eu/web/1.0"
	_, told := folded(t, []said{
		word(t, 1, "/ci", key, "in_progress", 0), word(t, 2, "/ci", "stage/eu/api/1.0", "planned", 0), word(t, 3, "/ci", "test/us/web/1.0", "planned", 0),
		tick(t, "r1", 800, "eu"), tick(t, "r2", 859, "us"),
		tick(t, "r2", 860, "us"), // message 6: a minute ahead of eu
		tick(t, "r2", 2000, "us"),
		tick(t, "r1", 1990, "eu"), // message 8
		tick(t, "r1", 2000, "eu"),
	}, 2)
	changes, data := others[view.Region](t, told, events.TypeRegionChanged)
	var got []string
	for i, c := range changes {
		got = append(got, c.Key)
		if dark := data[i].Dark; dark != (i < 2) || c.ID.Seq != map[bool]uint64{true: 6, false: 8}[dark] {
			t.Errorf("change %d is %s, dark = %v", i, c.ID, dark)
		}
	}
	if want := []string{"prod/eu", "stage/eu", "prod/eu", "stage/eu"}; !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	if stalls := changesTo(told, key); len(stalls) != 2 || stalls[1].ID.Seq != 8 {
		t.Errorf("told = %+v, want no stall before the region is back", stalls)
	}
}

// TestSlotIsToldAsItIs: the change of a slot comes with the change that made it,
// and says of its latest deployment what is shown then.
func TestSlotIsToldAsItIs(t *testing.T) {
	const old, young = "prod/eu/web/1.0", "prod/eu/web/2.0"
	db, told := folded(t, []said{
		word(t, 1, "/ci", old, "in_progress", 0), word(t, 2, "/ci", old, "deployed", 60),
		word(t, 3, "/ci", young, "in_progress", 1000), word(t, 4, "/ci", young, "deployed", 1060),
		word(t, 5, "/ci", young, "failed", 1100), word(t, 6, "/ci", young, "reverted", 1200),
	}, 1)
	changes, bodies := others[view.SlotBody](t, told, events.TypeSlotChanged)
	var got []string
	for i, s := range bodies {
		got = append(got, fmt.Sprintf("%d: %s %s, %s %s", changes[i].ID.Seq, s.Deployment, s.Landing, s.Latest.Deployment, s.Latest.Status))
	}
	if want := []string{"2: 1.0 forward, 1.0 deployed", "4: 2.0 forward, 2.0 deployed", "6: 1.0 rollback, 2.0 reverted"}; !slices.Equal(got, want) {
		t.Errorf("told of %q, want %q", got, want)
	}
	err := db.View(func(r *store.Reader) error {
		s, err := r.Slot(events.Slot{Env: "prod", Region: "eu", Component: "web"})
		last := bodies[len(bodies)-1]
		if s.Current.Deployment != last.Deployment || s.Latest.Status != last.Latest.Status {
			t.Errorf("the slot is %+v, it was told as %+v", s, last)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWordsOfAReleaseCountForItsMembers: of those it had, and of those that are
// named in it later, by a lead word or by one that follows.
func TestWordsOfAReleaseCountForItsMembers(t *testing.T) {
	const early, late, followed, other = "prod/eu/api/1.0", "prod/eu/web/1.0", "prod/us/web/1.0", "prod/us/api/1.0"
	in := func(_ *events.Event, r *events.Reported) { r.Release = "r1" }
	approval := event(t, events.TypeEvidence, "prod/r1", "/people", "approval", 100, 24*3600, events.Evidence{Kind: "approval", Verdict: events.VerdictPass})
	comment := event(t, events.TypeAnnotated, "prod/r1", "/people", "comment", 110, 24*3600, events.Annotated{Kind: "comment", Text: "as agreed"})
	words := []said{
		word(t, 1, "/ci", early, "pending_approval", 0, in), approval, comment,
		word(t, 2, "/ci", late, "pending_approval", 10, in),
		word(t, 3, "/ci", followed, "pending_approval", 10),
		word(t, 4, "/argo", "prod/us/web/_", "pending_approval", 20, in, func(_ *events.Event, r *events.Reported) { r.Version = "1.0" }),
		word(t, 5, "/ci", other, "pending_approval", 10),
	}
	for _, most := range []int{1, 100} {
		db, _ := folded(t, words, most)
		for key, want := range map[string]string{early: "queued", late: "queued", followed: "queued", other: "pending_approval"} {
			if got := shownOf(t, db, key).Status; got != want {
				t.Errorf("%s is %s, want %s", key, got, want)
			}
		}
		err := db.View(func(r *store.Reader) error {
			key, err := events.ParseKey(late)
			if err != nil {
				return err
			}
			d, err := r.Deployment(key)
			if err == nil && (len(d.State.Annotations) != 1 || d.State.Annotations[0].Text != "as agreed") {
				t.Errorf("annotations = %+v, want the release's", d.State.Annotations)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReleasesAreToldByTicks: of a release is told what is so behind all that
// the tick itself decides, and that its plan names what nobody has heard of.
func TestReleasesAreToldByTicks(t *testing.T) {
	const key = "prod/eu/web/1.0"
	start := word(t, 1, "/ci", key, "in_progress", 0, func(_ *events.Event, r *events.Reported) { r.Release = "r1" })
	plan := event(t, events.TypeReleaseDeclared, "prod/r1", "/release", "plan", 10, 24*3600, events.ReleaseDeclared{Members: []events.Member{
		{Region: "eu", Component: "web"}, {Region: "us", Component: "web"},
	}})
	_, told := folded(t, []said{
		start, tick(t, "r1", 60, "eu"), tick(t, "r1", 900+grace, "eu"), plan, tick(t, "r1", 920, "eu"), tick(t, "r1", 930, "eu"),
	}, 1)
	type body struct {
		To string `json:"to"`
	}
	changes, bodies := others[body](t, told, events.TypeReleaseChanged)
	var got []string
	for i := range changes {
		got = append(got, fmt.Sprint(changes[i].ID.Seq, " ", bodies[i].To))
	}
	if want := []string{"2 in_progress", "3 stalled", "5 stalled"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestReleasesExpectWhatLandedElsewhere: a release without a plan is told anew when
// it turns out, late, that a slot of its component ran something before it, when
// such a slot is left empty, and when it runs something again; not when one
// landing there follows the other.
func TestReleasesExpectWhatLandedElsewhere(t *testing.T) {
	in := func(_ *events.Event, r *events.Reported) { r.Release = "r1" }
	const here, there = "prod/eu/web/2.0", "prod/us/web/1.0"
	n := 0
	say := func(key, status string, second int, change ...func(*events.Event, *events.Reported)) said {
		n++
		return word(t, n, "/ci", key, status, second, change...)
	}
	at := func(second int) said { return tick(t, "r1", second, "eu", "us") }
	for _, most := range []int{1, 100} {
		_, told := folded(t, []said{
			say(here, "in_progress", 100, in), say(here, "deployed", 160, in), at(200), // message 3
			say(there, "deployed", 10), at(210), // message 5: heard of late
			say(there, "removed", 300), at(310), // message 7
			say("prod/us/api/1.0", "deployed", 10), at(320), // another component
			say(there, "deployed", 400), at(410), // message 11: a second attempt
			say("prod/us/web/1.1", "deployed", 500), at(510), // in order
			say("prod/us/web/1.1", "reverted", 600), at(610),
			say("prod/ap/web/1.0", "deployed", 150), at(620), // after the release began
			say("prod/ap/web/1.0", "removed", 90), at(630),
		}, most)
		changes, bodies := others[struct {
			To string `json:"to"`
		}](t, told, events.TypeReleaseChanged)
		var got []string
		for i := range changes {
			got = append(got, fmt.Sprint(changes[i].ID.Seq, " ", bodies[i].To))
		}
		if want := []string{"3 deployed", "5 partially_deployed", "7 deployed", "11 partially_deployed"}; !slices.Equal(got, want) {
			t.Errorf("in transactions of %d told %q, want %q", most, got, want)
		}
	}
}

// TestReleaseThatNobodyNamesAnyMore: another content of the only word that named
// it came to count.
func TestReleaseThatNobodyNamesAnyMore(t *testing.T) {
	const key = "prod/eu/web/1.0"
	named := func(release string, recorded int) said {
		return word(t, 1, "/ci", key, "in_progress", 10, func(e *events.Event, r *events.Reported) {
			e.RecordedTime, r.Release = second(recorded), release
		})
	}
	_, told := folded(t, []said{
		named("r1", 3600), tick(t, "r1", 60, "eu"), named("r2", 1800), tick(t, "r1", 70, "eu"), tick(t, "r1", 80, "eu"),
	}, 1)
	changes, bodies := others[struct {
		From string `json:"from"`
		To   string `json:"to"`
	}](t, told, events.TypeReleaseChanged)
	var got []string
	for i := range changes {
		got = append(got, fmt.Sprint(changes[i].ID.Seq, " ", changes[i].Key, " ", bodies[i].From, " ", bodies[i].To))
	}
	want := []string{"2 prod/r1 unknown in_progress", "4 prod/r1 in_progress unknown", "4 prod/r2 unknown in_progress"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestManyReleasesAreToldInParts: the changes of many large releases are more
// than the store takes at once, and are told all the same, each once.
func TestManyReleasesAreToldInParts(t *testing.T) {
	const places = 400
	var words []said
	for i := range places {
		key := fmt.Sprintf("prod/region-%d/web/1.%d", i, i)
		words = append(words, word(t, i, "/ci", key, "deployed", i, func(_ *events.Event, r *events.Reported) {
			r.Release = fmt.Sprintf("r-%d", i)
		}))
	}
	_, told := folded(t, append(words, tick(t, "r1", places+60, "region-0")), 100)
	parts := 0
	names := map[string]int{}
	for _, o := range told {
		here := 0
		for _, c := range o.changes {
			if release, err := events.ParseRelease(c.Key); err == nil && c.Raw != nil {
				names[release.Name]++
				here++
			}
		}
		if here > 0 {
			parts++
		}
	}
	if len(names) != places || parts < 2 {
		t.Errorf("%d releases were told in %d parts, want %d in more than one", len(names), parts, places)
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s was told %d times", name, n)
		}
	}
}
