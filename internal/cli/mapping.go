package cli

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/schemas"
)

// newMappingCommand returns `telltale mapping`, the verbs of those who connect a
// tool. They ask no server: the mappings come with the program.
func newMappingCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mapping",
		Short: "See what a tool's webhooks become, and write a mapping of your own",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMappingListCommand(env), newMappingPrintCommand(env), newMappingTestCommand(env))
	return cmd
}

func newMappingListCommand(env Env) *cobra.Command {
	l := &mappingLister{reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tools whose webhooks are understood",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return l.run() },
	}
	cmd.Flags().VarP(&l.output, "output", "o", "how to write the list")
	return cmd
}

type mappingLister struct{ reader }

func (l *mappingLister) run() error {
	set, err := adapter.Embedded()
	if err != nil {
		return err // cannot be: a test reads them
	}
	type listed struct {
		Tool    string   `json:"tool"`
		Version string   `json:"version"`
		Summary string   `json:"summary"`
		Auth    []string `json:"auth"`
	}
	items, rows := []listed{}, []row{}
	for _, m := range set.All() {
		auth := make([]string, len(m.Auth))
		for i, s := range m.Auth {
			auth[i] = string(s)
		}
		items = append(items, listed{m.Name, m.Version, m.Summary, auth})
		rows = append(rows, row{m.Name, []string{m.Name, m.Version, strings.Join(auth, ","), m.Summary}})
	}
	if l.asData() {
		raw, err := json.Marshal(map[string][]listed{"items": items})
		if err != nil {
			return fmt.Errorf("write the list: %w", err)
		}
		return l.document(raw)
	}
	return l.write(l.table(-1, "TOOL", "VERSION", "AUTH", "SUMMARY"), rows)
}

func newMappingPrintCommand(env Env) *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "print TOOL",
		Short: "Print the mapping of a tool, to begin one's own with",
		Example: `  telltale mapping print github > github.yaml
  telltale mapping print --schema`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if schema != (len(args) == 0) {
				return usagef("give the name of a tool, or --schema")
			}
			text, err := []byte(nil), error(nil)
			if schema {
				text, err = schemas.Schema("documents/" + adapter.Kind)
			} else {
				text, err = mappingText(args[0])
			}
			if err != nil {
				return err
			}
			_, err = env.Stdout.Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "the JSON Schema of such documents instead")
	return cmd
}

func mappingText(tool string) ([]byte, error) {
	m, err := builtInMapping(tool)
	if err != nil {
		return nil, err
	}
	return m.Document(), nil
}

// builtInMapping returns the mapping of a tool that comes with the program.
func builtInMapping(tool string) (*adapter.Mapping, error) {
	set, err := adapter.Embedded()
	if err != nil {
		return nil, err // cannot be: a test reads them
	}
	m, ok := set.Tool(tool)
	if !ok {
		return nil, &ExitError{Code: ExitNotFound, Err: fmt.Errorf("there is no mapping of %s: see `telltale mapping list`", escape(tool))}
	}
	return m, nil
}
