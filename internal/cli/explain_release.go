package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/view"
)

// release says why a release has its status: the tree of reasons, and its members
// by region.
func (e *explainer) release(ctx context.Context, c *Client, key string) error {
	raw, err := oneRelease(ctx, c, key)
	if err != nil {
		return err
	}
	if e.asData() {
		return e.document(raw)
	}
	var r view.ReleaseBody
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("read the release: %w", err)
	}
	lines := []string{fmt.Sprintf("%s is %s: %s.", key, r.Status, strings.TrimSuffix(r.Reason.Text, "."))}
	if r.Refused != "" {
		lines[0] += " The latest plan does not count: " + strings.TrimSuffix(r.Refused, ".") + "."
	}
	for i := range r.Reason.Because {
		lines = outline(lines, &r.Reason.Because[i], "  ")
	}
	if err := copyText(e.env.Stdout, lines...); err != nil {
		return err
	}
	planned := "no plan was declared: expected is where its components ran before"
	if r.Planned {
		planned = "as declared"
	}
	err = e.facts([]fact{
		{"Members", fmt.Sprintf("%d, %s", len(r.Members), planned)},
		{"Owner", r.Owner},
		{"Ticket", r.Ticket},
		{"Risk", r.Risk},
		{"Impact", strings.Join(append(nonEmpty(r.Impact), r.Impacts...), "; ")},
	})
	if err != nil {
		return err
	}
	d, err := memberTable(raw, e.now())
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	if err := e.section(e.table(d.status, d.header...), d.rows); err != nil {
		return err
	}
	var rows [][]string
	for _, v := range r.Evidence {
		rows = append(rows, []string{stamp(v.At), v.Source, v.Kind + " " + v.Verdict, v.Name})
	}
	for _, a := range r.Annotations {
		rows = append(rows, []string{stamp(a.At), a.Actor, a.Kind, strings.Join(append(nonEmpty(a.Text), nonEmpty(a.URL)...), " ")})
	}
	return e.section(e.table(-1, "AT", "WHO", "SAID", "NOTE"), rows)
}

// outline appends a tree of reasons, each level further in.
func outline(lines []string, r *view.Reason, indent string) []string {
	text := r.Text
	if r.Name != "" {
		text += " (" + r.Name + ")"
	}
	lines = append(lines, indent+text)
	for i := range r.Because {
		lines = outline(lines, &r.Because[i], indent+"  ")
	}
	return lines
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
