package cli

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

func newLifecycleDiffCommand(env Env) *cobra.Command {
	d := &differ{reader: reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in sentences what another lifecycle does otherwise",
		Long: `Diff compares what two lifecycles mean, one sentence for each difference: states,
transitions, guards, policies, deadlines, and the rest. Order and layout mean
nothing. "standard" is the built-in lifecycle. What the difference would have
come to, "telltale lifecycle replay" says.`,
		Example: `  telltale lifecycle diff standard lifecycle.yaml
  telltale lifecycle diff old.yaml new.yaml --exit-code -o json`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return d.run(args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&d.exitCode, "exit-code", false, "exit with 1 when there is a difference")
	flags.VarP(&d.output, "output", "o", "how to write the differences")
	return cmd
}

type differ struct {
	reader

	exitCode bool
}

// difference is one thing that two lifecycles say otherwise. Old or New is "" in
// the one that does not say it.
type difference struct {
	What string `json:"what"` // "the deadline of queued"
	Old  string `json:"old"`
	New  string `json:"new"`
}

func (d *differ) run(oldName, newName string) error {
	before, err := readLifecycle(oldName)
	if err != nil {
		return err
	}
	after, err := readLifecycle(newName)
	if err != nil {
		return err
	}
	found := differences(&before.document.Spec, &after.document.Spec)
	if err := d.show(found); err != nil {
		return err
	}
	if d.exitCode && len(found) > 0 {
		return &ExitError{Code: ExitFailure}
	}
	return nil
}

func (d *differ) show(found []difference) error {
	if d.asData() {
		raw, err := json.Marshal(map[string][]difference{"items": found})
		if err != nil {
			return fmt.Errorf("write the differences: %w", err)
		}
		return d.document(raw)
	}
	if len(found) == 0 {
		return d.note("The two mean the same.")
	}
	lines := make([]string, len(found))
	for i, f := range found {
		lines[i] = f.sentence()
	}
	return copyText(d.env.Stdout, lines...)
}

func (f *difference) sentence() string {
	switch {
	case f.Old == "":
		return fmt.Sprintf("%s is new: %s.", f.What, f.New)
	case f.New == "":
		return fmt.Sprintf("%s is gone; it was: %s.", f.What, f.Old)
	}
	return fmt.Sprintf("%s was: %s; it is now: %s.", f.What, f.Old, f.New)
}

// differences compares what two documents say, thing by thing: those of the old
// one in its order, then what is new.
func differences(before, after *statemachine.Spec) []difference {
	a, b := statementsOf(before), statementsOf(after)
	found := []difference{}
	for _, what := range a.order {
		if a.says[what] != b.says[what] {
			found = append(found, difference{what, a.says[what], b.says[what]})
		}
	}
	for _, what := range b.order {
		if _, known := a.says[what]; !known {
			found = append(found, difference{what, "", b.says[what]})
		}
	}
	return found
}
