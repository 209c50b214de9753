package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// player sends the words of the story to one world.
type player struct {
	world  *world
	teller *teller
	random *rand.Rand // decides on orders
	base   time.Time  // the end of the story
}

// otherDoor returns the door through which a word is said again.
func otherDoor(d door) door {
	if d == raw {
		return batch
	}
	return raw
}

// play sends the words of one act, each through its door, in a random order.
func (p *player) play(ctx context.Context, a act) error {
	words := p.shuffled(wordsOf(a))
	var together []word
	var alone []word
	for _, w := range words {
		if w.door == batch {
			together = append(together, w)
		} else {
			alone = append(alone, w)
		}
	}
	if len(together) > 0 {
		first := &together[0]
		if _, err := p.send(ctx, batch, together...); err != nil {
			return err
		}
		p.teller.say(ctx, "  %-4s → %-4s   one batch, in no order: %s of %s in %d slots",
			first.tool, single, first.status, first.version, len(together))
	}
	for _, w := range alone {
		if _, err := p.send(ctx, w.door, w); err != nil {
			return err
		}
		p.teller.word(ctx, &w)
	}
	return nil
}

// playAgain says all that was said once more, each word through another door
// than before. It returns what the HTTP door answered.
func (p *player) playAgain(ctx context.Context) (emit.Receipt, error) {
	through := make(map[door][]word)
	for _, w := range p.shuffled(story()) {
		d := otherDoor(w.door)
		through[d] = append(through[d], w)
	}
	if _, err := p.send(ctx, raw, through[raw]...); err != nil {
		return emit.Receipt{}, err
	}
	return p.send(ctx, batch, through[batch]...)
}

// playMixed sends the whole story twice over, all acts mixed, through any door.
func (p *player) playMixed(ctx context.Context) error {
	doors := []door{single, raw}
	for _, w := range p.shuffled(append(story(), story()...)) {
		if _, err := p.send(ctx, doors[p.random.IntN(len(doors))], w); err != nil {
			return err
		}
	}
	return nil
}

// playUnusable sends the event that nobody can use through the NATS door and
// waits until it is in quarantine and all else is projected. That door keeps its
// order, so what went through it before has arrived by then. It returns the
// event as it was sent.
func (p *player) playUnusable(ctx context.Context) (sent []byte, entry quarantined, err error) {
	e, err := unusable(p.base)
	if err != nil {
		return nil, entry, err
	}
	if sent, err = e.Encode(); err != nil {
		return nil, entry, fmt.Errorf("write the unusable event: %w", err)
	}
	if err := p.world.client(raw).Send(ctx, e); err != nil {
		return nil, entry, fmt.Errorf("send the unusable event: %w", err)
	}
	err = await(ctx, func(ctx context.Context) error {
		entries, err := inQuarantine(ctx, p.world.api)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return errors.New("the quarantine is empty")
		}
		entry = entries[0]
		return projected(ctx, p.world.api)
	})
	return sent, entry, err
}

// send says words through a door. Over HTTP it fails when one is refused.
func (p *player) send(ctx context.Context, d door, words ...word) (emit.Receipt, error) {
	evs := make([]events.Event, len(words))
	for i := range words {
		var err error
		if evs[i], err = words[i].event(p.base); err != nil {
			return emit.Receipt{}, err
		}
	}
	receipt, err := p.world.client(d).Deliver(ctx, evs)
	if err != nil {
		return receipt, fmt.Errorf("send %d events by %s: %w", len(words), d, err)
	}
	for _, r := range receipt.Refused {
		return receipt, fmt.Errorf("the %s door refuses %s: %s %s", d, r.ID, r.Code, r.Detail)
	}
	return receipt, nil
}

func (p *player) shuffled(words []word) []word {
	p.random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words
}
