package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/notifier/routing"
	"github.com/telltale-dev/telltale/internal/obs"
	"github.com/telltale-dev/telltale/pkg/events"
)

// maxRegions is how many regions one tick can name and stay a small event.
const maxRegions = 256

// Validate reports everything that is wrong with c as an [*Error], nil when it
// can be used. It opens nothing.
func (c *Config) Validate() error {
	var fs faults
	c.validateSelf(&fs)
	c.validateListeners(&fs)
	c.NATS.validate(&fs)
	c.Ingest.validate(&fs)
	validateHooks(&fs, c.Hooks)
	for i, name := range c.Mappings {
		if name == "" {
			fs.add(fmt.Sprintf("mappings[%d]", i), "is empty", "name a file or a directory of mappings")
		}
	}
	for i, name := range c.Definitions.Files {
		if name == "" {
			fs.add(fmt.Sprintf("definitions.files[%d]", i), "is empty", "name a file of documents")
		}
	}
	if c.Projector.CacheBytes < 16<<20 {
		fs.add("projector.cache_bytes", "is less than 16MiB", "")
	}
	c.Notifier.validate(&fs)
	c.CDEvents.validate(&fs)
	return fs.err()
}

func (c *Config) validateSelf(fs *faults) {
	if c.DataDir == "" {
		fs.add("data_dir", "is empty", "name the directory that keeps the data")
	}
	if err := events.CheckName("a recorder", c.Recorder); err != nil {
		fs.add("recorder", detail(err), "")
	}
	if len(c.Regions) > maxRegions {
		fs.add("regions", fmt.Sprintf("names %d regions, at most %d are allowed", len(c.Regions), maxRegions), "")
	}
	for i, region := range c.Regions {
		if err := events.CheckName("a region", region); err != nil {
			fs.add(fmt.Sprintf("regions[%d]", i), detail(err), "")
		}
	}
	oneOf(fs, "clock", string(c.Clock), string(ClockWall), string(ClockEvents))
	oneOf(fs, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(fs, "log.format", c.Log.Format, string(obs.LogText), string(obs.LogJSON))
}

// validateListeners holds that nothing is reachable from other machines
// without tokens and TLS unless that was asked for.
func (c *Config) validateListeners(fs *faults) {
	checkPair(fs, "server.tls", c.Server.TLS.CertFile, c.Server.TLS.KeyFile)
	if checkAddress(fs, "server.listen", c.Server.Listen) && !obs.IsLoopback(c.Server.Listen) {
		c.checkExposed(fs, "server.listen", "server.tls", c.Server.TLS.Enabled())
		host, _, _ := net.SplitHostPort(c.Server.Listen)
		ip, err := netip.ParseAddr(host)
		if everywhere := host == "" || err == nil && ip.IsUnspecified(); everywhere && len(c.Server.Names) == 0 {
			fs.add("server.names", "is empty, so requests to any name but localhost would be refused",
				"list the names under which clients reach this server")
		}
	}
	if u, err := url.Parse(c.Server.PublicURL); c.Server.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		fs.add("server.public_url", "is not a URL such as https://telltale.example.org", "")
	}
	for i, name := range c.Server.Names {
		if host, _, err := net.SplitHostPort(name); name == "" || err == nil && host != "" {
			fs.add(fmt.Sprintf("server.names[%d]", i), "is not a host name or an address without a port", "")
		}
	}
	if c.NATS.Listen != "" && checkAddress(fs, "nats.listen", c.NATS.Listen) && !obs.IsLoopback(c.NATS.Listen) {
		c.checkExposed(fs, "nats.listen", "nats.tls", c.NATS.TLS.CertFile != "")
	}
}

func (c *Config) checkExposed(fs *faults, key, tlsKey string, tls bool) {
	if c.Server.Insecure || c.Auth.TokensFile != "" && tls {
		return
	}
	fs.add(key, "other machines can reach this address, and it would be open to all of them",
		"configure auth.tokens_file and "+tlsKey+", listen on 127.0.0.1, or give --insecure")
}

func (n NATS) validate(fs *faults) {
	checkPair(fs, "nats.tls", n.TLS.CertFile, n.TLS.KeyFile)
	if n.URL != "" {
		if n.Listen != "" {
			fs.add("nats.listen", "excludes nats.url", "an outside server has listeners of its own")
		}
		for part := range strings.SplitSeq(n.URL, ",") {
			u, err := url.Parse(strings.TrimSpace(part))
			switch {
			case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls":
				fs.add("nats.url", "is not a URL such as nats://host:4222 or tls://host:4222", "")
			case u.User != nil:
				fs.add("nats.url", "holds a user, and would be shown with its password", "set nats.user and nats.password_file")
			}
		}
	}
	if n.CredsFile != "" && n.User != "" {
		fs.add("nats.creds_file", "excludes nats.user", "")
	}
	if n.User == "" && n.Password != "" {
		fs.add("nats.password", "has no nats.user", "")
	}
	if !slices.Contains([]int{1, 3, 5}, n.Replicas) {
		fs.add("nats.replicas", "is none of 1, 3, 5", "")
	}
}

func (i Ingest) validate(fs *faults) {
	const mostBatchBytes = 64 << 20
	for _, l := range []struct {
		key           string
		n, least, top int64
	}{
		{"ingest.event_bytes", int64(i.EventBytes), 1 << 10, 512 << 10},
		{"ingest.batch_events", int64(i.BatchEvents), 1, 10_000},
		{"ingest.batch_bytes", int64(i.BatchBytes), min(int64(i.EventBytes), mostBatchBytes), mostBatchBytes},
		{"ingest.depth", int64(i.Depth), 4, 1000},
		{"ingest.keys", int64(i.Keys), 16, 100_000},
		{"ingest.events_per_second", int64(i.EventsPerSecond), 0, 1_000_000},
		{"ingest.hook_bytes", int64(i.HookBytes), 1 << 10, 1 << 20},
		{"ingest.quarantine_per_second", int64(i.QuarantinePerSecond), 1, 1_000_000},
	} {
		if l.n < l.least || l.n > l.top {
			fs.add(l.key, fmt.Sprintf("is not between %d and %d", l.least, l.top), "")
		}
	}
	if i.TickEvery < time.Second || i.TickEvery > time.Hour {
		fs.add("ingest.tick_every", "is not between 1s and 1h", "")
	}
	if i.QuarantineKeep != 0 && i.QuarantineKeep < time.Hour {
		fs.add("ingest.quarantine_keep", "is less than 1h", "0 keeps for ever")
	}
	seen := make(map[string]bool, len(i.Types))
	for n, t := range i.Types {
		key := fmt.Sprintf("ingest.types[%d]", n)
		switch {
		case t.Type == "":
			fs.add(key+".type", "is empty", "")
		case seen[t.Type]:
			fs.add(key+".type", "is the type of an earlier entry too", "")
		}
		seen[t.Type] = true
		if t.SchemaFile == "" {
			fs.add(key+".schema_file", "is empty", "name the file with the JSON Schema of the type's data")
		}
	}
}

func (n *Notifier) validate(fs *faults) {
	seen := make(map[string]bool, len(n.Receivers))
	for i := range n.Receivers {
		r := &n.Receivers[i]
		key := fmt.Sprintf("notifier.receivers[%d]", i)
		switch {
		case r.Name == "":
			fs.add(key+".name", "is empty", "")
		case seen[r.Name]:
			fs.add(key+".name", "is the name of an earlier receiver too", "")
		}
		seen[r.Name] = true
		for _, e := range r.entries() {
			e.validate(fs, fmt.Sprintf("%s.%s_configs[%d]", key, e.kind, e.n), origin{receiver: cmp.Or(r.Name, "nameless")})
		}
	}
	var wrong *routing.Error
	if _, err := routing.New(n.Routing()); errors.As(err, &wrong) {
		for _, f := range wrong.Faults {
			fs.add("notifier."+f.Key, f.Detail, f.Hint)
		}
	}
}

// validate asks the receiver itself what is wrong with its settings, but for what
// can be said of a single key.
func (e *entry) validate(fs *faults, key string, o origin) {
	before := len(*fs)
	if w, ok := e.settings.(Webhook); ok {
		w.validate(fs, key)
	}
	if len(*fs) > before {
		return
	}
	to, err := e.sender(o)
	if err == nil {
		to.Close()
		return
	}
	for line := range strings.Lines(err.Error()) { // one for each fault
		fs.add(key, strings.TrimSpace(line), "")
	}
}

func (w Webhook) validate(fs *faults, key string) {
	u, err := url.Parse(w.URL.Reveal())
	switch {
	case w.URL == "":
		fs.add(key+".url", "is empty", "set url or url_file")
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		fs.add(key+".url", "is not an https:// URL without a user", "")
	case u.Scheme == "http" && !w.AllowPrivate:
		fs.add(key+".url", "is http://, where anyone on the way can read along", "use https://, or set allow_private")
	}
	if w.Secret == "" {
		fs.add(key+".secret", "is empty", "messages are signed: set secret or secret_file")
	}
}

func (c CDEvents) validate(fs *faults) {
	if c.URL == "" {
		if c.Token != "" {
			fs.add("cdevents.token", "has no cdevents.url", "")
		}
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		fs.add("cdevents.url", "is not a URL such as https://events.example.org without a user", "a token goes into cdevents.token_file")
	case u.Scheme == "http" && c.Token != "":
		fs.add("cdevents.url", "is http://, where anyone on the way can read the token", "use https://, or send without a token")
	}
}

func checkPair(fs *faults, key, cert, private string) {
	if (cert == "") != (private == "") {
		fs.add(key, "has only one of cert_file and key_file", "set both or neither")
	}
}

func checkAddress(fs *faults, key, addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		fs.add(key, "is not an address such as 127.0.0.1:8080", "")
	}
	return err == nil
}

func oneOf(fs *faults, key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		fs.add(key, fmt.Sprintf("%q is none of %v", value, allowed), "")
	}
}

// detail returns what an error of package events says without its code, which
// means nothing to someone who edits a file.
func detail(err error) string {
	var e *events.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
