package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// newExplainCommand returns `telltale explain`, which says why a deployment or a
// release has its status, or how a slot came to run what it runs. Ages are told
// by now.
func newExplainCommand(env Env, now func() time.Time) *cobra.Command {
	e := &explainer{reader: reader{env: env}, now: now}
	cmd := &cobra.Command{
		Use:   "explain KEY",
		Short: "Say why a deployment or a release has its status, or why a slot runs what it runs",
		Long: `Explain says in its first line what is believed of a deployment, since when, why,
and what it waits for. Then come the rule that decided, its deadlines, who answers
for it, what is wrong, what each source says, and what was heard in the order that
counts. A word that came after one that counts later is marked "late".

KEY is ENV/REGION/COMPONENT/DEPLOYMENT, ENV/REGION/COMPONENT for a slot, or
ENV/RELEASE for a release.`,
		Example: `  telltale explain prod/eu-west-1/checkout/2.14.0
  telltale explain prod/eu-west-1/checkout/2.14.0 --as-of now-2h
  telltale explain prod/eu-west-1/checkout -o json
  telltale explain prod/r7`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd.Context(), args[0]) },
	}
	e.bind(cmd)
	cmd.Flags().StringVar(&e.asOf, "as-of", "", "what was believed of a deployment then: RFC 3339, now or now-2h")
	return cmd
}

type explainer struct {
	reader

	now  func() time.Time
	asOf string // "": as it is now
}

func (e *explainer) run(ctx context.Context, key string) error {
	if e.output == formatName {
		return usagef("-o name has nothing to name here; use table, wide, json or yaml")
	}
	c, err := e.client()
	if err != nil {
		return err
	}
	n := strings.Count(key, "/")
	switch {
	case n == 3 && e.asOf != "":
		return e.belief(ctx, c, key)
	case n == 3:
		return e.deployment(ctx, c, key)
	case e.asOf != "":
		return usagef("--as-of is for a deployment: its key has four parts")
	case n == 2:
		if _, err := events.ParseSlot(key); err != nil {
			return &ExitError{Code: ExitUsage, Err: err}
		}
		return e.slot(ctx, c, key)
	case n == 1:
		return e.release(ctx, c, key)
	}
	return usagef("%s has neither the four parts of a deployment, nor the three of a slot, nor the two of a release", escape(key))
}

func (e *explainer) deployment(ctx context.Context, c *Client, key string) error {
	if err := deployment(key); err != nil {
		return err
	}
	raw, err := c.Get(ctx, "/v1/deployments/"+key+"/explain", nil)
	if err != nil {
		return err
	}
	if e.asData() {
		return e.document(raw)
	}
	var x view.Explanation
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read the explanation: %w", err)
	}
	if err := copyText(e.env.Stdout, x.Answer); err != nil {
		return err
	}
	for _, part := range []func(*view.Explanation) error{e.circumstances, e.violations, e.claims, e.anomalies, e.history} {
		if err := part(&x); err != nil {
			return err
		}
	}
	return nil
}

// circumstances lists the rule, the deadlines and who answers for it.
func (e *explainer) circumstances(x *view.Explanation) error {
	rule := ""
	if x.Rule != nil {
		rule = x.Rule.Text
	}
	known := stamp(x.Deadlines.Watermark)
	if x.Deadlines.Dark {
		known += " (dark)"
	}
	lifecycle := x.Lifecycle.Name + " " + x.Lifecycle.Version
	return e.facts([]fact{
		{"Rule", rule},
		{"Lifecycle", strings.TrimSpace(lifecycle)},
		{"Release", x.Release},
		{"Silent by", due(x.Deadlines.SilentBy, x.Deadlines.Watermark)},
		{"Overdue by", due(x.Deadlines.OverdueBy, x.Deadlines.Watermark)},
		{"Known up to", known},
		{"Conditions", strings.Join(x.Conditions, ", ")},
		{"Owner", x.Owner},
		{"Escalation", x.Escalation},
		{"Impact", x.Impact},
		{"Unit", x.Unit},
	})
}

// due shows a deadline, and whether it has passed by what is known.
func due(by, watermark time.Time) string {
	if !by.IsZero() && !watermark.Before(by) {
		return stamp(by) + " (passed)"
	}
	return stamp(by)
}

func (e *explainer) violations(x *view.Explanation) error {
	rows := make([][]string, len(x.Violations))
	for i, v := range x.Violations {
		rows[i] = []string{v.Policy, stamp(v.At), v.Message}
	}
	return e.section(e.table(-1, "VIOLATION", "AT", "MESSAGE"), rows)
}

// claims lists what each source says, when they do not all say the same.
func (e *explainer) claims(x *view.Explanation) error {
	own := x.Status
	if x.Base != nil {
		own = x.Base.Status
	}
	contradict := false
	for _, c := range x.Claims {
		contradict = contradict || c.Status != own
	}
	if !contradict && e.output != formatWide {
		return nil
	}
	rows := make([][]string, len(x.Claims))
	for i, c := range x.Claims {
		rows[i] = []string{c.Source, c.Status, stamp(c.At)}
	}
	return e.section(e.table(1, "SOURCE", "SAYS", "SINCE"), rows)
}

func (e *explainer) anomalies(x *view.Explanation) error {
	rows := make([][]string, len(x.Anomalies))
	for i, a := range x.Anomalies {
		rows[i] = []string{a.Reason, stamp(a.At), a.Source, a.ID, a.Detail}
	}
	return e.section(e.table(-1, "ANOMALY", "AT", "SOURCE", "ID", "DETAIL"), rows)
}

func (e *explainer) history(x *view.Explanation) error {
	if x.HistoryOmitted > 0 {
		if err := e.note("%d earlier events are not shown; the API has them under …/events.", x.HistoryOmitted); err != nil {
			return err
		}
	}
	header := []string{"OCCURRED", "RECORDED", "CAME", "SOURCE", "SAID", "VERDICT", "STATUS", "NOTE"}
	if e.output == formatWide {
		header = append(header, "COUNTS AT", "EMITTER", "POSITION", "ID")
	}
	rows := make([][]string, len(x.History))
	for i := range x.History {
		h := &x.History[i]
		row := []string{
			stamp(h.OccurredAt), stamp(h.RecordedAt), fmt.Sprintf("#%d", h.Arrival), h.Source, said(h), string(h.Verdict), h.To, remark(h),
		}
		if e.output == formatWide {
			row = append(row, stamp(h.At), h.Emitter, fmt.Sprint(h.Position), h.ID)
		}
		rows[i] = row
	}
	return e.section(e.table(6, header...), rows)
}

// belief says what was believed of a deployment at --as-of.
func (e *explainer) belief(ctx context.Context, c *Client, key string) error {
	at, err := moment("--as-of", e.asOf, e.now())
	if err != nil {
		return err
	}
	raw, err := deploymentAsOf(ctx, c, key, url.Values{"as_of": {at.Format(time.RFC3339Nano)}})
	if err != nil || e.asData() {
		if err != nil {
			return err
		}
		return e.document(raw)
	}
	var b view.BeliefBody
	if err := json.Unmarshal(raw, &b); err != nil {
		return fmt.Errorf("read what was believed: %w", err)
	}
	answer := fmt.Sprintf("%s was believed to be %s at %s, by what happened at %s and was recorded at %s.",
		b.Key, b.Status, stamp(b.AsOf), stamp(b.At), stamp(b.RecordedAt))
	if b.Late {
		answer += " That came late and corrected what was believed before."
	}
	if b.Corrected {
		answer += " What came later says something else of that time."
	}
	if err := copyText(e.env.Stdout, answer); err != nil {
		return err
	}
	return e.facts([]fact{
		{"Reason", b.Reason},
		{"Before", b.Previous},
		{"Attempt", fmt.Sprint(b.Attempt)},
		{"Version", b.Version},
		{"Release", b.Release},
		{"Conditions", strings.Join(b.Conditions, ", ")},
		{"Owner", b.Owner},
		{"Message", b.Message},
	})
}

// fact is a line about the thing that is explained.
type fact struct{ name, value string }

// facts lists what there is to say, one fact a line.
func (e *explainer) facts(all []fact) error {
	var rows [][]string
	for _, f := range all {
		if f.value != "" {
			rows = append(rows, []string{f.name, f.value})
		}
	}
	t := e.table(-1, "", "")
	t.begun = true // there is no header to write
	return e.section(t, rows)
}

// section writes a table, if it has rows, under an empty line.
func (r *reader) section(t *table, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(r.env.Stdout); err != nil {
		return err
	}
	return t.write(rows)
}

// said tells in a word or two what an event said.
func said(h *view.Heard) string {
	switch {
	case h.Said != "":
		return h.Said
	case h.Evidence != "":
		return h.Kind + " " + string(h.Evidence)
	case h.Kind != "":
		return h.Kind
	case h.Percent != nil:
		return fmt.Sprintf("%g%%", *h.Percent)
	}
	return kindOfEvent(h.Type)
}

// kindOfEvent is the last word of the name of an event type: reported, observed …
func kindOfEvent(kind string) string {
	name := strings.TrimSuffix(kind, ".v1")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// remark tells what is odd about an event, by what it was placed, and its message.
func remark(h *view.Heard) string {
	var r []string
	switch delay := h.RecordedAt.Sub(h.OccurredAt); {
	case h.Late && delay < time.Second:
		r = append(r, "out of order")
	case h.Late:
		r = append(r, "late by "+short(delay))
	}
	switch {
	case h.OfRelease != "":
		r = append(r, "of the release "+h.OfRelease)
	case h.PlacedBy == "under_way":
		r = append(r, "placed on what was under way")
	case h.PlacedBy != "":
		r = append(r, "placed by "+h.PlacedBy)
	}
	if h.ClockAhead {
		r = append(r, "clock ahead")
	}
	if h.Twins > 0 {
		r = append(r, "conflicting copies")
	}
	for _, s := range []string{h.Because, h.Why, h.Message, h.Text} {
		if s != "" {
			r = append(r, s)
		}
	}
	return strings.Join(r, "; ")
}
