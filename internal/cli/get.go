package cli

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

const (
	defaultGetLimit = 500
	getPage         = 500 // items asked for at once

	// watchEvery is how often -w asks for changes.
	watchEvery = time.Second
)

// newGetCommand returns `telltale get`, which lists what a server knows. Ages are
// told by now.
func newGetCommand(env Env, now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get",
		Short: "List deployments, releases, slots, regions and what else the server knows",
		Example: `  telltale get deployments --env prod --status failed --status rolling_back
  telltale get slots --env prod -o wide
  telltale get deployments prod/eu-west-1/checkout/2.14.0 -o json
  telltale get deployments --env prod --as-of now-2h
  telltale get releases prod/r7
  telltale get deployments --env prod -w`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, k := range kinds() {
		cmd.AddCommand(newGetKindCommand(env, k, now))
	}
	return cmd
}

// getter is one run of `telltale get KIND`.
type getter struct {
	reader

	kind  *kind
	now   func() time.Time
	limit int
	watch bool
	asOf  string // "": as it is now
	every time.Duration
	where filters
	then  url.Values // as_of as the API takes it, nil for now
}

func newGetKindCommand(env Env, k *kind, now func() time.Time) *cobra.Command {
	g := &getter{reader: reader{env: env}, kind: k, now: now, every: watchEvery}
	cmd := &cobra.Command{
		Use:     k.name,
		Aliases: k.aliases,
		Short:   k.short,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			key := ""
			if len(args) == 1 {
				key = args[0]
			}
			return g.run(cmd.Context(), key)
		},
	}
	if k.key != "" {
		cmd.Use += " [" + k.key + "]"
		cmd.Args = cobra.MaximumNArgs(1)
	}
	g.bind(cmd)
	g.where.bind(cmd, k.filters)
	if k.believed != nil {
		cmd.Flags().StringVar(&g.asOf, "as-of", "", "what was believed then: RFC 3339, now or now-2h")
	}
	if k.paged {
		cmd.Flags().IntVar(&g.limit, "limit", defaultGetLimit, "show at most so many; 0 is all")
	}
	if k.changed != nil {
		cmd.Flags().BoolVarP(&g.watch, "watch", "w", false, "then go on showing what changes")
	}
	return cmd
}

// run lists, or shows the one that key names, and then watches if asked to.
func (g *getter) run(ctx context.Context, key string) error {
	if g.limit < 0 {
		return usagef("--limit is negative; 0 is all")
	}
	c, err := g.client()
	if err != nil {
		return err
	}
	if key != "" && g.watch {
		return usagef("-w follows a list; give --env, --region and --component instead of a key")
	}
	if g.asOf != "" {
		if g.watch {
			return usagef("-w follows what is believed from now on; leave --as-of out")
		}
		if err := g.believed(); err != nil {
			return err
		}
	}
	if key != "" {
		return g.one(ctx, c, key)
	}
	t := g.columns()
	after, err := g.list(ctx, c, t)
	if err != nil || !g.watch {
		return err
	}
	return g.follow(ctx, c, t, after)
}

// believed makes the rest go by what was believed at --as-of.
func (g *getter) believed() error {
	at, err := moment("--as-of", g.asOf, g.now())
	if err != nil {
		return err
	}
	query := url.Values{"as_of": {at.Format(time.RFC3339Nano)}}
	then := *g.kind
	then.row, then.detail = g.kind.believed, nil
	then.one = func(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
		return deploymentAsOf(ctx, c, key, query)
	}
	g.kind, g.then = &then, query
	return nil
}

// columns returns the table of the chosen format.
func (g *getter) columns() *table {
	header := g.kind.header
	if g.output == formatWide {
		header = append(append([]string{}, header...), g.kind.wide...)
	}
	return g.table(g.kind.status, header...)
}

// one shows a single thing.
func (g *getter) one(ctx context.Context, c *Client, key string) error {
	raw, err := g.kind.one(ctx, c, key)
	if err != nil {
		return err
	}
	if g.asData() {
		return g.document(raw)
	}
	if err := g.rows(g.columns(), []jsontext.Value{raw}); err != nil || g.kind.detail == nil || g.output == formatName {
		return err
	}
	d, err := g.kind.detail(raw, g.now())
	if err != nil {
		return fmt.Errorf("read one of the %s: %w", g.kind.name, err)
	}
	return g.section(g.table(d.status, d.header...), d.rows)
}

// page is an answer of a list, with its items as they came.
type page struct {
	Items        []jsontext.Value `json:"items"`
	Next         string           `json:"next,omitzero"`
	ChangesAfter uint64           `json:"changes_after"`
}

// list shows up to limit items and returns where in the changes the list
// stands. Tables and names are written page by page, documents as one.
func (g *getter) list(ctx context.Context, c *Client, t *table) (after uint64, err error) {
	whole := page{Items: []jsontext.Value{}}
	query := g.where.query()
	maps.Copy(query, g.then)
	for shown, first := 0, true; ; first = false {
		if g.kind.paged {
			query.Set("limit", strconv.Itoa(nextPage(g.limit, shown)))
		}
		p, err := g.page(ctx, c, query)
		if err != nil {
			return 0, err
		}
		if first { // later pages stand later in the changes, this one misses none
			whole.ChangesAfter = p.ChangesAfter
		}
		shown += len(p.Items)
		whole.Next = p.Next
		if g.asData() {
			whole.Items = append(whole.Items, p.Items...)
		} else if err := g.rows(t, p.Items); err != nil {
			return 0, err
		}
		if p.Next == "" || g.limit > 0 && shown >= g.limit {
			return whole.ChangesAfter, g.end(&whole, shown)
		}
		query.Set("cursor", p.Next)
	}
}

// nextPage returns how many items to ask for when shown of limit are there.
func nextPage(limit, shown int) int {
	if limit == 0 {
		return getPage
	}
	return min(getPage, limit-shown)
}

func (g *getter) page(ctx context.Context, c *Client, query url.Values) (page, error) {
	raw, err := c.Get(ctx, g.kind.path, query)
	if err != nil {
		return page{}, err
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		return page{}, fmt.Errorf("read the answer to %s: %w", g.kind.path, err)
	}
	p.Items, err = g.where.keep(p.Items)
	return p, err
}

// end writes what a list ends with: the document, or a note on stderr for
// people who see a table that is empty or not whole.
func (g *getter) end(whole *page, shown int) error {
	switch {
	case g.asData():
		raw, err := json.Marshal(whole)
		if err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
		return g.document(raw)
	case g.output == formatName:
		return nil
	case shown == 0 && !g.watch:
		return g.note("No %s found.", g.kind.name)
	case whole.Next != "":
		return g.note("%d shown, there are more: use --limit 0 for all, or filter.", shown)
	}
	return nil
}

// rows writes items as table rows, or as names.
func (g *getter) rows(t *table, items []jsontext.Value) error {
	now := g.now()
	rows := make([]row, len(items))
	for i, raw := range items {
		var err error
		if rows[i], err = g.kind.row(raw, now); err != nil {
			return fmt.Errorf("read one of the %s: %w", g.kind.name, err)
		}
	}
	return g.write(t, rows)
}
