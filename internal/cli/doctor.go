package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/view"
)

// newDoctorCommand returns `telltale doctor`, which looks for what is not as it
// was meant.
func newDoctorCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is not as it was meant",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDoctorNamesCommand(env, time.Now))
	return cmd
}

func newDoctorNamesCommand(env Env, now func() time.Time) *cobra.Command {
	d := &namesDoctor{reader: reader{env: env}, now: now}
	cmd := &cobra.Command{
		Use:   "names",
		Short: "List deployments that are probably one rollout under two names",
		Long: `Names lists pairs of deployments of one slot, close in time, that tools have
probably named differently and meant as one: they share a version, a commit, an
image or another name, or one of them never landed while the other did. Each pair
comes with what speaks for it.

What mends it is a common name: the same --deployment or --version in both steps,
a --ref that both give, or "telltale expect" with the refs of both.`,
		Example: `  telltale doctor names --env prod
  telltale doctor names --component checkout --within 2h -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	d.bind(cmd)
	d.where.bind(cmd, []string{"env", "region", "component"})
	flags := cmd.Flags()
	flags.DurationVar(&d.within, "within", time.Hour, "how far apart two names of one rollout may be heard")
	flags.StringVar(&d.since, "since", "now-168h", "only deployments whose status began then or later: RFC 3339, or now-24h")
	return cmd
}

type namesDoctor struct {
	reader

	where  filters
	within time.Duration
	since  string
	now    func() time.Time
}

func (d *namesDoctor) run(ctx context.Context) error {
	since, err := moment("--since", d.since, d.now())
	if err != nil {
		return err
	}
	c, err := d.client()
	if err != nil {
		return err
	}
	query := d.where.query()
	query.Set("since", since.Format(time.RFC3339Nano))
	query.Set("limit", "1000")
	var list []view.DeploymentBody
	for {
		raw, err := c.Get(ctx, "/v1/deployments", query)
		if err != nil {
			return err
		}
		var p struct {
			Items []view.DeploymentBody `json:"items"`
			Next  string                `json:"next"`
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("read the deployments: %w", err)
		}
		list = append(list, p.Items...)
		if p.Next == "" {
			break
		}
		query.Set("cursor", p.Next)
	}
	return d.show(pairs(list, d.within))
}

func (d *namesDoctor) show(found []pair) error {
	if d.asData() {
		raw, err := json.Marshal(map[string][]pair{"items": found})
		if err != nil {
			return fmt.Errorf("write the pairs: %w", err)
		}
		return d.document(raw)
	}
	rows := make([]row, len(found))
	for i, p := range found {
		rows[i] = row{p.One + " " + p.Other, []string{p.Slot, lastPart(p.One), lastPart(p.Other), strings.Join(p.Why, "; ")}}
	}
	if len(rows) == 0 {
		return d.note("No two names look like one rollout.")
	}
	return errors.Join(
		d.write(d.table(-1, "SLOT", "ONE", "OTHER", "WHY"), rows),
		d.note("%d pairs. What they share can be given as --ref, or one of the names as --deployment.", len(rows)),
	)
}

// lastPart returns the deployment of a key.
func lastPart(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
