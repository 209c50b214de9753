package demo

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/telltale-dev/telltale/internal/view"
)

// tell plays the story act by act and returns the facts at its end. What does
// not come in time is told and left to the checks; an error ends the story.
func tell(ctx context.Context, p *player) (*facts, error) {
	t := p.teller
	t.say(ctx, "%s", t.paint(bold, "Telltale: one release, three regions, and one that goes wrong."))
	t.say(ctx, "Two tools, ci and argo, say what happens: to %s, and to %s.", p.world.at.HTTP, p.world.at.NATS)

	t.chapter(ctx, "Yesterday: version 1.4.1 is everywhere.")
	if err := p.act(ctx, yesterday); err != nil {
		return nil, err
	}
	if err := p.showSlots(ctx); err != nil {
		return nil, err
	}

	t.chapter(ctx, "Today: r-2026.11 brings 1.5.0. Words come in any order.")
	if err := p.act(ctx, rollout); err != nil {
		return nil, err
	}
	if err := p.showSlots(ctx); err != nil {
		return nil, err
	}
	if err := p.showMessage(ctx, firing); err != nil {
		return nil, err
	}

	t.chapter(ctx, "One word was delayed. It is put where it belongs, before the failure, and the failure stands.")
	if err := p.act(ctx, straggler); err != nil {
		return nil, err
	}

	t.chapter(ctx, "The old version is put back.")
	if err := p.act(ctx, rollback); err != nil {
		return nil, err
	}
	if err := p.showMessage(ctx, resolved); err != nil {
		return nil, err
	}
	if err := p.showSlots(ctx); err != nil {
		return nil, err
	}
	return p.repeat(ctx)
}

// repeat says everything again and something that nobody can use, and returns
// the facts after it.
func (p *player) repeat(ctx context.Context) (*facts, error) {
	t := p.teller
	before, err := settle(ctx, p.world, len(story()))
	if err != nil {
		return before, err
	}
	t.chapter(ctx, "The tools say everything again, each word through another door.")
	again, err := p.playAgain(ctx)
	if err != nil {
		return nil, err
	}
	t.say(ctx, "  over HTTP: %d new, %d known already", again.Accepted, again.Duplicates)

	t.chapter(ctx, "And one event cannot be used: nobody guesses what it means, nobody loses it.")
	sent, entry, err := p.playUnusable(ctx)
	if err != nil {
		return nil, err
	}
	t.say(ctx, "  quarantine %d: %s, %s", entry.Seq, entry.Code, entry.Detail)

	f, err := settle(ctx, p.world, len(story()))
	f.before = baseline{digest: before.digest, feedEnd: before.feedEnd}
	f.again, f.unusual = again, sent
	return f, err
}

// act plays one act and waits until what it said is projected.
func (p *player) act(ctx context.Context, a act) error {
	if err := p.play(ctx, a); err != nil {
		return err
	}
	words := 0
	for _, w := range story() {
		if w.act <= a {
			words++
		}
	}
	return await(ctx, func(ctx context.Context) error { return heardSoFar(ctx, p.world.api, words) })
}

// showSlots tells what every slot runs.
func (p *player) showSlots(ctx context.Context) error {
	slots, err := list[view.SlotBody](ctx, p.world.api, "/v1/slots", url.Values{"env": {environment}})
	if err != nil {
		return err
	}
	p.teller.say(ctx, "")
	p.teller.runs(ctx, slots)
	return nil
}

// showMessage waits for a message and shows it. One that does not come is no
// error: the checks miss it.
func (p *player) showMessage(ctx context.Context, status string) error {
	patient, cancel := context.WithTimeoutCause(ctx, messageTime, errors.New("no message came in time"))
	defer cancel()
	var m message
	err := await(patient, func(context.Context) (err error) {
		m, err = p.world.inbox.with(status)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		p.teller.say(ctx, "  (%v)", err)
	default:
		p.teller.message(ctx, m)
	}
	return nil
}

// whatNext tells the reader what to try on the server that goes on.
func (t *teller) whatNext(ctx context.Context, server string) {
	flag := " --server " + server
	if strings.HasSuffix(server, usualAddress) {
		flag = "" // where every verb looks by itself
	}
	t.chapter(ctx, "Now you. Telltale serves at "+server+" until you press Ctrl-C. In another terminal:")
	for _, command := range []string{
		"telltale get slots" + flag,
		"telltale get deployments --release " + newRelease + flag,
		"telltale explain " + troubled().String() + flag,
		"telltale explain " + troubled().Slot.String() + flag,
		"telltale get quarantine" + flag,
		"telltale emit deployed --env prod --region us-east-1 --component checkout --version 1.5.1" + flag,
		"curl -s '" + server + "/v1/changes?limit=5'",
		"curl -s " + server + "/v1/digest",
	} {
		t.say(ctx, "  %s", command)
	}
	t.say(ctx, "In a checkout of the source, write \"go run ./cmd/telltale\" for \"telltale\".")
}
