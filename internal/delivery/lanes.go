package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/store"
)

// Options configure [Lanes]. Journal and DB are required.
type Options struct {
	Journal    *Journal
	DB         *store.DB                    // the journal's
	Receivers  map[string]receiver.Receiver // by the names that intents use
	Ladder     Ladder                       // default [DefaultLadder]
	Workers    int                          // calls in flight at a time, default 8
	Clock      Clock                        // default the machine's
	Logger     *slog.Logger                 // default none
	Registerer prometheus.Registerer        // default none
	FailPoint  FailPoint                    // tests only
}

// Lanes makes the calls that lanes want. What is open lives in the database, in
// order of time; in memory is one entry for each call in flight.
type Lanes struct {
	journal   *Journal
	db        *store.DB
	receivers map[string]receiver.Receiver
	ladder    Ladder
	workers   int
	clock     Clock
	log       *slog.Logger
	metrics   *metrics
	fail      FailPoint
}

// New returns lanes that [Lanes.Run] works on.
func New(o Options) *Lanes {
	if o.Ladder.Waits == nil {
		o.Ladder = DefaultLadder()
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Clock == nil {
		o.Clock = WallClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Lanes{
		journal: o.Journal, db: o.DB, receivers: o.Receivers, ladder: o.Ladder, workers: o.Workers,
		clock: o.Clock, log: o.Logger, metrics: newMetrics(o.Registerer), fail: o.FailPoint,
	}
}

// grace is how long calls in flight may go on after the work was told to stop:
// a receiver's timeout and time to record the outcome. What is still open then
// is ambiguous and is repeated by the next process.
const grace = 20 * time.Second

// finished says that a lane's call is over.
type finished struct {
	lane string
	err  error
}

// Run makes calls as they come due, until ctx ends; then it waits for those in
// flight and returns nil. The journal has to run until Run has returned. It
// returns early with the error of a journal or a database that does not work.
func (l *Lanes) Run(ctx context.Context) error {
	select {
	case <-l.journal.Ready():
	case <-ctx.Done():
		return nil
	}
	// Calls in flight outlive ctx, so that a clean stop leaves nothing ambiguous.
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	busy := make(map[string]bool, l.workers)
	done := make(chan finished)

	err := l.dispatch(ctx, work, busy, done)
	tooLate := l.clock.After(grace)
	for len(busy) > 0 {
		select {
		case f := <-done:
			delete(busy, f.lane)
			err = errors.Join(err, f.err)
		case <-tooLate:
			abandon()
		}
	}
	return err
}

// dispatch starts a worker for each lane that is due, at most one for a lane.
// It returns when ctx ends or something fails, with the workers in busy still
// at work.
func (l *Lanes) dispatch(ctx, work context.Context, busy map[string]bool, done chan finished) error {
	for {
		// Taken before looking, so that what comes meanwhile wakes us.
		moved := l.journal.Moved()
		due, next, err := l.due(busy)
		if err != nil {
			return err
		}
		for _, lane := range due {
			busy[lane] = true
			go func() { done <- finished{lane, l.serve(work, lane)} }()
		}
		l.metrics.inFlight.Set(float64(len(busy)))
		if len(busy) == 0 {
			if err := l.fail.At(PointNothingIsDue); err != nil {
				return err
			}
		}
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = l.clock.After(next.Sub(l.clock.Now()))
		}
		select {
		case <-ctx.Done():
			return nil
		case f := <-done:
			delete(busy, f.lane)
			if f.err != nil {
				return f.err
			}
		case <-moved:
		case <-timer:
		}
	}
}

// due returns the lanes that want a call now and have none in flight, as many
// as there are free workers, and when the next one will want one (zero: not
// known of any). It reads no further than that.
func (l *Lanes) due(busy map[string]bool) (lanes []string, next time.Time, err error) {
	free := l.workers - len(busy)
	if free == 0 {
		return nil, time.Time{}, nil
	}
	now := l.clock.Now()
	err = l.db.View(func(r *store.Reader) error {
		return r.Scan([]byte(prefixDue), []byte(prefixDue), func(k, _ []byte) (bool, error) {
			at, lane, err := splitDueKey(k)
			switch {
			case err != nil:
				return false, err
			case at.After(now):
				next = at
				return false, nil
			case !busy[lane]:
				lanes = append(lanes, lane)
			}
			return len(lanes) < free, nil
		})
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("look for what is due: %w", err)
	}
	return lanes, next, nil
}
