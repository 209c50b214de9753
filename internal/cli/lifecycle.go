package cli

import (
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// newLifecycleCommand returns `telltale lifecycle`, the verbs of those who write
// one.
func newLifecycleCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lifecycle",
		Short: "Write a lifecycle of your own",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newLifecyclePrintCommand(env), newLifecycleLintCommand(env), newLifecycleTestCommand(env), newLifecycleDiffCommand(env),
		newLifecycleReplayCommand(env), newLifecycleLearnCommand(env),
	)
	return cmd
}

func newLifecycleLintCommand(env Env) *cobra.Command {
	l := &linter{reader: reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "lint FILE…",
		Short: "Say what is wrong with lifecycles, and what is probably not meant",
		Long: `Lint refuses what "telltale apply" would refuse, with exit code 2, and then lists
what is probably not meant, one line each with file, line and column: a status
that nothing leads to or away from, one without a way to a landing or an end, one
without a deadline. With --strict such a line makes the exit code 1.`,
		Example: `  telltale lifecycle lint --strict lifecycle.yaml`,
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return l.run(args) },
	}
	cmd.Flags().BoolVar(&l.strict, "strict", false, "what is probably not meant is an error")
	cmd.Flags().VarP(&l.output, "output", "o", "how to write what was found: table, json or yaml")
	return cmd
}

type linter struct {
	reader

	strict bool
}

// finding is what lint has to say, with the place in the file.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
}

func (l *linter) run(names []string) error {
	files := make([]definition.File, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return usagef("read the lifecycles: %w", err)
		}
		files[i] = definition.File{Name: name, Text: text}
	}
	docs, err := definition.ReadFiles(files...)
	if err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	found := []finding{}
	for _, d := range docs {
		if d.Kind != definition.KindLifecycle {
			continue
		}
		for _, f := range statemachine.Lint(d.Text) {
			found = append(found, finding{d.File, f.Line + d.Line - 1, f.Column, string(f.Severity), f.Rule, f.Message})
		}
	}
	if err := l.show(found); err != nil {
		return err
	}
	if l.strict && len(found) > 0 {
		return fmt.Errorf("%d things are probably not meant", len(found))
	}
	return nil
}

func (l *linter) show(found []finding) error {
	if l.asData() {
		raw, err := json.Marshal(map[string][]finding{"items": found})
		if err != nil {
			return fmt.Errorf("write what was found: %w", err)
		}
		return l.document(raw)
	}
	lines := make([]string, len(found))
	for i, f := range found {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s: %s (%s)", f.File, f.Line, f.Column, f.Severity, f.Message, f.Rule)
	}
	return copyText(l.env.Stdout, lines...)
}
