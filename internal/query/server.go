package query

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Options are what the API reads and how it is guarded. Fields must not change
// once [New] has them.
type Options struct {
	// DB is the projector's store. Required.
	DB *store.DB

	// Conn reaches TT_EVENTS, TT_CHANGES and TT_QUARANTINE. Required.
	Conn *stream.Conn

	// Version of this program, for /v1/status.
	Version string

	// Auth tells callers apart. A deployment, slot or change that a caller's
	// patterns leave out is missing from lists and answered as not found. Nil lets
	// everyone see everything, which is for loopback only.
	Auth *access.Auth

	// Watermarks says when a region counts as dark. Its zero value is the default.
	Watermarks view.Watermarks

	// Now is the clock against which a region's lag is told, and what is in force.
	// Nil means the newest tick of any recorder, which replays exactly; what was
	// declared after that counts from when it was.
	Now func() time.Time

	// Suspended returns the hooks that are turned away now, for /v1/status. Nil
	// where the doors are in another process.
	Suspended func() []SuspendedHook

	// Logger takes failures to answer. Nil drops them.
	Logger *slog.Logger
}

// Service answers the read-only API. It is safe for concurrent use.
type Service struct {
	opts Options

	feed       feed
	quarantine *stream.Quarantine
	digest     digester
	compiler   compiler
}

// New returns a service over opts. It opens nothing and has nothing to close.
func New(opts Options) *Service {
	if opts.Auth == nil {
		opts.Auth = access.Open()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{
		opts:       opts,
		feed:       feed{conn: opts.Conn},
		quarantine: stream.NewQuarantine(opts.Conn),
		digest:     digester{lock: make(chan struct{}, 1)},
	}
}

// errGone says that the one who asked has gone: there is nobody left to tell.
var errGone = errors.New("the client has gone")

// answer writes the answer to a request of an authenticated caller, or returns
// why there is none, having written nothing.
type answer func(http.ResponseWriter, *http.Request, access.Caller) error

// route is one resource: a ServeMux pattern, the role that a caller must have,
// and what answers.
type route struct {
	pattern string
	role    access.Role
	answer  answer
}

// routes lists every resource that is answered from the projection.
func (s *Service) routes() []route {
	const deployment = "GET /v1/deployments/{env}/{region}/{component}/{deployment}"
	return []route{
		{"GET /v1/deployments", access.RoleView, s.listDeployments},
		{deployment, access.RoleView, s.getDeployment},
		{deployment + "/events", access.RoleView, s.getEvents},
		{deployment + "/changes", access.RoleView, s.getBeliefs},
		{deployment + "/explain", access.RoleView, s.getExplanation},
		{"GET /v1/slots", access.RoleView, s.listSlots},
		{"GET /v1/slots/{env}/{region}/{component}/history", access.RoleView, s.getLandings},
		{"GET /v1/releases", access.RoleView, s.listReleases},
		{"GET /v1/releases/{env}/{release}", access.RoleView, s.getRelease},
		{"GET /v1/unplaced", access.RoleView, s.listUnplaced},
		{"GET /v1/freezes", access.RoleView, s.listFreezes},
		{"GET /v1/definitions", access.RoleView, s.listDefinitions},
		{"GET /v1/regions", access.RoleView, s.listRegions},
		{"GET /v1/sources", access.RoleView, s.listSources},
		{"GET /v1/changes", access.RoleView, s.listChanges},
		{"GET /v1/status", access.RoleView, s.getStatus},
		{"GET /v1/digest", access.RoleView, s.getDigest},
	}
}

// quarantineRoutes lists what needs no projection, and may be asked for where the
// doors are, too. What could not be used is for operators only: it holds the raw
// bytes of whoever sent it.
func (s *Service) quarantineRoutes() []route {
	return []route{
		{"GET /v1/quarantine", access.RoleOperate, s.listQuarantine},
		{"GET /v1/quarantine/{seq}", access.RoleOperate, s.getQuarantine},
	}
}

// Handler returns the API under /v1/. HEAD works wherever GET does; what it
// does not have is answered with a problem document.
func (s *Service) Handler() http.Handler {
	return s.handler(append(s.routes(), s.quarantineRoutes()...))
}

// NewQuarantine returns that part of the API which is about the quarantine, for a
// process that has no projection: of the options it needs Conn, and Auth unless
// everyone may see everything.
func NewQuarantine(opts Options) http.Handler {
	s := New(opts)
	return s.handler(s.quarantineRoutes())
}

func (s *Service) handler(routes []route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.pattern, s.serve(r))
	}
	mux.Handle("/", obs.NotFound())
	return mux
}

// serve lets callers with the route's role have its answer, and turns every
// error into a problem document.
func (s *Service) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.ask(w, r, route)
		if err == nil || errors.Is(err, errGone) || r.Context().Err() != nil {
			return // answered, or nobody waits any more
		}
		problem := asProblem(err)
		if problem.Code == events.CodeUnavailable {
			s.opts.Logger.ErrorContext(r.Context(), "a question was not answered",
				slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		obs.WriteProblem(w, problem)
	})
}

func (s *Service) ask(w http.ResponseWriter, r *http.Request, route route) error {
	caller, err := s.opts.Auth.Authenticate(r)
	if err != nil {
		return err
	}
	if !caller.Has(route.role) {
		return events.Errorf(events.CodeForbidden, "%s does not have the role %s", caller.Name, route.role)
	}
	return route.answer(w, r, caller)
}

// snapshot runs fn on one snapshot of the store and sets joined to where the
// changes behind that snapshot begin.
func (s *Service) snapshot(ctx context.Context, joined *uint64, fn func(*store.Reader) error) error {
	tip := s.feed.tip(ctx) // before the snapshot, which then has all up to it
	return s.opts.DB.View(func(rd *store.Reader) error {
		at, err := rd.Position()
		if err != nil {
			return err
		}
		*joined = s.feed.join(tip, at)
		return fn(rd)
	})
}

// sees reports whether a caller may know of what is in a slot.
func sees(caller access.Caller, slot events.Slot) bool {
	return caller.May(access.RoleView, slot.Env, slot.Component) == nil
}

// asProblem returns what a client is told of err. The cause of a failure on our
// side stays in the log: it may name paths and addresses.
func asProblem(err error) *events.Error {
	var e *events.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrNotFound):
		return events.Errorf(events.CodeNotFound, "there is no such thing")
	}
	return events.Errorf(events.CodeUnavailable, "the answer could not be read").
		WithHint("try again; if it stays so, the server's log says why")
}

// writeJSON answers with v. The body is built before the first byte leaves, so
// that a failure is never half an answer.
func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	return writeBody(w, body)
}

// writeTagged answers with v and its ETag, or that the caller has it already. The
// tag is of all of the answer: the revision alone would not tell what no change
// was needed for, such as one more echo, or what is joined when it is read, such
// as a region that went dark.
func writeTagged(w http.ResponseWriter, r *http.Request, revision uint64, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	tag := fmt.Sprintf(`"%d-%x"`, revision, sum[:16])
	w.Header().Set("ETag", tag)
	if tags := etagsOf(r); slices.Contains(tags, tag) || slices.Contains(tags, "*") {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeBody(w, body)
}

// etagsOf returns what If-None-Match lists. A weak tag matches as a strong one
// does (RFC 9110, section 13.1.2).
func etagsOf(r *http.Request) []string {
	tags := strings.Split(r.Header.Get("If-None-Match"), ",")
	for i, t := range tags {
		tags[i] = strings.TrimPrefix(strings.TrimSpace(t), "W/")
	}
	return tags
}

func writeBody(w http.ResponseWriter, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if _, err := w.Write(append(body, '\n')); err != nil {
		return errGone
	}
	return nil
}
