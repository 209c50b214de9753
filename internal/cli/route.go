package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/notifier"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// newRouteCommand returns `telltale route`, the verbs of those who say who is
// told. They ask no server: the configuration says it all.
func newRouteCommand(env Env, now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "route",
		Short: "See who would be told of an alert",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRouteTestCommand(env, now), newRouteRenderCommand(env), newRouteImportCommand(env))
	return cmd
}

// routes is what the verbs of route read: the configuration, and how to write
// about it.
type routes struct {
	reader

	settings settings
}

func (r *routes) bind(cmd *cobra.Command) {
	r.output = formatTable
	r.settings.bind(cmd)
	cmd.Flags().VarP(&r.output, "output", "o", "how to write the answer")
}

// load returns the tree and the receivers that it can name, by name.
func (r *routes) load() (*routing.Tree, map[string]*config.Receiver, *config.Config, error) {
	cfg, err := r.settings.load(r.env, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	tree, err := routing.New(cfg.Notifier.Routing())
	if err != nil {
		return nil, nil, nil, err // cannot be: it was validated
	}
	if tree == nil {
		return nil, nil, nil, &ExitError{Code: ExitNotFound, Err: fmt.Errorf("nobody is told of anything: notifier.route is not set")}
	}
	receivers := make(map[string]*config.Receiver, len(cfg.Notifier.Receivers))
	for i := range cfg.Notifier.Receivers {
		receivers[cfg.Notifier.Receivers[i].Name] = &cfg.Notifier.Receivers[i]
	}
	return tree, receivers, cfg, nil
}

func newRouteTestCommand(env Env, now func() time.Time) *cobra.Command {
	r := &routeTester{routes: routes{reader: reader{env: env}}, now: now}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Say where an alert with these labels goes, and when it is told",
		Example: `  telltale route test --config telltale.yaml --label severity=critical --label env=prod
  telltale route test --config telltale.yaml --label alertname=stalled --at 2026-12-25T03:00:00Z -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return r.run() },
	}
	r.bind(cmd)
	cmd.Flags().StringArrayVar(&r.labels, "label", nil, "a label of the alert, NAME=VALUE; may be repeated")
	cmd.Flags().StringVar(&r.at, "at", "", "when the problem begins, RFC 3339 (default: now)")
	return cmd
}

type routeTester struct {
	routes

	now    func() time.Time
	labels []string
	at     string
}

// tested is one route that an alert takes.
type tested struct {
	Path      string    `json:"path"`
	Receiver  string    `json:"receiver"`
	Endpoints []string  `json:"endpoints"`
	NotBefore time.Time `json:"not_before,omitzero"` // absent: nobody is told
	MutedBy   string    `json:"muted_by,omitzero"`
}

func (r *routeTester) run() error {
	labels := make(map[string]string, len(r.labels))
	for _, text := range r.labels {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return usagef("--label %s is not NAME=VALUE", escape(text))
		}
		labels[name] = value
	}
	since := r.now()
	if r.at != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, r.at); err != nil {
			return usagef("--at %s is not a time such as 2026-12-25T03:00:00Z", escape(r.at))
		}
	}
	tree, receivers, cfg, err := r.load()
	if err != nil {
		return err
	}
	var items []tested
	for _, leaf := range tree.Match(labels) {
		item := tested{Path: leaf.Path, Receiver: leaf.Receiver, Endpoints: []string{}}
		endpoints, err := receivers[leaf.Receiver].Endpoints(cfg.Server.PublicURL)
		if err != nil {
			return err // cannot be: it was validated
		}
		for _, e := range endpoints {
			item.Endpoints = append(item.Endpoints, e.Name)
			e.To.Close()
		}
		at, mutedBy, ok := leaf.Earliest(since.Add(max(leaf.HoldFor, heldByRule(labels["alertname"]))))
		if item.MutedBy = mutedBy; ok && len(endpoints) > 0 {
			item.NotBefore = at.UTC()
		}
		items = append(items, item)
	}
	if r.asData() {
		raw, err := json.Marshal(map[string][]tested{"items": items})
		if err != nil {
			return fmt.Errorf("write the routes: %w", err)
		}
		return r.document(raw)
	}
	rows := make([]row, len(items))
	for i, item := range items {
		when := "never"
		if !item.NotBefore.IsZero() {
			when = stamp(item.NotBefore)
		}
		rows[i] = row{item.Receiver, []string{item.Path, item.Receiver, strings.Join(item.Endpoints, ","), when, item.MutedBy}}
	}
	return r.write(r.table(-1, "ROUTE", "RECEIVER", "ENDPOINTS", "NOT BEFORE", "MUTED BY"), rows)
}

// heldByRule returns how long the rule of an alert waits by itself, 0 for what is no
// rule.
func heldByRule(alertname string) time.Duration {
	for _, rule := range notifier.Rules() {
		if rule.Name == alertname {
			return rule.HoldFor
		}
	}
	return 0
}

func newRouteRenderCommand(env Env) *cobra.Command {
	r := &routeRenderer{routes{reader: reader{env: env}}}
	cmd := &cobra.Command{
		Use:     "render",
		Short:   "Show the routes as the tree that they are",
		Example: "  telltale route render --config telltale.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return r.run() },
	}
	r.bind(cmd)
	return cmd
}

type routeRenderer struct{ routes }

// rendered is one route of the tree.
type rendered struct {
	Path     string `json:"path"`
	Matchers string `json:"matchers"`
	Receiver string `json:"receiver"`
	HoldFor  string `json:"hold_for"`
	Continue bool   `json:"continue"`
}

func (r *routeRenderer) run() error {
	tree, _, cfg, err := r.load()
	if err != nil {
		return err
	}
	var items []rendered
	var rows []row
	for _, n := range tree.Nodes() {
		item := rendered{n.Path, n.Matchers, n.Receiver, short(n.HoldFor), n.Continue}
		items = append(items, item)
		what, hold, then := strings.Repeat("  ", n.Depth)+n.Matchers, "", ""
		if n.HoldFor > 0 {
			hold = item.HoldFor
		}
		if n.Continue {
			then = "and goes on"
		}
		rows = append(rows, row{item.Path, []string{what, item.Receiver, hold, then}})
	}
	if r.asData() {
		raw, err := json.Marshal(map[string][]rendered{"items": items})
		if err != nil {
			return fmt.Errorf("write the routes: %w", err)
		}
		return r.document(raw)
	}
	if err := r.write(r.table(-1, "ROUTE", "RECEIVER", "HOLD FOR", "THEN"), rows); err != nil {
		return err
	}
	said := cfg.Notifier.Routing()
	if kept := said.NotUsed(); len(kept) > 0 {
		return r.note("kept and not used yet: %s", strings.Join(kept, ", "))
	}
	return nil
}

func newRouteImportCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Turn the configuration of an Alertmanager into ours, and say what of it is not used",
		Long: `Prints the notifier's part of our configuration on stdout, and on stderr one line for
each key of the file that is not used, with its place. Secrets are not printed: put
them into files and name those, as in routing_key_file.`,
		Example: "  telltale route import alertmanager.yml > notifier.yaml",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return importRoutes(env, args[0]) },
	}
}

func importRoutes(env Env, name string) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	n, unused, err := config.ImportAlertmanager(name, raw)
	if err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	text, err := n.YAML()
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if _, err := env.Stdout.Write(text); err != nil {
		return err
	}
	lines := make([]string, 0, len(unused)+1)
	for _, u := range unused {
		lines = append(lines, u.Where+": "+u.Key+": not used")
	}
	said := n.Routing()
	if kept := said.NotUsed(); len(kept) > 0 {
		lines = append(lines, "kept and not used yet: "+strings.Join(kept, ", "))
	}
	return copyText(env.Stderr, lines...)
}
