package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/pkg/statemachine"
	"github.com/telltale-dev/telltale/schemas"
)

// kindExamples is the kind of a document of examples. It is never put in force.
const kindExamples = "LifecycleExamples"

func newLifecycleTestCommand(env Env) *cobra.Command {
	t := &tester{reader: reader{env: env, output: formatTable}}
	cmd := &cobra.Command{
		Use:   "test [FILE…]",
		Short: "Hold a lifecycle to examples: what is said, what must be shown",
		Long: `Test tells each example of the files to an empty world, under the lifecycle, and
compares what is shown in the end with what the example expects. What does not
hold is listed and makes the exit code 1. Without a file the examples of the
built-in lifecycle are told. "telltale lifecycle print --examples" prints those,
which show every key.`,
		Example: `  telltale lifecycle test --lifecycle lifecycle.yaml examples.yaml
  telltale lifecycle test --lifecycle lifecycle.yaml`,
		Args: cobra.ArbitraryArgs, // files; run looks at each
		RunE: func(_ *cobra.Command, args []string) error { return t.run(args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&t.lifecycle, "lifecycle", builtIn, "file of the lifecycle")
	flags.VarP(&t.output, "output", "o", "how to write what came of it")
	return cmd
}

type tester struct {
	reader

	lifecycle string
}

// examples is a document of examples.
type examples struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name    string `yaml:"name"`
		Version string `yaml:"version"`
	} `yaml:"metadata"`
	Spec struct {
		Examples []example `yaml:"examples"`
	} `yaml:"spec"`
}

// example is one story: what is said, and what must be shown in the end.
type example struct {
	Name   string                 `yaml:"name"`
	Events []exampleEvent         `yaml:"events"`
	Until  statemachine.Duration  `yaml:"until"` // up to when all is known; absent: to the last event
	Expect map[string]expectation `yaml:"expect"`
}

// told is what came of an example.
type told struct {
	File    string   `json:"file"`
	Example string   `json:"example"`
	OK      bool     `json:"ok"`
	Failed  []string `json:"failed"` // what does not hold, as sentences
}

func (t *tester) run(names []string) error {
	l, err := readLifecycle(t.lifecycle)
	if err != nil {
		return err
	}
	var all []told
	if len(names) == 0 {
		text, err := schemas.Document(kindExamples)
		if err != nil {
			return err
		}
		if all, err = tellAll("built-in", text, rehearse.Always(l.compiled)); err != nil {
			return err
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return usagef("read the examples: %w", err)
		}
		list, err := tellAll(name, text, rehearse.Always(l.compiled))
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	return t.show(all)
}

func (t *tester) show(all []told) error {
	failed := 0
	for i := range all {
		if !all[i].OK {
			failed++
		}
	}
	var err error
	if t.asData() {
		var raw []byte
		if raw, err = json.Marshal(map[string][]told{"items": all}); err != nil {
			return fmt.Errorf("write what came of the examples: %w", err)
		}
		err = t.document(raw)
	} else {
		err = t.sentences(all)
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%d of %d examples do not hold", failed, len(all))
	}
	return t.note("%d examples hold.", len(all))
}

func (t *tester) sentences(all []told) error {
	var lines []string
	for _, e := range all {
		for _, f := range e.Failed {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", e.File, e.Example, f))
		}
	}
	return copyText(t.env.Stdout, lines...)
}

// tellAll reads a document of examples and tells all of them.
func tellAll(file string, text []byte, l rehearse.Lifecycles) ([]told, error) {
	doc, err := readExamples(text)
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: fmt.Errorf("%s: %w", file, err)}
	}
	out := make([]told, len(doc.Spec.Examples))
	for i := range doc.Spec.Examples {
		x := &doc.Spec.Examples[i]
		h, err := x.history()
		if err != nil {
			return nil, &ExitError{Code: ExitUsage, Err: fmt.Errorf("%s: %s: %w", file, x.Name, err)}
		}
		out[i] = told{File: file, Example: x.Name, Failed: x.check(h.World(h.Len(), l))}
		out[i].OK = len(out[i].Failed) == 0
	}
	return out, nil
}

// readExamples reads a document strictly. An unknown key is an error with its
// place.
func readExamples(text []byte) (*examples, error) {
	doc := new(examples)
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(doc); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, true))
	}
	if doc.APIVersion != definition.APIVersion || doc.Kind != kindExamples {
		return nil, fmt.Errorf("not apiVersion %s, kind %s", definition.APIVersion, kindExamples)
	}
	if doc.Metadata.Name == "" || doc.Metadata.Version == "" {
		return nil, errors.New("metadata.name or metadata.version is missing")
	}
	if len(doc.Spec.Examples) == 0 {
		return nil, errors.New("spec.examples holds none")
	}
	for i := range doc.Spec.Examples {
		x := &doc.Spec.Examples[i]
		if x.Name == "" || len(x.Events) == 0 || len(x.Expect) == 0 {
			return nil, fmt.Errorf("example %d (%s) lacks a name, events or what to expect", i+1, cmp.Or(x.Name, "without a name"))
		}
		for j := range x.Events {
			if e := &x.Events[j]; e.At == nil || e.Say == "" || e.Of == "" {
				return nil, fmt.Errorf("%s: event %d lacks at, say or of", x.Name, j+1)
			}
		}
	}
	return doc, nil
}

// check returns what of an example does not hold.
func (x *example) check(w *rehearse.World) []string {
	failed := []string{}
	subjects := make([]string, 0, len(x.Expect))
	for subject := range x.Expect {
		subjects = append(subjects, subject)
	}
	slices.Sort(subjects)
	for _, subject := range subjects {
		e := x.Expect[subject]
		failed = append(failed, e.check(subject, w)...)
	}
	return failed
}
