package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

func newQuarantineShowCommand(env Env) *cobra.Command {
	r, raw := &reader{env: env}, false
	cmd := &cobra.Command{
		Use:   "show SEQ",
		Short: "Show one entry: why, from where, and the bytes as they came",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return showQuarantined(cmd.Context(), r, args[0], raw) },
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&raw, "raw", false, "write the body and nothing else, byte for byte")
	return cmd
}

// quarantinedEntry is one entry as the API shows it.
type quarantinedEntry struct {
	Seq     uint64              `json:"seq"`
	At      time.Time           `json:"at"`
	Stage   string              `json:"stage"`
	Code    string              `json:"code"`
	Detail  string              `json:"detail"`
	Hint    string              `json:"hint"`
	From    string              `json:"from"`
	Door    string              `json:"door"`
	Tool    string              `json:"tool"`
	Subject string              `json:"subject"`
	Headers map[string][]string `json:"headers"`
	Bytes   int                 `json:"bytes"`
	Raw     []byte              `json:"raw"`
	Faults  []struct {
		Code    string   `json:"code"`
		Detail  string   `json:"detail"`
		Rule    string   `json:"rule"`
		Field   string   `json:"field"`
		Value   string   `json:"value"`
		Missing []string `json:"missing"`
	} `json:"faults"`
	Conclusion *struct {
		What       string    `json:"what"`
		By         string    `json:"by"`
		Reason     string    `json:"reason"`
		At         time.Time `json:"at"`
		Accepted   int       `json:"accepted"`
		Duplicates int       `json:"duplicates"`
		Ignored    int       `json:"ignored"`
	} `json:"conclusion"`
}

func showQuarantined(ctx context.Context, r *reader, seq string, raw bool) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	doc, err := oneQuarantined(ctx, client, seq)
	if err != nil {
		return err
	}
	if r.asData() && !raw {
		return r.document(doc)
	}
	var e quarantinedEntry
	if err := json.Unmarshal(doc, &e); err != nil {
		return fmt.Errorf("read the entry: %w", err)
	}
	if raw {
		_, err := r.env.Stdout.Write(e.Raw)
		return err
	}
	if r.output == formatName {
		return copyText(r.env.Stdout, strconv.FormatUint(e.Seq, 10))
	}
	return copyText(r.env.Stdout, e.lines()...)
}

// lines tells of an entry to a person: one thing a line, the body last.
func (e *quarantinedEntry) lines() []string {
	var out []string
	say := func(what, value string) {
		if value != "" {
			out = append(out, fmt.Sprintf("%-9s %s", what, value))
		}
	}
	say("seq", strconv.FormatUint(e.Seq, 10))
	say("came", stamp(e.At)+" from "+e.From+" at "+strings.TrimSpace(e.Door+" "+e.Subject))
	say("tool", e.Tool)
	say("why", e.Code+" ("+e.Stage+"): "+e.Detail)
	say("hint", e.Hint)
	for _, f := range e.Faults {
		text := f.Code + ": " + f.Detail
		for _, part := range [][2]string{{"rule", f.Rule}, {"field", f.Field}, {"value", f.Value}, {"missing", strings.Join(f.Missing, ",")}} {
			if part[1] != "" {
				text += ", " + part[0] + " " + strconv.Quote(part[1])
			}
		}
		say("fault", text)
	}
	if c := e.Conclusion; c != nil {
		text := c.What + " " + stamp(c.At) + " by " + c.By
		if c.Reason != "" {
			text += ": " + c.Reason
		}
		if n := c.Accepted + c.Duplicates + c.Ignored; n > 0 {
			text += fmt.Sprintf(", %d accepted, %d duplicates, %d ignored", c.Accepted, c.Duplicates, c.Ignored)
		}
		say("became", text)
	}
	names := make([]string, 0, len(e.Headers))
	for name := range e.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		say("header", name+": "+strings.Join(e.Headers[name], ", "))
	}
	say("bytes", strconv.Itoa(e.Bytes))
	if len(e.Raw) == 0 {
		return out
	}
	out = append(out, "")
	return append(out, bodyLines(e.Raw)...)
}

// bodyLines shows a body: JSON indented, other text as it is, anything else as a
// hex dump.
func bodyLines(raw []byte) []string {
	if v := jsontext.Value(bytes.Clone(raw)); v.IsValid() && v.Indent(jsontext.WithIndent("  ")) == nil {
		return strings.Split(string(v), "\n")
	}
	text := string(raw)
	if !utf8.Valid(raw) {
		text = hex.Dump(raw)
	}
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}
