package bench

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
)

// header names the columns of a printed row.
var header = []string{"row", "figure", "against", "ratio", "spread", "goal", "verdict"}

// cells are the columns of a row.
func (r *Row) cells() []string {
	goal, spread := "-", "-"
	if r.Goal != 0 {
		sign := "≥"
		if r.AtMost {
			sign = "≤"
		}
		goal = fmt.Sprintf("%s %g", sign, r.Goal)
	}
	if r.Pairs > 1 {
		spread = fmt.Sprintf("%.3f to %.3f", r.Low, r.High)
	}
	return []string{
		r.Name, amount(r.Figure) + " " + r.Unit, amount(r.Limit) + " " + r.Against,
		fmt.Sprintf("%.3f", r.Ratio), spread, goal, string(r.Verdict),
	}
}

// amount prints three digits, and all of those before the point.
func amount(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Print writes rows as a table for the terminal.
func Print(w io.Writer, rows []Row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if _, err := fmt.Fprintln(tw, strings.ToUpper(strings.Join(header, "\t"))); err != nil {
		return err
	}
	for i := range rows {
		if _, err := fmt.Fprintln(tw, strings.Join(rows[i].cells(), "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// PrintMarkdown writes rows as a table for a document, with a line of what they
// were measured on.
func PrintMarkdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(header)
	b.WriteString("|" + strings.Repeat("---|", len(header)) + "\n")
	for i := range rows {
		line(rows[i].cells())
	}
	fmt.Fprintf(&b, "\n%s on %s/%s, %d processors.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	_, err := io.WriteString(w, b.String())
	return err
}
