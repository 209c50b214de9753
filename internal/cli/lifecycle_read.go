package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/telltale-dev/telltale/internal/definition"
	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/internal/rehearse"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// builtIn stands for the built-in lifecycle where a file may be named.
const builtIn = "standard"

// lifecycle is a lifecycle that a person named.
type lifecycle struct {
	name     string // as the person did
	text     []byte
	document *statemachine.Document
	compiled *statemachine.Lifecycle
}

// readLifecycle reads the one lifecycle of a file; [builtIn] is the built-in one
// unless there is a file of that name.
func readLifecycle(name string) (*lifecycle, error) {
	text, err := os.ReadFile(name)
	if err != nil && name == builtIn {
		text, err = statemachine.StandardDocument(), nil
	}
	if err != nil {
		return nil, usagef("read the lifecycle: %w", err)
	}
	docs, err := definition.ReadFiles(definition.File{Name: name, Text: text})
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: err}
	}
	docs = slices.DeleteFunc(docs, func(d definition.Document) bool { return d.Kind != definition.KindLifecycle })
	if len(docs) != 1 {
		return nil, usagef("%s holds %d lifecycles, not one", name, len(docs))
	}
	l := &lifecycle{name: name, text: docs[0].Text}
	if l.document, err = statemachine.Parse(l.text); err == nil {
		l.compiled, err = statemachine.Compile(l.text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the lifecycle %s: %w", name, err) // cannot be: it was just checked
	}
	return l, nil
}

// maxBadLines is how many bad lines of a history are shown.
const maxBadLines = 20

// progressEvery is how many messages lie between two signs of life.
const progressEvery = 20_000

// readHistory reads recorded events from a file, or from standard input for -.
// Lines that say nothing are told and left out.
func (r *reader) readHistory(name string) (*rehearse.History, error) {
	in := r.env.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("read the events: %w", err)
		}
		defer f.Close() // read-only, nothing to lose
		in = f
	}
	return r.history(in)
}

func (r *reader) history(in io.Reader) (*rehearse.History, error) {
	seen := func(lines int) error { return r.note("%d lines read", lines) }
	list, bad, err := emitcli.ReadHistory(in, "import", seen)
	if err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	stored := make([]rehearse.Stored, len(list))
	for i := range list {
		stored[i] = rehearse.Stored{Event: &list[i], Seq: uint64(i + 1)}
	}
	h := rehearse.Read(stored, view.Watermarks{})
	for _, u := range h.Unusable() {
		bad = append(bad, fmt.Errorf("the event %s of %s: %w", list[u.Seq-1].ID, list[u.Seq-1].Source, u.Err))
	}
	for i, err := range bad {
		if i == maxBadLines {
			if err := r.note("and %d more", len(bad)-i); err != nil {
				return nil, err
			}
			break
		}
		if err := r.note("left out: %s", escape(err.Error())); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, usagef("there are no events to look at")
	}
	return h, nil
}
