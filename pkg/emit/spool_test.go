package emit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errCrash = errors.New("crash")

// TestCrashAtEveryStep kills the process before and after each step that touches
// the disk or the network, and lets the next process flush. What was staged
// arrives; nothing arrives under its id with two contents.
func TestCrashAtEveryStep(t *testing.T) {
	steps := []string{"create", "write", "sync", "rename", "sync directory", "send", "accept"}
	for _, step := range steps {
		for _, when := range []string{"before ", "after "} {
			point := when + step
			t.Run(strings.ReplaceAll(point, " ", "_"), func(t *testing.T) {
				dir := t.TempDir()
				server := new(memory)
				first := server.client(t, dir)
				reached := false
				crash := func(at string) error {
					reached = reached || at == point
					if reached { // the dead do nothing more
						return errCrash
					}
					return nil
				}
				first.spool.fault = crash
				server.answer = func(int, [][]byte) (Receipt, error, bool) {
					if crash("before send") != nil {
						return Receipt{}, unavailable(errCrash, ""), false
					}
					return Receipt{}, crashed(crash("after send")), true
				}
				batch, err := first.Stage(report("a"))
				if err != nil {
					t.Fatal(err)
				}
				promised := batch.Spooled() == nil
				if promised {
					// The process dies here at the latest: what Deliver returns no
					// longer reaches anyone.
					if err := batch.Deliver(t.Context()); err != nil && !errors.Is(err, errCrash) {
						t.Fatalf("deliver: %v", err)
					}
				}
				if !reached {
					t.Fatalf("the step %q was not reached", point)
				}

				server.answer = nil
				second := server.client(t, dir)
				if _, err := second.Flush(t.Context()); err != nil {
					t.Fatalf("flush after the crash: %v", err)
				}
				if n := pending(t, second); n != 0 {
					t.Errorf("%d events still wait", n)
				}
				if promised || len(server.got) > 0 {
					server.once(t, "a")
				}
				// The step is repeated, with another time on its clock.
				again := report("a")
				again.SetTime(again.Time.Add(time.Minute))
				if err := second.Emit(t.Context(), again); err != nil {
					t.Fatalf("repeat: %v", err)
				}
				server.once(t, "a")
			})
		}
	}
}

func crashed(err error) error {
	if err == nil {
		return nil
	}
	return unavailable(err, "no answer")
}

func TestSpoolKeepsOrderAndEmptiesWhenTheServerIsBack(t *testing.T) {
	server := &memory{answer: away}
	c := server.client(t, t.TempDir())
	var ids []string
	for n := range 12 {
		id := fmt.Sprint("e", n)
		ids = append(ids, id)
		err := c.Emit(t.Context(), report(id))
		if !errors.Is(err, ErrSpooled) || !errors.Is(err, ErrUnavailable) {
			t.Fatalf("emit without a server: %v, want spooled and unavailable", err)
		}
	}
	if n := pending(t, c); n != len(ids) {
		t.Fatalf("%d events wait, want %d", n, len(ids))
	}
	var order []string
	server.answer = func(_ int, raw [][]byte) (Receipt, error, bool) {
		for _, b := range raw {
			_, rest, _ := strings.Cut(string(b), `"id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			order = append(order, id)
		}
		return Receipt{}, nil, true
	}
	report, err := c.Flush(t.Context())
	if err != nil || report.Sent != len(ids) || report.Remaining != 0 {
		t.Fatalf("flush: %+v, %v", report, err)
	}
	if fmt.Sprint(order) != fmt.Sprint(ids) {
		t.Errorf("flushed in order %v, want %v", order, ids)
	}
	server.once(t, ids...)
}

// TestRepeatWhileAwayIsSaidOnce: a step that is repeated before any server was
// reached does not fill the spool, nor say two things under one id.
func TestRepeatWhileAwayIsSaidOnce(t *testing.T) {
	server := &memory{answer: away}
	c := server.client(t, t.TempDir())
	for n := range 3 {
		e := report("a")
		e.SetTime(e.Time.Add(time.Duration(n) * time.Minute))
		if err := c.Emit(t.Context(), e); !errors.Is(err, ErrSpooled) {
			t.Fatal(err)
		}
	}
	if n := pending(t, c); n != 1 {
		t.Errorf("%d events wait, want 1", n)
	}
	server.answer = nil
	if _, err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.once(t, "a")
}

func TestSpoolIsBounded(t *testing.T) {
	one := report("a")
	raw, err := one.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		bound func(*Options)
	}{
		{"events", func(o *Options) { o.SpoolEvents = 2 }},
		{"bytes", func(o *Options) { o.SpoolBytes = int64(3*len(raw) - 1) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := &memory{answer: away}
			c := server.client(t, t.TempDir(), test.bound)
			for _, id := range []string{"a", "b"} {
				if err := c.Emit(t.Context(), report(id)); !errors.Is(err, ErrSpooled) {
					t.Fatalf("emit %s: %v", id, err)
				}
			}
			err := c.Emit(t.Context(), report("c"))
			if !errors.Is(err, ErrSpoolFull) || errors.Is(err, ErrSpooled) {
				t.Errorf("emit over the bound: %v, want a full spool and not spooled", err)
			}
			server.answer = nil
			if err := c.Emit(t.Context(), report("d")); err != nil {
				t.Errorf("with a server a full spool is no obstacle: %v", err)
			}
		})
	}
}

func TestDamagedFileIsSetAsideAndHoldsUpNobody(t *testing.T) {
	dir := t.TempDir()
	server := &memory{answer: away}
	c := server.client(t, dir)
	for _, id := range []string{"a", "b", "c"} {
		if err := c.Emit(t.Context(), report(id)); !errors.Is(err, ErrSpooled) {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+waiting))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	if err := os.Truncate(files[0], 20); err != nil {
		t.Fatal(err)
	}
	flipped, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	flipped[len(flipped)/2] ^= 1
	if err := os.WriteFile(files[1], flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	server.answer = nil
	got, err := c.Flush(t.Context())
	if err != nil || got.Sent != 1 || got.Remaining != 0 || len(got.Damaged) != 2 {
		t.Fatalf("flush: %+v, %v", got, err)
	}
	server.once(t, "c")
	for _, name := range got.Damaged {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("the damaged file is gone: %v", err)
		}
	}
}

func TestOnlyOneFlushAtATime(t *testing.T) {
	dir := t.TempDir()
	server := &memory{answer: away}
	c := server.client(t, dir)
	if err := c.Emit(t.Context(), report("a")); !errors.Is(err, ErrSpooled) {
		t.Fatal(err)
	}
	unlock, err := lock(filepath.Join(dir, lockFile))
	if err != nil || unlock == nil {
		t.Fatalf("lock: %v", err)
	}
	sends := server.sends
	got, err := c.Flush(t.Context())
	if err != nil || !got.Busy || got.Remaining != 1 || server.sends != sends {
		t.Errorf("flush beside another: %+v, %v, %d requests", got, err, server.sends-sends)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	server.answer = nil
	if got, err := c.Flush(t.Context()); err != nil || got.Busy || got.Sent != 1 {
		t.Errorf("flush after the other: %+v, %v", got, err)
	}
}

func TestSweepForgetsWhatIsOld(t *testing.T) {
	dir := t.TempDir()
	c := new(memory).client(t, dir)
	for n := range 3 {
		if err := c.Emit(t.Context(), report(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, "event-1"+unwritten)
	if err := os.WriteFile(left, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for _, pattern := range []string{"*" + unwritten, filepath.Join(sentDir, "*")} {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			n += len(files)
		}
		return n
	}
	now := time.Now()
	if err := c.spool.sweep(now); err != nil || count() != 4 {
		t.Fatalf("%d files after an early sweep, %v, want 4", count(), err)
	}
	if err := c.spool.sweep(now.Add(sentAge + time.Hour)); err != nil || count() != 0 {
		t.Fatalf("%d files after a late sweep, %v, want none", count(), err)
	}
}

// TestFailedWriteLeavesNothing: a disk that is full for a moment gets no halves.
func TestFailedWriteLeavesNothing(t *testing.T) {
	for _, step := range []string{"before write", "before sync", "before rename"} {
		dir := t.TempDir()
		c := new(memory).client(t, dir)
		c.spool.fault = func(point string) error {
			if point == step {
				return errors.New("no space left on device")
			}
			return nil
		}
		if err := c.Emit(t.Context(), report("a")); err != nil {
			t.Errorf("%s: a server was there, but %v", step, err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"+unwritten))
		if err != nil || len(files) != 0 {
			t.Errorf("%s: left %v, %v", step, files, err)
		}
	}
}
