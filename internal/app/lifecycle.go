package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// stopTimeout is how long a process may take to stop, all services together.
// It is less than what supervisors commonly grant before they kill (systemd 90
// s, Kubernetes 30 s), so that the reason is still told.
const stopTimeout = 25 * time.Second

// cleanups is a stack of named steps that undo what was opened. It is not safe
// for concurrent use.
type cleanups struct {
	log   *slog.Logger
	steps []cleanup
}

type cleanup struct {
	name string
	run  func() error
}

// add pushes a step.
func (c *cleanups) add(name string, run func() error) {
	c.steps = append(c.steps, cleanup{name, run})
}

// run takes all steps, newest first, and returns what went wrong in any.
func (c *cleanups) run() error {
	var errs []error
	for _, step := range slices.Backward(c.steps) {
		began := time.Now()
		if err := step.run(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", step.name, err))
		}
		c.log.Debug("cleaned up", "step", step.name, "seconds", time.Since(began).Seconds())
	}
	c.steps = nil
	return errors.Join(errs...)
}

// service is something that runs as long as the process does.
type service struct {
	name string
	run  func(ctx context.Context) error // returns when ctx has ended, nil after an orderly end
}

// errEnded is the fault of a service that stopped though nobody asked it to.
var errEnded = errors.New("ended by itself")

// supervise starts services in order, calls started, and waits until ctx ends or
// one of them does. Then it stops them in the opposite order, each waited for
// before the next, all within timeout. It returns the error of the service that
// ended first: what goes wrong after that mostly follows from it, and is logged.
// When none did it returns the errors of all that stopped badly, nil after an
// orderly end.
func supervise(ctx context.Context, log *slog.Logger, timeout time.Duration, services []service, started func()) error {
	type running struct {
		cancel context.CancelFunc
		done   chan struct{} // closed when run has returned
		err    error         // set before done is closed
	}
	runs := make([]*running, len(services))
	ended := make(chan int, len(services))
	for i, s := range services {
		// Each has a ctx of its own, because each is told to stop in its turn.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := &running{cancel: cancel, done: make(chan struct{})}
		runs[i] = r
		go func() {
			r.err = s.run(own)
			close(r.done)
			ended <- i
		}()
	}
	started()

	first := -1
	select {
	case <-ctx.Done():
		log.Info("stopping", "cause", context.Cause(ctx).Error())
	case first = <-ended:
		log.Error("stopping, because a service ended", "service", services[first].name)
	}

	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	late := false   // the deadline has passed: whoever is not done now is left behind
	var cause error // of the end, unless we were told to stop
	var errs []error
	for i, r := range slices.Backward(runs) {
		name := services[i].name
		r.cancel()
		if !late {
			select {
			case <-r.done:
			case <-deadline.C:
				late = true
			}
		}
		select {
		case <-r.done:
		default:
			errs = append(errs, fmt.Errorf("%s did not stop within %v", name, timeout))
			continue
		}
		switch {
		case i == first:
			cause = fmt.Errorf("%s: %w", name, cmp.Or(r.err, errEnded))
		case r.err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, r.err))
		}
		log.Debug("stopped", "service", name)
	}
	if cause != nil {
		for _, err := range errs {
			log.Warn("not stopped in order", "error", err)
		}
		return cause
	}
	return errors.Join(errs...)
}
