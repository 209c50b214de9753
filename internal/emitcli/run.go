package emitcli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Codes that a shell gives for a command that cannot be started.
const (
	codeNotExecutable = 126
	codeNotFound      = 127
)

// onSuccess says what a command that ends well has done.
type onSuccess string

const (
	successDeployed   onSuccess = "deployed"
	successInProgress onSuccess = "in_progress" // it started something that goes on elsewhere
	successEvidence   onSuccess = "evidence"    // it checked something
)

// Set, String and Type make an onSuccess a flag.
func (o *onSuccess) Set(s string) error {
	switch onSuccess(s) {
	case successDeployed, successInProgress, successEvidence:
		*o = onSuccess(s)
		return nil
	}
	return errors.New("must be deployed, in_progress or evidence")
}

func (o *onSuccess) String() string { return string(*o) }

// Type returns the placeholder in the help text.
func (o *onSuccess) Type() string { return "deployed|in_progress|evidence" }

// runCommand holds the flags of run.
type runCommand struct {
	words
	connection
	onError      onError
	onSuccess    onSuccess
	evidenceKind string
	heartbeat    time.Duration
	flushTimeout time.Duration
}

// NewRunCommand returns the verb run.
func NewRunCommand(env Env) *cobra.Command {
	c := runCommand{onError: onErrorSpool, onSuccess: successDeployed}
	cmd := command(&cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGUMENT…]",
		Short: "Run a deploy command and say what becomes of it",
		Long: `Run a deploy command and say what becomes of it: in_progress, a heartbeat while
it runs, then what --on-success says, or failed.

The command gets this process's standard streams and signals, and its exit code
is this process's own, whatever becomes of the events: with no server in reach
they are kept on disk and sent later.`,
		Example: `  telltale run --env prod --region eu-west-1 --component checkout --version 2.14.0 -- ./deploy.sh
  telltale run --on-success in_progress … -- git push`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "" {
				return usage("run takes a command after --")
			}
			return nil
		},
	})
	fs := cmd.Flags()
	fs.SetInterspersed(false) // the command's own flags are not ours
	c.words.register(fs)
	c.words.registerReport(fs)
	c.connection.register(fs)
	fs.Var(&c.onError, "on-error", "when no server takes an event; the exit code stays the command's")
	fs.Var(&c.onSuccess, "on-success", "what to say when the command ends well")
	fs.StringVar(&c.evidenceKind, "evidence-kind", "tests", "kind of the evidence of --on-success evidence")
	fs.DurationVar(&c.heartbeat, "heartbeat", 30*time.Second, "how often to give a sign of life; 0: never")
	fs.DurationVar(&c.flushTimeout, "flush-timeout", 20*time.Second, "how long to wait for a server at the end")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := fromEnvironment(fs, env.Getenv); err != nil {
			return err
		}
		return c.run(cmd.Context(), env, args)
	}
	return cmd
}

// run tells the story of one command. Only words that cannot be said at all
// (usage) keep the command from starting; from then on its code decides.
func (c *runCommand) run(ctx context.Context, env Env, args []string) error {
	// A signal is the command's to answer, and ours to report: it must not end
	// the delivery of that report.
	ctx = context.WithoutCancel(ctx)
	env.Stderr = shared(env.Stderr)
	c.complete(Detect(env.Getenv))
	started := c.reported("in_progress")
	started.Reason, started.Message, started.Class = "", "", ""
	said, err := c.say(events.TypeReported, started, c.ci.Step)
	if err != nil {
		return err
	}
	// What could not be said at the end is better known before the start.
	name := commandName(args[0])
	for _, end := range []ending{{}, {reason: "exit code 1"}} {
		if _, err := c.lastWords(end, name); err != nil {
			return err
		}
	}
	opts, err := c.options(env)
	if err != nil {
		return err
	}
	opts.Attempts = -1 // until its context ends: the command takes longer than a restart of a server
	client, err := open(env, opts)
	if err != nil {
		return err
	}
	defer closeClient(env, client)
	start, err := client.Stage(said...)
	if err != nil {
		return usage("%w", err)
	}

	signals := make(chan os.Signal, 8) // more than anyone sends before we look
	signal.Notify(signals, forwarded()...)
	defer signal.Stop(signals)
	child := exec.Command(args[0], args[1:]...)
	child.Stdin, child.Stdout, child.Stderr = env.Stdin, env.Stdout, env.Stderr

	var end ending
	if err := child.Start(); err != nil {
		env.say("%v", err)
		end = notStarted(err)
	} else {
		background, hush := context.WithCancel(ctx)
		hushed := make(chan struct{})
		go func() {
			defer close(hushed)
			c.accompany(background, env, client, start)
		}()
		end = await(env, child, signals)
		hush()
		<-hushed
	}
	c.conclude(ctx, env, client, start, end, name, signals)
	if end.code == 0 {
		return nil
	}
	return &ExitError{Code: end.code}
}

// commandName is what evidence calls a command: its name without the directory,
// in the bounds of the vocabulary. No file name keeps a command from running.
func commandName(path string) string {
	name := filepath.Base(path)
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "_")
}

// accompany says that the command has started and then gives signs of life,
// until ctx ends. It stops early when the server does not let us speak.
func (c *runCommand) accompany(ctx context.Context, env Env, client *emit.Client, start *emit.Batch) {
	if err := start.Deliver(ctx); err != nil {
		if ctx.Err() == nil {
			env.say("not said: %s", describe(err))
		}
		return
	}
	client.Heartbeat(ctx, c.heartbeat, func() []events.Event {
		beat, err := c.say(events.TypeProgressed, &events.Progressed{Attempt: c.attempt, Refs: c.refs}, "")
		if err != nil { // the same names were good enough for in_progress
			return nil
		}
		return beat
	})
}

// ending is how a command ended.
type ending struct {
	code        int    // the exit code that a shell would give
	reason      string // why it failed, "" for a success
	interrupted bool   // by a signal
}

func notStarted(err error) ending {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return ending{code: codeNotFound, reason: "command not found"}
	}
	return ending{code: codeNotExecutable, reason: "command cannot be started"}
}

// await waits for the child and passes signals on to it.
func await(env Env, child *exec.Cmd, signals <-chan os.Signal) ending {
	waited := make(chan error, 1)
	go func() { waited <- child.Wait() }()
	interrupted := false
	for {
		select {
		case sig := <-signals:
			interrupted = true
			if fromTerminal(sig) {
				continue // the terminal has told the child too; twice means something else
			}
			if err := child.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				env.say("cannot pass on %v: %v", sig, err)
			}
		case err := <-waited:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				env.say("%v", err) // copying a stream failed; the code still counts
			}
			code, killed := exitStatus(child.ProcessState)
			end := ending{code: code}
			switch {
			case killed || interrupted && code != 0:
				end.interrupted, end.reason = true, "interrupted"
			case code != 0:
				end.reason = fmt.Sprintf("exit code %d", code)
			}
			return end
		}
	}
}

// conclude says how it ended and waits for a server as long as it may. Another
// signal ends the waiting: what is staged by then is on disk.
func (c *runCommand) conclude(ctx context.Context, env Env, client *emit.Client, start *emit.Batch,
	end ending, name string, signals <-chan os.Signal,
) {
	said, err := c.lastWords(end, name)
	if err != nil {
		env.say("%v", err)
		return
	}
	last, err := client.Stage(said...)
	if err != nil {
		env.say("%v", err)
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.flushTimeout, errTimeUp)
	defer cancel()
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()
	failed := false
	for _, batch := range []*emit.Batch{start, last} {
		if err := batch.Deliver(ctx); err != nil {
			failed = true
			if err := conclude(env, c.onError, batch, err); err != nil {
				env.say("not said: %v", err)
			}
		}
	}
	if !failed {
		flushBacklog(ctx, env, client)
	}
	close(done)
	<-watched
}

// lastWords returns what to say about an ending.
func (c *runCommand) lastWords(end ending, name string) ([]events.Event, error) {
	if end.reason != "" {
		r := c.reported("failed")
		r.Reason = end.reason
		if end.interrupted {
			r.Class = events.ClassEnvironmental
		}
		return c.say(events.TypeReported, r, c.ci.Step)
	}
	switch c.onSuccess {
	case successEvidence:
		return c.say(events.TypeEvidence, &events.Evidence{
			Kind: c.evidenceKind, Verdict: events.VerdictPass, Attempt: c.attempt, Name: name,
			URL: c.link, Actor: c.actor, Refs: c.refs,
		}, c.ci.Step)
	case successInProgress:
		r := c.reported("in_progress")
		r.Class = ""
		if r.Reason == "" {
			r.Reason = "command succeeded" // also tells it from the word at the start
		}
		return c.say(events.TypeReported, r, c.ci.Step)
	default:
		r := c.reported("deployed")
		r.Class = ""
		return c.say(events.TypeReported, r, c.ci.Step)
	}
}
