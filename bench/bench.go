package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Options say what to measure. The zero value measures every row in five pairs.
type Options struct {
	Quick    bool      // two small pairs a row, within 60 s on two cores
	Only     []string  // names of rows; empty: all
	Dir      string    // where the stores lie; empty: the system's temporary folder
	Progress io.Writer // one line a pair; nil: none
}

// Names returns the names of all rows, in order.
func Names() []string {
	var names []string
	for _, p := range (&bencher{}).rows() {
		names = append(names, p.name)
	}
	return names
}

// bencher is one run.
type bencher struct {
	size
	dir     string
	events  [][]byte
	batches [][]byte
	filled  *rig // its TT_EVENTS holds the whole load
	stores  int  // made in filled so far
}

// Run measures the rows and returns them. The stores are removed again.
func Run(ctx context.Context, o Options) (rows []Row, err error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	b := &bencher{size: full}
	if o.Quick {
		b.size = quick
	}
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("bench: there is no row %q; there are %v", name, Names())
		}
	}
	if b.dir, err = os.MkdirTemp(o.Dir, "telltale-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if removeErr := os.RemoveAll(b.dir); err == nil {
			err = removeErr
		}
	}()
	b.events = load(b.batched, time.Now().Add(-time.Hour))
	b.batches = batches(b.events, 100)
	if b.filled, err = b.fill(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if stopErr := b.filled.stop(); err == nil {
			err = stopErr
		}
	}()
	for _, p := range b.rows() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, p.name) {
			continue
		}
		row, err := p.measure(ctx, b.pairs, o.Progress)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// fill makes the rig whose stream the reading rows share, through the door.
func (b *bencher) fill(ctx context.Context) (*rig, error) {
	r, err := newRig(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	mark := len(r.stops)
	if err := r.startIngest(ctx); err != nil {
		return nil, err
	}
	if _, err := post(ctx, r.url, typeBatch, b.batches, connections); err != nil {
		return nil, err
	}
	if err := r.stopFrom(mark); err != nil {
		return nil, err
	}
	return r, r.holds(ctx, events.StreamEvents, b.batched)
}

// withRig runs one measurement on a rig of its own.
func (b *bencher) withRig(ctx context.Context, f func(*rig) (float64, error)) (figure float64, err error) {
	r, err := newRig(ctx, b.dir)
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := r.stop(); err == nil {
			err = stopErr
		}
	}()
	return f(r)
}
