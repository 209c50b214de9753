package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// newWaitCommand returns `telltale wait`, a step of a pipeline that goes on when
// a deployment has come so far.
func newWaitCommand(env Env) *cobra.Command {
	w := &waiter{reader: reader{env: env}, every: watchEvery}
	cmd := &cobra.Command{
		Use:   "wait KEY --for STATUS --timeout DURATION",
		Short: "Wait until a deployment has a status",
		Long: `Wait ends when the deployment has one of the statuses of --for; a landed one that
has gone on to verifying or verified counts as deployed. It ends with 7 when the
deployment came to another end, such as failed, and with 6 when the time was up.
A deployment that nobody has spoken of yet is waited for as well, and so is a
server that does not answer for a while.`,
		Example: `  telltale wait prod/eu-west-1/checkout/2.14.0 --for verified --timeout 30m`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return w.run(cmd.Context(), args[0]) },
	}
	w.bind(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&w.statuses, "for", nil, "status to wait for, or several: any of them")
	flags.DurationVar(&w.timeout, "timeout", 0, "how long to wait at most")
	return cmd
}

type waiter struct {
	reader

	statuses []string
	timeout  time.Duration
	every    time.Duration // between two looks
}

var errTimeUp = errors.New("the time was up")

func (w *waiter) run(ctx context.Context, key string) error {
	if err := deployment(key); err != nil {
		return err
	}
	if len(w.statuses) == 0 || w.timeout <= 0 {
		return usagef("what for, and how long? Give --for and --timeout")
	}
	c, err := w.client()
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, w.timeout, errTimeUp)
	defer cancel()
	again := time.NewTicker(w.every)
	defer again.Stop()
	last := "nothing was heard of it"
	// The first look is taken however short the time is.
	for look := ctx; ; look = bounded {
		raw, err := c.Get(look, "/v1/deployments/"+key, nil)
		switch code := events.CodeOf(err); {
		case err == nil:
			var d view.DeploymentBody
			if err := json.Unmarshal(raw, &d); err != nil {
				return fmt.Errorf("read the deployment: %w", err)
			}
			last = "it is " + d.Status
			if done, err := w.judge(key, &d); done {
				return errors.Join(err, w.show(raw, &d))
			}
		case code == events.CodeUnavailable && look.Err() == nil:
			last = err.Error()
		case code != events.CodeNotFound && look.Err() == nil:
			return err
		}
		select {
		case <-again.C:
		case <-bounded.Done():
			if cause := context.Cause(bounded); !errors.Is(cause, errTimeUp) {
				return cause
			}
			return &ExitError{Code: ExitTimeout, Err: fmt.Errorf("%s was waited for %v: %s", key, w.timeout, last)}
		}
	}
}

// judge says whether the waiting is over, and with which error.
func (w *waiter) judge(key string, d *view.DeploymentBody) (done bool, err error) {
	if slices.Contains(w.statuses, d.Status) {
		return true, nil
	}
	passed := []string{statemachine.StatusVerifying, statemachine.StatusVerified}
	if slices.Contains(w.statuses, statemachine.StatusDeployed) && slices.Contains(passed, d.Status) {
		return true, nil
	}
	// A lifecycle of one's own may have an end that we do not know by name, but
	// then the deployment says when it finished.
	if d.FinishedAt.IsZero() && !statemachine.Standard().Category(d.Status).IsFinal() && d.Status != "superseded" {
		return false, nil
	}
	why := ""
	if d.Reason != "" {
		why = " (" + d.Reason + ")"
	}
	return true, &ExitError{Code: ExitEndedBadly, Err: fmt.Errorf("%s is %s%s and will not become %s", key, d.Status, why, w.statuses[0])}
}

// show writes the deployment as it was found in the end.
func (w *waiter) show(raw jsontext.Value, d *view.DeploymentBody) error {
	if w.asData() {
		return w.document(raw)
	}
	return w.write(w.table(1, "KEY", "STATUS", "SINCE", "VERSION", "REASON"), []row{{
		d.Key, []string{d.Key, d.Status, stamp(d.Since), d.Version, d.Reason},
	}})
}
