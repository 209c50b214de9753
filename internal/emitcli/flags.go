package emitcli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/telltale-dev/telltale/pkg/emit"
)

// defaultServer is where a server on the same machine listens.
const defaultServer = "http://127.0.0.1:8080"

// onError says what to do when no server takes an event.
type onError string

const (
	onErrorSpool onError = "spool" // keep it on disk, warn, go on
	onErrorWarn  onError = "warn"  // forget it, warn, go on
	onErrorFail  onError = "fail"  // forget it, end with an error
)

// Set, String and Type make an onError a flag.
func (o *onError) Set(s string) error {
	switch onError(s) {
	case onErrorSpool, onErrorWarn, onErrorFail:
		*o = onError(s)
		return nil
	}
	return errors.New("must be spool, warn or fail")
}

func (o *onError) String() string { return string(*o) }

// Type returns the placeholder in the help text.
func (o *onError) Type() string { return "spool|warn|fail" }

// connection holds the flags that say where events go.
type connection struct {
	server, token, tokenFile string
	emitter, credsFile       string
	caFile, spoolDir         string
}

func (c *connection) register(fs *pflag.FlagSet) {
	fs.StringVar(&c.server, "server", defaultServer, "where events go: http(s)://, nats:// or tls://")
	fs.StringVar(&c.token, "token", "", "token of the emitter (better: TELLTALE_TOKEN or --token-file)")
	fs.StringVar(&c.tokenFile, "token-file", "", "file that holds the token")
	fs.StringVar(&c.emitter, "emitter", "", "name that a NATS server knows the emitter by")
	fs.StringVar(&c.credsFile, "creds-file", "", "NATS credentials file")
	fs.StringVar(&c.caFile, "ca-file", "", "PEM file of the authorities to trust in place of the system's")
	fs.StringVar(&c.spoolDir, "spool-dir", "", "where events wait for a server (default: telltale/spool in the user's state directory)")
}

// options turns the flags into a client's options. A spool directory that
// cannot be found leaves the client without a spool: the caller warns.
func (c *connection) options(env Env) (emit.Options, error) {
	token := c.token
	if c.tokenFile != "" {
		if token != "" {
			return emit.Options{}, usage("--token and --token-file exclude each other")
		}
		b, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return emit.Options{}, usage("read the token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	opts := emit.Options{
		Server: c.server, Token: token, Emitter: c.emitter, CredsFile: c.credsFile,
		SpoolDir: c.spoolDir, Logger: logger(env),
	}
	if opts.SpoolDir == "" {
		opts.SpoolDir = defaultSpool(env.Getenv)
	}
	if c.caFile != "" {
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			return emit.Options{}, usage("read the authorities: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return emit.Options{}, usage("%s holds no PEM certificate", c.caFile)
		}
		opts.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return opts, nil
}

// defaultSpool returns a directory of the user's own, which outlives the step;
// "" without a home. A shared directory such as /tmp is no substitute: others
// could plant events there.
func defaultSpool(get func(string) string) string {
	for _, base := range [][2]string{
		{"XDG_STATE_HOME", ""}, {"HOME", ".local/state"}, {"LOCALAPPDATA", ""},
	} {
		if dir := get(base[0]); dir != "" {
			return filepath.Join(dir, filepath.FromSlash(base[1]), "telltale", "spool")
		}
	}
	return ""
}

// open returns a client. If the spool cannot be opened it warns and does
// without: a full disk must not stop a deployment.
func open(env Env, opts emit.Options) (*emit.Client, error) {
	client, err := emit.New(opts)
	if err == nil {
		if opts.SpoolDir == "" {
			env.say("no home directory for a spool: events are lost while no server can be reached (set --spool-dir)")
		}
		return client, nil
	}
	var disk *os.PathError
	if !errors.As(err, &disk) {
		return nil, usage("%w", err)
	}
	env.say("no spool, events are lost while no server can be reached: %v", err)
	opts.SpoolDir = ""
	if client, err = emit.New(opts); err != nil {
		return nil, usage("%w", err)
	}
	return client, nil
}

// fromEnvironment fills flags that were not given from TELLTALE_<NAME>, with
// '-' as '_'. An empty variable counts as absent: pipelines set variables they
// have no value for. A token that was given rules out the variables of both.
func fromEnvironment(fs *pflag.FlagSet, get func(string) string) error {
	var errs []error
	token := fs.Changed("token") || fs.Changed("token-file")
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || token && strings.HasPrefix(f.Name, "token") {
			return
		}
		name := variable(f.Name)
		if v := get(name); v != "" {
			if err := fs.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		return usage("%w", err)
	}
	return nil
}

func variable(flag string) string {
	return "TELLTALE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// instant is a time in a flag: RFC 3339.
type instant struct{ time.Time }

// Set, String and Type make an instant a flag.
func (t *instant) Set(s string) (err error) {
	if t.Time, err = time.Parse(time.RFC3339Nano, s); err != nil {
		return errors.New("must be a time like 2006-01-02T15:04:05Z")
	}
	return nil
}

func (t *instant) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// Type returns the placeholder in the help text.
func (t *instant) Type() string { return "time" }

// command sets up what all verbs share: errors of cobra become usage errors,
// and printing them is left to the caller of the root command.
func command(cmd *cobra.Command) *cobra.Command {
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	return cmd
}
