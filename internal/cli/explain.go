package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// newExplainCommand returns `telltale explain`, which says why a deployment has
// its status, or how a slot came to run what it runs.
func newExplainCommand(env Env) *cobra.Command {
	e := &explainer{reader: reader{env: env}}
	cmd := &cobra.Command{
		Use:   "explain KEY",
		Short: "Say why a deployment has its status, or why a slot runs what it runs",
		Long: `Explain says in a sentence what is believed of a deployment, since when and
why, and then lists what was heard in the order that counts. A word that came
after a later one is marked "late".

KEY is ENV/REGION/COMPONENT/DEPLOYMENT, or ENV/REGION/COMPONENT for a slot.`,
		Example: `  telltale explain prod/eu-west-1/checkout/2.14.0
  telltale explain prod/eu-west-1/checkout -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd.Context(), args[0]) },
	}
	e.bind(cmd)
	return cmd
}

type explainer struct{ reader }

func (e *explainer) run(ctx context.Context, key string) error {
	if e.output == formatName {
		return usagef("-o name has nothing to name here; use table, wide, json or yaml")
	}
	c, err := e.client()
	if err != nil {
		return err
	}
	switch strings.Count(key, "/") {
	case 3:
		if _, err := events.ParseKey(key); err != nil {
			return &ExitError{Code: ExitUsage, Err: err}
		}
		return e.deployment(ctx, c, key)
	case 2:
		if _, err := events.ParseSlot(key); err != nil {
			return &ExitError{Code: ExitUsage, Err: err}
		}
		return e.slot(ctx, c, key)
	}
	return usagef("%s has neither the four parts of a deployment nor the three of a slot", escape(key))
}

func (e *explainer) deployment(ctx context.Context, c *Client, key string) error {
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
	if err := e.claims(&x); err != nil {
		return err
	}
	return e.history(&x)
}

// claims lists what each source says, when they do not all say the same.
func (e *explainer) claims(x *view.Explanation) error {
	contradict := false
	for _, c := range x.Claims {
		contradict = contradict || c.Status != x.Status
	}
	if !contradict && e.output != formatWide || len(x.Claims) == 0 {
		return nil
	}
	rows := make([][]string, len(x.Claims))
	for i, c := range x.Claims {
		rows[i] = []string{c.Source, c.Status, stamp(c.At)}
	}
	return e.section(e.table(1, "SOURCE", "SAYS", "SINCE"), rows)
}

func (e *explainer) history(x *view.Explanation) error {
	if x.HistoryOmitted > 0 {
		if err := e.note("%d earlier events are not shown; the API has them under …/events.", x.HistoryOmitted); err != nil {
			return err
		}
	}
	header := []string{"AT", "SOURCE", "SAID", "VERDICT", "STATUS", "NOTE"}
	if e.output == formatWide {
		header = append(header, "RECORDED", "EMITTER", "POSITION", "ID")
	}
	rows := make([][]string, len(x.History))
	first := math.MaxInt // the least arrival among those that count later
	for i := range slices.Backward(x.History) {
		h := &x.History[i]
		row := []string{stamp(h.At), h.Source, said(h), string(h.Verdict), h.To, remark(h, h.Arrival > first)}
		if e.output == formatWide {
			row = append(row, stamp(h.RecordedAt), h.Emitter, fmt.Sprint(h.Position), h.ID)
		}
		rows[i] = row
		first = min(first, h.Arrival)
	}
	return e.section(e.table(4, header...), rows)
}

// section writes a table, if it has rows, under an empty line.
func (e *explainer) section(t *table, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(e.env.Stdout); err != nil {
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
	name := strings.TrimSuffix(h.Type, ".v1")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// remark tells what is odd about an event, and its message.
func remark(h *view.Heard, late bool) string {
	var r []string
	if late {
		r = append(r, "late")
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

// slotStory is what a slot runs with how it came to it. Item and history keep
// what the server said.
type slotStory struct {
	Slot    jsontext.Value   `json:"slot"`
	History []jsontext.Value `json:"history"`
}

func (e *explainer) slot(ctx context.Context, c *Client, key string) error {
	now, err := oneSlot(ctx, c, key)
	if err != nil {
		return err
	}
	raw, err := c.Get(ctx, "/v1/slots/"+key+"/history", nil)
	if err != nil {
		return err
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read the slot's history: %w", err)
	}
	if e.asData() {
		doc, err := json.Marshal(slotStory{Slot: now, History: p.Items})
		if err != nil {
			return fmt.Errorf("write the slot's story: %w", err)
		}
		return e.document(doc)
	}
	answer, err := slotAnswer(key, now)
	if err != nil {
		return err
	}
	if err := copyText(e.env.Stdout, answer); err != nil {
		return err
	}
	rows := make([][]string, len(p.Items))
	for i, item := range p.Items {
		if rows[i], err = landingRow(item); err != nil {
			return fmt.Errorf("read a landing: %w", err)
		}
	}
	if p.Next != "" {
		if err := e.note("Earlier landings are not shown; the API pages through them."); err != nil {
			return err
		}
	}
	return e.section(e.table(-1, "AT", "VERSION", "DEPLOYMENT", "ATTEMPT", "LANDING", "SOURCE"), rows)
}

// slotAnswer says in a sentence what a slot runs.
func slotAnswer(key string, raw jsontext.Value) (string, error) {
	var s view.SlotBody
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("read the slot: %w", err)
	}
	answer := key + " runs nothing that we know of."
	if s.Deployment != "" {
		version := s.Version
		if version == "" {
			version = "a version that nobody named"
		}
		answer = fmt.Sprintf("%s runs %s since %s (deployment %s, landing: %s).",
			key, version, stamp(s.Since), s.Deployment, s.Landing)
	}
	if l := s.Latest; l != nil && l.Deployment != s.Deployment {
		answer += fmt.Sprintf(" The latest, %s, is %s since %s.", l.Deployment, l.Status, stamp(l.Since))
	}
	return answer, nil
}

func landingRow(raw jsontext.Value) ([]string, error) {
	var l view.LandingBody
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, err
	}
	if l.Restored {
		l.Landing += " (restored)"
	}
	return []string{stamp(l.At), l.Version, l.Deployment, fmt.Sprint(l.Attempt), l.Landing, l.Source}, nil
}
