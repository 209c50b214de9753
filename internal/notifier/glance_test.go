package notifier

import (
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// TestGlance holds a glance to what was written, wherever the message is cut
// off, and gives it messages that it must leave to others.
func TestGlance(t *testing.T) {
	var g glancer
	c := status(checkout2, "in_progress", "failed", 1)
	c.Late, c.Message, c.Conditions = true, `"to":"deployed","late":false`, []string{"drift", "overridden"}
	whole := string(c.AppendJSON(nil))
	want := glance{typ: events.TypeDeploymentChanged, from: "in_progress", to: "failed", late: true, conditions: `["drift","overridden"]`}
	told := 0
	for cut := range len(whole) + 1 {
		if seen, ok := g.glance([]byte(whole[:cut])); ok {
			told++
			if seen != want {
				t.Fatalf("%s: %+v", whole[:cut], seen)
			}
		}
	}
	if told == 0 {
		t.Error("a glance told nothing of any")
	}
	for _, raw := range []string{
		`{}`, `[]`, `"x"`, `{"type":1}`, `{"data":{"from":"a","to":"b","late":true},"type":"` + events.TypeDeploymentChanged + `"}`,
		`{"type":"` + events.TypeDeploymentChanged + `","data":["from","a","to","b","late",true]}`,
		`{"type":"` + events.TypeDeploymentChanged + `","data":{"from":"a","to":"b"}}`,
		`{"type":"` + events.TypeDeploymentChanged + `","data":{"from":"a","to":2,"late":true}}`,
	} {
		if seen, ok := g.glance([]byte(raw)); ok {
			t.Errorf("%s: %+v", raw, seen)
		}
	}
	release := `{"type":"` + events.TypeReleaseChanged + `","data":{"key":"a/b","from":"planned","to":"deployed","members":`
	if seen, ok := g.glance([]byte(release)); !ok || seen.from != "planned" || seen.to != "deployed" {
		t.Errorf("%s: %+v, %v", release, seen, ok)
	}
	slot := `{"type":"` + events.TypeSlotChanged + `","data":{}}`
	if seen, ok := g.glance([]byte(slot)); !ok || seen.typ != events.TypeSlotChanged {
		t.Errorf("%s: %+v, %v", slot, seen, ok)
	}
}

// TestWhatIsNotReadMeansNothing decides on histories as they are read, and read
// whole: the steps are the same.
func TestWhatIsNotReadMeansNothing(t *testing.T) {
	w := &world{}
	w.newDisk(t)
	n := &Notifier{metrics: newMetrics(nil), log: slog.New(slog.DiscardHandler)}
	p := n.policy("life1", noon)
	statuses := statemachine.Standard().Statuses()
	keys := []string{checkout2, "prod/eu-west-1/checkout/3.0", "dev/eu-west-1/checkout/2.0"}
	skipped, steps := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		defer forget(t, w.db)
		cause := uint64(0)
		message := func(t *rapid.T) stream.Msg {
			cause++
			c := status(rapid.SampledFrom(keys).Draw(t, "key"), rapid.SampledFrom(statuses).Draw(t, "from"),
				rapid.SampledFrom(statuses).Draw(t, "to"), rapid.Uint32Range(1, 2).Draw(t, "attempt"))
			c.ID = events.ChangeID{Incarnation: incarnation, Seq: cause, Index: 1}
			c.Late = rapid.Bool().Draw(t, "late")
			c.At = noon.Add(time.Duration(rapid.IntRange(-1, 9).Draw(t, "at")) * time.Minute).UnixNano()
			c.Percent = -1
			c.Reason = rapid.SampledFrom([]string{"", statemachine.ReasonDependency}).Draw(t, "reason")
			c.Conditions = rapid.SampledFrom([][]string{nil, {"overridden"}, {"drift"}, {"conflicted", "overridden"}}).Draw(t, "conditions")
			kind := rapid.IntRange(0, 6).Draw(t, "kind")
			if kind > 2 {
				return stream.Msg{Seq: cause, Data: c.AppendJSON(nil)}
			}
			if kind > 0 {
				by, whole, err := view.Caused{ID: c.ID, At: c.At}, view.Change{}, error(nil)
				if kind == 1 {
					whole, err = view.RegionChange("prod", &view.Region{Region: "eu-west-1", Dark: c.Late}, by)
				} else {
					whole, err = view.ReleaseChanged(events.Release{Env: "prod", Name: "r42"}, c.From, view.ReleaseFacts{Status: c.Status}, by)
				}
				if err != nil {
					t.Fatal(err)
				}
				return stream.Msg{Seq: cause, Data: whole.AppendJSON(nil)}
			}
			key, err := events.ParseKey(c.Key)
			if err != nil {
				t.Fatal(err)
			}
			e := events.Event{ID: c.ID.String(), Source: view.SourceProjector, Type: events.TypeSlotChanged, Subject: key.Slot.String()}
			if err := e.SetData((&view.Slot{Current: view.Landing{Deployment: key.Deployment, Tau: c.At}}).Body(key.Slot)); err != nil {
				t.Fatal(err)
			}
			raw, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return stream.Msg{Seq: cause, Data: raw}
		}
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			var batch []stream.Msg
			var whole []news
			for range rapid.IntRange(1, 6).Draw(t, "messages") {
				m := message(t)
				item, err := readNews(m)
				if err != nil {
					t.Fatal(err)
				}
				batch, whole = append(batch, m), append(whole, item)
			}
			var got, want decision
			err := w.db.View(func(r *store.Reader) (err error) {
				if want, err = p.decide(r, whole); err != nil {
					return err
				}
				heard, err := n.hear(t.Context(), r, p, batch)
				if err != nil {
					return err
				}
				skipped += len(batch) - len(heard)
				got, err = p.decide(r, heard)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			steps += len(want.steps)
			keep(t, w.db, want.steps)
		}
	})
	if skipped == 0 || steps == 0 {
		t.Errorf("%d messages skipped, %d steps", skipped, steps)
	}
}

// keep stores steps as the fold of TT_ALERTS does.
func keep(t *rapid.T, db *store.DB, steps []*Alert) {
	err := delivery.Update(db, func(tx *delivery.Tx) error {
		for _, a := range steps {
			if err := delivery.WriteJSON(tx, alertKey(a.Alert), a); err != nil {
				return err
			}
			if a.firing() {
				tx.Put(openKey(a), nil)
			} else {
				tx.Delete(openKey(a))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forget empties the notifier's disk.
func forget(t *rapid.T, db *store.DB) {
	var keys [][]byte
	err := db.View(func(r *store.Reader) error {
		return r.Scan([]byte("n/"), nil, func(k, _ []byte) (bool, error) {
			keys = append(keys, slices.Clone(k))
			return true, nil
		})
	})
	if err == nil {
		err = delivery.Update(db, func(tx *delivery.Tx) error {
			for _, k := range keys {
				tx.Delete(k)
			}
			return nil
		})
	}
	if err != nil {
		t.Error(err)
	}
}
