package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

func newLifecycleReplayCommand(env Env) *cobra.Command {
	p := &replayer{reader: reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "replay FILE --events FILE|-",
		Short: "Say what would have been different under another lifecycle",
		Long: `Replay goes through recorded events twice, once under the lifecycles that were in
force when they were recorded (those that the events themselves put in force, else
the built-in one) and once under the given one. It lists each deployment that
would have ended with another status, or have been stalled at another time or for
another reason.

Events are read as "telltale import" reads them, one in JSON per line, plain or
gzip; the ticks of that time are put between them, so that silence is replayed
as it would have been seen. Nothing is sent anywhere.`,
		Example: `  telltale lifecycle replay lifecycle.yaml --events history.jsonl.gz
  telltale lifecycle replay lifecycle.yaml --events - -o json --exit-code < history.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return p.run(args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&p.events, "events", "", "file of recorded events, - is standard input")
	flags.BoolVar(&p.exitCode, "exit-code", false, "exit with 1 when something would have been different")
	flags.VarP(&p.output, "output", "o", "how to write what differs")
	return cmd
}

type replayer struct {
	reader

	events   string
	exitCode bool
}

// stall is one time that a deployment was stalled.
type stall struct {
	Reason string    `json:"reason"`
	In     string    `json:"in"` // the status that it was stalled in
	At     time.Time `json:"at"`
}

// replayed is a deployment that differs.
type replayed struct {
	Key    string  `json:"key"`
	Was    string  `json:"was"`    // status at the end, as recorded
	Would  string  `json:"would"`  // and as it would have been
	Gone   []stall `json:"gone"`   // stalls that would not have been
	Arisen []stall `json:"arisen"` // stalls that would have been
}

// replaySummary is what all differences come to.
type replaySummary struct {
	Deployments int `json:"deployments"` // looked at
	Differ      int `json:"differ"`
	Statuses    int `json:"statuses"` // that end with another status
	Was         int `json:"stalls_was"`
	Would       int `json:"stalls_would"`
	Gone        int `json:"stalls_gone"`
	Arisen      int `json:"stalls_arisen"`
}

func (p *replayer) run(name string) error {
	if p.events == "" {
		return usagef("give the recorded events as --events FILE, or - for standard input")
	}
	l, err := readLifecycle(name)
	if err != nil {
		return err
	}
	h, err := p.readHistory(p.events)
	if err != nil {
		return err
	}
	was, err := p.walk(h, nil, "as recorded")
	if err != nil {
		return err
	}
	would, err := p.walk(h, rehearse.Always(l.compiled), "under "+l.name)
	if err != nil {
		return err
	}
	items, sum := compareRuns(was, would)
	if err := p.show(items, sum); err != nil {
		return err
	}
	if p.exitCode && sum.Differ > 0 {
		return &ExitError{Code: ExitFailure}
	}
	return nil
}

// course is what became of one deployment in a run.
type course struct {
	status string
	stalls []stall
}

// walk replays a history and returns the course of each deployment.
func (p *replayer) walk(h *rehearse.History, l rehearse.Lifecycles, how string) (map[string]*course, error) {
	courses := make(map[string]*course)
	next := progressEvery
	for c := range h.Walk(l) {
		if c.Index >= next {
			if err := p.note("%d of %d messages %s", c.Index, h.Len(), escape(how)); err != nil {
				return nil, err
			}
			next = c.Index - c.Index%progressEvery + progressEvery
		}
		key := c.Key().String()
		of := courses[key]
		if of == nil {
			of = new(course)
			courses[key] = of
		}
		if of.status = statemachine.StatusUnknown; c.To == nil {
			continue
		}
		s := &c.To.Shown
		of.status = s.Status
		if s.Status == statemachine.StatusStalled {
			at := stall{Reason: s.Reason, In: s.Previous, At: time.Unix(0, s.Since).UTC()}
			if !slices.Contains(of.stalls, at) {
				of.stalls = append(of.stalls, at)
			}
		}
	}
	return courses, nil
}

// compareRuns returns what differs between two runs over one history, by key.
func compareRuns(was, would map[string]*course) (items []replayed, sum replaySummary) {
	items = []replayed{}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		a, b := was[key], would[key]
		item := replayed{Key: key, Was: a.status, Would: b.status, Gone: without(a.stalls, b.stalls), Arisen: without(b.stalls, a.stalls)}
		sum.Deployments++
		sum.Was += len(a.stalls)
		sum.Would += len(b.stalls)
		sum.Gone += len(item.Gone)
		sum.Arisen += len(item.Arisen)
		if item.Was != item.Would {
			sum.Statuses++
		}
		if item.Was != item.Would || len(item.Gone)+len(item.Arisen) > 0 {
			items = append(items, item)
		}
	}
	sum.Differ = len(items)
	return items, sum
}

// without returns the stalls that others lacks; never nil.
func without(stalls, others []stall) []stall {
	out := []stall{}
	for _, s := range stalls {
		if !slices.Contains(others, s) {
			out = append(out, s)
		}
	}
	return out
}

func (p *replayer) show(items []replayed, sum replaySummary) error {
	if p.asData() {
		raw, err := json.Marshal(struct {
			Items   []replayed    `json:"items"`
			Summary replaySummary `json:"summary"`
		}{items, sum})
		if err != nil {
			return fmt.Errorf("write what differs: %w", err)
		}
		return p.document(raw)
	}
	rows := make([]row, len(items))
	for i, d := range items {
		rows[i] = row{d.Key, []string{d.Key, d.Was, d.Would, listStalls(d.Gone), listStalls(d.Arisen)}}
	}
	return errors.Join(
		p.write(p.table(-1, "KEY", "WAS", "WOULD BE", "STALLS GONE", "STALLS ARISEN"), rows),
		p.note("%d of %d deployments differ: %d statuses; %d stalls instead of %d, of which %d are gone and %d arose.",
			sum.Differ, sum.Deployments, sum.Statuses, sum.Would, sum.Was, sum.Gone, sum.Arisen),
	)
}

// listStalls writes stalls as a cell: "silent in in_progress at …".
func listStalls(stalls []stall) string {
	texts := make([]string, len(stalls))
	for i, s := range stalls {
		texts[i] = fmt.Sprintf("%s in %s at %s", s.Reason, s.In, stamp(s.At))
	}
	return strings.Join(texts, "; ")
}
