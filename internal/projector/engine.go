package projector

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
)

// Bounds of what is kept in memory, in bytes: some 40,000 deployments, and what a
// million have ever said of their slots.
const (
	maxDeployments = 96 << 20
	maxSlots       = 320 << 20
)

// engine applies messages to the store, in order, by one goroutine. After an
// error what it keeps in memory may be ahead of the store: it is of no use any
// more.
type engine struct {
	db      *store.DB
	log     *slog.Logger
	metrics *Metrics
	fail    func(point string) error

	position     store.Position
	index        uint32 // behind the last change of the message at position
	counts       store.Counts
	clock        *view.Clock
	dark         map[string]bool                  // regions that were told to be dark
	firstDue     map[string]store.Due             // by region: no deadline is before
	unsettled    map[string]bool                  // releases that a tick has to look at
	expected     map[store.Component]store.Naming // and those named from there on
	lifecycles   *lifecycles
	definitions  *definition.Set             // who and what
	defined      bool                        // there is something in definitions
	sources      map[string]*store.SourceRow // that declare something
	environments *environments
	deployments  *lru[deployment]
	slotCache    *lru[slot]
	seen         *seen

	// seenNames: seen has the names of all deployments and slots, too. To read
	// them at the start is to read half of the store, so that is so only when it
	// was empty then.
	seenNames bool

	// silent: no changes are computed. Only a rebuild does that, for the part of
	// the stream whose changes are in TT_CHANGES already.
	silent bool

	// beliefs are what was told before; nil except in a rebuild, since a store
	// that was not rebuilt knows them itself.
	beliefs *beliefs

	// quarantine puts aside a message that cannot be used, and returns when that
	// is durable.
	quarantine func(context.Context, *message) error

	// next is a transaction that was begun before the one in flight was
	// committed; nil when nothing is in flight.
	next   *store.Tx
	flying *flight

	transactions uint64 // that were begun

	// emit hands on what a transaction, now committed, wants told.
	emit func(context.Context, outgoing) error
}

// outgoing is what one transaction wants told.
type outgoing struct {
	changes []view.Change
	slots   []slotRow
	dirty   []dirtySlot // rows of the store to remove once that is done
	more    bool        // there is more to fold: of the same message, or others
}

type slotRow struct {
	name string
	row  view.Slot
}

// dirtySlot is a slot that changed without a change of one of its deployments.
type dirtySlot struct {
	seq  uint64
	name string
}

// load reads what the engine goes on from.
func (e *engine) load() error {
	e.counts = store.Counts{}
	e.unsettled = make(map[string]bool)
	err := e.forget()
	if err != nil {
		return err
	}
	e.seen = newSeen()
	return e.db.View(func(r *store.Reader) error {
		if e.position, err = r.Position(); err != nil {
			return err
		}
		e.seenNames = e.position.Seq == 0 && e.position.Part == 0
		if err := r.Known(func(h store.IdentityHash) { e.seen.add(h) }); err != nil {
			return err
		}
		counts, err := r.Counts()
		if err != nil {
			return err
		}
		for status, n := range counts {
			e.counts[status] = n
		}
		if err := e.loadClock(r); err != nil {
			return err
		}
		unsettled, err := r.Unsettled()
		if err != nil {
			return err
		}
		for _, release := range unsettled {
			e.unsettled[release] = true
		}
		if e.expected, err = r.Shifted(); err != nil {
			return err
		}
		if e.environments, err = loadEnvironments(r); err != nil {
			return err
		}
		if err := e.loadDefinitions(r); err != nil {
			return err
		}
		e.lifecycles, err = loadLifecycles(r, e.definitions)
		return err
	})
}

// forget drops all that is kept of deployments and slots, when nothing is in
// flight.
func (e *engine) forget() (err error) {
	if e.deployments, err = newLRU(maxDeployments, (*deployment).cost, func(d *deployment) *int { return &d.weight }); err != nil {
		return err
	}
	e.slotCache, err = newLRU(maxSlots, (*slot).cost, func(s *slot) *int { return &s.counted })
	return err
}

// run applies messages, in as many transactions as they need. The last of them
// may be still on its way into the store, see sync.
func (e *engine) run(ctx context.Context, messages []message) error {
	for i := range messages {
		// Before the transaction: a crash between the two puts it aside twice,
		// never not at all.
		if m := &messages[i]; m.kind == kindUnusable && m.seq > e.position.Seq {
			e.metrics.applied(appliedUnusable)
			if err := e.quarantine(ctx, m); err != nil {
				return err
			}
		}
	}
	for len(messages) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if alone := e.alone(&messages[0]); alone != nil {
			if err := alone(ctx, &messages[0]); err != nil {
				return err
			}
			messages = messages[1:]
			continue
		}
		n, reused := 0, false
		err := e.transact(ctx, func(b *batch) (store.Position, error) {
			position := e.position
			b.index = e.index
			for n < len(messages) && !b.full() && (n == 0 || e.alone(&messages[n]) == nil) {
				index := b.index
				err := b.apply(&messages[n])
				if reused = errors.Is(err, errReused); reused {
					b.index = index
					break
				}
				if err != nil {
					return store.Position{}, err
				}
				position = store.Position{Incarnation: e.position.Incarnation, Seq: messages[n].seq}
				n++
			}
			return position, nil
		})
		if err == nil && reused {
			err = e.reuse(ctx, &messages[n])
			n++
		}
		if err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

// alone returns what applies a message that may be much work, in transactions of
// its own; nil for all others.
func (e *engine) alone(m *message) func(context.Context, *message) error {
	switch {
	case m.kind == kindDefinition:
		return e.define
	case m.kind == kindSaid:
		return e.declare
	case m.kind == kindTick && !e.isQuiet(m):
		return e.tick
	case m.kind != kindTick && e.resumes(m):
		return e.reuse // no other has parts
	}
	return nil
}

// resumes reports whether a part of a message is in the store, and more is to
// come.
func (e *engine) resumes(m *message) bool {
	return e.position.Seq == m.seq-1 && e.position.Part > 0
}

// flight is a transaction on its way into the store.
type flight struct {
	*batch
	position store.Position
	silent   bool
	done     <-chan error
}

// transact fills one transaction and begins to commit it. Meanwhile the next
// can be filled: its reads look into the one in flight first. There is never
// more than one in flight, and what one wants told is handed on when it has
// landed, so that everything happens in order.
//
// A crash before the commit forgets all of it, and the same messages come
// again. A crash after the commit and before the changes are published leaves
// them in the store, where the next start finds them behind the published mark.
func (e *engine) transact(ctx context.Context, fill func(*batch) (store.Position, error)) error {
	tx := e.next
	if tx == nil {
		tx = e.db.Begin()
	}
	e.next = nil
	b := newBatch(e, &tx.Writer)
	position, err := fill(b)
	if err == nil {
		err = b.flush(position)
	}
	if err == nil {
		err = e.land(ctx)
	}
	if err == nil {
		err = e.fail(pointCommit)
	}
	if err != nil {
		tx.Discard()
		return err
	}
	// What was in flight before has landed, and what begins now sees it.
	b.behind = nil
	e.next = e.db.Begin()
	e.flying = &flight{batch: b, position: position, silent: e.silent, done: tx.Commit()}
	e.position, e.index = position, b.index
	if e.deployments.over() || e.slotCache.over() {
		return e.sync(ctx)
	}
	return nil
}

// land waits for the transaction in flight, if there is one, and hands on what
// it wants told.
func (e *engine) land(ctx context.Context) error {
	f := e.flying
	if f == nil {
		return nil
	}
	e.flying = nil
	if err := <-f.done; err != nil {
		return err
	}
	if err := e.fail(pointCommitted); err != nil {
		return err
	}
	e.metrics.projected(f.position.Seq)
	if f.silent {
		return nil
	}
	f.out.more = f.position.Part > 0
	return e.emit(ctx, f.out)
}

// sync lands what is in flight: when nothing else is there to do, and before
// work whose reads must see all that was written.
func (e *engine) sync(ctx context.Context) error {
	err := e.land(ctx)
	e.close()
	if err == nil {
		e.deployments.trim()
		e.slotCache.trim()
	}
	return err
}

// close ends what the engine has open in the store. What is in flight lands,
// untold.
func (e *engine) close() {
	if e.flying != nil {
		if err := <-e.flying.done; err != nil {
			e.log.Error("a transaction was lost at the end", "error", err)
		}
		e.flying = nil
	}
	if e.next != nil {
		e.next.Discard()
		e.next = nil
	}
}

// slotOf cuts the deployment off a key.
func slotOf(key string) string { return key[:strings.LastIndexByte(key, '/')] }
