package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newFreezeCommand returns `telltale freeze`, the words about change freezes.
func newFreezeCommand(env Env, now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "freeze",
		Short: "Declare a change freeze, or lift it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	declare := &freezer{speaker: speaker{reader: reader{env: env}, now: now}, typ: events.TypeFreezeDeclared, did: "declared"}
	lift := &freezer{speaker: speaker{reader: reader{env: env}, now: now}, typ: events.TypeFreezeLifted, did: "lifted"}
	cmd.AddCommand(
		declare.command(&cobra.Command{
			Use:   "declare ENV --name NAME --to TIME",
			Short: "Say that nothing is to be deployed to an environment for a while",
			Long: `Declare begins a change freeze. Nothing is held up by it: what starts all the
same is shown, with a violation.`,
			Example: `  telltale freeze declare prod --name black-friday --from 2026-11-26T00:00:00Z --to 2026-11-30T00:00:00Z
  telltale freeze declare prod --name incident --to now+4h --region eu-west-1 --component checkout,payments`,
		}),
		lift.command(&cobra.Command{
			Use:     "lift ENV --name NAME",
			Short:   "End a change freeze",
			Long:    "Lift ends a change freeze before its time, wherever it holds. What started in it keeps its violation.",
			Example: `  telltale freeze lift prod --name black-friday --reason "all is well"`,
		}),
	)
	return cmd
}

// forGood ends the span of a word that lifts a freeze: the last instant that an
// event can name.
const forGood = "2199-12-31T23:59:59Z"

type freezer struct {
	speaker

	typ, did string
	freeze   events.Freeze
	from, to string
}

func (f *freezer) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0]) }
	f.bindEvent(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.freeze.Name, "name", "", "name of the freeze")
	flags.StringVar(&f.freeze.Reason, "reason", "", "why")
	if f.typ == events.TypeFreezeLifted {
		f.from, f.to = "now", forGood
		return cmd
	}
	flags.StringVar(&f.from, "from", "now", "from when: RFC 3339, or now+2h")
	flags.StringVar(&f.to, "to", "", "to when: RFC 3339, or now+2h")
	flags.StringSliceVar(&f.freeze.Regions, "region", nil, "only these regions")
	flags.StringSliceVar(&f.freeze.Components, "component", nil, "only these components")
	return cmd
}

func (f *freezer) run(ctx context.Context, env string) (err error) {
	if err := events.CheckName("an environment", env); err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	if f.freeze.Name == "" || f.to == "" {
		return usagef("a freeze has a name and an end: give --name, and --to to declare one")
	}
	now := f.now()
	if f.freeze.From, err = moment("--from", f.from, now); err != nil {
		return err
	}
	if f.freeze.To, err = moment("--to", f.to, now); err != nil {
		return err
	}
	f.freeze.Actor = f.actor
	e, err := f.event(f.typ, env, "", &f.freeze)
	if err != nil {
		return err
	}
	return f.say(ctx, f.did+" freeze "+f.freeze.Name+" of "+env, e)
}
