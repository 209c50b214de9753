package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/pkg/events"
)

// newApplyCommand returns `telltale apply`, which puts documents in force.
func newApplyCommand(env Env, now func() time.Time) *cobra.Command {
	a := &applier{speaker: speaker{reader: reader{env: env}, now: now}}
	cmd := &cobra.Command{
		Use:   "apply -f FILE…",
		Short: "Put documents in force: lifecycles, components, sources",
		Long: `Apply puts the documents of YAML files in force, one event for each. All of them
are checked first; if one cannot be used, each fault is told with file, line and
column, and nothing is sent. What is in force stays so until the document in its
place is.

A document that is in force already is left alone, and the same one again is a
duplicate: to go back to an earlier one, give it a new version. - is standard
input. Where the documents were kept is said with them, if a CI system or Git
knows.`,
		Example: `  telltale apply -f components.yaml -f sources.yaml --env prod
  telltale apply -f lifecycle.yaml --effective-from 2026-12-01T00:00:00Z --reason "longer soak" --dry-run`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(a.files)+len(args) == 0 {
				return errors.New("nothing to apply: give -f FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd.Context(), append(a.files, args...))
		},
	}
	a.bind(cmd)
	flags := cmd.Flags()
	flags.StringArrayVarP(&a.files, "file", "f", nil, "file of documents, repeatable")
	flags.StringVar(&a.from, "effective-from", "", "from when they are in force: RFC 3339, now or now+2h (default: when they are recorded)")
	flags.StringSliceVar(&a.envs, "env", nil, "environment that they are for, or several (default: all)")
	flags.StringVar(&a.reason, "reason", "", "why")
	flags.StringVar(&a.deprecated.Since, "deprecated-since", "", "the documents are on their way out since this version or date")
	flags.StringVar(&a.deprecated.ReplacedBy, "replaced-by", "", "what comes in their place")
	flags.StringVar(&a.deprecated.Ends, "deprecated-ends", "", "when they are to be gone")
	flags.BoolVar(&a.dryRun, "dry-run", false, "only say what would change")
	return cmd
}

type applier struct {
	speaker

	files, envs  []string
	from, reason string
	deprecated   events.Deprecated
	dryRun       bool
}

// applied is what became of one document, or would.
type applied struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Was     string `json:"was,omitzero"` // the version in force before
	Result  string `json:"result"`
}

// The results of a document.
const (
	resultApplied   = "applied"
	resultDuplicate = "duplicate" // was put in force before: the server has it already
	resultUnchanged = "unchanged" // is in force: nothing was sent
	resultWould     = "would apply"
)

func (a *applier) run(ctx context.Context, names []string) error {
	docs, err := a.read(names)
	if err != nil {
		return err
	}
	list, err := a.events(ctx, docs)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	known, err := inForce(ctx, c)
	if err != nil {
		return untaken(err)
	}
	results := make([]applied, len(docs))
	for i := range docs {
		if results[i], err = plan(&docs[i], list[i], known); err != nil {
			return err
		}
	}
	if a.dryRun {
		return a.show(results, known)
	}
	for i, e := range list {
		if results[i].Result == resultUnchanged {
			continue
		}
		again, err := c.Say(ctx, e)
		if err != nil {
			return errors.Join(fmt.Errorf("%s:%d: %s %s: %w", docs[i].File, docs[i].Line, docs[i].Kind, docs[i].Name, err), a.show(results[:i], known))
		}
		results[i].Result = resultApplied
		if again {
			results[i].Result = resultDuplicate
		}
	}
	return a.show(results, known)
}

// read reads and checks all files.
func (a *applier) read(names []string) ([]definition.Document, error) {
	files := make([]definition.File, len(names))
	for i, name := range names {
		var text []byte
		var err error
		if name == "-" {
			text, err = io.ReadAll(a.env.Stdin)
		} else {
			text, err = os.ReadFile(name)
		}
		if err != nil {
			return nil, usagef("read the documents: %w", err)
		}
		files[i] = definition.File{Name: name, Text: text}
	}
	docs, err := definition.ReadFiles(files...)
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: err}
	}
	return docs, nil
}

// events returns the event of each document.
func (a *applier) events(ctx context.Context, docs []definition.Document) ([]*events.Event, error) {
	if err := a.needActor(); err != nil {
		return nil, err
	}
	var from time.Time
	if a.from != "" {
		var err error
		if from, err = moment("--effective-from", a.from, a.now()); err != nil {
			return nil, err
		}
	}
	ci := emitcli.Detect(a.env.Getenv)
	origins := make(map[string]*events.Origin)
	list := make([]*events.Event, len(docs))
	for i := range docs {
		doc := &docs[i]
		if _, asked := origins[doc.File]; !asked {
			origins[doc.File] = originOf(ctx, ci, doc.File)
		}
		d := doc.Activated()
		d.Actor, d.Reason, d.Origin, d.EffectiveFrom, d.Envs = a.actor, a.reason, origins[doc.File], from, a.envs
		if a.deprecated != (events.Deprecated{}) {
			d.Deprecated = &a.deprecated
		}
		e, err := definition.Event(a.source, d)
		if err == nil {
			err = fits(e)
		}
		if err != nil {
			return nil, &ExitError{Code: ExitUsage, Err: fmt.Errorf("%s:%d: %s %s: %w", doc.File, doc.Line, doc.Kind, doc.Name, err)}
		}
		list[i] = e
	}
	return list, nil
}

// fits refuses what the door would find too large, before anything is sent.
func fits(e *events.Event) error {
	text, err := e.Encode()
	if limit := events.DefaultLimits().Bytes; err == nil && len(text) > limit {
		return fmt.Errorf("the event has %d bytes with the document, the limit is %d", len(text), limit)
	}
	return err
}

// active is a document in force, as GET /v1/definitions lists it.
type active struct {
	Kind          string    `json:"kind"`
	Name          string    `json:"name"`
	Version       string    `json:"version"`
	Digest        string    `json:"digest"`
	EffectiveFrom time.Time `json:"effective_from"`
	Envs          []string  `json:"envs"`
}

// inForce returns what a server has in force; nil, which is not the same as
// nothing, when it does not tell us.
func inForce(ctx context.Context, c *Client) ([]active, error) {
	raw, err := c.Get(ctx, "/v1/definitions", nil)
	var exit *ExitError
	if errors.As(err, &exit) && (exit.Code == ExitNotFound || exit.Code == ExitAuth) {
		return nil, nil // the door decides about those who may write and not read
	}
	if err != nil {
		return nil, err
	}
	body := struct {
		Items []active `json:"items"`
	}{[]active{}}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, fmt.Errorf("read what is in force: %w", err)
	}
	return body.Items, nil
}

// plan says what is to be done with a document, by what is in force in its
// environments. A version that is in force with another content is refused:
// people could not tell the two apart.
func plan(doc *definition.Document, e *events.Event, known []active) (applied, error) {
	var d events.DefinitionActivated
	if err := e.DataAs(&d); err != nil {
		return applied{}, err
	}
	p := applied{Kind: d.Kind, Name: d.Name, Version: d.Version, Digest: d.Digest, Result: resultWould}
	for _, k := range known {
		if k.Kind != d.Kind || k.Name != d.Name {
			continue
		}
		if k.Version == d.Version && k.Digest != d.Digest {
			return p, &ExitError{Code: ExitRefused, Err: fmt.Errorf(
				"%s:%d: version %s of %s %s is in force with another content\nhint: give the document a new version",
				doc.File, doc.Line, d.Version, d.Kind, d.Name)}
		}
		envs := slices.Sorted(slices.Values(k.Envs))
		if slices.Equal(envs, d.Envs) {
			p.Was = k.Version
			if k.Digest == d.Digest && (d.EffectiveFrom.IsZero() || d.EffectiveFrom.Equal(k.EffectiveFrom)) {
				p.Result = resultUnchanged
			}
		}
	}
	return p, nil
}

// show writes what became of the documents.
func (a *applier) show(results []applied, known []active) error {
	if known == nil && a.dryRun {
		if err := a.note("The server does not say what is in force: all documents are shown."); err != nil {
			return err
		}
	}
	if a.asData() {
		raw, err := json.Marshal(map[string][]applied{"items": results})
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return a.document(raw)
	}
	rows := make([]row, len(results))
	for i, r := range results {
		rows[i] = row{r.Kind + "/" + r.Name, []string{r.Kind, r.Name, r.Version, r.Was, r.Result, r.Digest}}
		if a.output != formatWide {
			rows[i].cells = rows[i].cells[:5]
		}
	}
	header := []string{"KIND", "NAME", "VERSION", "WAS", "RESULT"}
	if a.output == formatWide {
		header = append(header, "DIGEST")
	}
	if err := a.write(a.table(-1, header...), rows); err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r applied) bool { return r.Result == resultDuplicate }) {
		return a.note("What is a duplicate was put in force before. If another took its place since, give it a new version.")
	}
	return nil
}
