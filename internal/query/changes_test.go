package query_test

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// publish puts a change into TT_CHANGES, caused by a position in TT_EVENTS.
func (f *fixture) publish(cause uint64, env, key string) {
	f.t.Helper()
	c := view.Change{ID: events.ChangeID{Incarnation: incarnation, Seq: cause}, Key: key}
	k, err := events.ParseKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	subject := events.Place{Env: env, Region: k.Region, Component: k.Component}.ChangesSubject()
	if _, err := f.conn.JS.Publish(f.t.Context(), subject, c.AppendJSON(nil)); err != nil {
		f.t.Fatal(err)
	}
}

func TestChanges(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	for i := uint64(1); i <= 5; i++ {
		f.publish(i, "prod", fmt.Sprintf("prod/eu/app/%d", i))
	}
	for _, c := range []struct {
		query string
		items int
		next  uint64
	}{{"", 5, 5}, {"?limit=2", 2, 2}, {"?after=2&limit=2", 2, 4}, {"?after=4", 1, 5}, {"?after=5", 0, 5}, {"?after=99", 0, 99}} {
		var got struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			Next uint64 `json:"next"`
		}
		if err := json.Unmarshal(f.get("/v1/changes"+c.query), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Items) != c.items || got.Next != c.next {
			t.Errorf("%s: %d items, next %d, want %d, %d", c.query, len(got.Items), got.Next, c.items, c.next)
		}
	}
}

// changes_after never lies behind a change that the list does not show: a tip
// that another projector published ahead of our store is not joined.
func TestChangesAfter(t *testing.T) {
	f := newFixture(t, nil)
	f.release() // the store stands at f.seq
	if got := f.list("/v1/deployments").ChangesAfter; got != 0 {
		t.Errorf("nothing published: %d", got)
	}
	f.publish(f.seq, "prod", "prod/eu/app/1")
	if got := f.list("/v1/slots").ChangesAfter; got != 1 {
		t.Errorf("one published that the store has: %d", got)
	}
	f.publish(f.seq+1, "prod", "prod/eu/app/2")
	if got := f.list("/v1/regions").ChangesAfter; got != 1 {
		t.Errorf("one published ahead of the store: %d", got)
	}
	f.tell("prod/eu/app/2", word{status: "planned"})
	if got := f.list("/v1/deployments?limit=1").ChangesAfter; got != 2 {
		t.Errorf("the store has caught up: %d", got)
	}
}
