package emitcli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// The words that are no status.
const (
	wordProgress = "progress"
	wordEvidence = "evidence"
	wordObserve  = "observe"
)

// emitCommand holds the flags of emit.
type emitCommand struct {
	words
	connection
	onError onError
	timeout time.Duration

	percent        float64
	percentGiven   bool
	nextExpectedBy instant
	kind, verdict  string
	name, health   string
	details        map[string]string
}

// NewEmitCommand returns the verb emit.
func NewEmitCommand(env Env) *cobra.Command {
	c := emitCommand{onError: onErrorSpool}
	cmd := command(&cobra.Command{
		Use:   "emit STATUS|progress|evidence|observe [flags]",
		Short: "Say what happened to a deployment",
		Long: `Say what happened to a deployment: a status (planned, in_progress, deployed,
failed, …), a sign of life (progress), a verdict (evidence), or what really runs
in a slot (observe).

Every flag can be given as TELLTALE_<FLAG>, and GitHub Actions, GitLab CI,
Jenkins, Tekton and Argo Workflows fill in what they know. With no server in
reach, or none that lets us in, the event is kept on disk and sent later: the
step succeeds, unless --on-error is fail.`,
		Example: `  telltale emit planned  --env prod --region eu-west-1 --component checkout --version 2.14.0
  telltale emit deployed --env prod --region eu-west-1,us-east-1 --component checkout --version 2.14.0
  telltale emit evidence --kind tests --verdict pass --env prod --region eu-west-1 --component checkout --version 2.14.0`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usage("emit takes one word: a status, progress, evidence or observe")
			}
			return nil
		},
	})
	fs := cmd.Flags()
	c.words.register(fs)
	c.words.registerReport(fs)
	c.connection.register(fs)
	fs.Var(&c.onError, "on-error", "when no server takes the event")
	fs.DurationVar(&c.timeout, "timeout", 10*time.Second, "how long to try")
	fs.Float64Var(&c.percent, "percent", 0, "progress: how far, 0 to 100")
	fs.Var(&c.nextExpectedBy, "next-expected-by", "progress: when the next word is due")
	fs.StringVar(&c.kind, "kind", "", "evidence: tests, health, approval, scan, …")
	fs.StringVar(&c.verdict, "verdict", "", "evidence: pass, fail or unknown")
	fs.StringVar(&c.name, "name", "", "evidence: which one of its kind")
	fs.StringToStringVar(&c.details, "detail", nil, "evidence: name=value, repeatable")
	fs.StringVar(&c.health, "health", "", "observe: healthy, degraded or unknown")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, f := range misplaced(args[0]) {
			if cmd.Flags().Changed(f) {
				return usage("--%s says nothing about %s", f, args[0])
			}
		}
		if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
			return err
		}
		c.percentGiven = cmd.Flags().Changed("percent")
		return c.run(cmd.Context(), env, args[0])
	}
	return cmd
}

// misplaced returns the flags that do not belong to a word. Only flags on the
// command line are held against it: the environment serves several steps.
func misplaced(word string) []string {
	progress := []string{"percent", "next-expected-by"}
	evidence := []string{"kind", "verdict", "name", "detail"}
	report := []string{"reason", "class", "owner", "label"}
	var out []string
	if word != wordProgress {
		out = append(out, progress...)
	}
	if word != wordEvidence {
		out = append(out, evidence...)
	}
	if word != wordObserve {
		out = append(out, "health")
	}
	switch word {
	case wordProgress:
		return append(out, report...)
	case wordEvidence, wordObserve:
		return append(append(out, report...), "message")
	}
	return out
}

// data returns the event type and the data of a word.
func (c *emitCommand) data(word string) (typ string, data any, err error) {
	switch word {
	case wordProgress:
		p := &events.Progressed{
			Attempt: c.attempt, Message: c.message, NextExpectedBy: c.nextExpectedBy.Time, Refs: c.refs,
		}
		if c.percentGiven {
			p.Percent = &c.percent
		}
		return events.TypeProgressed, p, nil
	case wordEvidence:
		details, err := object(c.details)
		if err != nil {
			return "", nil, usage("--detail: %w", err)
		}
		return events.TypeEvidence, &events.Evidence{
			Kind: c.kind, Verdict: events.Verdict(c.verdict), Attempt: c.attempt, Name: c.name,
			URL: c.link, Actor: c.actor, Details: details, Refs: c.refs,
		}, nil
	case wordObserve:
		return events.TypeObserved, &events.Observed{Version: c.version, Health: c.health, Refs: c.refs}, nil
	}
	return events.TypeReported, c.reported(word), nil
}

func (c *emitCommand) run(ctx context.Context, env Env, word string) error {
	c.complete(Detect(env.Getenv))
	typ, data, err := c.data(word)
	if err != nil {
		return err
	}
	step := c.ci.Step
	if word == wordProgress {
		step = "" // each sign of life is a new one
	}
	said, err := c.say(typ, data, step)
	if err != nil {
		return err
	}
	opts, err := c.options(env)
	if err != nil {
		return err
	}
	client, err := open(env, opts)
	if err != nil {
		return err
	}
	defer closeClient(env, client)
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeUp)
	defer cancel()
	batch, err := client.Stage(said...)
	if err != nil {
		return usage("%w", err)
	}
	err = batch.Deliver(ctx)
	if err == nil {
		env.say("said %s of %s", word, subjects(said))
		flushBacklog(ctx, env, client)
		return nil
	}
	return conclude(env, c.onError, batch, err)
}

var errTimeUp = errors.New("time was up")

// conclude decides what an undelivered batch means for the step. Only
// --on-error fail ends it with an error: not to be let in, not to be understood
// and to have nowhere to keep the event are no reasons to stop a deployment.
func conclude(env Env, mode onError, batch *emit.Batch, err error) error {
	if mode != onErrorSpool {
		if dropErr := batch.Drop(); dropErr != nil {
			env.say("cannot take the event out of the spool: %v", dropErr)
		}
	}
	switch kept := errors.Is(err, emit.ErrSpooled); {
	case mode == onErrorFail:
		return &ExitError{Code: exitCode(err), Err: errors.New(describe(err))}
	case mode == onErrorWarn:
		env.say("warning: not said, and forgotten: %s", describe(err))
	case kept && errors.Is(err, emit.ErrForbidden):
		env.say("warning: not said yet: %s; once the token is right, the next step or flush sends it", describe(err))
	case kept:
		env.say("warning: not said yet: %s", describe(err))
	default:
		env.say("warning: not said: %s", describe(err))
	}
	return nil
}

// flushBacklog uses a server that has just answered to get rid of what earlier
// steps left behind. What fails here stays where it is.
func flushBacklog(ctx context.Context, env Env, client *emit.Client) {
	if n, err := client.Pending(); err != nil || n == 0 {
		return
	}
	report, err := client.Flush(ctx)
	if err != nil {
		env.say("%d events stay in the spool: %s", report.Remaining, describe(err))
	}
}

func closeClient(env Env, client *emit.Client) {
	if err := client.Close(); err != nil {
		env.say("close: %v", err)
	}
}

// subjects names what was spoken of: one, or how many.
func subjects(said []events.Event) string {
	s := said[0].Subject
	for _, e := range said[1:] {
		s += ", " + e.Subject
	}
	return s
}

// logger brings the client's warnings to people in the same voice.
func logger(env Env) *slog.Logger {
	return slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
