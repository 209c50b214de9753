// Package deploy holds examples of how Telltale is run. Its tests load every one
// of them, so that none says what the programs do not understand.
package deploy

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
)

const natsConf = "nats/telltale.conf"

// readyTimeout bounds every wait: far more than is ever needed.
const readyTimeout = 30 * time.Second

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startNATS runs a server with the example's configuration, on a free port and
// a directory of the test, and returns its URL.
func startNATS(t *testing.T) string {
	t.Helper()
	opts, err := server.ProcessConfigFile(natsConf)
	if err != nil {
		t.Fatal(err)
	}
	if !opts.SyncAlways {
		t.Error("the server acknowledges before it syncs")
	}
	opts.Host, opts.Port, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
	srv, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(readyTimeout) {
		t.Fatal("the server did not start")
	}
	return srv.ClientURL()
}

// TestNATSRoles: each role can start against the example, ingest first because
// it makes the streams; nobody else can write the truth.
func TestNATSRoles(t *testing.T) {
	url := startNATS(t)
	for _, role := range []string{natsd.RoleIngest, natsd.RoleProjector, natsd.RoleNotifier} {
		conn, err := stream.Connect(t.Context(), stream.Options{URL: url, User: role, Password: "change-me-" + role})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := stream.Ensure(t.Context(), conn.JS, stream.Settings{Replicas: 1, AllowSingleReplica: true}); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	denied := make(chan error, 1)
	ci, err := nats.Connect(url, nats.UserInfo("ci", "change-me-ci"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer ci.Close()
	if _, err := ci.Request("tt.v1.raw.ci", []byte("{}"), readyTimeout); err != nil {
		t.Errorf("an emitter cannot report: %v", err)
	}
	if err := ci.Publish("tt.v1.events.prod.eu.checkout", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := <-denied; !strings.Contains(err.Error(), "Permissions Violation") {
		t.Errorf("an emitter may write the truth: %v", err)
	}
}

// TestNATSPermissions holds the example to the permissions that the embedded
// server gives the same roles.
func TestNATSPermissions(t *testing.T) {
	opts, err := server.ProcessConfigFile(natsConf)
	if err != nil {
		t.Fatal(err)
	}
	given := make(map[string][]string)
	for _, u := range opts.Users {
		given[u.Username] = u.Permissions.Publish.Allow
	}
	for _, u := range natsd.GenerateRoles().Users() {
		if u.Name == natsd.RoleAdmin {
			continue
		}
		// What ingest needs beyond its work is to make the streams.
		got := slices.DeleteFunc(slices.Clone(given[u.Name]), func(s string) bool {
			return u.Name == natsd.RoleIngest && streamVerb.MatchString(s)
		})
		slices.Sort(got)
		want := slices.Sorted(slices.Values(u.Publish))
		if !slices.Equal(got, want) {
			t.Errorf("%s may publish to\n%q\nwant\n%q", u.Name, got, want)
		}
	}
	got := slices.Sorted(slices.Values(given["ci"]))
	want := slices.Sorted(slices.Values(natsd.Emitter("ci", [32]byte{}).Publish))
	if !slices.Equal(got, want) {
		t.Errorf("an emitter may publish to\n%q\nwant\n%q", got, want)
	}
}

var streamVerb = regexp.MustCompile(`^\$JS\.API\.STREAM\.(CREATE|UPDATE)\.`)

// TestCompose holds every role of the compose file to a configuration that its
// process would accept, and its credentials to the NATS example.
func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Volumes     []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(file.Services)), []string{"ingest", "nats", "notifier", "projector"}; !slices.Equal(got, want) {
		t.Fatalf("services %q, want %q", got, want)
	}
	conf := read(t, natsConf)
	for name, service := range file.Services {
		if name == "nats" {
			continue
		}
		asked := make(map[string]bool) // every variable that there is
		cfg, err := config.Load(config.Sources{Getenv: func(name string) string {
			asked[name] = true
			return value(service.Environment[name])
		}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(service.Command, []string{name}) || cfg.NATS.User != name || cfg.NATS.URL == "" || cfg.NATS.Replicas != 1 {
			t.Errorf("%s runs %q as %q against %q with %d replicas", name, service.Command, cfg.NATS.User, cfg.NATS.URL, cfg.NATS.Replicas)
		}
		if login := "user: " + name + ", password: " + cfg.NATS.Password.Reveal() + "\n"; !strings.Contains(conf, login) {
			t.Errorf("%s does not log in as %s knows it", name, natsConf)
		}
		for variable := range service.Environment {
			if !asked[variable] {
				t.Errorf("%s sets %s, which no key of the configuration has", name, variable)
			}
		}
		if _, err := os.Stat("../cmd/" + name); err != nil {
			t.Errorf("%s is no binary of ours: %v", name, err)
		}
	}
}

var withDefault = regexp.MustCompile(`^\$\{\w+:-(.*)\}$`)

// value is what compose makes of a value when nothing is set outside.
func value(text string) string {
	if m := withDefault.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

func TestSystemd(t *testing.T) {
	if _, err := config.Load(config.Sources{File: "systemd/telltale.yaml"}); err != nil {
		t.Error(err)
	}
	unit := read(t, "systemd/telltale.service")
	section := ""
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case !strings.Contains(line, "=") || section == "":
			t.Errorf("%q is neither a section nor a setting", line)
		}
	}
	if !strings.Contains(unit, "\nExecStart=/usr/local/bin/telltale serve --config /etc/telltale/telltale.yaml\n") {
		t.Error("the unit does not serve")
	}
}
