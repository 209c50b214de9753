package bench

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestLoad: the load is what the table says it is, and what a door takes.
func TestLoad(t *testing.T) {
	const n = inFlight*len(stages) + 5 // one wave, and the first of the next
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	all, err := load(n, start)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{} // statuses by deployment
	slots := map[string]bool{}
	ids := map[string]bool{}
	for i, raw := range all {
		if len(raw) < eventBytes || len(raw) > eventBytes+4 {
			t.Fatalf("event %d has %d bytes, want %d", i, len(raw), eventBytes)
		}
		if i%1000 > 4 {
			continue // the rest is checked on a part of them
		}
		e, err := events.Decode(raw, events.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("event %d: %v\n%s", i, err, raw)
		}
		var data events.Reported
		if err := e.DataAs(&data); err != nil {
			t.Fatal(err)
		}
		key, err := events.ParseKey(e.Subject)
		if err != nil {
			t.Fatal(err)
		}
		said[e.Subject] = append(said[e.Subject], data.Status)
		slots[key.Slot.String()] = true
		ids[e.Source+" "+e.ID] = true
	}
	const perStage, stages = inFlight / 1000 * 5, 3
	if len(slots) != perStage || len(said) != perStage+5 || len(ids) != perStage*stages+5 {
		t.Errorf("%d slots, %d deployments, %d identities", len(slots), len(said), len(ids))
	}
	for _, subject := range []string{"bench/region-0/app-0/1.0.0", "bench/region-4/app-900/1.0.0"} {
		if got := said[subject]; len(got) != 3 || got[0] != "queued" || got[1] != "in_progress" || got[2] != "deployed" {
			t.Errorf("of %s was said %v", subject, got)
		}
	}
	if got := said["bench/region-0/app-0/1.1.0"]; len(got) != 1 || got[0] != "queued" {
		t.Errorf("of the next wave was said %v", got)
	}
	if got := deploymentsIn(n); got != inFlight+5 {
		t.Errorf("%d deployments, want %d", got, inFlight+5)
	}
}

func TestBatches(t *testing.T) {
	all, err := load(25, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	next := 0
	for _, raw := range batches(all, 10) {
		var batch []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(raw, &batch); err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		sizes = append(sizes, len(batch))
		for _, e := range batch {
			want, err := events.Decode(all[next], events.Limits{})
			if err != nil || e.ID != want.ID {
				t.Errorf("event %d is %s, want %s, %v", next, e.ID, want.ID, err)
			}
			next++
		}
	}
	if len(sizes) != 3 || sizes[0] != 10 || sizes[1] != 10 || sizes[2] != 5 {
		t.Errorf("batches of %v", sizes)
	}
}
