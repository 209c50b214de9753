package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newAnnotateCommand returns `telltale annotate`, which adds what a person knows.
func newAnnotateCommand(env Env, now func() time.Time) *cobra.Command {
	s := &speaker{reader: reader{env: env}, now: now}
	var note events.Annotated
	cmd := &cobra.Command{
		Use:   "annotate KEY",
		Short: "Add what you know to a deployment or a release",
		Long: `Annotate adds a comment, a root cause, a link, an incident or the impact to a
deployment, or to every deployment of a release. It changes no status.

KEY is ENV/REGION/COMPONENT/DEPLOYMENT, or ENV/RELEASE for a release.`,
		Example: `  telltale annotate prod/eu-west-1/checkout/2.14.0 --kind root_cause --text "disk full on node 7"
  telltale annotate prod/r7 --kind incident --url https://incidents.example.org/4711`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := args[0]
			check := deployment
			switch strings.Count(key, "/") {
			case 3:
			case 1:
				check = release
			default:
				return usagef("%s has neither the four parts of a deployment nor the two of a release", escape(key))
			}
			if err := check(key); err != nil {
				return err
			}
			if note.Text == "" && note.URL == "" {
				return usagef("nothing is added: give --text or --url")
			}
			note.Actor = s.actor
			e, err := s.event(events.TypeAnnotated, key, "", &note)
			if err != nil {
				return err
			}
			return s.say(cmd.Context(), "said of "+key+": "+note.Kind, e)
		},
	}
	s.bindEvent(cmd)
	flags := cmd.Flags()
	flags.StringVar(&note.Kind, "kind", "comment", "comment, root_cause, link, incident or impact")
	flags.StringVar(&note.Text, "text", "", "what you know")
	flags.StringVar(&note.URL, "url", "", "where there is more")
	return cmd
}
