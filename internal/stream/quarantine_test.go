package stream_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

func refused(raw []byte, at int) stream.Quarantined {
	return stream.Quarantined{
		Stage: "ingest", Code: events.CodeSchema, Detail: "status is missing", Hint: "say it", From: "jenkins", Door: "http",
		Subject: "/v1/events", Headers: map[string][]string{"Content-Type": {"application/json"}},
		At: time.Unix(int64(at), 5).UTC(), Raw: raw,
	}
}

func TestQuarantineKeepsAllWhole(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	bodies := [][]byte{{}, every, bytes.Repeat([]byte{0xff}, stream.MaxQuarantined)}
	for i, raw := range bodies {
		want := refused(raw, i)
		seq := must(q.Put(testContext(t), want))(t)
		if again := must(q.Put(testContext(t), want))(t); again != seq {
			t.Errorf("the same thing again is at %d, not %d", again, seq)
		}
		got := must(q.Get(testContext(t), seq))(t)
		if !reflect.DeepEqual(got.Quarantined, want) || got.Seq != seq {
			t.Errorf("body %d came back otherwise", i)
		}
	}
	s := must(c.JS.Stream(testContext(t), events.StreamQuarantine))(t)
	if m := must(s.GetMsg(testContext(t), 1))(t); m.Subject != "tt.v1.quarantine.ingest.E_SCHEMA" {
		t.Errorf("subject %s", m.Subject)
	}
	if _, err := q.Put(testContext(t), refused(make([]byte, stream.MaxKept+1), 9)); events.CodeOf(err) != events.CodeTooLarge {
		t.Errorf("got %v", err)
	}
}

func TestQuarantineList(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c)
	if got := must(q.List(testContext(t), 0, 10))(t); len(got) != 0 {
		t.Errorf("an empty quarantine lists %d", len(got))
	}
	for i := range 6 {
		must(q.Put(testContext(t), refused([]byte("x"), i)))(t)
	}
	s := must(c.JS.Stream(testContext(t), events.StreamQuarantine))(t)
	if err := s.DeleteMsg(testContext(t), 3); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		after uint64
		limit int
		seqs  []uint64
	}{{0, 10, []uint64{1, 2, 4, 5, 6}}, {0, 2, []uint64{1, 2}}, {2, 2, []uint64{4, 5}}, {6, 5, nil}, {99, 5, nil}, {0, 0, nil}} {
		var seqs []uint64
		for _, e := range must(q.List(testContext(t), want.after, want.limit))(t) {
			seqs = append(seqs, e.Seq)
		}
		if !reflect.DeepEqual(seqs, want.seqs) {
			t.Errorf("after %d, at most %d: %v, want %v", want.after, want.limit, seqs, want.seqs)
		}
	}
	for _, seq := range []uint64{3, 99} {
		if _, err := q.Get(testContext(t), seq); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("sequence %d: %v", seq, err)
		}
	}
}

func TestQuarantineQuota(t *testing.T) {
	c := testkit.NATS(t)
	q := stream.NewQuarantine(c, stream.WithQuota(1e-9, 3))
	for i := range 4 {
		_, err := q.Put(testContext(t), refused(nil, i))
		if over := errors.Is(err, stream.ErrQuota) && events.CodeOf(err) == events.CodeQuota; over != (i == 3) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	other := refused(nil, 9)
	other.From = "gitlab"
	must(q.Put(testContext(t), other))(t) // has a quota of its own
}

// TestQuarantineFull keeps what was promised to be kept.
func TestQuarantineFull(t *testing.T) {
	_, c := testkit.NATSServer(t)
	testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true, QuarantineBytes: 4 << 10})
	q := stream.NewQuarantine(c)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = q.Put(testContext(t), refused(make([]byte, 500), i))
	}
	var e *stream.Error
	if !errors.As(err, &e) || e.Kind != stream.Full || events.CodeOf(err) != events.CodeUnavailable {
		t.Fatalf("got %v", err)
	}
	if must(q.Get(testContext(t), 1))(t).Detail == "" {
		t.Error("the first entry is gone")
	}
}
