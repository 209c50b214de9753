package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newWatchCommand returns `telltale watch`, which follows deployments.
func newWatchCommand(env Env, now func() time.Time) *cobra.Command {
	all := kinds()
	k := all[slices.IndexFunc(all, func(k *kind) bool { return k.name == "deployments" })]
	g := &getter{reader: reader{env: env}, kind: k, now: now, watch: true, every: watchEvery}
	cmd := &cobra.Command{
		Use:   "watch [KEY]",
		Short: "Follow what becomes of deployments",
		Long: `Watch shows a line for each change of a deployment, until it is interrupted. With
KEY it begins with how things stand now, and misses nothing in between.

KEY is ENV/REGION/COMPONENT/DEPLOYMENT, ENV/REGION/COMPONENT for all deployments of
a slot, or ENV/RELEASE for those of a release.`,
		Example: `  telltale watch prod/eu-west-1/checkout
  telltale watch prod/r7 -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.client()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return g.fromNow(cmd.Context(), c)
			}
			if err := g.where.ofKey(args[0]); err != nil {
				return err
			}
			t := g.columns()
			after, err := g.list(cmd.Context(), c, t)
			if err != nil {
				return err
			}
			return g.follow(cmd.Context(), c, t, after)
		},
	}
	g.bind(cmd)
	return cmd
}

// fromNow follows all deployments from here on: there may be a million of them.
func (g *getter) fromNow(ctx context.Context, c *Client) error {
	raw, err := c.Get(ctx, g.kind.path, url.Values{"limit": {"1"}})
	if err != nil {
		return err
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read the answer to %s: %w", g.kind.path, err)
	}
	return g.follow(ctx, c, g.columns(), p.ChangesAfter)
}

// ofKey narrows the filters to what a key names, by its parts.
func (f *filters) ofKey(key string) error {
	p := strings.Split(key, "/")
	switch len(p) {
	case 4:
		if err := deployment(key); err != nil {
			return err
		}
		f.env, f.region, f.component, f.deployment = p[0], p[1], p[2], p[3]
	case 3:
		if _, err := events.ParseSlot(key); err != nil {
			return &ExitError{Code: ExitUsage, Err: err}
		}
		f.env, f.region, f.component = p[0], p[1], p[2]
	case 2:
		if err := release(key); err != nil {
			return err
		}
		f.env, f.release = p[0], p[1]
	default:
		return usagef("%s has neither the four parts of a deployment, nor the three of a slot, nor the two of a release", escape(key))
	}
	return nil
}
