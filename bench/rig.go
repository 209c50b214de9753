package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/ingest"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/notifier"
	"github.com/telltale-dev/telltale/internal/projector"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// cacheBytes is the cache of every store, the same whatever it holds: the default
// of `telltale serve`.
const cacheBytes = 128 << 20

// rig is a server of our own in a directory of its own and the roles that a row
// needs.
type rig struct {
	dir  string
	nats *natsd.Server
	conn *stream.Conn

	url   string // of the events door, once there is one
	stops []func() error
	fell  chan error // has the error of a role that ended by itself
}

// newRig starts a server; the zero cfg is one that syncs always.
func newRig(ctx context.Context, parent string, cfg natsd.Config) (*rig, error) {
	dir, err := os.MkdirTemp(parent, "rig-")
	if err != nil {
		return nil, err
	}
	r := &rig{dir: dir, fell: make(chan error, 1)}
	r.defer_(func() error { return os.RemoveAll(dir) })
	if err := r.startServer(ctx, cfg); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// startServer starts the rig's server, on what the one before it left.
func (r *rig) startServer(ctx context.Context, cfg natsd.Config) (err error) {
	cfg.StoreDir = filepath.Join(r.dir, "nats")
	if r.nats, err = natsd.Start(ctx, cfg); err != nil {
		return err
	}
	r.defer_(r.nats.Stop)
	if r.conn, err = r.connect(ctx); err != nil {
		return err
	}
	return stream.Ensure(ctx, r.conn.JS, stream.Settings{AllowSingleReplica: true})
}

// defer_ registers what stop does, last first.
func (r *rig) defer_(stop func() error) { r.stops = append(r.stops, stop) }

func (r *rig) stop() error { return r.stopFrom(0) }

// stopFrom stops what was started since there were mark stops.
func (r *rig) stopFrom(mark int) error {
	var errs []error
	for i := len(r.stops) - 1; i >= mark; i-- {
		errs = append(errs, r.stops[i]())
	}
	r.stops = r.stops[:mark]
	return errors.Join(errs...)
}

// holds checks that what was measured is really there: a stream has at least n
// messages.
func (r *rig) holds(ctx context.Context, name string, n int) error {
	have, err := r.messages(ctx, name)
	if err == nil && have < uint64(n) {
		err = fmt.Errorf("%s holds %d of %d messages", name, have, n)
	}
	return err
}

func (r *rig) connect(ctx context.Context) (*stream.Conn, error) {
	c, err := stream.Connect(ctx, stream.Options{InProcess: r.nats.InProcess(), Name: "bench"})
	if err != nil {
		return nil, err
	}
	r.defer_(func() error { c.Close(); return nil })
	return c, nil
}

// run runs a role until the rig stops and joins it then. An error of the role
// ends whatever waits for its work.
func (r *rig) run(ctx context.Context, role func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error {
		err := role(ctx)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			select {
			case r.fell <- err:
			default: // one is enough
			}
		}
		return err
	})
	r.defer_(func() error {
		cancel()
		return g.Wait()
	})
}

// startIngest opens the HTTP door on loopback.
func (r *rig) startIngest(ctx context.Context) error {
	conn, err := r.connect(ctx)
	if err != nil {
		return err
	}
	in, err := ingest.New(ingest.Options{
		Conn: conn, Recorder: "bench", Auth: access.Open(), Clock: time.Now, TickEvery: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.run(ctx, in.Run)
	srv := &http.Server{Handler: in.Handler(), ReadHeaderTimeout: 5 * time.Second}
	var g errgroup.Group
	g.Go(func() error { return srv.Serve(ln) })
	r.defer_(func() error {
		err := srv.Close()
		if serveErr := g.Wait(); !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	})
	r.url = "http://" + ln.Addr().String() + "/v1/events"
	return r.waitFor(ctx, func() (bool, error) { return in.Ready(ctx) == nil, nil })
}

// openStore opens a store of the given name in the rig's directory.
func (r *rig) openStore(name string) (*store.DB, error) {
	db, err := store.Open(filepath.Join(r.dir, name), store.Options{CacheBytes: cacheBytes})
	if err != nil {
		return nil, err
	}
	r.defer_(sync.OnceValue(db.Close))
	return db, nil
}

// startProjector projects into a fresh store of the given name.
func (r *rig) startProjector(ctx context.Context, name string) error {
	db, err := r.openStore(name)
	if err != nil {
		return err
	}
	return r.projectInto(ctx, db)
}

// projectInto projects into an open store.
func (r *rig) projectInto(ctx context.Context, db *store.DB) error {
	conn, err := r.connect(ctx)
	if err != nil {
		return err
	}
	r.run(ctx, projector.New(projector.Options{Conn: conn, DB: db}).Run)
	return nil
}

// startNotifier runs the notifier, with nobody to tell.
func (r *rig) startNotifier(ctx context.Context) error {
	conn, err := r.connect(ctx)
	if err != nil {
		return err
	}
	db, err := r.openStore("notifier")
	if err != nil {
		return err
	}
	n, err := notifier.New(notifier.Options{Conn: conn, DB: db})
	if err != nil {
		return err
	}
	r.run(ctx, n.Run)
	return nil
}

// messages returns how many messages a stream holds.
func (r *rig) messages(ctx context.Context, name string) (uint64, error) {
	s, err := r.state(ctx, name)
	return s.Msgs, err
}

func (r *rig) state(ctx context.Context, name string) (jetstream.StreamState, error) {
	s, err := r.conn.JS.Stream(ctx, name)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return s.CachedInfo().State, nil
}

// stuckAfter is how long a stream may stay as it is while we wait for more.
const stuckAfter = 30 * time.Second

// waitForMessages waits until a stream holds at least n messages.
func (r *rig) waitForMessages(ctx context.Context, name string, n uint64) error {
	return r.waitUntil(ctx, n, "messages of "+name, func() (uint64, error) { return r.messages(ctx, name) })
}

// waitForCause waits until TT_CHANGES has a change that message n of TT_EVENTS
// caused, or a later one, and tells look how far it came each time it asks.
func (r *rig) waitForCause(ctx context.Context, n uint64, look func(cause uint64) error) error {
	return r.waitUntil(ctx, n, "causes of changes", func() (uint64, error) {
		cause, err := r.lastCause(ctx)
		if err == nil {
			err = look(cause)
		}
		return cause, err
	})
}

// lastCause returns the message of TT_EVENTS that caused the last change, 0 for
// none.
func (r *rig) lastCause(ctx context.Context) (uint64, error) {
	s, err := r.conn.JS.Stream(ctx, events.StreamChanges)
	if err != nil {
		return 0, err
	}
	m, err := s.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var change struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(m.Data, &change); err != nil {
		return 0, err
	}
	id, err := events.ParseChangeID(change.ID)
	return id.Seq, err
}

// waitUntil waits until what asks reaches n, and fails when it no longer moves.
func (r *rig) waitUntil(ctx context.Context, n uint64, what string, ask func() (uint64, error)) error {
	var last uint64
	moved := time.Now()
	return r.waitFor(ctx, func() (bool, error) {
		have, err := ask()
		if err != nil {
			return false, err
		}
		if have != last {
			last, moved = have, time.Now()
		}
		if have < n && time.Since(moved) > stuckAfter {
			return false, fmt.Errorf("%d of %d %s for %v", have, n, what, stuckAfter)
		}
		return have >= n, nil
	})
}

// waitFor asks every few milliseconds; what is measured takes seconds. It fails
// when a role does.
func (r *rig) waitFor(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(3 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-r.fell:
			return err
		case <-ticker.C:
		}
	}
}

// perSecond is n events over the time since start.
func perSecond(n int, start time.Time) float64 { return float64(n) / time.Since(start).Seconds() }
