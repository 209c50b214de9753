package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Options say what to measure. The zero value measures every row in five pairs.
type Options struct {
	Quick    bool         // two small pairs a row, within 60 s on two cores; not for Scale
	Only     []string     // names of rows; empty: all; not for Scale
	Pairs    int          // of limit and row; 0: five, or two with Quick
	Dir      string       // where the stores lie; empty: the system's temporary folder
	Progress func(string) // told one line a pair; nil: nobody is
}

// Names returns the names of the rows of [Run], in order.
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

// Run measures the rows of [Names] and returns them. When it fails, or ctx ends
// it, it returns those that are done. What it wrote to the disk is removed again.
func Run(ctx context.Context, o Options) ([]Row, error) {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no row %q; there are %v", name, Names())
		}
	}
	size := full
	if o.Quick {
		size = quick
	}
	if o.Pairs > 0 {
		size.pairs = o.Pairs
	}
	return inFolder(ctx, o.Dir, func(dir string) ([]Row, error) { return run(ctx, dir, size, o) })
}

// inFolder measures in a folder of its own.
func inFolder(ctx context.Context, parent string, measure func(dir string) ([]Row, error)) ([]Row, error) {
	dir, err := os.MkdirTemp(parent, "telltale-bench-")
	if err != nil {
		return nil, err
	}
	rows, err := measure(dir)
	if ctx.Err() != nil {
		err = context.Cause(ctx) // and not what its end did to a server or a client
	}
	return rows, errors.Join(err, os.RemoveAll(dir))
}

func run(ctx context.Context, dir string, size size, o Options) (rows []Row, err error) {
	b := &bencher{size: size, dir: dir}
	if b.events, err = load(b.batched, time.Now().Add(-time.Hour)); err != nil {
		return nil, err
	}
	b.batches = batches(b.events, 100)
	if b.filled, err = b.fill(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.filled.stop()) }()
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
	r, err := newRig(ctx, b.dir, natsd.Config{})
	if err != nil {
		return nil, err
	}
	err = func() error {
		mark := len(r.stops)
		if err := r.startIngest(ctx); err != nil {
			return err
		}
		if _, err := post(ctx, r.url, typeBatch, b.batches, connections); err != nil {
			return err
		}
		if err := r.stopFrom(mark); err != nil {
			return err
		}
		return r.holds(ctx, events.StreamEvents, b.batched)
	}()
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// withRig runs one measurement on a rig of its own.
func (b *bencher) withRig(ctx context.Context, f func(*rig) (float64, error)) (float64, error) {
	r, err := newRig(ctx, b.dir, natsd.Config{})
	if err != nil {
		return 0, err
	}
	figure, err := f(r)
	return figure, errors.Join(err, r.stop())
}
