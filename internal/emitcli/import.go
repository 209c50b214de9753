package emitcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	importBatch   = 500    // events in one request
	progressEvery = 10_000 // lines between two signs of life
	maxListed     = 20     // bad lines shown to people; JSON has them all
)

// importReport is what became of a file.
type importReport struct {
	Lines       int       `json:"lines"`
	Accepted    int       `json:"accepted"` // ticks included
	Duplicates  int       `json:"duplicates"`
	Quarantined int       `json:"quarantined"`
	Ticks       int       `json:"ticks"` // written for the time of the recording
	Bad         []badLine `json:"bad"`   // unreadable here, or refused by the server
}

type badLine struct {
	Line   int         `json:"line"`
	Code   events.Code `json:"code"`
	Detail string      `json:"detail"`
}

// importer brings the events of one file to a server, in the file's order.
type importer struct {
	env    Env
	client *emit.Client
	ticks  *ticks // nil unless recorded times are kept
	report importReport

	batch []events.Event
	lines []int // of each event in batch; 0 for a tick of ours
}

// NewImportCommand returns the verb import.
func NewImportCommand(env Env) *cobra.Command {
	var (
		c            connection
		keepRecorded bool
		recorder     string
		output       string
	)
	cmd := command(&cobra.Command{
		Use:   "import FILE|-",
		Short: "Bring in recorded events, one CloudEvent in JSON per line",
		Long: `Bring in recorded events, one CloudEvent in JSON per line, plain or gzip.

It may be repeated after a break: what is there already counts as a duplicate.
With --keep-recorded the events keep their recordedtime, which takes the role
import, and the ticks of that time are written between them, so that silence
replays as it would have happened. The file must then be in the order of
recording. Ends with 1 if lines were bad: they are named, the others are in.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("import takes one file, or - for the standard input")
			}
			return nil
		},
	})
	fs := cmd.Flags()
	c.register(fs)
	fs.BoolVar(&keepRecorded, "keep-recorded", false, "keep the times of recording and write the ticks of that time")
	fs.StringVar(&recorder, "recorder", "import", "with --keep-recorded: who recorded the events that do not say")
	fs.StringVarP(&output, "output", "o", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := fromEnvironment(fs, env.Getenv); err != nil {
			return err
		}
		if output != "text" && output != "json" {
			return usage("--output is none of text, json")
		}
		opts, err := c.options(env)
		if err != nil {
			return err
		}
		opts.SpoolDir, opts.KeepRecorded, opts.Attempts = "", keepRecorded, 10
		i := &importer{env: env}
		if keepRecorded {
			if err := events.CheckName("recorder", recorder); err != nil {
				return usage("%w", err)
			}
			i.ticks = newTicks(recorder)
		}
		if i.client, err = emit.New(opts); err != nil {
			return usage("%w", err)
		}
		defer closeClient(env, i.client)
		in := env.Stdin
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return &ExitError{Code: codeError, Err: err}
			}
			defer f.Close() // read-only, nothing to lose
			in = f
		}
		err = i.run(cmd.Context(), in)
		return i.conclude(output, err)
	}
	return cmd
}

func (i *importer) run(ctx context.Context, in io.Reader) error {
	err := readLines(in, func(line int, raw []byte, tooLong bool) error {
		i.report.Lines = line
		if line%progressEvery == 0 {
			i.env.say("%d lines, %d accepted, %d duplicates", line, i.report.Accepted, i.report.Duplicates)
		}
		return i.add(ctx, line, raw, tooLong)
	})
	if err != nil {
		return err
	}
	if i.ticks != nil {
		last, err := i.ticks.last()
		if err != nil {
			return err
		}
		for _, tick := range last {
			if err := i.queue(ctx, tick, 0); err != nil {
				return err
			}
		}
	}
	return i.send(ctx)
}

// add takes one line. Only what stops the import is an error.
func (i *importer) add(ctx context.Context, line int, raw []byte, tooLong bool) error {
	if tooLong {
		i.bad(line, events.Errorf(events.CodeTooLarge, "the line is longer than an event may be"))
		return nil
	}
	e, err := events.Decode(raw, events.Limits{Bytes: maxLine})
	if err != nil {
		i.bad(line, err)
		return nil
	}
	if i.ticks != nil {
		before, err := i.ticks.before(e)
		if err != nil {
			i.bad(line, err)
			return nil
		}
		for _, tick := range before {
			if err := i.queue(ctx, tick, 0); err != nil {
				return err
			}
		}
	}
	return i.queue(ctx, *e, line)
}

func (i *importer) queue(ctx context.Context, e events.Event, line int) error {
	i.batch, i.lines = append(i.batch, e), append(i.lines, line)
	if line == 0 {
		i.report.Ticks++
	}
	if len(i.batch) < importBatch {
		return nil
	}
	return i.send(ctx)
}

// send delivers the batch. A batch that fails half way is in the server in part;
// repeating the import sends the same bytes and so only duplicates.
func (i *importer) send(ctx context.Context) error {
	receipt, err := i.client.Deliver(ctx, i.batch)
	i.report.Accepted += receipt.Accepted
	i.report.Duplicates += receipt.Duplicates
	i.report.Quarantined += len(receipt.Refused)
	for _, r := range receipt.Refused {
		i.report.Bad = append(i.report.Bad, badLine{i.lines[r.Index], r.Code, r.Detail})
	}
	i.batch, i.lines = i.batch[:0], i.lines[:0]
	return err
}

func (i *importer) bad(line int, err error) {
	code, detail := events.CodeMalformed, err.Error()
	var refused *events.Error
	if errors.As(err, &refused) {
		code, detail = refused.Code, refused.Detail
	}
	i.report.Bad = append(i.report.Bad, badLine{line, code, detail})
}

// conclude prints the report and returns how the verb ends.
func (i *importer) conclude(output string, err error) error {
	r := i.report
	for n, b := range r.Bad {
		if n == maxListed {
			i.env.say("and %d more", len(r.Bad)-n)
			break
		}
		if b.Line == 0 {
			i.env.say("a tick of the time of recording: %s: %s", b.Code, b.Detail)
			continue
		}
		i.env.say("line %d: %s: %s", b.Line, b.Code, b.Detail)
	}
	var printErr error
	if output == "json" {
		r.Bad = append([]badLine{}, r.Bad...) // never null
		printErr = json.NewEncoder(i.env.Stdout).Encode(r)
	} else {
		_, printErr = fmt.Fprintf(i.env.Stdout, "accepted %d, duplicates %d, quarantined %d\n",
			r.Accepted, r.Duplicates, r.Quarantined)
	}
	switch {
	case err != nil:
		stop := fmt.Errorf("stopped at line %d (repeat the import: what is in counts as duplicates): %s", r.Lines, describe(err))
		return &ExitError{Code: exitCode(err), Err: errors.Join(stop, printErr)}
	case len(r.Bad) > 0:
		return &ExitError{Code: codeError, Err: errors.Join(fmt.Errorf("%d bad lines", len(r.Bad)), printErr)}
	}
	return printErr
}
