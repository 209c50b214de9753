package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/ingest"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/notifier"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/internal/projector"
	"github.com/telltale-dev/telltale/internal/query"
	"github.com/telltale-dev/telltale/internal/schema"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	// ingestDrain is what of stopTimeout the doors may take.
	ingestDrain = 10 * time.Second

	// notifierCache is enough for the open alerts and deliveries of a bad day.
	notifierCache = 32 << 20
)

// Serve runs all roles in one process until ctx ends, against a NATS server of
// its own unless the configuration names one outside. It returns nil after an
// orderly end. [Hint] says what to do about an error.
func Serve(ctx context.Context, cfg *config.Config, opts Options) error {
	return run(ctx, cfg, opts, func(ctx context.Context, p *process) error {
		b, err := p.broker(ctx)
		if err != nil {
			return err
		}
		db, err := p.addProjector(ctx, b)
		if err != nil {
			return err
		}
		if err := p.addNotifier(ctx, b); err != nil {
			return err
		}
		return p.addIngest(ctx, b, db)
	})
}

// Ingest runs the doors alone, against the NATS server that the configuration
// names.
func Ingest(ctx context.Context, cfg *config.Config, opts Options) error {
	return runRole(ctx, cfg, opts, func(ctx context.Context, p *process, b *broker) error {
		return p.addIngest(ctx, b, nil)
	})
}

// Projector runs the projection and its API alone, against the NATS server that
// the configuration names.
func Projector(ctx context.Context, cfg *config.Config, opts Options) error {
	return runRole(ctx, cfg, opts, func(ctx context.Context, p *process, b *broker) error {
		for _, verb := range []string{"POST /v1/quarantine/{seq}/replay", "DELETE /v1/quarantine/{seq}"} {
			p.mux.Handle(verb, noDoors())
		}
		_, err := p.addProjector(ctx, b)
		return err
	})
}

// Notifier runs the notifier alone, against the NATS server that the
// configuration names.
func Notifier(ctx context.Context, cfg *config.Config, opts Options) error {
	return runRole(ctx, cfg, opts, func(ctx context.Context, p *process, b *broker) error {
		return p.addNotifier(ctx, b)
	})
}

// runRole runs one role. It needs a server outside: the embedded one would be
// its alone.
func runRole(ctx context.Context, cfg *config.Config, opts Options, setup func(context.Context, *process, *broker) error) error {
	if cfg.NATS.URL == "" {
		return &Fault{
			Op: "start one role by itself", Err: errors.New("nats.url is not set"),
			Hint: "give --nats-url, or run all roles in one process with telltale serve",
		}
	}
	return run(ctx, cfg, opts, func(ctx context.Context, p *process) error {
		b, err := p.broker(ctx)
		if err != nil {
			return err
		}
		return setup(ctx, p, b)
	})
}

// addProjector opens the projection and adds what keeps it and what reads it.
func (p *process) addProjector(ctx context.Context, b *broker) (*store.DB, error) {
	conn, err := b.connect(ctx, natsd.RoleProjector)
	if err != nil {
		return nil, err
	}
	db, err := p.openStore("projector", store.Options{
		CacheBytes: int64(p.cfg.Projector.CacheBytes),
		Sync:       p.cfg.Projector.Sync,
	})
	if err != nil {
		return nil, err
	}
	metrics, err := projector.NewMetrics(p.metrics)
	if err != nil {
		return nil, err
	}
	p.serve("projector", projector.New(projector.Options{
		Conn: conn, DB: db, Logger: p.log.With("room", "projector"), Metrics: metrics, Stream: b.metrics,
	}).Run)
	options := query.Options{DB: db, Conn: conn, Version: p.version, Auth: p.auth, Suspended: p.suspended, Logger: p.log.With("room", "query")}
	if p.cfg.Clock == config.ClockWall { // else recorded history would lag by years
		options.Now = time.Now
	}
	p.mux.Handle("GET /v1/", query.New(options).Handler())
	return db, nil
}

// addNotifier opens what the notifier remembers and adds the notifier, and who
// tells changes in CDEvents.
func (p *process) addNotifier(ctx context.Context, b *broker) error {
	conn, err := b.connect(ctx, natsd.RoleNotifier)
	if err != nil {
		return err
	}
	db, err := p.openStore("notifier", store.Options{CacheBytes: notifierCache, Sync: true})
	if err != nil {
		return err
	}
	opts := notifier.Options{
		Conn: conn, DB: db, BaseURL: p.cfg.Server.PublicURL,
		Logger: p.log.With("room", "notifier"), Registerer: p.metrics,
	}
	if err := whoIsTold(&opts, p.cfg); err != nil {
		return err
	}
	n, err := notifier.New(opts)
	if err != nil {
		return err
	}
	p.serve("notifier", n.Run)
	return p.addCDEvents(conn)
}

// addIngest adds the doors. db is the projection, if it is in this process: what
// is made against a state of a deployment can only be checked there.
func (p *process) addIngest(ctx context.Context, b *broker, db *store.DB) error {
	conn, err := b.connect(ctx, natsd.RoleIngest)
	if err != nil {
		return err
	}
	cfg := p.cfg.Ingest
	custom, err := loadTypes(cfg.Types)
	if err != nil {
		return err
	}
	mappings, err := loadMappings(p.cfg.Mappings)
	if err != nil {
		return err
	}
	definitions, err := loadDefinitions(p.cfg.Definitions.Files)
	if err != nil {
		return err
	}
	opts := ingest.Options{
		Conn:      conn,
		Recorder:  p.cfg.Recorder,
		Regions:   p.cfg.Regions,
		Auth:      p.auth,
		Clock:     time.Now,
		TickEvery: cfg.TickEvery,
		Limits: ingest.Limits{
			Event:       events.Limits{Bytes: int(cfg.EventBytes), Depth: cfg.Depth, Keys: cfg.Keys},
			BatchEvents: cfg.BatchEvents,
			BatchBytes:  int64(cfg.BatchBytes),

			EventsPerSecond:     float64(cfg.EventsPerSecond),
			QuarantinePerSecond: float64(cfg.QuarantinePerSecond),
			HookBytes:           int64(cfg.HookBytes),
		},
		Mappings:       mappings,
		Hooks:          hooksOf(p.cfg.Hooks),
		QuarantineKeep: cfg.QuarantineKeep,
		Custom:         custom,
		Definitions:    definitions,
		DrainTimeout:   ingestDrain,
		Logger:         p.log.With("room", "ingest"),
		Metrics:        p.metrics,
		StreamMetrics:  b.metrics,
	}
	if p.cfg.Clock == config.ClockEvents {
		opts.TickEvery = 0
	}
	if db != nil {
		opts.Digest = func(key events.Key) (string, bool) { return p.digest(db, key) }
	}
	in, err := ingest.New(opts)
	if err != nil {
		return err
	}
	p.ingest = in
	p.serve("ingest", in.Run)
	in.Register(p.mux)
	if db == nil { // else the projection answers that with all the rest
		asked := query.NewQuarantine(query.Options{Conn: conn, Auth: p.auth, Logger: p.log.With("room", "query")})
		p.mux.Handle("GET /v1/quarantine", asked)
		p.mux.Handle("GET /v1/quarantine/{seq}", asked)
	}
	p.health.Register("ingest", in.Ready)
	return nil
}

// noDoors answers who would send something through a door again, or take it out
// of quarantine, at a process without doors.
func noDoors() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		obs.WriteProblem(w, events.Errorf(events.CodeNotFound, "this process has no doors").
			WithHint("ask the process that takes events in (cmd/ingest): it knows all of quarantine; the command line asks it with --server"))
	})
}

// loadDefinitions returns what is put in force at start: the built-in lifecycle,
// then the documents of the configured files.
func loadDefinitions(names []string) ([]events.DefinitionActivated, error) {
	files := make([]definition.File, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("definitions.files: %w", err)
		}
		files[i] = definition.File{Name: name, Text: text}
	}
	docs, err := definition.ReadFiles(files...)
	if err != nil {
		return nil, fmt.Errorf("definitions.files:\n%w", err)
	}
	all := []events.DefinitionActivated{ingest.StandardLifecycle()}
	for i := range docs {
		all = append(all, ingest.Configured(&docs[i]))
	}
	return all, nil
}

// loadTypes reads the schemas of the types that the configuration registers.
func loadTypes(types []config.EventType) (*schema.Set, error) {
	documents := make(map[string][]byte, len(types))
	for _, t := range types {
		raw, err := os.ReadFile(t.SchemaFile)
		if err != nil {
			return nil, fmt.Errorf("ingest.types: %w", err)
		}
		documents[t.Type] = raw
	}
	set, err := schema.Compile(documents)
	if err != nil {
		return nil, fmt.Errorf("ingest.types: %w", err)
	}
	return set, nil
}

// digest returns the digest of a deployment as it is shown, ok=false when there is no
// such deployment or it cannot be read.
func (p *process) digest(db *store.DB, key events.Key) (digest string, ok bool) {
	err := db.View(func(r *store.Reader) error {
		d, err := r.Deployment(key)
		if err != nil {
			return err
		}
		shown := d.Shows()
		sum := shown.Digest(d.State)
		digest, ok = "sha256:"+hex.EncodeToString(sum[:]), true
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		p.log.Error("a deployment's digest was not read", "deployment_id", key.String(), "error", err)
	}
	return digest, ok
}

// openStore opens a store below the data directory.
func (p *process) openStore(name string, opts store.Options) (*store.DB, error) {
	opts.Logger = p.log.With("room", "store", "store", name)
	db, err := store.Open(filepath.Join(p.cfg.DataDir, name), opts)
	if err != nil {
		return nil, err
	}
	p.opened.add("store of the "+name, db.Close)
	return db, nil
}
