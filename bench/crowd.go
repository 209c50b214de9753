package bench

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// crowd is a rig with a number of deployments that are reported on again and
// again. Half of them have landed and half are on their way; a report turns one
// into the other. There are [perSlot] in each slot, where one that starts
// supersedes another, and one that lands replaces it: so the mix of the work does
// not depend on how many deployments there are or how long one measures.
type crowd struct {
	*rig
	writer *writer
	landed []bool // by deployment
	slots  int
	random *rand.Rand
	serial int       // events so far, and as many changes
	clock  time.Time // of the last event: each sorts behind all before
	tell   func(string)
	told   time.Time // when tell was last called
}

// perSlot is how many deployments of a crowd each slot has.
const perSlot = 10

// newCrowd makes a crowd of n deployments that nobody has spoken of, with a
// server of its own.
func newCrowd(ctx context.Context, parent string, cfg natsd.Config, n int) (*crowd, error) {
	w, err := newWriter()
	if err != nil {
		return nil, err
	}
	r, err := newRig(ctx, parent, cfg)
	if err != nil {
		return nil, err
	}
	c := &crowd{
		rig: r, writer: w, landed: make([]bool, n), slots: max(n/perSlot, 1), random: rand.New(rand.NewPCG(1, 2)),
		clock: time.Now().Add(-24 * time.Hour), tell: func(string) {}, told: time.Now(),
	}
	return c, nil
}

// progress tells from time to time how far some work came that began behind from
// events: with a million deployments it takes minutes.
func (c *crowd) progress(work string, from, done, all uint64, begun time.Time) error {
	const every = 10 * time.Second
	if time.Since(c.told) < every {
		return nil
	}
	c.told = time.Now()
	held, err := resident()
	c.tell(fmt.Sprintf("scale: %d of %d events are %s, %.0f a second, %d MiB of memory and %d of mapped files",
		done, all, work, perSecond(int(done-from), begun), held.own>>20, held.mapped>>20))
	return err
}

// everyStage are the statuses on the way to a landing.
var everyStage = [...]string{
	statemachine.StatusPlanned, statemachine.StatusQueued, statemachine.StatusInProgress, statemachine.StatusDeployed,
}

// grow reports the first three events of every deployment: half of them are
// queued, in progress and deployed, the others planned, queued and in progress.
func (c *crowd) grow(ctx context.Context) error {
	return c.publish(ctx, 3*len(c.landed), func(i int) (deployment int, status string) {
		together := min(inFlight, c.slots)
		wave, rest := i/(3*together), i%(3*together)
		size := min(together, len(c.landed)-wave*together) // the last wave may be small
		deployment = wave*together + rest%size
		lands := (deployment+deployment/c.slots)%2 == 0
		c.landed[deployment] = lands
		stage := rest / size
		if lands {
			stage++
		}
		return deployment, everyStage[stage]
	})
}

// update reports on n deployments, each picked by chance from all.
func (c *crowd) update(ctx context.Context, n int) error {
	return c.publish(ctx, n, func(int) (deployment int, status string) {
		deployment = c.random.IntN(len(c.landed))
		c.landed[deployment] = !c.landed[deployment]
		if c.landed[deployment] {
			return deployment, statemachine.StatusDeployed
		}
		return deployment, statemachine.StatusInProgress
	})
}

// publish stores n reports in TT_EVENTS.
func (c *crowd) publish(ctx context.Context, n int, next func(i int) (deployment int, status string)) error {
	begun := time.Now()
	c.told = begun
	return c.write(ctx, n, func(i int) (stream.Message, error) {
		if err := c.progress("written", 0, uint64(i), uint64(n), begun); err != nil {
			return stream.Message{}, err
		}
		return c.message(next(i))
	})
}

// write stores n messages in TT_EVENTS as ingest would, without HTTP. It makes
// the next ones while the last are stored.
func (r *rig) write(ctx context.Context, n int, next func(i int) (stream.Message, error)) error {
	const together = 4000
	conn, err := stream.Connect(ctx, stream.Options{InProcess: r.nats.InProcess(), Name: "bench"})
	if err != nil {
		return err
	}
	defer conn.Close()
	committer := stream.NewCommitter(conn, events.StreamEvents, stream.CommitterOptions{})
	ready := make(chan []stream.Message, 1)
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return committer.Run(running) })
	g.Go(func() error {
		defer close(ready)
		for sent := 0; sent < n; {
			msgs := make([]stream.Message, 0, together)
			for ; sent < n && len(msgs) < together; sent++ {
				m, err := next(sent)
				if err != nil {
					return err
				}
				msgs = append(msgs, m)
			}
			select {
			case ready <- msgs:
			case <-running.Done():
				return running.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		defer stop() // of the committer, which else goes on
		for msgs := range ready {
			if _, err := committer.Commit(running, msgs); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// message is one event as ingest stores it.
func (c *crowd) message(deployment int, status string) (stream.Message, error) {
	c.serial++
	c.clock = c.clock.Add(time.Millisecond)
	e, err := c.writer.event(report{
		wave: deployment / c.slots, slot: deployment % c.slots, status: status, serial: c.serial, at: c.clock,
	})
	if err != nil {
		return stream.Message{}, err
	}
	e.RecordedTime, e.Recorder, e.Emitter = c.clock.Add(time.Second), "bench", "local"
	subject, err := e.EventsSubject()
	if err != nil {
		return stream.Message{}, err
	}
	return stamped(e, subject)
}

// stamped is an event as ingest stores it.
func stamped(e *events.Event, subject string) (stream.Message, error) {
	content, err := e.Content()
	if err != nil {
		return stream.Message{}, err
	}
	return stream.Message{Subject: subject, ID: events.MsgID(e.Source, e.ID, content), Data: e.Stamped(content)}, nil
}

// project starts the projector, waits until all changes are published, and
// stops it. It returns how long the first of them took, from before the store
// was opened, and the cost of each one behind the first warm ones.
func (c *crowd) project(ctx context.Context, warm int) (first, cost time.Duration, err error) {
	before, err := c.lastCause(ctx)
	if err != nil {
		return 0, 0, err
	}
	mark, begun := len(c.stops), time.Now()
	c.told = begun
	if err := c.startProjector(ctx, "projector"); err != nil {
		return 0, 0, err
	}
	all := uint64(c.serial)
	have := before
	from, fromAt := before, begun // of the events that are measured
	warmed := false
	err = c.waitForCause(ctx, all, func(now uint64) error {
		have = now
		if first == 0 && have > before {
			first = time.Since(begun)
		}
		if !warmed && have > before+uint64(warm) && have < all {
			warmed, from, fromAt = true, have, time.Now()
		}
		return c.progress("projected", before, have, all, begun)
	})
	if err != nil {
		return 0, 0, err
	}
	cost = time.Since(fromAt) / time.Duration(have-from)
	return first, cost, c.stopFrom(mark)
}

// down stops everything, the server too, and leaves the data.
func (c *crowd) down() error { return c.stopFrom(1) }

// up starts everything that is down, and works off what waits. It returns how
// long it took from nothing to the first change told.
func (c *crowd) up(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	if err := c.startServer(ctx, relaxed); err != nil {
		return 0, err
	}
	serving := time.Since(begun)
	first, _, err := c.project(ctx, 0)
	return serving + first, err
}

// relaxed is a server that does not sync: the disk is not what a crowd measures.
var relaxed = natsd.Config{RelaxedSync: true}

// bytesOf is the size of all files in a folder of the rig.
func (c *crowd) bytesOf(folder string) (n int64, err error) {
	err = filepath.WalkDir(filepath.Join(c.dir, folder), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
