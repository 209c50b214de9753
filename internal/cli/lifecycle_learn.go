package cli

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

func newLifecycleLearnCommand(env Env) *cobra.Command {
	l := &learner{reader: reader{env: env}}
	cmd := &cobra.Command{
		Use:   "learn --events FILE|-",
		Short: "Propose deadlines for each component from what has happened",
		Long: `Learn looks at how long deployments stayed in each status that has a deadline, and
for how long nothing was said of them there, and proposes deadlines for each
component as overrides of the lifecycle: as long as --quantile of them took, in
whole minutes, not under --floor and not over --ceiling. What is still in a status
when the events end, and what a new attempt cut short, teaches nothing.

The result is the whole document, to be reviewed, given a version of its own, and
committed; a comment says from how many stays each proposal comes. The same events
give the same document. "telltale lifecycle replay" says what it would have come
to.`,
		Example: `  telltale lifecycle learn --events history.jsonl.gz > lifecycle.yaml
  telltale lifecycle learn --events - --lifecycle mine.yaml --overrides-only --quantile 0.95 < history.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return l.run() },
	}
	flags := cmd.Flags()
	flags.StringVar(&l.events, "events", "", "file of recorded events, - is standard input")
	flags.StringVar(&l.lifecycle, "lifecycle", builtIn, "file of the lifecycle that is to get the deadlines")
	flags.Float64Var(&l.quantile, "quantile", 0.99, "the part of all stays that a deadline is to leave alone")
	flags.DurationVar(&l.floor, "floor", 5*time.Minute, "the least deadline that is proposed")
	flags.DurationVar(&l.ceiling, "ceiling", 24*time.Hour, "the greatest deadline that is proposed")
	flags.IntVar(&l.minSamples, "min-samples", 20, "how many stays of a component in a status it takes")
	flags.BoolVar(&l.overridesOnly, "overrides-only", false, "only the overrides, to be put under spec")
	return cmd
}

type learner struct {
	reader

	events, lifecycle string
	quantile          float64
	floor, ceiling    time.Duration
	minSamples        int
	overridesOnly     bool
}

func (l *learner) run() error {
	switch {
	case l.events == "":
		return usagef("give the recorded events as --events FILE, or - for standard input")
	case !(l.quantile > 0 && l.quantile <= 1):
		return usagef("--quantile is not above 0 and at most 1")
	case l.floor < time.Minute || l.ceiling < l.floor || l.ceiling > 9999*time.Hour:
		return usagef("--floor and --ceiling are not at least 1m, at most 9999h, and in this order")
	case l.minSamples < 1:
		return usagef("--min-samples is less than 1")
	}
	base, err := readLifecycle(l.lifecycle)
	if err != nil {
		return err
	}
	if len(base.document.Spec.Overrides) > 0 && !l.overridesOnly {
		return usagef("%s has overrides already\nhint: take --overrides-only, and put them where they belong among those", base.name)
	}
	h, err := l.readHistory(l.events)
	if err != nil {
		return err
	}
	block := l.overrides(h.World(h.Len(), rehearse.Always(base.compiled)).Stays(), base.document.Spec.Deadlines)
	if block == "" {
		return fmt.Errorf("no component was in a status with a deadline %d times\nhint: bring more events, or lower --min-samples", l.minSamples)
	}
	out := []byte(block)
	if !l.overridesOnly {
		if out, err = withOverrides(base.text, block); err != nil {
			return err
		}
	}
	_, err = l.env.Stdout.Write(out)
	return err
}

// overrides returns the block of overrides that stays propose, by component and
// status; "" for none.
func (l *learner) overrides(stays []rehearse.Stay, deadlines map[string]statemachine.DeadlineSpec) string {
	byComponent := make(map[string]map[string][]rehearse.Stay)
	for _, s := range stays {
		if byComponent[s.Key.Component] == nil {
			byComponent[s.Key.Component] = make(map[string][]rehearse.Stay)
		}
		byComponent[s.Key.Component][s.Status] = append(byComponent[s.Key.Component][s.Status], s)
	}
	var b strings.Builder
	for _, component := range slices.Sorted(maps.Keys(byComponent)) {
		head := fmt.Sprintf("    - match: {component: %s}\n      deadlines:\n", quoted(component))
		for _, status := range slices.Sorted(maps.Keys(deadlines)) {
			samples := byComponent[component][status]
			proposal := l.propose(samples, deadlines[status])
			if len(samples) < l.minSamples || proposal == "" {
				continue
			}
			fmt.Fprintf(&b, "%s        %s: {%s} # samples: %d\n", head, status, proposal, len(samples))
			head = ""
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("  # Learned: quantile %v, floor %s, ceiling %s.\n  overrides:\n%s", l.quantile, wholeTime(l.floor), wholeTime(l.ceiling), b.String())
}

// propose returns the deadlines that samples propose where a status has any:
// those that it has.
func (l *learner) propose(samples []rehearse.Stay, has statemachine.DeadlineSpec) string {
	if len(samples) == 0 {
		return ""
	}
	var texts []string
	for _, d := range []struct {
		name string
		has  *statemachine.Duration
		took func(rehearse.Stay) time.Duration
	}{
		{"silent_after", has.SilentAfter, func(s rehearse.Stay) time.Duration { return s.Silent }},
		{"overdue_after", has.OverdueAfter, func(s rehearse.Stay) time.Duration { return s.Lasted }},
	} {
		if d.has == nil || *d.has == 0 {
			continue
		}
		took := make([]time.Duration, len(samples))
		for i, s := range samples {
			took[i] = d.took(s)
		}
		texts = append(texts, d.name+": "+wholeTime(l.bound(quantile(took, l.quantile))))
	}
	return strings.Join(texts, ", ")
}

// bound rounds up to whole minutes and keeps within the floor and the ceiling,
// which are whole seconds like every time of a document.
func (l *learner) bound(d time.Duration) time.Duration {
	d = (d + time.Minute - 1).Truncate(time.Minute)
	return min(max(d, l.floor), l.ceiling).Truncate(time.Second)
}

// quantile returns the least of the values that this part of them does not
// exceed.
func quantile(values []time.Duration, part float64) time.Duration {
	slices.Sort(values)
	return values[max(int(math.Ceil(part*float64(len(values))))-1, 0)]
}

// quoted writes a component as YAML would read it as text again.
func quoted(component string) string {
	var v any
	if err := yaml.Unmarshal([]byte(component), &v); err == nil && v == component {
		return component
	}
	return `"` + component + `"`
}

// withOverrides returns a document with a block of overrides at its end, where
// spec ends too.
func withOverrides(text []byte, block string) ([]byte, error) {
	out := bytes.TrimRight(text, "\n")
	out = append(append(out, "\n\n"...), block...)
	if d, err := statemachine.Parse(out); err != nil || len(d.Spec.Overrides) == 0 {
		return nil, usagef("the overrides cannot be put at the end of the document: spec is not the last key, or not indented by two spaces\nhint: take --overrides-only, and put them under spec")
	}
	return out, nil
}
