package cli

import (
	"fmt"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/pkg/events"
)

func newMappingTestCommand(env Env) *cobra.Command {
	m := &mappingTester{reader: reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "Show what payloads become, and which rule said so",
		Long: `Test maps files as the webhook's door would map them, and sends nothing. Each FILE
holds one body as the tool sends it. The mapping is that of --tool, or the
document of --mapping, whose faults are told with file, line and column.

The exit code is 0 when every payload is mapped or ignored, 1 when one could not
be mapped, and 2 when the mapping itself is faulty.`,
		Example: `  telltale mapping test --tool github --header X-GitHub-Event=deployment_status \
    --region eu-west-1 payload.json
  telltale mapping test --mapping shipit.yaml payload.json -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return m.run(args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&m.tool, "tool", "", "whose payloads they are")
	flags.StringVar(&m.file, "mapping", "", "a mapping of your own, instead of the tool's built-in one")
	flags.StringArrayVar(&m.headers, "header", nil, "a header of the request, NAME=VALUE (repeatable)")
	flags.StringVar(&m.query, "query", "", "the query of the hook's URL, such as names=follow")
	flags.StringVar(&m.hook.Env, "env", "", "the hook's default environment")
	flags.StringSliceVar(&m.hook.Regions, "region", nil, "the hook's default regions")
	flags.StringVar(&m.hook.Component, "component", "", "the hook's default component")
	flags.StringSliceVar(&m.hook.Deploys, "deploys", nil, "patterns of the jobs that deploy")
	flags.VarP(&m.output, "output", "o", "how to write what the payloads become: table, json or yaml")
	return cmd
}

type mappingTester struct {
	reader

	tool, file, query string
	headers           []string
	hook              adapter.Hook
}

func (m *mappingTester) run(files []string) error {
	mapping, err := m.mapping()
	if err != nil {
		return err
	}
	request := adapter.Request{Header: map[string][]string{"Content-Type": {"application/json"}}, Hook: m.hook}
	request.Hook.Tool = mapping.Name
	for _, h := range m.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok {
			return usagef("--header %s is not NAME=VALUE", escape(h))
		}
		request.Header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
	}
	if request.Query, err = url.ParseQuery(m.query); err != nil {
		return usagef("--query is not a URL's query: %w", err)
	}
	t := m.table(2, "FILE", "RULE", "STATUS", "SUBJECT", "SAYS")
	var docs []jsontext.Value
	unmapped := 0
	for _, file := range files {
		if request.Body, err = os.ReadFile(file); err != nil {
			return usagef("read the payload: %w", err)
		}
		result, err := mapping.Map(&request)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if len(result.Unmapped) > 0 {
			unmapped++
		}
		if m.asData() {
			doc, err := result.Document()
			if err != nil {
				return err
			}
			docs = append(docs, doc)
			continue
		}
		if err := m.write(t, resultRows(file, result)); err != nil {
			return err
		}
	}
	if m.asData() {
		raw, err := json.Marshal(map[string][]jsontext.Value{"items": docs})
		if err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		if err := m.document(raw); err != nil {
			return err
		}
	}
	if unmapped > 0 {
		return fmt.Errorf("%d of %d payloads could not be mapped", unmapped, len(files))
	}
	return nil
}

// mapping returns the mapping that the flags name.
func (m *mappingTester) mapping() (*adapter.Mapping, error) {
	switch {
	case m.file == "" && m.tool == "":
		return nil, usagef("give --tool or --mapping")
	case m.file == "":
		return builtInMapping(m.tool)
	}
	text, err := os.ReadFile(m.file)
	if err != nil {
		return nil, usagef("read the mapping: %w", err)
	}
	mapping, err := adapter.Read(m.file, text)
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: err}
	}
	if m.tool != "" && m.tool != mapping.Name {
		return nil, usagef("%s is the mapping of %s, not of %s", escape(m.file), mapping.Name, escape(m.tool))
	}
	return mapping, nil
}

// resultRows shows a result, one row for each thing that it says.
func resultRows(file string, result *adapter.Result) []row {
	var rows []row
	add := func(rule, status, subject, says string) {
		rows = append(rows, row{file, []string{file, rule, status, subject, says}})
	}
	for _, e := range result.Events {
		status, says := saidBy(e.Event)
		add(e.Rule, status, e.Event.Subject, says)
	}
	for _, i := range result.Ignored {
		add(i.Rule, "ignored", "", i.Reason)
	}
	for _, u := range result.Unmapped {
		says := u.Err.Detail
		if u.Value != "" {
			says = fmt.Sprintf("%s: %s=%q", says, u.Field, u.Value)
		}
		add(u.Rule, "unmapped", "", says)
	}
	return rows
}

// saidBy returns what an event of a mapping says: its status, or the kind of word
// that it is, and the rest in short.
func saidBy(e *events.Event) (status, says string) {
	when := "id " + e.ID
	switch e.Type {
	case events.TypeReported:
		var r events.Reported
		if err := e.DataAs(&r); err != nil {
			return "reported", err.Error() // cannot be: the event is valid
		}
		words := slices.DeleteFunc([]string{string(r.Class), string(r.Native), when}, func(s string) bool { return s == "" })
		return r.Status, strings.Join(words, " ")
	case events.TypeEvidence:
		var v events.Evidence
		if err := e.DataAs(&v); err != nil {
			return "evidence", err.Error() // cannot be: the event is valid
		}
		return "evidence", fmt.Sprintf("%s %s %s", v.Kind, v.Verdict, when)
	case events.TypeProgressed:
		return "progress", when
	case events.TypeObserved:
		return "observed", when
	}
	return "annotation", when
}
