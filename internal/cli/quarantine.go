package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// newQuarantineCommand returns `telltale quarantine`, the place to work on what
// could not be used.
func newQuarantineCommand(env Env, now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "See what could not be used and why, send it through its door again, or drop it",
		Example: `  telltale quarantine ls
  telltale quarantine show 7
  telltale quarantine show 7 --raw > body.json
  telltale quarantine replay 7 8
  telltale quarantine replay --tool github --code E_UNMAPPED
  telltale quarantine drop 7 --reason "a test of theirs"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newQuarantineListCommand(env, now),
		newQuarantineShowCommand(env),
		newQuarantineReplayCommand(env),
		newQuarantineDropCommand(env),
	)
	return cmd
}

// chosen are the entries that a verb is about, by what they have in common.
type chosen struct{ tool, code, from string }

func (c *chosen) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.tool, "tool", "", "only messages of this tool")
	flags.StringVar(&c.code, "code", "", "only what has this code, such as E_UNMAPPED")
	flags.StringVar(&c.from, "from", "", "only what this emitter sent")
}

func (c *chosen) any() bool { return c.tool != "" || c.code != "" || c.from != "" }

func (c *chosen) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"tool": c.tool, "code": c.code, "from": c.from} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// each calls fn for every page of a list of the quarantine.
func (c *chosen) each(ctx context.Context, client *Client, query url.Values, fn func(page) error) error {
	for {
		raw, err := client.Get(ctx, "/v1/quarantine", query)
		if err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("read the answer to /v1/quarantine: %w", err)
		}
		if err := fn(p); err != nil || p.Next == "" {
			return err
		}
		query.Set("cursor", p.Next)
	}
}

// group is how many entries wait for the same thing.
type group struct {
	Tool     string    `json:"tool,omitzero"`
	Stage    string    `json:"stage"`
	Code     string    `json:"code"`
	Rule     string    `json:"rule,omitzero"`
	Field    string    `json:"field,omitzero"`
	Value    string    `json:"value,omitzero"`
	Detail   string    `json:"detail"`
	Count    int       `json:"count"`
	FirstSeq uint64    `json:"first_seq"`
	LastSeq  uint64    `json:"last_seq"`
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at"`
	From     []string  `json:"from"`
}

// same reports whether two groups of different pages are one.
func (g *group) same(o *group) bool {
	return g.Tool == o.Tool && g.Stage == o.Stage && g.Code == o.Code && g.Rule == o.Rule &&
		g.Field == o.Field && g.Value == o.Value && g.Detail == o.Detail
}

func newQuarantineListCommand(env Env, now func() time.Time) *cobra.Command {
	r, c := &reader{env: env}, &chosen{}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what waits in quarantine, by what one remedy would help",
		Long: `Ls groups what waits in quarantine by tool, code and value: one line in a mapping,
one default at a hook or one word with a sender helps all of a group. The single
entries are in "telltale get quarantine".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listQuarantine(cmd.Context(), r, c, now()) },
	}
	r.bind(cmd)
	c.bind(cmd)
	return cmd
}

func listQuarantine(ctx context.Context, r *reader, c *chosen, now time.Time) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	query := c.query()
	query.Set("grouped", "true")
	var groups []*group
	err = c.each(ctx, client, query, func(p page) error {
		for _, raw := range p.Items {
			g := new(group)
			if err := json.Unmarshal(raw, g); err != nil {
				return fmt.Errorf("read a group of the quarantine: %w", err)
			}
			if at := slices.IndexFunc(groups, g.same); at >= 0 {
				groups[at].Count += g.Count
				groups[at].LastSeq, groups[at].LastAt = g.LastSeq, g.LastAt
				continue
			}
			groups = append(groups, g)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(b.Count, a.Count) })
	if r.asData() {
		raw, err := json.Marshal(struct {
			Items []*group `json:"items"`
		}{append([]*group{}, groups...)})
		if err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
		return r.document(raw)
	}
	header := []string{"COUNT", "TOOL", "CODE", "FIELD", "VALUE", "AGE", "LAST", "DETAIL"}
	if r.output == formatWide {
		header = append(header, "FIRST", "RULE", "STAGE", "FROM")
	}
	rows := make([]row, len(groups))
	for i, g := range groups {
		last := strconv.FormatUint(g.LastSeq, 10)
		rows[i] = row{last, []string{
			strconv.Itoa(g.Count), g.Tool, g.Code, g.Field, g.Value, age(g.LastAt, now), last, g.Detail,
			strconv.FormatUint(g.FirstSeq, 10), g.Rule, g.Stage, strings.Join(g.From, ","),
		}}
	}
	if len(rows) == 0 && r.output != formatName {
		return r.note("Nothing waits in quarantine.")
	}
	return r.write(r.table(-1, header...), rows)
}
