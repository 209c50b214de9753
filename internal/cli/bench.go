package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/bench"
)

// newBenchCommand returns `telltale bench`: how far this machine is from what
// docs/performance.md promises.
func newBenchCommand(env Env) *cobra.Command {
	return newBencherCommand(env, benchmarks{run: bench.Run, scale: bench.Scale})
}

// benchmarks are [bench.Run] and [bench.Scale].
type benchmarks struct {
	run, scale func(context.Context, bench.Options) ([]bench.Row, error)
}

func newBencherCommand(env Env, marks benchmarks) *cobra.Command {
	b := &bencher{env: env, marks: marks, output: benchTable}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine against the raw limits of what Telltale stands on",
		Long: `Bench starts servers of its own in temporary folders and measures each path
against the least that could do the same work on the same server, in turn, so
that a noisy machine disturbs both. What counts is the median of the ratios. A
row whose pairs lie on both sides of its goal and far apart is inconclusive.

Nothing else should run meanwhile. All rows take some minutes, --quick less than
one. --scale measures something else: what a million deployments cost.

It exits with 1 when a row misses its goal or is inconclusive.

The rows: ` + strings.Join(bench.Names(), ", ") + `.`,
		Example: `  telltale bench --quick
  telltale bench --only project-live,rebuild --pairs 9
  telltale bench -o json > rows.json
  telltale bench --scale -o markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Who closes the terminal is done, too: nothing temporary is to stay.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			return b.run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&b.opts.Quick, "quick", false, "fewer events and pairs, for a first look")
	flags.StringSliceVar(&b.opts.Only, "only", nil, "rows to measure (default all)")
	flags.IntVar(&b.opts.Pairs, "pairs", 0, "pairs of limit and row (default 5, or 2 with --quick)")
	flags.BoolVar(&b.scale, "scale", false, "measure how cost, memory and start grow to a million deployments")
	flags.StringVar(&b.opts.Dir, "dir", "", "folder on the disk to measure (default the system's for temporary files)")
	flags.StringVarP(&b.output, "output", "o", benchTable, "how to write the rows: "+strings.Join(benchFormats, ", "))
	cmd.MarkFlagsMutuallyExclusive("scale", "quick")
	cmd.MarkFlagsMutuallyExclusive("scale", "only")
	return cmd
}

// The values of -o that bench has.
const (
	benchTable    = "table"
	benchJSON     = "json"
	benchMarkdown = "markdown" // for docs/performance.md
)

var benchFormats = []string{benchTable, benchJSON, benchMarkdown}

type bencher struct {
	env    Env
	marks  benchmarks
	opts   bench.Options
	scale  bool
	output string
}

func (b *bencher) run(ctx context.Context) error {
	switch {
	case !slices.Contains(benchFormats, b.output):
		return usagef("--output is %q, none of %s", b.output, strings.Join(benchFormats, ", "))
	case b.opts.Pairs < 0:
		return usagef("--pairs is %d", b.opts.Pairs)
	}
	for _, name := range b.opts.Only {
		if !slices.Contains(bench.Names(), name) {
			return usagef("there is no row %q, only %s", name, strings.Join(bench.Names(), ", "))
		}
	}
	b.opts.Progress = b.progress
	measure := b.marks.run
	if b.scale {
		measure = b.marks.scale
	}
	rows, err := measure(ctx, b.opts)
	if ctx.Err() != nil {
		err = errors.New("stopped before all was measured")
	}
	// What was measured before a fault is as good as it was.
	if len(rows) > 0 {
		err = errors.Join(err, b.print(rows))
	}
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return judge(rows)
}

// progress tells the person on stderr that one more thing is done.
func (b *bencher) progress(line string) {
	if _, err := fmt.Fprintln(b.env.Stderr, line); err != nil {
		return // nobody watches
	}
}

func (b *bencher) print(rows []bench.Row) error {
	switch b.output {
	case benchJSON:
		e := json.NewEncoder(b.env.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Rows []bench.Row `json:"rows"`
		}{rows})
	case benchMarkdown:
		return bench.PrintMarkdown(b.env.Stdout, rows)
	}
	return bench.Print(b.env.Stdout, rows)
}

// judge returns an error that names the rows that are not what they have to be.
func judge(rows []bench.Row) error {
	var bad []string
	for i := range rows {
		if !rows[i].OK {
			bad = append(bad, rows[i].Name+" "+string(rows[i].Verdict))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("bench: %d of %d rows did not pass: %s", len(bad), len(rows), strings.Join(bad, ", "))
}
