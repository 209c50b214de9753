package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// newReleaseCommand returns `telltale release`, the words about a release as a
// whole.
func newReleaseCommand(env Env, now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Say what belongs to a release, or approve it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeclareReleaseCommand(env, now), newApproveReleaseCommand(env, now))
	return cmd
}

func newDeclareReleaseCommand(env Env, now func() time.Time) *cobra.Command {
	s := &speaker{reader: reader{env: env}, now: now}
	var plan events.ReleaseDeclared
	var file string
	var members, depends []string
	cmd := &cobra.Command{
		Use:   "declare ENV/RELEASE",
		Short: "Declare the plan of a release: what is to be deployed where, and what waits for what",
		Long: `Declare says which deployments belong to a release. What is in the plan and not
yet seen keeps the release from being green; what depends on another component
waits until that is verified. The latest plan counts as a whole.

The plan is given member by member, or as a YAML or JSON file with the data of
dev.telltale.release.declared.v1.`,
		Example: `  telltale release declare prod/r7 --member eu-west-1,us-east-1/payments/1.4.0 --member eu-west-1/checkout/2.14.0 --depends-on checkout=payments
  telltale release declare prod/r7 -f plan.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := release(args[0]); err != nil {
				return err
			}
			declared := plan
			if file != "" {
				if err := readPlan(file, &declared); err != nil {
					return err
				}
				for _, f := range []struct{ given, into *string }{
					{&plan.Owner, &declared.Owner}, {&plan.Ticket, &declared.Ticket}, {&plan.Risk, &declared.Risk}, {&plan.Impact, &declared.Impact},
				} {
					if *f.given != "" {
						*f.into = *f.given
					}
				}
			}
			if err := addMembers(&declared, members, depends); err != nil {
				return err
			}
			if len(declared.Members) == 0 {
				return usagef("a plan has members: give --member or -f")
			}
			e, err := s.event(events.TypeReleaseDeclared, args[0], "", &declared)
			if err != nil {
				return err
			}
			return s.say(cmd.Context(), fmt.Sprintf("declared %s with %d members", args[0], len(declared.Members)), e)
		},
	}
	s.bindEvent(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&file, "file", "f", "", "YAML or JSON file with the plan")
	flags.StringArrayVar(&members, "member", nil, "REGION[,REGION…]/COMPONENT[/DEPLOYMENT], repeatable")
	flags.StringArrayVar(&depends, "depends-on", nil, "COMPONENT=COMPONENT[,COMPONENT…] that it waits for, repeatable")
	flags.StringVar(&plan.Owner, "owner", "", "who is responsible")
	flags.StringVar(&plan.Ticket, "ticket", "", "the change request")
	flags.StringVar(&plan.Risk, "risk", "", "how risky it is held to be")
	flags.StringVar(&plan.Impact, "impact", "", "what it means to the business")
	return cmd
}

// maxPlan bounds a plan's file, in bytes: no event is longer.
const maxPlan = 64 << 10

func readPlan(name string, plan *events.ReleaseDeclared) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return usagef("read the plan: %w", err)
	}
	if len(text) > maxPlan {
		return usagef("%s has %d bytes, the limit is %d", name, len(text), maxPlan)
	}
	var members struct {
		Members []struct {
			Region     string   `yaml:"region"`
			Component  string   `yaml:"component"`
			Deployment string   `yaml:"deployment"`
			DependsOn  []string `yaml:"depends_on"`
		} `yaml:"members"`
		Owner  string `yaml:"owner"`
		Ticket string `yaml:"ticket"`
		Risk   string `yaml:"risk"`
		Impact string `yaml:"impact"`
	}
	if err := yaml.UnmarshalWithOptions(text, &members, yaml.Strict()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return usagef("%s:%d:%d: %s", name, at.GetToken().Position.Line, at.GetToken().Position.Column, at.GetMessage())
		}
		return usagef("%s: %w", name, err)
	}
	plan.Owner, plan.Ticket, plan.Risk, plan.Impact = members.Owner, members.Ticket, members.Risk, members.Impact
	for _, m := range members.Members {
		plan.Members = append(plan.Members, events.Member(m))
	}
	return nil
}

// addMembers adds the members of the command line to a plan, and then what
// components wait for to all their members.
func addMembers(plan *events.ReleaseDeclared, members, depends []string) error {
	plan.Members = slices.Clone(plan.Members)
	for _, text := range members {
		p := strings.Split(text, "/")
		if len(p) != 2 && len(p) != 3 {
			return usagef("--member %s is not REGION/COMPONENT or REGION/COMPONENT/DEPLOYMENT", escape(text))
		}
		for region := range strings.SplitSeq(p[0], ",") {
			m := events.Member{Region: region, Component: p[1]}
			if len(p) == 3 {
				m.Deployment = p[2]
			}
			plan.Members = append(plan.Members, m)
		}
	}
	for _, text := range depends {
		component, on, ok := strings.Cut(text, "=")
		if !ok || on == "" {
			return usagef("--depends-on %s is not COMPONENT=COMPONENT", escape(text))
		}
		found := false
		for i := range plan.Members {
			if m := &plan.Members[i]; m.Component == component {
				m.DependsOn = append(slices.Clone(m.DependsOn), strings.Split(on, ",")...)
				found = true
			}
		}
		if !found {
			return usagef("--depends-on %s: %s is not in the plan", escape(text), escape(component))
		}
	}
	return nil
}

func newApproveReleaseCommand(env Env, now func() time.Time) *cobra.Command {
	s := &speaker{reader: reader{env: env}, now: now}
	var name, url string
	var reject bool
	cmd := &cobra.Command{
		Use:   "approve ENV/RELEASE",
		Short: "Approve every deployment of a release, or reject it",
		Long: `Approve says that a release may go: an approval that counts for each of its
deployments. --reject says that it may not. One deployment alone is approved with
"telltale emit evidence --kind approval".`,
		Example: `  telltale release approve prod/r7 --actor user:7f3a
  telltale release approve prod/r7 --reject --actor user:7f3a --link https://tickets.example.org/CHG-7`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := release(args[0]); err != nil {
				return err
			}
			if err := s.needActor(); err != nil {
				return err
			}
			verdict, did := events.VerdictPass, "approved "
			if reject {
				verdict, did = events.VerdictFail, "rejected "
			}
			e, err := s.event(events.TypeEvidence, args[0], "", &events.Evidence{
				Kind: "approval", Verdict: verdict, Name: name, URL: url, Actor: s.actor,
			})
			if err != nil {
				return err
			}
			return s.say(cmd.Context(), did+args[0], e)
		},
	}
	s.bindEvent(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&reject, "reject", false, "it may not go")
	flags.StringVar(&name, "name", "", "which approval, where several are needed")
	flags.StringVar(&url, "link", "", "where to look")
	return cmd
}
