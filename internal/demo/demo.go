package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

// Options say how to tell the story. The zero value tells it to nobody, at
// once, on free ports, in a temporary directory.
type Options struct {
	Out    io.Writer // what the reader sees; nil: nobody reads
	Colour bool      // Out is a terminal that shows colours

	// Pace is how long a line stands before the next. 0 waits for nothing.
	Pace time.Duration

	// Listen is the address of the HTTP listener, host:port. "": Run takes
	// 127.0.0.1:8080 when it is free, else, as Once, any free port.
	Listen string

	// DataDir is an empty or missing directory that keeps the data. "": a
	// temporary one, removed at the end.
	DataDir string

	// Now is the clock of the story, whose events happened in the minutes before;
	// nil: the machine's. One that is not right spoils the story: an event ahead
	// of the recorder's clock counts from when it was recorded.
	Now func() time.Time

	// Seed decides on the orders in which words are sent.
	Seed uint64

	Version string       // of this program
	Logger  *slog.Logger // of the servers; nil: none
}

const (
	usualAddress = "127.0.0.1:8080"
	freeAddress  = "127.0.0.1:0"

	// patience bounds each wait, and all of Once together: it ends within 30 s even
	// where nothing works.
	patience = 25 * time.Second

	// messageTime is how long the story waits for a message before it goes on
	// without.
	messageTime = 8 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o *Options) teller() *teller {
	return &teller{out: o.Out, colour: o.Colour, pace: o.Pace}
}

func (o *Options) player(w *world, t *teller, base time.Time) *player {
	return &player{world: w, teller: t, random: rand.New(rand.NewPCG(o.Seed, 0)), base: base}
}

func (o *Options) world(listen, dataDir string) worldOptions {
	return worldOptions{listen: listen, dataDir: dataDir, now: o.Now, version: o.Version, logger: o.Logger}
}

// Run tells the story and goes on serving until ctx ends, which is no error.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	listen := o.Listen
	if listen == "" {
		listen = freeAddress
		if isFree(ctx, usualAddress) {
			listen = usualAddress
		}
	}
	begun := false
	err := withWorld(ctx, o.world(listen, o.DataDir), func(ctx context.Context, w *world) error {
		begun = true
		t := o.teller()
		if _, err := tell(ctx, o.player(w, t, o.Now())); err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() == nil {
			t.whatNext(ctx, w.at.HTTP)
		}
		if t.err != nil {
			return fmt.Errorf("tell the story: %w", t.err)
		}
		<-ctx.Done() // an end of the server's own is the server's error
		return nil
	})
	if !begun && ctx.Err() != nil {
		return nil
	}
	return err
}

// UntrueError says that Once found claims that do not hold.
type UntrueError struct{ Untrue, Claims int }

// Error counts them; which ones they are stands in the story.
func (e *UntrueError) Error() string {
	return fmt.Sprintf("%d of %d claims do not hold", e.Untrue, e.Claims)
}

// Once tells the story on one server, sends it to a second one in another order,
// and checks what both say. It returns nil when every claim holds, an
// [*UntrueError] when some do not, and another error when it did not come that
// far. It takes at most half a minute.
func Once(ctx context.Context, o Options) error {
	o = o.withDefaults()
	if o.Listen == "" {
		o.Listen = freeAddress
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took longer than %v", patience))
	defer cancel()
	t := o.teller()
	base := o.Now() // of both: digests can only agree on the same events

	var found *facts
	err := withWorld(ctx, o.world(o.Listen, o.DataDir), func(ctx context.Context, w *world) (err error) {
		found, err = tell(ctx, o.player(w, t, base))
		return err
	})
	if found == nil {
		return err
	}
	t.chapter(ctx, "A second server hears all of it in another order, twice, through any door.")
	err = errors.Join(err, withWorld(ctx, o.world(freeAddress, ""), func(ctx context.Context, w *world) (err error) {
		found.other, err = hear(ctx, o.player(w, t, base))
		return err
	}))
	t.say(ctx, "  the first says  %s", found.digest.Digest)
	t.say(ctx, "  the second says %s", found.other.Digest)
	return errors.Join(t.check(ctx, found), err)
}

// hear sends the story in any order and returns the digest that comes of it.
// Nobody looks at this server's messages: where the end of a problem is heard
// before its beginning, nobody has to be told.
func hear(ctx context.Context, p *player) (digest, error) {
	if err := p.playMixed(ctx); err != nil {
		return digest{}, err
	}
	if _, _, err := p.playUnusable(ctx); err != nil {
		return digest{}, err
	}
	var d digest
	err := p.world.api.get(ctx, "/v1/digest", nil, &d)
	return d, err
}

// check holds the facts against every claim and tells the outcome.
func (t *teller) check(ctx context.Context, f *facts) error {
	t.chapter(ctx, "What has to be true now:")
	all := checks()
	untrue := 0
	for _, c := range all {
		err := c.holds(f)
		if err != nil {
			untrue++
		}
		t.verdict(ctx, c.claim, err)
	}
	if t.err != nil {
		return fmt.Errorf("tell the story: %w", t.err)
	}
	if untrue > 0 {
		return &UntrueError{Untrue: untrue, Claims: len(all)}
	}
	return nil
}

// isFree reports whether an address can be listened on at the moment.
func isFree(ctx context.Context, addr string) bool {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	return l.Close() == nil
}
