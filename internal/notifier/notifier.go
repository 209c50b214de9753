package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/delivery"
	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// defaultHorizon is the age up to which a problem pages: who comes hours late
// finds the people at it already.
const defaultHorizon = 6 * time.Hour

// Options configure a [Notifier]. Conn and DB are required.
type Options struct {
	// Conn may read TT_CHANGES and TT_ALERTS and write TT_ALERTS.
	Conn *stream.Conn

	// DB is the notifier's own, opened with Sync: a cache of TT_ALERTS and the
	// position in TT_CHANGES. It may be deleted while the notifier is stopped.
	DB *store.DB

	// Tree says which receivers are told of which alert. Nil: nobody is, and alerts
	// are recorded all the same.
	Tree *routing.Tree

	// Receivers are those that Tree can name, by name. One without endpoints tells
	// nobody.
	Receivers map[string][]Endpoint

	// AlertHorizon is how old a problem may be to page, by Clock. Default 6 h.
	AlertHorizon time.Duration

	// BaseURL is where people reach the API, for links. Empty: no links.
	BaseURL string

	Clock      delivery.Clock        // default the machine's
	Logger     *slog.Logger          // default none
	Registerer prometheus.Registerer // default none
	FailPoint  delivery.FailPoint    // tests only
}

// The points of this package; see [delivery.FailPoint].
const (
	PointBeforeDecision = "notifier.before_decision" // changes were read, nothing follows from them yet
	PointBeforePosition = "notifier.before_position" // what follows is on record, the position is not
	PointAfterPosition  = "notifier.after_position"  // the batch is done
)

// maxBatch bounds the changes that are decided on at once: what follows from
// them is folded in one transaction.
const maxBatch = 256

// Notifier turns changes into alerts and sees them delivered.
type Notifier struct {
	o       Options
	who     directory
	to      map[string]receiver.Receiver // by full name
	glancer glancer                      // of the goroutine that watches
	journal *delivery.Journal
	lanes   *delivery.Lanes
	log     *slog.Logger
	metrics *metrics
}

// New returns a notifier that [Notifier.Run] starts. It fails when endpoints
// share a name, and connects to nothing yet.
func New(o Options) (*Notifier, error) {
	if o.AlertHorizon == 0 {
		o.AlertHorizon = defaultHorizon
	}
	if o.Clock == nil {
		o.Clock = delivery.WallClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Notifier{
		o: o, who: directory{tree: o.Tree, endpoints: o.Receivers}, log: o.Logger, metrics: newMetrics(o.Registerer),
	}
	var err error
	if n.to, err = n.who.byName(); err != nil {
		return nil, err
	}
	n.journal, n.lanes = n.deliver(folds())
	return n, nil
}

// deliver returns the journal and the lanes under the notifier.
func (n *Notifier) deliver(folds map[string]delivery.Fold) (*delivery.Journal, *delivery.Lanes) {
	journal := delivery.NewJournal(delivery.JournalOptions{
		Conn: n.o.Conn, DB: n.o.DB, Folds: folds, Clock: n.o.Clock, Logger: n.log, FailPoint: n.o.FailPoint,
	})
	return journal, delivery.New(delivery.Options{
		Journal: journal, DB: n.o.DB, Receivers: n.to, Clock: n.o.Clock,
		Logger: n.log, Registerer: n.o.Registerer, FailPoint: n.o.FailPoint,
	})
}

// Run works until ctx ends; then it lets the calls in flight finish, for up to
// 20 s, and returns nil. It returns early with a [*delivery.OtherJournalError]
// when the database belongs to another TT_ALERTS, with a [*stream.MismatchError]
// when TT_CHANGES is replaced under it, and with errors of the database. It is
// called once.
func (n *Notifier) Run(ctx context.Context) error {
	defer n.who.close()
	if len(n.to) == 0 {
		n.log.WarnContext(ctx, "no receiver is configured: alerts are recorded and nobody is told")
	}
	// The journal stops last: what the others conclude must still be written. If
	// it fails, they stop, too.
	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	journal, stopJournal := context.WithCancel(context.WithoutCancel(ctx))
	defer stopJournal()
	journalEnd := make(chan error, 1) // one value, never waited for by the sender
	go func() {
		err := n.journal.Run(journal)
		stopWork()
		journalEnd <- err
	}()

	g, work := errgroup.WithContext(work)
	// Who was away first hears what is over by now: nobody is told of that.
	heard := make(chan struct{})
	g.Go(func() error { return n.watch(work, heard) })
	g.Go(func() error {
		select {
		case <-heard:
			return n.lanes.Run(work)
		case <-work.Done():
			return nil
		}
	})
	err := g.Wait()
	stopJournal()
	if failed := <-journalEnd; failed != nil {
		return failed // what the others say then only follows from it
	}
	return err
}

// watch reads TT_CHANGES and decides on what it says. It closes heard once it has
// decided on all that was there when it began.
func (n *Notifier) watch(ctx context.Context, heard chan<- struct{}) error {
	select {
	case <-n.journal.Ready():
	case <-ctx.Done():
		return nil
	}
	identity, err := stream.Identify(ctx, n.o.Conn.JS, events.StreamChanges)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("identify %s: %w", events.StreamChanges, err)
	}
	incarnation := identity.Incarnation()
	var done uint64
	err = n.o.DB.View(func(r *store.Reader) (err error) {
		done, err = position(r, incarnation)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the position in %s: %w", events.StreamChanges, err)
	}
	from := uint64(0)
	if done > 0 {
		from = done + 1
	}
	n.log.InfoContext(ctx, "notifier reads changes", "incarnation", incarnation, "stream_seq", done)
	reader := stream.NewReader(n.o.Conn, stream.ReaderOptions{
		Stream: events.StreamChanges, From: from, Incarnation: incarnation, MaxBatch: maxBatch, Logger: n.log,
	})
	hear := sync.OnceFunc(func() { close(heard) })
	if done >= identity.Last {
		hear()
	}
	return reader.Run(ctx, func(ctx context.Context, batch []stream.Msg) error {
		if err := n.handle(ctx, incarnation, batch); err != nil {
			return err
		}
		if batch[len(batch)-1].Seq >= identity.Last {
			hear()
		}
		return nil
	})
}

// handle decides on a batch, puts what follows on record, and only then moves
// the position. A crash in between brings the batch again, on alerts that hold
// what was recorded: only what is missing is added.
func (n *Notifier) handle(ctx context.Context, incarnation string, batch []stream.Msg) error {
	if err := n.o.FailPoint.At(PointBeforeDecision); err != nil {
		return err
	}
	now := n.o.Clock.Now()
	p := n.policy(incarnation, now)
	var d decision
	err := n.o.DB.View(func(r *store.Reader) error {
		heard, err := n.hear(ctx, r, p, batch)
		if err != nil {
			return err
		}
		d, err = p.decide(r, heard)
		return err
	})
	if err != nil {
		return err
	}
	if err := n.record(ctx, d, now); err != nil {
		return err
	}
	if err := n.o.FailPoint.At(PointBeforePosition); err != nil {
		return err
	}
	last := batch[len(batch)-1].Seq
	err = delivery.Update(n.o.DB, func(t *delivery.Tx) error {
		setPosition(t, incarnation, last)
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the position in %s: %w", events.StreamChanges, err)
	}
	n.metrics.changes.Add(float64(len(batch)))
	n.metrics.position.Set(float64(last))
	return n.o.FailPoint.At(PointAfterPosition)
}

// hear reads of a batch what may mean something to the rules. While no alert
// stands that is only what raises one, and then what may clear it.
func (n *Notifier) hear(ctx context.Context, r *store.Reader, p *policy, batch []stream.Msg) ([]news, error) {
	standing, err := anyOpen(r)
	if err != nil {
		return nil, err
	}
	var heard []news
	for _, m := range batch {
		if seen, ok := n.glancer.glance(m.Data); ok {
			switch p.effectOf(&seen) {
			case raises:
				standing = true
			case clears:
				if !standing {
					continue
				}
			case leaves:
				continue
			}
		}
		item, err := readNews(m)
		if err != nil {
			// The change stays in TT_CHANGES, which forgets nothing. To stop here
			// would silence everything behind it.
			n.metrics.unusable.Inc()
			n.log.ErrorContext(ctx, "a change cannot be read and is passed over", "stream_seq", m.Seq, "subject", m.Subject, "error", err)
			continue
		}
		heard = append(heard, item)
	}
	return heard, nil
}

func (n *Notifier) policy(incarnation string, now time.Time) *policy {
	return &policy{
		rules:       Rules(),
		who:         &n.who,
		incarnation: incarnation,
		baseURL:     strings.TrimSuffix(n.o.BaseURL, "/"),
		now:         now,
		oldest:      now.Add(-n.o.AlertHorizon),
	}
}

// record writes the steps of a decision to TT_ALERTS.
func (n *Notifier) record(ctx context.Context, d decision, now time.Time) error {
	if d.tooOld > 0 {
		n.metrics.tooOld.Add(float64(d.tooOld))
		n.log.InfoContext(ctx, "problems are too old to page", "count", d.tooOld, "horizon", n.o.AlertHorizon)
	}
	if len(d.steps) == 0 {
		return nil
	}
	entries := make([]delivery.Entry, 0, len(d.steps))
	for _, a := range d.steps {
		entry, err := a.entry(now)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if err := n.journal.Append(ctx, entries...); err != nil {
		return err
	}
	for _, a := range d.steps {
		log := n.log.With("alert_id", a.Alert, "rule", a.Rule, "subject", a.Key)
		if a.firing() {
			n.metrics.fired.WithLabelValues(a.Rule).Inc()
			log.InfoContext(ctx, "alert fired")
		} else {
			n.metrics.resolved.WithLabelValues(a.Rule).Inc()
			log.InfoContext(ctx, "alert resolved")
		}
	}
	return nil
}
