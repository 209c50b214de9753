package bench

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun measures every row, so little of it that the figures mean nothing: the
// events go the way they go in earnest.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	tiny := size{pairs: 1, batched: 1000, single: 100, paced: 100}
	rows, err := inFolder(t.Context(), dir, func(dir string) ([]Row, error) {
		return run(t.Context(), dir, tiny, Options{})
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
		if r.Figure <= 0 || r.Limit <= 0 || r.Ratio <= 0 || r.Pairs != 1 || r.Goal == 0 || r.Verdict == "" {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(names, Names()) {
		t.Errorf("measured %v, want %v", names, Names())
	}
	nothingIn(t, dir)
}

// TestRebuildAlone: the row finds what it needs when no other was measured.
func TestRebuildAlone(t *testing.T) {
	rows, err := run(t.Context(), t.TempDir(), size{pairs: 1, batched: 1000}, Options{Only: []string{"rebuild"}})
	if err != nil || len(rows) != 1 || rows[0].Name != "rebuild" {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestScale(t *testing.T) {
	var told []string
	tiny := scaleSize{pairs: 1, small: 10, large: 25, warm: 10, updates: 40, due: 30}
	rows, err := scale(t.Context(), t.TempDir(), tiny, func(line string) { told = append(told, line) })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
		if r.Figure <= 0 || r.Limit <= 0 || r.Verdict == "" {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(names, " "); got != "tick-100k-decided tick-100k scale-cost scale-memory scale-mapped scale-start scale-disk" {
		t.Errorf("measured %s", got)
	}
	if len(told) != 6 {
		t.Errorf("told %q", told)
	}
}

// TestRunStops: what was begun is ended and removed, and the error says who
// ended it.
func TestRunStops(t *testing.T) {
	dir := t.TempDir()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	rows, err := inFolder(ctx, dir, func(dir string) ([]Row, error) {
		return run(ctx, dir, size{pairs: 2, batched: 1000, paced: 100}, Options{
			Only:     []string{"emit-to-change-p99"},
			Progress: func(string) { cancel(enough) }, // between the pairs
		})
	})
	if len(rows) != 0 || !errors.Is(err, enough) {
		t.Errorf("%v, %v", rows, err)
	}
	nothingIn(t, dir)
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(t.Context(), Options{Dir: dir, Only: []string{"rebuilt"}}); err == nil || !strings.Contains(err.Error(), `"rebuilt"`) {
		t.Errorf("got %v", err)
	}
	if _, err := Run(t.Context(), Options{Dir: dir + "/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	nothingIn(t, dir)
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestRoleFails: a role that ends by itself ends the wait for its work.
func TestRoleFails(t *testing.T) {
	r := &rig{fell: make(chan error, 1)}
	broken := errors.New("broken")
	r.run(t.Context(), func(context.Context) error { return broken })
	if err := r.waitFor(t.Context(), func() (bool, error) { return false, nil }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := r.stop(); !errors.Is(err, broken) {
		t.Errorf("stop: %v", err)
	}
}

func TestResident(t *testing.T) {
	got, err := residentIn("Name:\ttelltale\nVmHWM:\t  9 kB\nRssAnon:\t  2048 kB\nRssFile:\t   3 kB\nRssShmem:\t 1024 kB\nThreads:\t3\n")
	if want := (memory{own: 3 << 20, mapped: 3 << 10}); err != nil || got != want {
		t.Errorf("resident are %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "Name:\tx\nRssAnon:\t\n", "Name:\tx\nRssAnon:\t12\nZ:\t1\n", "Name:\tx\nRssAnon:\tmany kB\n", "Name:\tx\nRssAnon:\t1 kB\nRssFile:\t1 kB\n"} {
		if got, err := residentIn(text); err == nil {
			t.Errorf("%q gave %d", text, got)
		}
	}
	broken := errors.New("broken")
	most, err := watchMemory(t.Context(), func(context.Context) error { return broken })
	if most.own < 1<<20 || !errors.Is(err, broken) {
		t.Errorf("%d bytes, %v", most.own, err)
	}
}
