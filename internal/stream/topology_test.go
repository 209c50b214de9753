package stream_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestTopologyRemovesNothing holds every stream against what could make a
// stored message go away, or keep one from being erased later.
func TestTopologyRemovesNothing(t *testing.T) {
	all := stream.Topology(stream.Settings{})
	if len(all) != 6 {
		t.Fatalf("%d streams", len(all))
	}
	for _, c := range all {
		if c.Discard != jetstream.DiscardNew || c.MaxAge != 0 || c.MaxMsgs != -1 || c.AllowRollup || c.AllowMsgTTL ||
			c.AllowMsgSchedules || c.DenyDelete || c.DenyPurge || c.Storage != jetstream.FileStorage {
			t.Errorf("%s: %+v", c.Name, c)
		}
		if wq := c.Name == events.StreamRaw; wq != (c.Retention == jetstream.WorkQueuePolicy) || wq && c.MaxBytes <= 0 {
			t.Errorf("%s: retention %s, %d bytes", c.Name, c.Retention, c.MaxBytes)
		}
	}
}

func TestEnsure(t *testing.T) {
	s := testkit.Start(t, natsd.Config{StoreDir: t.TempDir(), RelaxedSync: true})
	c := testkit.Connect(t, stream.Options{InProcess: s.InProcess()})
	alone := stream.Settings{AllowSingleReplica: true}
	refuses := func(t *testing.T, s stream.Settings, name string) {
		t.Helper()
		var e *stream.TopologyError
		if err := stream.Ensure(testContext(t), c.JS, s); !errors.As(err, &e) || e.Hint == "" || e.Stream != name {
			t.Errorf("got %v", err)
		}
	}
	t.Run("one replica must be asked for", func(t *testing.T) {
		refuses(t, stream.Settings{}, events.StreamRaw)
		if names := must(c.JS.AccountInfo(testContext(t)))(t).Streams; names != 0 {
			t.Errorf("%d streams were made", names)
		}
	})
	t.Run("makes all, twice", func(t *testing.T) {
		testkit.Ensure(t, c, alone)
		before := must(stream.Identify(testContext(t), c.JS, events.StreamEvents))(t)
		testkit.Ensure(t, c, alone)
		after := must(stream.Identify(testContext(t), c.JS, events.StreamEvents))(t)
		if before != after || before.Incarnation() == "" {
			t.Errorf("%+v became %+v", before, after)
		}
	})
	t.Run("as the server has it", func(t *testing.T) {
		for _, want := range stream.Topology(alone) {
			got := must(c.JS.Stream(testContext(t), want.Name))(t).CachedInfo().Config
			if got.AllowAtomicPublish != want.AllowAtomicPublish || got.Duplicates != want.Duplicates || got.MaxBytes != want.MaxBytes ||
				got.MaxMsgSize != want.MaxMsgSize {
				t.Errorf("%s: %+v", want.Name, got)
			}
		}
	})
	t.Run("repairs limits", func(t *testing.T) {
		cfg := must(c.JS.Stream(testContext(t), events.StreamRaw))(t).CachedInfo().Config
		cfg.MaxMsgSize = -1
		must(c.JS.UpdateStream(testContext(t), cfg))(t)
		testkit.Ensure(t, c, stream.Settings{AllowSingleReplica: true, RawBytes: 1 << 20})
		got := must(c.JS.Stream(testContext(t), events.StreamRaw))(t).CachedInfo().Config
		if got.MaxBytes != 1<<20 || got.MaxMsgSize != stream.MaxQuarantined {
			t.Errorf("%d bytes, %d in one message", got.MaxBytes, got.MaxMsgSize)
		}
	})
	t.Run("refuses another storage", func(t *testing.T) {
		if err := c.JS.DeleteStream(testContext(t), events.StreamAlerts); err != nil {
			t.Fatal(err)
		}
		must(c.JS.CreateStream(testContext(t), jetstream.StreamConfig{
			Name: events.StreamAlerts, Subjects: []string{events.AllAlerts}, Storage: jetstream.MemoryStorage,
		}))(t)
		refuses(t, alone, events.StreamAlerts)
	})
}

func TestEnsureStoreTooSmall(t *testing.T) {
	s := testkit.Start(t, natsd.Config{StoreDir: t.TempDir(), RelaxedSync: true, MaxStore: 1 << 20})
	c := testkit.Connect(t, stream.Options{InProcess: s.InProcess()})
	var e *stream.Error
	err := stream.Ensure(testContext(t), c.JS, stream.Settings{AllowSingleReplica: true})
	if !errors.As(err, &e) || e.Kind != stream.Full || e.Hint == "" {
		t.Errorf("got %v", err)
	}
}

// TestDoorRefusesCommands sends an emitter's message with headers that the
// server would take for commands.
func TestDoorRefusesCommands(t *testing.T) {
	c := testkit.NATS(t)
	for header, value := range map[string]string{
		"Nats-Rollup": "all", "Nats-TTL": "1s", "Nats-Schedule": "@at 2030-01-01T00:00:00Z", "Nats-Incr": "1",
		"Nats-Batch-Id": "b", "Nats-Expected-Stream": events.StreamEvents, "Nats-Expected-Last-Sequence": "99",
	} {
		m := nats.NewMsg(events.RawSubject("jenkins"))
		m.Header.Set(header, value)
		m.Data = []byte("{}")
		var refused *jetstream.APIError
		if _, err := c.JS.PublishMsg(testContext(t), m); !errors.As(err, &refused) {
			t.Errorf("%s: %v", header, err)
		}
	}
	if n := stored(t, c, events.StreamRaw); n != 0 {
		t.Errorf("%d stored", n)
	}
}

func TestConnectRefused(t *testing.T) {
	_, err := stream.Connect(testContext(t), stream.Options{URL: "nats://user:secret@127.0.0.1:1"})
	var e *stream.Error
	if !errors.As(err, &e) || e.Kind != stream.Transient || e.Hint == "" || events.CodeOf(err) != events.CodeUnavailable {
		t.Fatalf("got %v", err)
	}
	if got := err.Error(); got != "connect to NATS at nats://xxxxx@127.0.0.1:1: nats: no servers available for connection" {
		t.Errorf("says %q", got)
	}
}

func TestEnsureKeepsOperatorsChoices(t *testing.T) {
	c := testkit.NATS(t)
	ctx := testContext(t)
	cfg := must(c.JS.Stream(ctx, events.StreamEvents))(t).CachedInfo().Config
	cfg.Compression = jetstream.S2Compression
	cfg.Discard = jetstream.DiscardOld
	cfg.AllowRollup = true
	must(c.JS.UpdateStream(ctx, cfg))(t)
	if err := stream.Ensure(ctx, c.JS, stream.Settings{AllowSingleReplica: true}); err != nil {
		t.Fatal(err)
	}
	got := must(c.JS.Stream(ctx, events.StreamEvents))(t).CachedInfo().Config
	if got.Discard != jetstream.DiscardNew || got.AllowRollup || got.Compression != jetstream.S2Compression {
		t.Errorf("after the repair: %+v", got)
	}
}
