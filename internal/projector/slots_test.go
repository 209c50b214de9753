package projector

import (
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestStoredSlotsAreTheShownOnes: the row of a slot leaves out what the row of
// its latest deployment says, so what is read must be what was last shown, and a
// slot that nobody is told of by a change must be noted as such.
func TestStoredSlotsAreTheShownOnes(t *testing.T) {
	const a, b = "prod/eu/web/1.0", "prod/eu/web/2.0"
	db, told := folded(t, []said{
		word(t, 1, "/ci", a, "planned", 0),
		word(t, 2, "/ci", b, "planned", 10),
		word(t, 3, "/ci", b, "in_progress", 20), // only the deployment's row is written
		word(t, 4, "/ci", a, "in_progress", 30), // told, and the slot shows nothing of it
		word(t, 5, "/watch", b, "planned", 5),   // late: the attempt began before, which is not told
		word(t, 6, "/ci", a, "deployed", 40),
	}, 1)
	shown := map[string]view.Slot{}
	for i, o := range told {
		if got, want := len(o.dirty), map[bool]int{true: 1}[i == 4]; got != want {
			t.Errorf("message %d left %d slots that no change tells of, want %d", i+1, got, want)
		}
		for _, s := range o.slots {
			shown[s.name] = s.row
		}
	}
	err := db.View(func(r *store.Reader) error {
		s, err := r.Slot(events.Slot{Env: "prod", Region: "eu", Component: "web"})
		if want := shown["prod/eu/web"]; s != want {
			t.Errorf("stored %+v\nshown  %+v", s, want)
		}
		if s.Latest.Began != epoch.UnixNano()+5e9 || s.Latest.Status != "in_progress" || s.Current.Deployment != "1.0" {
			t.Errorf("slot = %+v, want 2.0 in progress since second 5, and 1.0 running", s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
