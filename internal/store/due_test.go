package store

import (
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestRowsThatTicksLookAt(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	source := &SourceRow{Last: -5, Contiguous: true, Numbers: view.Numbers{Heard: []view.Range{{From: 1, To: 4}, {From: 7, To: 7}}, Lost: 2}}
	told := ToldRelease{Status: "failed", Digest: [32]byte{1, 31: 2}, Revision: 9}
	update(t, db, func(w *Writer) error {
		return errors.Join(
			// Before 1970 comes before; a region whose name is the beginning of
			// another's keeps its own rows.
			w.PutDue("eu", 20, "p/eu/c/2"), w.PutDue("eu", -3, "p/eu/c/1"), w.PutDue("eu", 20, "p/eu/c/1"),
			w.PutDue("eu-2", 1, "p/eu-2/c/1"), w.PutDue("us", 7, "p/us/c/1"),
			w.PutWatermark("eu", Watermark{At: -1, Dark: true}), w.PutWatermark("us", Watermark{At: 5}),
			w.PutUnsettled("p/r2"), w.PutUnsettled("p/r1"), w.PutToldRelease("p/r1", told), w.PutSource("/ci", source),
			w.PutSlot("p/eu/c", &view.Slot{}), w.PutSlot("p/us/c", &view.Slot{}), w.PutSlot("q/us/c", &view.Slot{}),
		)
	})
	update(t, db, func(w *Writer) error {
		return errors.Join(w.DeleteDue("eu", 20, "p/eu/c/1"), w.DeleteUnsettled("p/r2"))
	})
	viewing(t, db, func(r *Reader) error {
		first, err := r.FirstDue()
		if want := map[string]Due{"eu": {-3, "p/eu/c/1"}, "eu-2": {1, "p/eu-2/c/1"}, "us": {7, "p/us/c/1"}}; err != nil || !maps.Equal(first, want) {
			t.Errorf("first due %v, %v, want %v", first, err, want)
		}
		var due []Due
		err = r.DueFrom("eu", first["eu"], func(d Due) (bool, error) { due = append(due, d); return true, nil })
		if want := []Due{{-3, "p/eu/c/1"}, {20, "p/eu/c/2"}}; err != nil || !slices.Equal(due, want) {
			t.Errorf("due %v, %v, want %v", due, err, want)
		}
		err = r.DueFrom("eu", Due{20, "p/eu/c/1"}, func(d Due) (bool, error) {
			if d != (Due{20, "p/eu/c/2"}) || !first["eu"].Before(d) {
				t.Errorf("due %v, want the row behind the one that is gone", d)
			}
			return true, nil
		})
		if err != nil {
			t.Error(err)
		}
		marks, err := r.Watermarks()
		if want := map[string]Watermark{"eu": {-1, true}, "us": {5, false}}; err != nil || !maps.Equal(marks, want) {
			t.Errorf("watermarks %v, %v, want %v", marks, err, want)
		}
		unsettled, err := r.Unsettled()
		if err != nil || !slices.Equal(unsettled, []string{"p/r1"}) {
			t.Errorf("unsettled %v, %v", unsettled, err)
		}
		if got, err := r.ToldRelease("p/r1"); err != nil || got != told {
			t.Errorf("told %v, %v, want %v", got, err, told)
		}
		if _, err := r.ToldRelease("p/r2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a release that nobody was told of: %v", err)
		}
		sources, err := r.Sources()
		if err != nil || !reflect.DeepEqual(sources, map[string]*SourceRow{"/ci": source}) {
			t.Errorf("sources %v, %v", sources, err)
		}
		for region, want := range map[string][]string{"eu": {"p"}, "us": {"p", "q"}, "ap": nil} {
			if got, err := r.EnvironmentsIn(region); err != nil || !slices.Equal(got, want) {
				t.Errorf("environments in %s: %v, %v, want %v", region, got, err, want)
			}
		}
		return nil
	})
}

func TestReleasesAreFoundByComponentAndTime(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	web, webs := Component{"p", "web"}, Component{"p", "web-2"}
	named := func(w *Writer, release, deployment string, tau int64) error {
		key, err := events.ParseKey(deployment)
		return errors.Join(err, w.PutMember(events.Release{Env: "p", Name: release}, key, tau))
	}
	update(t, db, func(w *Writer) error {
		return errors.Join(
			// In two regions, and of one of them again; before 1970; and a component
			// whose name begins with another's.
			named(w, "r2", "p/eu/web/1", 20), named(w, "r2", "p/us/web/1", 20), named(w, "r1", "p/eu/web/2", 20), named(w, "r3", "p/eu/web/3", -5),
			named(w, "r4", "p/eu/web-2/1", 20), w.PutShifted(web, Naming{Tau: -7}), w.PutShifted(webs, Naming{20, "r4"}), w.PutShifted(web, Naming{Tau: -9}),
		)
	})
	update(t, db, func(w *Writer) error { return w.DeleteShifted(webs) })
	viewing(t, db, func(r *Reader) error {
		for _, tt := range []struct {
			of   Component
			from Naming
			want []Naming
		}{
			{web, Naming{Tau: math.MinInt64}, []Naming{{-5, "r3"}, {20, "r1"}, {20, "r2"}}},
			{web, Naming{20, "r2"}, []Naming{{20, "r2"}}},
			{web, Naming{Tau: 21}, nil},
			{webs, Naming{}, []Naming{{20, "r4"}}},
			{Component{"q", "web"}, Naming{}, nil},
		} {
			var got []Naming
			err := r.NamedFrom(tt.of, tt.from, func(n Naming) (bool, error) { got = append(got, n); return true, nil })
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("named of %s from %v: %v, %v, want %v", tt.of, tt.from, got, err, tt.want)
			}
		}
		shifted, err := r.Shifted()
		if want := map[Component]Naming{web: {Tau: -9}}; err != nil || !maps.Equal(shifted, want) {
			t.Errorf("shifted %v, %v, want %v", shifted, err, want)
		}
		return nil
	})
}

func TestUnplacedIsReadInPages(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	var want []uint64
	update(t, db, func(w *Writer) error {
		for seq := uint64(1); seq <= 3; seq++ {
			note := Event{Seq: seq, Subject: "p/eu/c", Note: &Note{Type: events.TypeObserved, Source: "s", ID: "i"}}
			ref, err := w.PutEvent(&note)
			if err := errors.Join(err, w.PutUnplaced("p/eu/c", seq, ref)); err != nil {
				return err
			}
			want = append(want, seq)
		}
		return nil
	})
	viewing(t, db, func(r *Reader) error {
		var got []uint64
		for after, more := "", true; more; {
			more = false
			err := r.Unplaced("p/", after, func(cursor, slot string, e Event) (bool, error) {
				if slot != "p/eu/c" {
					t.Errorf("slot %q", slot)
				}
				got, after, more = append(got, e.Seq), cursor, true
				return false, nil
			})
			if err != nil {
				return err
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		return nil
	})
}
