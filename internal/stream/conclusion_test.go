package stream_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// seqs returns the sequences that a quarantine lists.
func seqs(t testing.TB, q *stream.Quarantine) (list []uint64) {
	t.Helper()
	for _, e := range must(q.List(testContext(t), 0, 100))(t) {
		list = append(list, e.Seq)
	}
	return list
}

// TestLongBodiesAreKeptInParts walks an entry of several messages through its
// life: listed once, read whole, dropped whole.
func TestLongBodiesAreKeptInParts(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c)
	short := must(q.Put(testContext(t), refused([]byte("x"), 1)))(t)
	body := bytes.Repeat([]byte{0xff, 1, 2, 3}, stream.MaxKept/4)
	long := must(q.Put(testContext(t), refused(body, 2)))(t)
	if again := must(q.Put(testContext(t), refused(body, 2)))(t); again != long {
		t.Errorf("the same again is at %d, not %d", again, long)
	}
	got := must(q.Get(testContext(t), long))(t)
	if !bytes.Equal(got.Raw, body) || got.Bytes != len(body) {
		t.Errorf("%d of %d bytes came back", len(got.Raw), got.Bytes)
	}
	if list := seqs(t, q); !slices.Equal(list, []uint64{short, long}) {
		t.Errorf("listed %v, want %d and %d", list, short, long)
	}
	if _, err := q.Get(testContext(t), long-1); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a part is an entry: %v", err)
	}
	if err := q.Drop(testContext(t), long, stream.Conclusion{What: stream.Dropped, By: "ops", Reason: "rubbish"}); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, c, events.StreamQuarantine); n != 2 {
		t.Errorf("%d messages are left, want the short entry and the record", n)
	}
}

func TestWhatBecameOfAnEntry(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c)
	first := must(q.Put(testContext(t), refused([]byte("one"), 1)))(t)
	second := must(q.Put(testContext(t), refused([]byte("two"), 2)))(t)
	if _, _, err := q.Conclusion(testContext(t), first); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("nothing became of it yet: %v", err)
	}
	if n := len(must(q.Concluded(testContext(t)))(t)); n != 0 {
		t.Errorf("%d are concluded", n)
	}

	at := time.Unix(9, 0).UTC()
	replayed := stream.Conclusion{What: stream.Replayed, By: "ops", At: at, Accepted: 2, Duplicates: 1}
	if err := q.Conclude(testContext(t), must(q.Get(testContext(t), first))(t), replayed); err != nil {
		t.Fatal(err)
	}
	dropped := stream.Conclusion{What: stream.Dropped, By: "ops", Reason: "a test of theirs", At: at}
	for range 2 { // the second finds it gone
		err := q.Drop(testContext(t), second, dropped)
		if err != nil && !errors.Is(err, stream.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if got := must(q.Concluded(testContext(t)))(t); !reflect.DeepEqual(got, map[uint64]bool{first: true, second: true}) {
		t.Errorf("concluded %v", got)
	}
	for seq, want := range map[uint64]stream.Conclusion{first: replayed, second: dropped} {
		got, e, err := q.Conclusion(testContext(t), seq)
		if err != nil || got != want {
			t.Errorf("%d: %+v, %v", seq, got, err)
		}
		if e.Code != events.CodeSchema || e.Bytes != 3 || e.Raw != nil || e.Headers != nil {
			t.Errorf("%d: the record has %+v", seq, e)
		}
	}
	if list := seqs(t, q); !slices.Equal(list, []uint64{first}) {
		t.Errorf("listed %v, want what was replayed and not dropped", list)
	}
	if _, err := q.Get(testContext(t), second); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("dropped and still there: %v", err)
	}
}

func TestExpire(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c)
	if n := must(q.Expire(testContext(t), time.Now()))(t); n != 0 {
		t.Errorf("%d deleted of nothing", n)
	}
	for i := range 3 {
		must(q.Put(testContext(t), refused([]byte("x"), i)))(t)
	}
	s := must(c.JS.Stream(testContext(t), events.StreamQuarantine))(t)
	third := must(s.GetMsg(testContext(t), 3))(t).Time
	for _, tc := range []struct {
		before time.Time
		n      uint64
		left   []uint64
	}{
		{time.Unix(0, 0), 0, []uint64{1, 2, 3}},
		{third, 2, []uint64{3}},
		{third.Add(time.Hour), 1, nil},
	} {
		if n := must(q.Expire(testContext(t), tc.before))(t); n != tc.n || !slices.Equal(seqs(t, q), tc.left) {
			t.Errorf("before %v: %d deleted, %v left; want %d and %v", tc.before, n, seqs(t, q), tc.n, tc.left)
		}
	}
}
