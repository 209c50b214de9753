package projector

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// story is what happens in three slots: forward, a rollback, a failure, a
// repeated landing, an implied start.
func story(t testing.TB) []said {
	const a, b, c = "prod/eu-west-1/checkout", "prod/us-east-1/checkout", "stage/eu-west-1/checkout"
	n := 0
	say := func(source, key, status string, second int) said {
		n++
		return word(t, n, source, key, status, second)
	}
	return []said{
		say("/ci", a+"/1.0", "planned", 0), say("/ci", a+"/1.0", "in_progress", 10), say("/ci", a+"/1.0", "deployed", 60),
		say("/argo", a+"/1.0", "deployed", 70),
		say("/ci", a+"/2.0", "in_progress", 1000), say("/ci", a+"/2.0", "deployed", 1060), say("/ci", a+"/2.0", "failed", 1100),
		say("/rb", a+"/1.0", "in_progress", 2000), say("/rb", a+"/1.0", "deployed", 2060),
		say("/ci", b+"/2.0", "deployed", 1070), say("/ci", b+"/2.1", "in_progress", 3000), say("/ci", b+"/2.1", "cancelled", 3050),
		say("/ci", c+"/3.0", "planned", 5), say("/ci", c+"/3.0", "in_progress", 6), say("/ci", c+"/3.0", "deployed", 7),
	}
}

func TestOrderAndBatchesDoNotMatter(t *testing.T) {
	words := story(t)
	inOrder, _ := folded(t, words, 1)
	want := digestOf(t, inOrder)
	if want.Deployments != 5 {
		t.Fatalf("deployments = %d, want 5", want.Deployments)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		mixed := append(append([]said(nil), words...), words[:5]...)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		db, _ := folded(t, mixed, 1+rng.IntN(len(mixed)))
		if got := digestOf(t, db); got.Digest != want.Digest {
			t.Fatalf("another order gives %s, in order it was %s", got.Digest, want.Digest)
		}
		sameViews(t, inOrder, db)
	}
}

// sameViews compares slots, landings, release members and counts.
func sameViews(t *testing.T, a, b *store.DB) {
	t.Helper()
	type views struct {
		slots    map[string]view.Slot
		landings map[string][]view.Landing
		counts   store.Counts
	}
	read := func(db *store.DB) (v views) {
		v.slots, v.landings = map[string]view.Slot{}, map[string][]view.Landing{}
		err := db.View(func(r *store.Reader) (err error) {
			if v.counts, err = r.Counts(); err != nil {
				return err
			}
			return r.Slots("", "", func(name string, s view.Slot) (bool, error) {
				s.Revision = 0 // when it was heard, not what
				v.slots[name] = s
				at, err := events.ParseSlot(name)
				if err != nil {
					return false, err
				}
				v.landings[name], err = r.Landings(at)
				return true, err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	got, want := read(b), read(a)
	for status, n := range want.counts {
		if got.counts[status] != n {
			t.Errorf("counts[%s] = %d, want %d", status, got.counts[status], n)
		}
	}
	for name, s := range want.slots {
		if got.slots[name] != s {
			t.Errorf("slot %s:\n got %+v\nwant %+v", name, got.slots[name], s)
		}
		if len(got.landings[name]) != len(want.landings[name]) {
			t.Errorf("landings of %s: got %v, want %v", name, got.landings[name], want.landings[name])
		}
	}
}

func TestSlotShowsWhatRunsAndWhatIsNew(t *testing.T) {
	db, _ := folded(t, story(t), 4)
	err := db.View(func(r *store.Reader) error {
		s, err := r.Slot(events.Slot{Env: "prod", Region: "eu-west-1", Component: "checkout"})
		if err != nil {
			return err
		}
		if s.Current.Version != "1.0" || s.Current.Class != view.ClassRollback || s.Landings != 3 {
			t.Errorf("current = %+v with %d landings, want 1.0 as a rollback, the third", s.Current, s.Landings)
		}
		s, err = r.Slot(events.Slot{Env: "prod", Region: "us-east-1", Component: "checkout"})
		if s.Current.Version != "2.0" || s.Latest.Deployment != "2.1" || s.Latest.Status != "cancelled" {
			t.Errorf("slot = %+v, want 2.0 running and 2.1 cancelled", s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIdentityUsedTwice: the content recorded first counts, whichever came
// first; the other is an anomaly even when it names another deployment.
func TestIdentityUsedTwice(t *testing.T) {
	id := func(e *events.Event, _ *events.Reported) { e.ID = "same" }
	const a, b = "prod/eu/web/1.0", "prod/eu/web/2.0"
	first, second := word(t, 1, "/ci", a, "in_progress", 0, id), word(t, 2, "/ci", b, "in_progress", 0, id)
	other := word(t, 3, "/ci", b, "planned", 5)
	want := ""
	for _, order := range [][]said{
		{first, second, other}, {second, first, other}, {other, second, first}, {second, other, first, second, first},
	} {
		for _, most := range []int{1, 10} {
			db, _ := folded(t, order, most)
			got := digestOf(t, db)
			if want == "" {
				want = got.Digest
			}
			if got.Digest != want {
				t.Errorf("digest depends on the order of two contents of one identity")
			}
			err := db.View(func(r *store.Reader) error {
				d, err := r.Deployment(events.Key{Slot: events.Slot{Env: "prod", Region: "eu", Component: "web"}, Deployment: "1.0"})
				if err != nil {
					return err
				}
				if d.State.Status != "in_progress" || d.State.AnomalyN != 1 {
					t.Errorf("1.0 is %s with %d anomalies, want in_progress with 1", d.State.Status, d.State.AnomalyN)
				}
				d, err = r.Deployment(events.Key{Slot: events.Slot{Env: "prod", Region: "eu", Component: "web"}, Deployment: "2.0"})
				if err == nil && (d.State.Status != "planned" || d.State.Words != 1) {
					t.Errorf("2.0 is %s after %d words, want planned after 1", d.State.Status, d.State.Words)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLeastRecordingCounts: of equal contents the copy recorded first counts,
// which decides the effective time of an event without one.
func TestLeastRecordingCounts(t *testing.T) {
	untimed := func(at time.Duration) said {
		return word(t, 1, "/ci", "prod/eu/web/1.0", "in_progress", 0, func(e *events.Event, _ *events.Reported) {
			e.SetTime(time.Time{})
			e.RecordedTime = epoch.Add(at)
		})
	}
	early, late := untimed(time.Minute), untimed(time.Hour)
	for _, order := range [][]said{{early, late}, {late, early}} {
		db, _ := folded(t, order, 1)
		err := db.View(func(r *store.Reader) error {
			d, err := r.Deployment(events.Key{Slot: events.Slot{Env: "prod", Region: "eu", Component: "web"}, Deployment: "1.0"})
			if err == nil && d.State.Since != epoch.Add(time.Minute).UnixNano() {
				t.Errorf("since %s, want the earlier recording", time.Unix(0, d.State.Since).UTC())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLateWordIsToldAsACorrection(t *testing.T) {
	const key = "prod/eu/web/1.0"
	_, told := folded(t, []said{
		word(t, 1, "/ci", key, "planned", 0),
		word(t, 2, "/ci", key, "failed", 100),
		word(t, 3, "/ci", key, "in_progress", 40), // late, changes nothing that shows
		word(t, 4, "/ci", key, "deployed", 120),
		word(t, 5, "/ci", key, "cancelled", 50), // late, and it was over before it failed
	}, 1)
	var changes []view.Change
	for _, o := range told {
		changes = append(changes, ofDeployments(o.changes)...)
	}
	for _, c := range changes {
		t.Logf("%s %s→%s late=%v amends=%s reason=%q", c.ID, c.From, c.Status, c.Late, c.Amends, c.Reason)
	}
	for i, c := range changes {
		if i > 0 && c.From != changes[i-1].Status {
			t.Errorf("change %s is from %s, the one before went to %s", c.ID, c.From, changes[i-1].Status)
		}
		if c.Late && c.Amends != changes[i-1].ID {
			t.Errorf("late change %s amends %s, want %s", c.ID, c.Amends, changes[i-1].ID)
		}
	}
}
