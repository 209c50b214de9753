package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/projector"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// size is how much a run sends.
type size struct {
	pairs   int
	batched int // events in batches
	single  int // events one by one
	paced   int // events at 1,000 a second
}

var (
	full  = size{pairs: 5, batched: 90_000, single: 30_000, paced: 5_000}
	quick = size{pairs: 2, batched: 30_000, single: 8_000, paced: 1_500}
)

// rows are the promises of docs/performance.md, in its order.
func (b *bencher) rows() []pair {
	batchesLimit := func(ctx context.Context) (float64, error) {
		return b.withRig(ctx, func(r *rig) (float64, error) { return r.bareBatches(ctx, b.batched) })
	}
	readLimit := func(ctx context.Context) (float64, error) {
		return b.filled.bareRead(ctx, events.StreamEvents)
	}
	return []pair{
		{
			name: "ingest-batches", unit: "events/s", against: "bare atomic batches of 1,000", goal: 0.6,
			limit: batchesLimit, row: b.ingestBatches,
		},
		{
			name: "pipeline", unit: "events/s", against: "bare atomic batches of 1,000", goal: 0.35,
			limit: batchesLimit, row: b.pipeline,
		},
		{
			name: "ingest-singles", unit: "events/s", against: "bare atomic batches of 1,000", goal: 0.2,
			limit: batchesLimit, row: b.ingestSingles,
		},
		{
			// 5,000 webhooks a second where the server takes 120,000 bare messages.
			name: "hooks", unit: "webhooks/s", against: "bare atomic batches of 1,000", goal: 0.042,
			limit: batchesLimit, row: b.hooks,
		},
		{
			name: "map-webhook", unit: "µs", against: "bare read of the JSON", goal: 1.5, atMost: true,
			limit: b.bareReadOfWebhooks, row: b.mapWebhooks,
		},
		{
			name: "project-live", unit: "events/s", against: "bare ordered read", goal: 0.12,
			limit: readLimit, row: b.projectLive,
		},
		{
			name: "rebuild", unit: "events/s", against: "bare ordered read", goal: 0.22,
			limit: readLimit, row: b.rebuild,
		},
		{
			name: "emit-to-change-p99", unit: "ms", against: "bare publish to deliver", goal: 6, atMost: true,
			limit: func(ctx context.Context) (float64, error) {
				return b.withRig(ctx, func(r *rig) (float64, error) { return r.bareLatency(ctx, b.paced, paceRate) })
			},
			row: b.emitToChange,
		},
	}
}

// paceRate is the load, in events a second, under which latency is measured.
const paceRate = 1000

// ingestBatches sends batches of 100 to an ingest that runs alone.
func (b *bencher) ingestBatches(ctx context.Context) (float64, error) {
	return b.withRig(ctx, func(r *rig) (float64, error) {
		if err := r.startIngest(ctx); err != nil {
			return 0, err
		}
		took, err := post(ctx, r.url, typeBatch, b.batches, connections)
		if err != nil {
			return 0, err
		}
		return float64(b.batched) / took.Seconds(), r.holds(ctx, events.StreamEvents, b.batched)
	})
}

// ingestSingles sends events one by one over 256 connections.
func (b *bencher) ingestSingles(ctx context.Context) (float64, error) {
	return b.withRig(ctx, func(r *rig) (float64, error) {
		if err := r.startIngest(ctx); err != nil {
			return 0, err
		}
		took, err := post(ctx, r.url, typeEvent, b.events[:b.single], 256)
		if err != nil {
			return 0, err
		}
		return float64(b.single) / took.Seconds(), r.holds(ctx, events.StreamEvents, b.single)
	})
}

// pipeline sends batches of 100 to all roles at once and waits until every
// event's change is in TT_CHANGES.
func (b *bencher) pipeline(ctx context.Context) (float64, error) {
	return b.withRig(ctx, func(r *rig) (float64, error) {
		for _, start := range []func() error{
			func() error { return r.startIngest(ctx) },
			func() error { return r.startProjector(ctx, "projector") },
			func() error { return r.startNotifier(ctx) },
		} {
			if err := start(); err != nil {
				return 0, err
			}
		}
		start := time.Now()
		if _, err := post(ctx, r.url, typeBatch, b.batches, connections); err != nil {
			return 0, err
		}
		if err := r.waitForMessages(ctx, events.StreamChanges, changesOf(b.batched)); err != nil {
			return 0, err
		}
		return perSecond(b.batched, start), nil
	})
}

// projectLive projects a stream that is there already, from an empty store,
// until every change is published.
func (b *bencher) projectLive(ctx context.Context) (float64, error) {
	r := b.filled
	mark := len(r.stops)
	// What an earlier pair told is there already, and that would save work.
	for _, name := range []string{events.StreamChanges, "KV_" + events.BucketCurrent} {
		if err := r.conn.JS.DeleteStream(ctx, name); err != nil {
			return 0, err
		}
	}
	if err := stream.Ensure(ctx, r.conn.JS, stream.Settings{AllowSingleReplica: true}); err != nil {
		return 0, err
	}
	b.stores++
	start := time.Now()
	if err := r.startProjector(ctx, fmt.Sprint("live-", b.stores)); err != nil {
		return 0, err
	}
	if err := r.waitForMessages(ctx, events.StreamChanges, changesOf(b.batched)); err != nil {
		return 0, err
	}
	figure := perSecond(b.batched, start)
	return figure, r.stopFrom(mark)
}

// emitToChange sends single events at a steady rate and measures until a
// subscriber of TT_CHANGES has each one's change.
func (b *bencher) emitToChange(ctx context.Context) (float64, error) {
	return b.withRig(ctx, func(r *rig) (float64, error) {
		if err := errors.Join(r.startIngest(ctx), r.startProjector(ctx, "projector")); err != nil {
			return 0, err
		}
		// Each sent thing is known by its identity, which its change names.
		index := make(map[string]int, b.paced)
		for i, raw := range b.events[:b.paced] {
			e, err := events.DecodeStored(raw)
			if err != nil {
				return 0, err
			}
			index[e.Source+" "+e.ID] = i
		}
		conn, err := r.connect(ctx)
		if err != nil {
			return 0, err
		}
		reader := stream.NewReader(conn, stream.ReaderOptions{Stream: events.StreamChanges})
		changes := make(chan []byte, b.paced)
		r.run(ctx, func(ctx context.Context) error {
			return reader.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
				for _, m := range batch {
					select {
					case changes <- m.Data:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return nil
			})
		})
		idle := make(chan *door, senders)
		for range senders {
			c, err := dialDoor(ctx, r.url)
			if err != nil {
				return 0, err
			}
			defer c.close()
			idle <- c
		}
		return latency(ctx, b.paced, paceRate,
			func(i int) error {
				c := <-idle
				defer func() { idle <- c }()
				return c.post(typeEvent, b.events[i])
			},
			func(ctx context.Context) (int, error) {
				select {
				case raw := <-changes:
					return causeOf(raw, index)
				case err := <-r.fell:
					return 0, err
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			})
	})
}

// causeOf returns which sent event a change names as its cause, -1 for none.
func causeOf(raw []byte, index map[string]int) (int, error) {
	var change struct {
		Data struct {
			Cause struct {
				Source string `json:"source"`
				ID     string `json:"id"`
			} `json:"cause"`
		} `json:"data"`
	}
	if err := json.UnmarshalRead(bytes.NewReader(raw), &change); err != nil {
		return 0, err
	}
	i, ok := index[change.Data.Cause.Source+" "+change.Data.Cause.ID]
	if !ok {
		return -1, nil
	}
	return i, nil
}

// rebuild does what `telltale rebuild` does where the store is lost: it folds
// the stream from its first message into a store in a fresh folder. TT_CHANGES
// holds all that was told, as it does on every server that ran before, so its
// changes are read back, too: nothing may be told twice.
func (b *bencher) rebuild(ctx context.Context) (float64, error) {
	r := b.filled
	if told, err := r.messages(ctx, events.StreamChanges); err != nil {
		return 0, err
	} else if told < changesOf(b.batched) { // nobody has projected yet
		if _, err := b.projectLive(ctx); err != nil {
			return 0, err
		}
	}
	b.stores++
	dir := filepath.Join(r.dir, fmt.Sprint("rebuilt-", b.stores))
	start := time.Now()
	result, err := projector.Rebuild(ctx, projector.RebuildOptions{
		Conn: r.conn, Dir: dir, Store: store.Options{CacheBytes: cacheBytes},
	})
	if err != nil {
		return 0, err
	}
	figure := perSecond(b.batched, start)
	if want := uint64(deploymentsIn(b.batched)); result.Digest.Deployments != want || result.Redefined != 0 {
		return 0, fmt.Errorf("the rebuild has %d of %d deployments, %d of them unlike before",
			result.Digest.Deployments, want, result.Redefined)
	}
	return figure, os.RemoveAll(dir)
}
