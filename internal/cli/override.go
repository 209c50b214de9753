package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newOverrideCommand returns `telltale override`, a person's word against the
// record.
func newOverrideCommand(env Env, now func() time.Time) *cobra.Command {
	s := &speaker{reader: reader{env: env}, now: now}
	var word events.Overridden
	cmd := &cobra.Command{
		Use:   "override KEY --status STATUS --reason TEXT",
		Short: "Set the status of a deployment against what tools say",
		Long: `Override says what the status of a deployment is, whatever tools said. It is
marked as overridden until they agree, and what they want stays visible.

With --expected-digest, as "telltale get deployments KEY -o json" shows it, the
override counts only if the deployment is still in that state. If it is not, the
exit code is 8 and nothing was said: look at it again and decide anew.`,
		Example: `  telltale override prod/eu-west-1/checkout/2.14.0 --status reverted --reason "put back by hand" --actor user:7f3a`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := deployment(args[0]); err != nil {
				return err
			}
			if word.Status == "" || word.Reason == "" {
				return usagef("an override says what is so and why: give --status and --reason")
			}
			if err := s.needActor(); err != nil {
				return err
			}
			word.Actor = s.actor
			e, err := s.event(events.TypeOverridden, args[0], "", &word)
			if err != nil {
				return err
			}
			return s.say(cmd.Context(), "set "+args[0]+" to "+word.Status, e)
		},
	}
	s.bindEvent(cmd)
	flags := cmd.Flags()
	flags.StringVar(&word.Status, "status", "", "what the status is")
	flags.StringVar(&word.Reason, "reason", "", "why, for those who come after you")
	flags.StringVar(&word.ExpectedDigest, "expected-digest", "", "the digest of the state that you decided on")
	return cmd
}
