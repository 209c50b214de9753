package projector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// beliefs are what TT_CHANGES says we came to believe, for a store that is
// built anew. They are read back, never computed again: what was told was told.
// One deployment takes about 200 bytes.
type beliefs struct {
	seed maphash.Seed
	last map[string]belief // by key
	told events.ChangeID   // the last change in TT_CHANGES; zero: there is none
}

// belief is the last change of a deployment.
type belief struct {
	id     events.ChangeID
	facts  uint64 // a hash
	status string
}

// loadBeliefs copies all of TT_CHANGES into db.
func loadBeliefs(ctx context.Context, c *stream.Conn, m *stream.Metrics, db *store.DB) (*beliefs, error) {
	b := &beliefs{seed: maphash.MakeSeed(), last: make(map[string]belief)}
	last, err := lastSeq(ctx, c, events.StreamChanges)
	if err != nil || last == 0 {
		return b, err
	}
	in := &intake{db: db}
	defer in.close()
	r := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamChanges, MaxBatch: maxBatch, Metrics: m})
	err = r.Run(ctx, func(_ context.Context, batch []stream.Msg) error {
		if err := b.load(in, batch); err != nil {
			return err
		}
		if batch[len(batch)-1].Seq >= last {
			return errEnd
		}
		return nil
	})
	return b, errors.Join(atEnd(ctx, err), in.land())
}

func (b *beliefs) load(in *intake, batch []stream.Msg) error {
	changes, err := parseAll(batch)
	if err != nil {
		return err
	}
	for len(changes) > 0 {
		w := in.begin()
		n := 0
		for ; n < len(changes) && !w.Full(); n++ {
			c := &changes[n]
			if c.Raw == nil {
				c.Before = b.last[c.Key].id
			}
			if err := w.PutChange(c); err != nil {
				return err
			}
			b.told = c.ID
			if c.Raw == nil {
				b.note(c)
			}
		}
		if err := in.commit(); err != nil {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

// intake writes one transaction after the other and fills one while the one
// before is committed. Nothing is read from the store meanwhile.
type intake struct {
	db     *store.DB
	tx     *store.Tx    // being filled, or to be; nil: not begun
	flying <-chan error // of the one before; nil: there is none
}

func (in *intake) begin() *store.Writer {
	if in.tx == nil {
		in.tx = in.db.Begin()
	}
	return &in.tx.Writer
}

// commit begins to commit what was filled, once the one before is in the store.
func (in *intake) commit() error {
	if err := in.land(); err != nil {
		return err
	}
	tx := in.tx
	in.tx = in.db.Begin() // before the commit, for which it would wait
	in.flying = tx.Commit()
	return nil
}

// land waits until all that was committed is in the store.
func (in *intake) land() error {
	if in.flying == nil {
		return nil
	}
	err := <-in.flying
	in.flying = nil
	return err
}

// close forgets what was filled and not committed.
func (in *intake) close() {
	if in.tx != nil {
		in.tx.Discard()
	}
}

// parseAll parses changes in parallel and keeps their order.
func parseAll(batch []stream.Msg) ([]view.Change, error) {
	out := make([]view.Change, len(batch))
	faults := make([]error, len(batch))
	inShares(len(batch), func(i int) {
		c, err := view.ReadChange(batch[i].Data)
		if err != nil {
			faults[i] = fmt.Errorf("read change %d: %w", batch[i].Seq, err)
		}
		out[i] = c
	})
	return out, errors.Join(faults...)
}

// note remembers a change as the last of its deployment.
func (b *beliefs) note(c *view.Change) { b.last[c.Key] = belief{c.ID, b.hash(&c.Facts), c.Status} }

// holds reports whether the facts are what was last told of a deployment.
func (b *beliefs) holds(key string, f *view.Facts) bool {
	known, ok := b.last[key]
	return ok && known.facts == b.hash(f)
}

// status returns the status that was last told of a deployment.
func (b *beliefs) status(key string) string {
	if known, ok := b.last[key]; ok {
		return known.status
	}
	return statemachine.StatusUnknown
}

// isTold reports whether TT_CHANGES has a change: it holds all up to a last one.
func (b *beliefs) isTold(id events.ChangeID) bool {
	return b != nil && b.told.Incarnation == id.Incarnation &&
		(id.Seq < b.told.Seq || id.Seq == b.told.Seq && id.Index <= b.told.Index)
}

func (b *beliefs) hash(f *view.Facts) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	var n [12]byte
	text := func(s string) {
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:8])
		h.WriteString(s)
	}
	for _, s := range [...]string{f.Status, f.Version, f.Release, f.Owner, f.Message} {
		text(s)
	}
	for _, s := range f.Conditions {
		text(s)
	}
	binary.LittleEndian.PutUint64(n[:], math.Float64bits(f.Percent))
	binary.LittleEndian.PutUint32(n[8:], f.Attempt)
	h.Write(n[:])
	return h.Sum64()
}

// errEnd ends a reader that has what it was asked for.
var errEnd = errors.New("the end is reached")

// atEnd makes sense of a reader's end: errEnd is success, and nil is not, for a
// reader only gives up without an error when ctx ends.
func atEnd(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errEnd):
		return nil
	case err == nil:
		return context.Cause(ctx)
	}
	return err
}

// lastSeq returns the sequence of the last message that a stream has, 0 for an
// empty one.
func lastSeq(ctx context.Context, c *stream.Conn, name string) (uint64, error) {
	s, err := c.JS.Stream(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("look up %s: %w", name, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the last message of %s: %w", name, err)
	}
	return m.Sequence, nil
}
