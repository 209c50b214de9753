package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newExpectCommand returns `telltale expect`, which makes the silence of a tool
// that never starts something that can be heard.
func newExpectCommand(env Env, now func() time.Time) *cobra.Command {
	s := &speaker{reader: reader{env: env}, now: now}
	plan := events.Reported{Status: "planned"}
	var by string
	cmd := &cobra.Command{
		Use:   "expect KEY",
		Short: "Say that a deployment is to come, so that it is missed if it does not",
		Long: `Expect says that a deployment is planned. It names the deployment before any
tool has picked it up: what tools say of the same version, commit or image, given
with --version and --ref, is then heard as said of it. If nobody picks it up in
time, it is shown as stalled instead of not at all.

How long that is says the lifecycle, or --by: then it is late from that time on,
unless something is heard of it before.`,
		Example: `  telltale expect prod/eu-west-1/checkout/2.14.0 --version 2.14.0 --ref git:org/gitops@def
  telltale expect prod/eu-west-1/checkout/2.14.0 --by now+30m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := args[0]
			if err := deployment(key); err != nil {
				return err
			}
			if k, err := events.ParseKey(key); err != nil || k.IsFollow() {
				return usagef("%s names no deployment: what is expected needs a name", escape(key))
			}
			plan.Actor = s.actor
			planned, err := s.event(events.TypeReported, key, "", &plan)
			if err != nil {
				return err
			}
			list := []*events.Event{planned}
			if by != "" {
				due, err := moment("--by", by, s.now())
				if err != nil {
					return err
				}
				e, err := s.event(events.TypeProgressed, key, ".by", &events.Progressed{
					Attempt: plan.Attempt, NextExpectedBy: due, Refs: plan.Refs,
				})
				if err != nil {
					return err
				}
				// The same instant: a word without a status comes after one that has one.
				e.SetTime(planned.Time)
				list = append(list, e)
			}
			return s.say(cmd.Context(), "expecting "+key, list...)
		},
	}
	s.bindEvent(cmd)
	flags := cmd.Flags()
	flags.StringVar(&by, "by", "", "when something is to be heard of it at the latest: RFC 3339, or now+30m")
	flags.StringVar(&plan.Version, "version", "", "version that people know")
	flags.StringVar(&plan.Release, "release", "", "release that the deployment belongs to")
	flags.StringSliceVar(&plan.Refs, "ref", nil, "other names of the same thing: git:org/app@abc, oci:sha256:…")
	flags.Uint32Var(&plan.Attempt, "attempt", 0, "number of the rollout under this name (default: the one under way, else the next)")
	flags.StringVar(&plan.Owner, "owner", "", "who is responsible")
	flags.StringVar(&plan.Reason, "reason", "", "why, in a few words")
	flags.StringVar(&plan.URL, "link", "", "where to look")
	return cmd
}
