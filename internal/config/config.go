package config

import (
	"time"

	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// Config is everything that can be set. The comment of each field is what
// docs/configuration.md says about its key. A change of any of them takes
// effect at the next start.
type Config struct {
	// Directory that holds everything this process keeps: nats/ (the embedded
	// server's streams: the record itself), projector/ and notifier/ (caches of
	// streams: may be deleted while stopped, and are then built again), cdevents/
	// (how far an endpoint was told). Each is one process's at a time. Whoever can
	// write to it can rewrite history.
	DataDir string `yaml:"data_dir"`

	// Name under which this ingest stamps what it accepts and sends its ticks.
	// Two ingests on one stream must not share a name.
	Recorder string `yaml:"recorder"`

	// Regions that this recorder's ticks stand for. Of a region that no recorder
	// names nobody can tell silence from news on its way. At most 256.
	Regions []string `yaml:"regions"`

	// Who moves time on: "wall" sends ticks by this machine's clock; "events"
	// sends none, so that recorded history with its own ticks replays exactly.
	Clock Clock `yaml:"clock"`

	// The HTTP listener.
	Server Server `yaml:"server"`

	// Who may do what.
	Auth Auth `yaml:"auth"`

	// The NATS server, embedded or outside.
	NATS NATS `yaml:"nats"`

	// What comes in. The limits hold at every door.
	Ingest Ingest `yaml:"ingest"`

	// Webhooks that have secrets, defaults or names of their own. Every tool that has
	// a mapping can send to /v1/hooks/TOOL without an entry here.
	Hooks []Hook `yaml:"hooks"`

	// Files of documents of kind Mapping, or directories of such files (*.yaml,
	// *.yml). Each adds a tool, or replaces the built-in mapping of its name. On
	// SIGHUP they are read again.
	Mappings []string `yaml:"mappings"`

	// What is put in force at start.
	Definitions Definitions `yaml:"definitions"`

	// What is made of it.
	Projector Projector `yaml:"projector"`

	// Who is told. The keys are Alertmanager's.
	Notifier Notifier `yaml:"notifier"`

	// Changes of deployments, said in CDEvents to an endpoint of yours. The process
	// with the notifier does it.
	CDEvents CDEvents `yaml:"cdevents"`

	// What the process says of itself on standard error.
	Log Log `yaml:"log"`
}

// Server is the HTTP listener.
type Server struct {
	// Address, as host:port, of the events door, the API, health and metrics.
	// Port 0 takes any free one. An address that other machines can reach needs
	// auth.tokens_file and server.tls, or server.insecure.
	Listen string `yaml:"listen"`

	// Host names and addresses, without ports, under which clients reach this
	// server. Requests with any other Host are refused, loopback ones excepted.
	Names []string `yaml:"names"`

	// URL under which people reach this server, for the links in messages.
	// Optional; without it messages have none.
	PublicURL string `yaml:"public_url"`

	// Certificate of the listener. Optional; without it the listener speaks
	// plain HTTP.
	TLS TLS `yaml:"tls"`

	// Allows listeners that other machines can reach without tokens and TLS.
	// Anyone who can reach them can then write and read everything.
	Insecure bool `yaml:"insecure"`
}

// TLS is the certificate of a listener. Both files or neither.
type TLS struct {
	// PEM file with the certificate and its chain.
	CertFile string `yaml:"cert_file"`

	// PEM file with the private key. Whoever can read it can pose as this
	// server.
	KeyFile string `yaml:"key_file"`
}

// Enabled reports whether a certificate is configured.
func (t TLS) Enabled() bool { return t.CertFile != "" && t.KeyFile != "" }

// Auth says who may do what.
type Auth struct {
	// YAML file with one entry per caller: name, SHA-256 of the token, roles,
	// and the environments and components it may speak for. Optional; without
	// it the listeners are open. Whoever can write to it can give themselves any
	// role.
	TokensFile string `yaml:"tokens_file"`
}

// NATS is the server that keeps the streams.
type NATS struct {
	// URL of an outside server or cluster, nats:// or tls://; several are
	// separated by commas. Optional; without it "serve" runs a server of its
	// own in data_dir. The separate processes need it.
	URL string `yaml:"url"`

	// Address, as host:port, on which the server of "serve" takes NATS clients.
	// Optional; without it only the process itself can reach that server.
	// Excludes nats.url.
	Listen string `yaml:"listen"`

	// File with NATS credentials (JWT and seed) for the outside server.
	// Excludes nats.user.
	CredsFile string `yaml:"creds_file"`

	// User name for the outside server.
	User string `yaml:"user"`

	// Password of nats.user.
	Password Secret `yaml:"password"`

	// File that holds the password. Excludes nats.password.
	PasswordFile string `yaml:"password_file"`

	// Certificates towards an outside server, or of nats.listen.
	TLS NATSTLS `yaml:"tls"`

	// Copies of each stream on an outside cluster: 1, 3 or 5. With 1 that server
	// must sync before it acknowledges (sync_interval: always), or a power cut
	// loses acknowledged events. The server of "serve" keeps one copy and syncs.
	Replicas int `yaml:"replicas"`

	// Most bytes that the server of "serve" may keep on disk. 0 means what the
	// disk holds. A full store refuses new events; it deletes none.
	MaxStoreBytes Bytes `yaml:"max_store_bytes"`

	// Lets the server of "serve" acknowledge before the disk has synced. A power
	// cut can then lose acknowledged events of the last two minutes.
	RelaxedSync bool `yaml:"relaxed_sync"`
}

// NATSTLS is what TLS with NATS clients or servers needs.
type NATSTLS struct {
	// PEM file with the certificate: the listener's, or the client's towards an
	// outside server.
	CertFile string `yaml:"cert_file"`

	// PEM file with its private key.
	KeyFile string `yaml:"key_file"`

	// PEM file with the authorities that may vouch for the outside server.
	// Optional; without it the machine's own are asked.
	CAFile string `yaml:"ca_file"`
}

// Ingest bounds what comes in.
type Ingest struct {
	// Longest event.
	EventBytes Bytes `yaml:"event_bytes"`

	// Most events in one batch.
	BatchEvents int `yaml:"batch_events"`

	// Longest batch.
	BatchBytes Bytes `yaml:"batch_bytes"`

	// Deepest nesting of an event's JSON.
	Depth int `yaml:"depth"`

	// Most keys in an event's JSON, those of all objects together.
	Keys int `yaml:"keys"`

	// Most events a second that one emitter may send over HTTP; bursts of one full
	// batch are let through. 0 means no bound.
	EventsPerSecond int `yaml:"events_per_second"`

	// Most events a second, over HTTP, that one emitter may send into quarantine.
	// Above it they are turned away.
	QuarantinePerSecond int `yaml:"quarantine_per_second"`

	// Longest body of a webhook. At most 1MiB: what cannot be used is kept whole.
	HookBytes Bytes `yaml:"hook_bytes"`

	// How long quarantine keeps what could not be used. 0 means for ever: when it is
	// full (256MiB), the doors turn away what they would have to put there.
	QuarantineKeep time.Duration `yaml:"quarantine_keep"`

	// Event types of your own, kept and passed on like ours; they change no
	// status.
	Types []EventType `yaml:"types"`

	// How often this recorder says that all it took before has been recorded.
	// Silence is known no finer than this. At least 1s.
	TickEvery time.Duration `yaml:"tick_every"`
}

// Hook is one webhook of a tool.
type Hook struct {
	// The tool, as its mapping is named.
	Tool string `yaml:"tool"`

	// Last part of the URL, /v1/hooks/TOOL/NAME. Optional; without it the entry is
	// about /v1/hooks/TOOL. The emitter of what comes with a valid secret is
	// "hook-" and the name, or the tool.
	Name string `yaml:"name"`

	// Environment of what does not say its own.
	Env string `yaml:"env"`

	// Regions of what does not say its own: with several, one event for each.
	Regions []string `yaml:"regions"`

	// Component of what does not say its own.
	Component string `yaml:"component"`

	// lead, the default: what the tool says names deployments. follow: it is said of
	// the deployment that somebody else has named.
	Names string `yaml:"names"`

	// Patterns of the jobs, workflows and pipelines whose success is a deployment's
	// success. Without it a pipeline's success deploys nothing.
	Deploys []string `yaml:"deploys"`

	// How the tool's names are put together, such as "{env}-{region}".
	Patterns []string `yaml:"patterns"`

	// What else the tool's mapping asks of the URL, as a URL has it:
	// "cluster=blue&approved=Approved,Done". What the URL says counts more.
	Query string `yaml:"query"`

	// How the tool proves that a request is its own: github, gitlab,
	// standard-webhooks, bearer, basic, pagerduty, slack, jira or flux. Optional;
	// without it the way that the tool's mapping names first.
	Scheme string `yaml:"scheme"`

	// Secrets shared with the tool, any of which counts: two while one is replaced,
	// at most four. With basic each is user:password. Optional; without any, a
	// request needs a token as one to /v1/events does.
	Secrets []Secret `yaml:"secrets"`

	// File that holds the secrets, one a line. Excludes secrets.
	SecretsFile string `yaml:"secrets_file"`

	// Patterns of the environments that a hook with secrets may speak for.
	// Optional; without it all.
	Envs []string `yaml:"envs"`

	// Patterns of the components that a hook with secrets may speak for. Optional;
	// without it all.
	Components []string `yaml:"components"`

	// After how many requests in a row that cannot be used, within an hour, the hook
	// is turned away for a while. 0 means 100, -1 never.
	SuspendAfter int `yaml:"suspend_after"`

	// How long it is turned away at first; twice as long each time that it comes
	// back with more of the same, up to an hour. 0 means 5m.
	SuspendFor time.Duration `yaml:"suspend_for"`
}

// EventType is a type of your own that the doors take.
type EventType struct {
	// The CloudEvents type, such as com.example.build.finished.v1. Types under
	// dev.telltale are ours.
	Type string `yaml:"type"`

	// File with the JSON Schema (2020-12) of its data. It may not refer to other
	// files.
	SchemaFile string `yaml:"schema_file"`
}

// Definitions are the documents that say who, what and by which lifecycle.
type Definitions struct {
	// YAML files of documents (Lifecycle, Component, Source) that the process with
	// the doors puts in force when it starts, as "telltale apply" does. One that was
	// in force before is not put there again: give it a new version for that.
	Files []string `yaml:"files"`
}

// Projector bounds what the projection may use.
type Projector struct {
	// Memory for blocks and indexes of the store.
	CacheBytes Bytes `yaml:"cache_bytes"`

	// Syncs every batch to disk. Not needed for safety: after a power cut the
	// projection falls back to an earlier batch and reads the stream again.
	Sync bool `yaml:"sync"`
}

// Notifier says who is told of a problem.
type Notifier struct {
	// Where alerts go. The first route takes everything; without it nobody is told.
	Route routing.Route `yaml:"route"`

	// Names for times, for the routes.
	TimeIntervals []routing.TimeInterval `yaml:"time_intervals"`

	// Alerts that are not told while others stand. Kept, and not used yet.
	InhibitRules []routing.InhibitRule `yaml:"inhibit_rules"`

	// The receivers that routes can name.
	Receivers []Receiver `yaml:"receivers"`
}

// CDEvents is an endpoint that is told of changes in CDEvents.
type CDEvents struct {
	// URL that each change is posted to, as a CloudEvent in structured mode, in
	// order, from the first start with it on. Optional; without it nothing is told.
	URL string `yaml:"url"`

	// Bearer token for that endpoint. It needs https://.
	Token Secret `yaml:"token"`

	// File that holds the token. Excludes token.
	TokenFile string `yaml:"token_file"`
}

// Log is what the process says of itself.
type Log struct {
	// Least level that is written: debug, info, warn or error.
	Level string `yaml:"level"`

	// text for people, json for collectors.
	Format string `yaml:"format"`
}

// Default returns the configuration that holds when nothing is said: one
// process with a server of its own, reachable from this machine only.
func Default() *Config {
	return &Config{
		DataDir:   "telltale-data",
		Recorder:  "local",
		Clock:     ClockWall,
		Server:    Server{Listen: "127.0.0.1:8080"},
		NATS:      NATS{Replicas: 3},
		Ingest:    Ingest{EventBytes: 64 << 10, BatchEvents: 1000, BatchBytes: 4 << 20, Depth: 32, Keys: 1000, QuarantinePerSecond: 20, HookBytes: 1 << 20, QuarantineKeep: 90 * 24 * time.Hour, TickEvery: 10 * time.Second},
		Projector: Projector{CacheBytes: 128 << 20},
		Log:       Log{Level: "info", Format: "text"},
	}
}

// Routing returns what the routes say.
func (n *Notifier) Routing() routing.Config {
	c := routing.Config{Route: n.Route, TimeIntervals: n.TimeIntervals, InhibitRules: n.InhibitRules}
	for i := range n.Receivers {
		c.Receivers = append(c.Receivers, n.Receivers[i].Name)
	}
	return c
}
