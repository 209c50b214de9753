package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// columnGap is what stands between two columns: three spaces, as kubectl does,
// so that a value with single spaces in it still reads as one.
const columnGap = "   "

// table writes aligned columns without borders: what people paste into tickets
// and programs cut with awk. Rows are written in blocks as they arrive; a
// column is as wide as its widest cell so far, so that a listing of any length
// streams. It is not safe for concurrent use.
type table struct {
	w      io.Writer
	paint  func(column int, cell string) string // colours a cell, nil: never
	header []string
	widths []int
	begun  bool
}

// write writes a block of rows, with the header before the first one. Cells are
// escaped, see [escape]; an empty one shows as "-".
func (t *table) write(rows [][]string) error {
	if t.widths == nil {
		t.widths = make([]int, len(t.header))
		t.measure(t.header)
	}
	cells := make([][]string, len(rows))
	for i, row := range rows {
		cells[i] = make([]string, len(row))
		for j, c := range row {
			if c == "" {
				c = "-"
			}
			cells[i][j] = escape(c)
		}
		t.measure(cells[i])
	}
	var b strings.Builder
	if !t.begun {
		t.line(&b, t.header, false)
		t.begun = true
	}
	for _, row := range cells {
		t.line(&b, row, true)
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) measure(row []string) {
	for i, c := range row {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
	}
}

func (t *table) line(b *strings.Builder, row []string, painted bool) {
	for i, c := range row {
		if i > 0 {
			b.WriteString(columnGap)
		}
		shown := c
		if painted && t.paint != nil {
			shown = t.paint(i, c)
		}
		b.WriteString(shown)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(c)))
		}
	}
	b.WriteByte('\n')
}

// escape makes a string that came from elsewhere safe for a terminal: control
// characters, which could move the cursor or retitle the window, invisible
// format characters and invalid UTF-8 become visible escapes.
func escape(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case hidden(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden reports characters that a terminal acts on or does not show: controls,
// and format characters such as those that turn the reading direction round.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// colourful reports whether w may be written colours to: a terminal, and
// nobody asked for none (NO_COLOR, see no-color.org, or a dumb terminal).
func colourful(w io.Writer, getenv func(string) string) bool {
	if getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" || getenv("TERM") == "" {
		return false
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// SGR sequences of the terminal, and their end.
const (
	sgrRed    = "\x1b[31m"
	sgrGreen  = "\x1b[32m"
	sgrYellow = "\x1b[33m"
	sgrCyan   = "\x1b[36m"
	sgrReset  = "\x1b[0m"
)

// statusColour returns how a status is coloured, "" for not at all. A status of
// a lifecycle of the user's own has no colour.
func statusColour(status string) string {
	switch statemachine.Standard().Category(status) {
	case statemachine.CategoryFinalGood, statemachine.CategoryLanded:
		return sgrGreen
	case statemachine.CategoryFinalBad, statemachine.CategoryHeld:
		return sgrRed
	case statemachine.CategoryActive:
		return sgrCyan
	}
	if status == "stalled" {
		return sgrYellow
	}
	return ""
}

// paintColumn colours the cells of one column by the status they hold.
func paintColumn(column int) func(int, string) string {
	return func(i int, cell string) string {
		if i != column {
			return cell
		}
		if c := statusColour(cell); c != "" {
			return c + cell + sgrReset
		}
		return cell
	}
}
