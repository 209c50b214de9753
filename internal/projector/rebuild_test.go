package projector

import (
	"errors"
	"os"
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func rebuilt(t testing.TB, c *stream.Conn, dir string, change ...func(*RebuildOptions)) (Rebuilt, error) {
	t.Helper()
	o := RebuildOptions{Conn: c, Dir: dir, Store: store.Options{CacheBytes: 16 << 20, KeepFree: -1}}
	for _, f := range change {
		f(&o)
	}
	return Rebuild(t.Context(), o)
}

// TestRebuildRepeatsNothing: the store is lost with changes in it that were not
// published. A rebuild finds all that was told, and the next run tells the rest.
func TestRebuildRepeatsNothing(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir() + "/store"
	words := story(t)
	publish(t, c, words[:7])
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, c, words[7:])
	err := run(t, c, dir, func(point string) error {
		if point == pointPublish {
			return errKilled
		}
		return nil
	})
	if !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	got, err := rebuilt(t, c, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Redefined != 0 || got.Digest.Position != uint64(len(words)) {
		t.Errorf("rebuilt = %+v, want nothing redefined at %d", got, len(words))
	}
	db := open(t, dir)
	if digest := digestOf(t, db); digest != got.Digest {
		t.Errorf("the rebuild says %+v, the store is %+v", got.Digest, digest)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, c, dir, words)
	got, err = rebuilt(t, c, dir, func(o *RebuildOptions) { o.Verify = true })
	if err != nil || !got.Same() {
		t.Errorf("verify = %+v, %v, want the same digest", got, err)
	}
	checkInvariants(t, c, dir, words)
}

// TestRebuildTellsWhatItSeesDifferently: an older fold told something else.
func TestRebuildTellsWhatItSeesDifferently(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir() + "/store"
	words := story(t)
	publish(t, c, words)
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	told := ofDeployments(changesOf(t, c))
	other := told[len(told)-1]
	other.ID.Index++
	other.From, other.Status = other.Status, "failed"
	rendered, err := render([]view.Change{other})
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.NewPublisher(c, stream.PublisherOptions{}).Publish(t.Context(), rendered); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to tell
		if _, err := rebuilt(t, c, dir); err != nil {
			t.Fatal(err)
		}
		if err := run(t, c, dir, nil); err != nil {
			t.Fatal(err)
		}
		now := ofDeployments(changesOf(t, c))
		if len(now) != len(told)+2 {
			t.Fatalf("TT_CHANGES has %d changes, want one more than the %d before", len(now), len(told)+1)
		}
		last := now[len(now)-1]
		if last.Reason != view.ReasonRedefined || last.From != "failed" || last.Status != "deployed" || last.Key != other.Key {
			t.Errorf("the last change is %+v, want %s back at deployed, redefined", last, other.Key)
		}
	}
}

func TestRebuildDoesNotHideALoss(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir() + "/store"
	words := story(t)
	publish(t, c, words)
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	told := len(changesOf(t, c))
	if err := c.JS.DeleteStream(t.Context(), events.StreamEvents); err != nil {
		t.Fatal(err)
	}
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true})
	publish(t, c, words[:5])
	var mismatch *MismatchError
	if _, err := rebuilt(t, c, dir); !errors.As(err, &mismatch) {
		t.Fatalf("rebuild of another stream = %v, want a MismatchError", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := rebuilt(t, c, dir); !errors.As(err, &mismatch) {
		t.Fatalf("rebuild without a store, of another stream than TT_CHANGES knows = %v, want a MismatchError", err)
	}
	got, err := rebuilt(t, c, dir, func(o *RebuildOptions) { o.AcceptLoss = true })
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	if now := len(changesOf(t, c)); now != told+got.Redefined || got.Redefined != 2 {
		t.Errorf("%d changes after %d and %d redefined, want 2 redefined", now, told, got.Redefined)
	}
	// It goes on from there, in environments that had no change since too.
	publish(t, c, words[5:])
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
}

func TestRebuildLeavesAStoreInUseAlone(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir() + "/store"
	db := open(t, dir)
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, err := rebuilt(t, c, dir)
	var inUse *store.OpenError
	if !errors.As(err, &inUse) || inUse.Kind != store.KindInUse {
		t.Errorf("rebuild = %v, want an OpenError: in use", err)
	}
}
