package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// format is how a reading verb writes what it found.
type format string

// The formats of -o.
const (
	formatTable format = "table" // aligned columns for people
	formatWide  format = "wide"  // the same with more columns
	formatJSON  format = "json"  // the server's own JSON, indented
	formatYAML  format = "yaml"  // the same as YAML
	formatName  format = "name"  // one key a line, for other commands
)

var formats = []format{formatTable, formatWide, formatJSON, formatYAML, formatName}

// String and Set and Type make *format a flag.
func (f *format) String() string { return string(*f) }

// Set reads a format by its name.
func (f *format) Set(s string) error {
	if !slices.Contains(formats, format(s)) {
		return fmt.Errorf("none of %s", joinFormats())
	}
	*f = format(s)
	return nil
}

// Type names the flag's values in the help.
func (f *format) Type() string { return joinFormats() }

func joinFormats() string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, "|")
}

// reader is what all reading verbs share: which server, and how to show it.
type reader struct {
	env    Env
	server string
	token  string
	output format
}

// bind defines the flags of a reading verb. Their defaults come from the
// environment, so that --help shows what would be used; a token is never shown.
func (r *reader) bind(cmd *cobra.Command) {
	server := r.env.Getenv("TELLTALE_SERVER")
	if server == "" {
		server = defaultServer
	}
	r.output = formatTable
	flags := cmd.Flags()
	flags.StringVar(&r.server, "server", server, "URL of the server (TELLTALE_SERVER)")
	flags.StringVar(&r.token, "token", "", "bearer token (TELLTALE_TOKEN)")
	flags.VarP(&r.output, "output", "o", "how to write the answer")
}

// client returns a client of the chosen server.
func (r *reader) client() (*Client, error) {
	token := r.token
	if token == "" {
		token = r.env.Getenv("TELLTALE_TOKEN")
	}
	return NewClient(r.server, token)
}

// document writes a JSON document as it came, indented, or as YAML. Members
// that this program does not know are kept: a newer server may say more.
func (r *reader) document(raw jsontext.Value) error {
	if r.output == formatYAML {
		out, err := yaml.JSONToYAML(raw)
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		_, err = r.env.Stdout.Write(out)
		return err
	}
	out := raw.Clone()
	if err := out.Indent(jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := r.env.Stdout.Write(append(out, '\n'))
	return err
}

// asData reports whether the answer is wanted as a document, not as a table.
func (r *reader) asData() bool { return r.output == formatJSON || r.output == formatYAML }

// table returns a table on stdout whose given column holds a status; -1: none
// does.
func (r *reader) table(statusColumn int, header ...string) *table {
	t := &table{w: r.env.Stdout, header: header}
	if statusColumn >= 0 && colourful(r.env.Stdout, r.env.Getenv) {
		t.paint = paintColumn(statusColumn)
	}
	return t
}

// write writes rows as the format wants them.
func (r *reader) write(t *table, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(rows))
	cells := make([][]string, len(rows))
	for i := range rows {
		names[i], cells[i] = rows[i].name, rows[i].cells[:len(t.header)]
	}
	if r.output == formatName {
		return copyText(r.env.Stdout, names...)
	}
	return t.write(cells)
}

// note tells the person something that is no data.
func (r *reader) note(format string, args ...any) error {
	_, err := fmt.Fprintf(r.env.Stderr, format+"\n", args...)
	return err
}

// stamp shows an instant in UTC to the second; a zero one is "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// age shows how long ago t was, in the two largest units. An instant ahead of
// the reader's clock is 0s.
func age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return short(now.Sub(t))
}

// short shows a duration in its two largest units: 45s, 3m10s, 2h5m, 4d3h, 93d.
func short(d time.Duration) string {
	d = max(d, 0)
	s, m, h := int(d.Seconds()), int(d.Minutes()), int(d.Hours())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case m < 60:
		return units(m, "m", s%60, "s")
	case h < 48:
		return units(h, "h", m%60, "m")
	case h < 30*24:
		return units(h/24, "d", h%24, "h")
	}
	return fmt.Sprintf("%dd", h/24)
}

func units(major int, majorUnit string, minor int, minorUnit string) string {
	if minor == 0 {
		return fmt.Sprintf("%d%s", major, majorUnit)
	}
	return fmt.Sprintf("%d%s%d%s", major, majorUnit, minor, minorUnit)
}

// copyText writes escaped lines of text, one a line.
func copyText(w io.Writer, lines ...string) error {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(escape(l))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
