package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/telltale-dev/telltale/internal/config"
)

// setting is a flag that sets a key of the configuration.
type setting struct {
	flag, key, help string
	toggle          bool // --flag alone means true
}

// The flags of those who serve. Each verb takes some of them.
var (
	flagDataDir    = setting{flag: "data-dir", key: "data_dir", help: "directory that keeps everything"}
	flagListen     = setting{flag: "listen", key: "server.listen", help: "address of the HTTP listener, host:port"}
	flagNATSListen = setting{flag: "nats-listen", key: "nats.listen", help: "address on which the embedded NATS server takes clients"}
	flagNATSURL    = setting{flag: "nats-url", key: "nats.url", help: "URL of a NATS server outside, instead of the embedded one"}
	flagRecorder   = setting{flag: "recorder", key: "recorder", help: "name under which this ingest stamps and ticks"}
	flagRegions    = setting{flag: "regions", key: "regions", help: "regions that this recorder stands for, separated by commas"}
	flagClock      = setting{flag: "clock", key: "clock", help: "who moves time on: wall or events"}
	flagInsecure   = setting{flag: "insecure", key: "server.insecure", help: "let other machines in without tokens and TLS", toggle: true}
	flagLogLevel   = setting{flag: "log-level", key: "log.level", help: "debug, info, warn or error"}
)

// settings are the flags of one command with the file they are laid over.
type settings struct {
	list  []setting
	flags *pflag.FlagSet
	file  string
}

// bind defines --config and the flags of list.
func (s *settings) bind(cmd *cobra.Command, list ...setting) {
	s.list, s.flags = list, cmd.Flags()
	s.flags.StringVar(&s.file, "config", "", "configuration file, YAML")
	for _, f := range list {
		s.flags.String(f.flag, "", f.help+" ("+f.key+")")
		if f.toggle {
			s.flags.Lookup(f.flag).NoOptDefVal = "true"
		}
	}
}

// load reads the configuration with the flags that were given, over defaults
// (nil: the usual ones). What is wrong with it is a fault of whoever started
// the command, and told as such.
func (s *settings) load(env Env, defaults *config.Config) (*config.Config, error) {
	src := config.Sources{Defaults: defaults, File: s.file, Getenv: env.Getenv}
	for _, f := range s.list {
		if given := s.flags.Lookup(f.flag); given.Changed {
			src.Flags = append(src.Flags, config.Flag{Name: f.flag, Key: f.key, Value: given.Value.String()})
		}
	}
	cfg, err := config.Load(src)
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: err}
	}
	return cfg, nil
}
