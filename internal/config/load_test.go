package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// write puts a file into a fresh directory and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, found := strings.CutPrefix(p, name+"="); found {
				return value
			}
		}
		return ""
	}
}

func TestDefaultIsValid(t *testing.T) {
	c, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("Load of nothing is %+v, want the defaults", c)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	file := write(t, "telltale.yaml", "recorder: from-file\nregions: [a, b]\ndata_dir: from-file\nserver:\n  listen: 127.0.0.1:1\n")
	c, err := Load(Sources{
		File:   file,
		Getenv: environ("TELLTALE_RECORDER=from-env", "TELLTALE_REGIONS=c, d", "TELLTALE_SERVER_LISTEN=127.0.0.1:2", "TELLTALE_LOG_LEVEL="),
		Flags:  []Flag{{Name: "listen", Key: "server.listen", Value: "127.0.0.1:3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "from-file" || c.Recorder != "from-env" || c.Server.Listen != "127.0.0.1:3" || c.Log.Level != "info" {
		t.Errorf("data_dir %q, recorder %q, server.listen %q, log.level %q", c.DataDir, c.Recorder, c.Server.Listen, c.Log.Level)
	}
	if want := []string{"c", "d"}; !slices.Equal(c.Regions, want) {
		t.Errorf("regions %q, want %q", c.Regions, want)
	}
}

func TestEveryKind(t *testing.T) {
	file := write(t, "telltale.yaml", `
clock: events
server: {insecure: true, names: [telltale.example.org]}
ingest:
  event_bytes: 65536
  batch_bytes: 8 MiB
  batch_events: 10
  tick_every: 1m30s
projector:
  sync: # the default
`)
	c, err := Load(Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Clock = ClockEvents
	want.Server.Insecure, want.Server.Names = true, []string{"telltale.example.org"}
	want.Ingest.BatchBytes, want.Ingest.BatchEvents, want.Ingest.TickEvery = 8<<20, 10, 90*time.Second
	if !reflect.DeepEqual(c, want) {
		t.Errorf("read %+v\nwant %+v", c, want)
	}
}

// TestFaults holds each case of testdata against the faults that its comments
// announce, all of them and in order.
func TestFaults(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(text)) {
				if fault, found := strings.CutPrefix(line, "# wrong: "); found {
					want = append(want, strings.TrimSpace(fault))
				}
			}
			_, err = Load(Sources{File: name})
			if err == nil {
				t.Fatal("is accepted")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), name, "FILE"), "\n")
			if !slices.Equal(got, want) {
				t.Errorf("reported\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
}

func TestFaultsNameVariableAndFlag(t *testing.T) {
	_, err := Load(Sources{
		Getenv: environ("TELLTALE_CLOCK=sundial", "TELLTALE_INGEST_DEPTH=deep"),
		Flags:  []Flag{{Name: "listen", Key: "server.listen", Value: "0.0.0.0:80"}, {Name: "gone", Key: "server.gone", Value: "1"}},
	})
	var invalid *Error
	if !errors.As(err, &invalid) {
		t.Fatalf("Load returns %v", err)
	}
	var got []string
	for _, f := range invalid.Faults {
		got = append(got, f.Where+" "+f.Key)
	}
	want := []string{
		"TELLTALE_INGEST_DEPTH ingest.depth", "--gone server.gone",
		"TELLTALE_CLOCK clock", "--listen server.listen", " server.names",
	}
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

func TestSecretFiles(t *testing.T) {
	secret := write(t, "secret", "s3cret\n")
	c, err := Load(Sources{Getenv: environ("TELLTALE_NATS_USER=u", "TELLTALE_NATS_PASSWORD_FILE="+secret)})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.NATS.Password.Reveal(); got != "s3cret" {
		t.Errorf("password is %q, want the file's without its line end", got)
	}
	for _, env := range [][]string{
		{"TELLTALE_NATS_PASSWORD_FILE=" + secret, "TELLTALE_NATS_PASSWORD=other"},
		{"TELLTALE_NATS_PASSWORD_FILE=" + secret + "-gone"},
		{"TELLTALE_NATS_PASSWORD_FILE=" + write(t, "empty", "\n")},
	} {
		_, err := Load(Sources{Getenv: environ(append(env, "TELLTALE_NATS_USER=u")...)})
		if err == nil || !strings.HasPrefix(err.Error(), "TELLTALE_NATS_PASSWORD_FILE: nats.password_file: ") {
			t.Errorf("%q: Load returns %v", env, err)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	c := Default()
	c.NATS.Password = "s3cret"
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("starting", "password", c.NATS.Password)
	for _, shown := range []string{string(text), log.String(), fmt.Sprint(c), fmt.Sprintf("%+v %#v", c, c.NATS), fmt.Sprintf("%q", c.NATS.Password)} {
		if strings.Contains(shown, "s3cret") || !strings.Contains(shown, "<secret>") {
			t.Errorf("shows %s", shown)
		}
	}
}

// TestPrintedIsLoadable: what "config print" says is a configuration file that
// says the same.
func TestPrintedIsLoadable(t *testing.T) {
	url, secret := write(t, "url", "https://example.org/hook"), write(t, "secret", "whsec_YSBtYWRlLXVwIGtleSB0aGF0IGlzIGxvbmc=")
	for name, c := range map[string]*Config{
		"default": Default(),
		"much": func() *Config {
			c := Default()
			c.Regions, c.Ingest.TickEvery, c.NATS.MaxStoreBytes = []string{"eu-west-1", "us-1"}, 90*time.Second, 1<<30+1
			c.Notifier = Notifier{
				Route:     routing.Route{Receiver: "on-call", Routes: []routing.Route{{HoldFor: "5m", Match: map[string]string{"env": "prod"}}}},
				Receivers: []Receiver{{Name: "on-call", WebhookConfigs: []Webhook{{URLFile: url, SecretFile: secret, SendResolved: "false"}}}},
			}
			return c
		}(),
	} {
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Load(Sources{File: write(t, "printed.yaml", string(text))})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		again, err := got.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(text) {
			t.Errorf("%s: printed\n%s\nloaded and printed again\n%s", name, text, again)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "65536": 64 << 10, "64KiB": 64 << 10, "4 MiB": 4 << 20, "2GiB": 2 << 30} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q is read as %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "-1KiB", "1.5MiB", "1KB", "9223372036854775807KiB", "1e3"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %d", text, b)
		}
	}
}
