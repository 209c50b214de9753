package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/pkg/statemachine"
	"github.com/telltale-dev/telltale/schemas"
)

func newLifecyclePrintCommand(env Env) *cobra.Command {
	p := &lifecyclePrinter{reader: reader{env: env}}
	cmd := &cobra.Command{
		Use:   "print [NAME]",
		Short: "Print the lifecycle that is built in, to begin with, or one that is in force",
		Long: `Print prints the lifecycle that is built in, as it was written. With a NAME it
asks a server for the lifecycle of that name that is in force there; if that is
another one in other environments, --env chooses.`,
		Example: `  telltale lifecycle print > lifecycle.yaml
  telltale lifecycle print payments --env prod > lifecycle.yaml
  telltale lifecycle print --examples > examples.yaml
  telltale lifecycle print --schema > Lifecycle.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.inForce(cmd.Context(), args[0])
			}
			return p.builtIn()
		},
	}
	p.bind(cmd)
	flags := cmd.Flags()
	flags.StringVar(&p.where, "env", "", "with NAME: the environment")
	flags.BoolVar(&p.schema, "schema", false, "the JSON Schema of such documents instead")
	flags.BoolVar(&p.examples, "examples", false, "the examples of the built-in lifecycle instead")
	return cmd
}

type lifecyclePrinter struct {
	reader

	where            string
	schema, examples bool
}

func (p *lifecyclePrinter) builtIn() error {
	text := statemachine.StandardDocument()
	var err error
	switch {
	case p.schema && p.examples:
		text, err = schemas.Schema("documents/" + kindExamples)
	case p.schema:
		text, err = schemas.Schema("documents/" + definition.KindLifecycle)
	case p.examples:
		text, err = schemas.Document(kindExamples)
	}
	if err != nil {
		return err // cannot be: they are embedded
	}
	_, err = p.env.Stdout.Write(text)
	return err
}

// inForce prints the one lifecycle of a name that a server has in force.
func (p *lifecyclePrinter) inForce(ctx context.Context, name string) error {
	if p.schema || p.examples {
		return usagef("--schema and --examples are of the built-in lifecycle: leave out %s", escape(name))
	}
	c, err := p.client()
	if err != nil {
		return err
	}
	raw, err := c.Get(ctx, "/v1/definitions", url.Values{"kind": {definition.KindLifecycle}, "name": {name}})
	if err != nil {
		return err
	}
	var page struct {
		Items []struct {
			active
			Document string `json:"document"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("read what is in force: %w", err)
	}
	texts := make(map[string]string) // by digest: the same document may be in force twice
	var versions []string
	for _, d := range page.Items {
		if p.where != "" && len(d.Envs) > 0 && !slices.Contains(d.Envs, p.where) || texts[d.Digest] != "" {
			continue
		}
		texts[d.Digest] = d.Document
		versions = append(versions, d.Version)
	}
	switch {
	case len(texts) == 0:
		return &ExitError{Code: ExitNotFound, Err: fmt.Errorf("no lifecycle %s is in force there", escape(name))}
	case len(texts) > 1:
		return usagef("several versions of %s are in force: %s\nhint: choose by --env", escape(name), escape(strings.Join(versions, ", ")))
	case p.asData():
		return p.document(raw)
	}
	for _, text := range texts {
		_, err = p.env.Stdout.Write([]byte(text))
	}
	return err
}
