package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// teller writes the story, line by line. It is not safe for concurrent use.
type teller struct {
	out    io.Writer
	colour bool
	pace   time.Duration // how long a line stands before the next; 0: no wait
	err    error         // of the first write that failed; nothing is written after it
}

// Looks of a text on a terminal (SGR).
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// paint gives a text a look, if the reader wants any.
func (t *teller) paint(look, text string) string {
	if !t.colour {
		return text
	}
	return look + text + plain
}

// say writes a line and leaves time to read it.
func (t *teller) say(ctx context.Context, format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format+"\n", args...)
	}
	t.pause(ctx, 1)
}

// pause waits as long as it takes to read so many lines, or until ctx ends.
func (t *teller) pause(ctx context.Context, lines int) {
	if t.pace <= 0 {
		return
	}
	timer := time.NewTimer(time.Duration(lines) * t.pace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// chapter begins a part of the story.
func (t *teller) chapter(ctx context.Context, title string) {
	t.say(ctx, "")
	t.say(ctx, "%s", t.paint(bold, title))
	t.pause(ctx, 3)
}

// word tells what a tool says, and when it happened.
func (t *teller) word(ctx context.Context, w *word) {
	why := ""
	if w.message != "" {
		why = ": " + w.message
	}
	t.say(ctx, "  %-4s → %-4s   %-8s %s in %-10s %-12s happened %s ago%s",
		w.tool, w.door, w.component, w.version, w.region, w.status, span(w.ago), why)
}

// runs shows what every slot runs, a row for each component.
func (t *teller) runs(ctx context.Context, slots []view.SlotBody) {
	at := make(map[string]view.SlotBody, len(slots))
	for _, s := range slots {
		at[s.Region+"/"+s.Component] = s
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %-10s", "what runs")
	for _, region := range regions() {
		fmt.Fprintf(&b, "  %-16s", region)
	}
	t.say(ctx, "%s", strings.TrimRight(b.String(), " "))
	for _, component := range components() {
		b.Reset()
		fmt.Fprintf(&b, "  %-10s", component)
		for _, region := range regions() {
			s := at[region+"/"+component]
			text := s.Version
			if s.Landing == view.ClassRollback.String() {
				text += " (put back)"
			}
			cell := fmt.Sprintf("%-16s", text)
			if s.Latest != nil && s.Latest.Status == statemachine.StatusFailed {
				cell = t.paint(red, fmt.Sprintf("%-16s", text+" (failed)"))
			}
			b.WriteString("  " + cell)
		}
		t.say(ctx, "%s", strings.TrimRight(b.String(), " "))
	}
}

// message shows what a person gets.
func (t *teller) message(ctx context.Context, m message) {
	look := red
	if m.status == resolved {
		look = green
	}
	t.say(ctx, "")
	t.say(ctx, "  ┌─ a message to the person on call, its signature checked")
	t.say(ctx, "  │ %s", t.paint(look, m.title))
	for line := range strings.Lines(m.text) {
		t.say(ctx, "  │ %s", strings.TrimSuffix(line, "\n"))
	}
	t.say(ctx, "  └─")
	t.pause(ctx, 3)
}

// verdict tells whether a claim holds.
func (t *teller) verdict(ctx context.Context, claim string, err error) {
	if err != nil {
		t.say(ctx, "  %s %s: %v", t.paint(red, "✗"), claim, err)
		return
	}
	t.say(ctx, "  %s %s", t.paint(green, "✓"), claim)
}

// span tells a duration as people do.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh", int(d.Hours()))
}
