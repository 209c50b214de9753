// Package archtest keeps the repository's layout honest. It reads the source of
// every package and fails when a room imports what it may not, when a
// dependency is used outside its owners, when a pure room reads a clock, or when
// a file grows too long; and it holds every line of go.mod to a written reason.
//
// It parses files itself rather than running "go list": the go command records
// the files a test opens, so a cached pass is dropped as soon as one changes.
package archtest

const module = "github.com/telltale-dev/telltale"

// maxLines is the longest a file may be, in lines, tests included.
const maxLines = 600

// room is a package of this module with the rooms that it imports, no more and
// no fewer. Tests may import more, to run rooms against each other.
type room struct {
	name    string
	imports []string
}

// rooms has a row for every room, in import order: a row names only rooms above
// it. The rooms that meet on the stream (ingest, projector, notifier) never name
// each other.
var rooms = []room{
	{"schemas", nil},
	{"pkg/events", nil},
	{"pkg/events/cesdk", []string{"pkg/events"}},

	{"internal/schema", []string{"schemas", "pkg/events"}},
	{"internal/schema/schematest", []string{"schemas", "pkg/events", "internal/schema"}},
	{"internal/glob", nil},
	{"internal/expr", []string{"pkg/events", "internal/glob"}},
	{"internal/obs", []string{"pkg/events"}},
	{"internal/access", []string{"pkg/events"}},

	{"pkg/statemachine", []string{"pkg/events", "internal/expr", "internal/glob"}},

	// What documents say is read in one place by all: by those who send them, take
	// them, go by them and show them.
	{"internal/document", nil},
	{"internal/definition", []string{"pkg/events", "internal/glob", "pkg/statemachine", "internal/document"}},
	{"internal/view", []string{"pkg/events", "pkg/statemachine"}},
	// What must come out of the same events, worked out at once: the projector is
	// held to it, and lifecycles are tried on it.
	{"internal/rehearse", []string{"pkg/events", "pkg/statemachine", "internal/definition", "internal/view"}},
	{"internal/cdevents", []string{"pkg/events", "internal/view"}},
	{"internal/delivery/receiver", []string{"pkg/events"}},
	{"internal/delivery/receiver/receivertest", []string{"internal/delivery/receiver"}},
	{"internal/ingest/signature", []string{"pkg/events"}},
	// Who is told of what, as a file says: those who read the file check it with this.
	{"internal/notifier/routing", nil},
	{"internal/config", []string{"pkg/events", "internal/obs", "internal/delivery/receiver", "internal/ingest/signature", "internal/notifier/routing"}},

	{"internal/natsd", []string{"pkg/events"}},
	{"internal/stream", []string{"pkg/events"}},
	{"internal/cdevents/publish", []string{"pkg/events", "internal/cdevents", "internal/stream", "internal/view"}},
	{"internal/store", []string{"pkg/events", "pkg/statemachine", "internal/view"}},

	{"internal/delivery", []string{"pkg/events", "internal/stream", "internal/store", "internal/delivery/receiver"}},
	{"internal/delivery/deliverytest", nil},

	// What tools say becomes events by documents; the room stores and asks nothing.
	{"internal/ingest/adapter", []string{"pkg/events", "internal/glob", "internal/expr", "internal/document"}},
	{"internal/ingest", []string{
		"pkg/events", "pkg/statemachine", "internal/definition", "internal/access", "internal/obs", "internal/schema", "internal/stream",
		"internal/ingest/adapter", "internal/ingest/signature",
	}},
	{"internal/projector", []string{
		"pkg/events", "pkg/statemachine", "internal/definition", "internal/store", "internal/stream", "internal/view",
	}},
	{"internal/notifier", []string{
		"pkg/events", "pkg/statemachine", "internal/store", "internal/stream", "internal/delivery", "internal/delivery/receiver",
		"internal/notifier/routing",
	}},
	{"internal/query", []string{
		"pkg/events", "pkg/statemachine", "internal/definition", "internal/access", "internal/obs", "internal/store", "internal/stream",
		"internal/view",
	}},

	{"internal/app", []string{
		"pkg/events", "internal/definition", "internal/access", "internal/cdevents/publish", "internal/config", "internal/ingest", "internal/ingest/adapter",
		"internal/ingest/signature", "internal/natsd", "internal/notifier", "internal/notifier/routing", "internal/obs", "internal/projector", "internal/query", "internal/schema", "internal/store", "internal/stream",
	}},

	{"pkg/emit", []string{"pkg/events"}},
	{"internal/emitcli", []string{"pkg/events", "pkg/emit"}},
	{"bench", []string{
		"pkg/events", "pkg/statemachine", "internal/access", "internal/ingest", "internal/ingest/adapter", "internal/natsd", "internal/notifier",
		"internal/projector", "internal/store", "internal/stream",
	}},
	{"internal/demo", []string{"pkg/events", "pkg/statemachine", "pkg/emit", "internal/view", "internal/config", "internal/app"}},
	{"internal/cli", []string{
		"pkg/events", "pkg/statemachine", "internal/definition", "internal/ingest/adapter", "internal/app", "internal/config", "bench", "internal/demo", "internal/emitcli", "internal/obs",
		"internal/notifier", "internal/notifier/routing", "internal/rehearse", "internal/view", "schemas",
	}},

	{"cmd/telltale", []string{"internal/cli"}},
	{"cmd/telltale-emit", []string{"internal/emitcli"}},
	{"cmd/ingest", []string{"internal/cli"}},
	{"cmd/projector", []string{"internal/cli"}},
	{"cmd/notifier", []string{"internal/cli"}},

	{"internal/testkit", []string{"internal/natsd", "internal/stream"}},
	{"internal/archtest", nil},
	{"deploy", nil},
	{"e2e", nil},
}

// light rooms are built into other people's programs: besides the standard
// library and this module they import these modules and no others.
var light = map[string][]string{
	"pkg/events":       {"github.com/go-json-experiment/json"},
	"pkg/events/cesdk": {"github.com/cloudevents/sdk-go/v2/event", "github.com/cloudevents/sdk-go/v2/types"},
	"pkg/emit":         {"github.com/nats-io/nats.go"},
}

// testOnly are rooms that only tests may import.
var testOnly = []string{"internal/testkit", "internal/delivery/receiver/receivertest", "internal/schema/schematest"}

// owners names the only rooms that may import a dependency, by path prefix. A
// dependency without a row here may be imported anywhere; one with an empty row
// only by tests.
var owners = map[string][]string{
	"cel.dev/":                            {"internal/expr"},
	"github.com/cloudevents/sdk-go/":      {"pkg/events/cesdk"},
	"github.com/dgraph-io/badger/":        {"internal/store"},
	"github.com/nats-io/nats-server/":     {"internal/natsd"},
	"github.com/prometheus/alertmanager/": {"internal/notifier/routing"},
	"github.com/prometheus/common/":       {"internal/notifier/routing"},
	"github.com/prometheus/client_golang/": {
		"internal/obs", "internal/stream", "internal/ingest", "internal/projector", "internal/notifier", "internal/delivery", "internal/cdevents/publish", "internal/app",
	},
	"github.com/spf13/cobra":                          {"internal/cli", "internal/emitcli"},
	"github.com/santhosh-tekuri/jsonschema/":          {"internal/schema"},
	"github.com/goccy/go-yaml":                        {"pkg/statemachine", "internal/document", "internal/definition", "internal/ingest/adapter", "internal/access", "internal/config", "internal/cli"},
	"github.com/standard-webhooks/standard-webhooks/": {},
	"github.com/wneessen/go-mail":                     {"internal/delivery/receiver"},
	"github.com/rogpeppe/go-internal/":                {},
	"go.uber.org/goleak":                              {},
	"pgregory.net/rapid":                              {},
	"testing":                                         {"internal/delivery/receiver/receivertest", "internal/schema/schematest", "internal/testkit"},
}

// pure rooms decide the same whenever and wherever they run: they take time and
// randomness as arguments.
var pure = []string{"pkg/events", "pkg/events/cesdk", "internal/expr", "internal/glob", "pkg/statemachine", "internal/document", "internal/definition", "internal/ingest/adapter", "internal/ingest/signature", "internal/view", "internal/rehearse", "internal/cdevents", "internal/notifier/routing", "internal/projector"}

// impureCalls are what a pure room may not call.
var impureCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"os":   {"Getenv", "LookupEnv", "Environ", "Hostname", "Getpid"},
}

// impureImports are what a pure room may not import at all, each with what to do
// instead.
var impureImports = map[string]string{
	"math/rand":    "take what is random as an argument",
	"math/rand/v2": "take what is random as an argument",
	"crypto/rand":  "take what is random as an argument",
}

// closedImports are what the rooms without any I/O may not import either; the
// projector does I/O.
var closedImports = map[string]string{
	"os":       "take the content as an argument",
	"net":      "take the content as an argument",
	"net/http": "take the content as an argument",
	"log/slog": "return a named reason",
	"log":      "return a named reason",
}

// home names the only room that may spell out a name of the wire, so that no
// second copy of it can go its own way. Tests spell out what they expect.
var home = map[string]string{
	`"tt.v1.`: "pkg/events",
}

// banned lists, for a room, what must not be linked into what imports it, each
// with the reason. The room's own imports are followed through this module.
var banned = map[string]map[string]string{
	"pkg/emit":          emitterBans,
	"cmd/telltale-emit": emitterBans,
}

var emitterBans = map[string]string{
	"github.com/nats-io/nats-server/":        "10 MB: an emitter talks to a server, it is none",
	"github.com/dgraph-io/badger/":           "an emitter keeps its spool in plain files",
	"github.com/cloudevents/":                "with its JSON library: an emitter writes its events itself",
	"github.com/prometheus/":                 "an emitter lives for seconds, nobody scrapes it",
	"github.com/google/cel-go":               "8 MB: an emitter decides nothing",
	"cel.dev/":                               "8 MB: an emitter decides nothing",
	"github.com/santhosh-tekuri/jsonschema/": "2 MB: ingest validates",
}
