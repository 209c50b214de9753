package bench

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLatency: time runs from when a thing was due, so one slow receive shows in
// all that waited behind it; and what is not ours is left out.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, rate = 200, 1000
		sent := make(chan int, n)
		noise := true
		p99, err := latency(t.Context(), n, rate,
			func(i int) error { sent <- i; return nil },
			func(ctx context.Context) (int, error) {
				if noise = !noise; noise {
					return -1, nil
				}
				select {
				case i := <-sent:
					if i == n-2 { // the 199th of 200 is the first beyond 98 in 100
						time.Sleep(30 * time.Millisecond)
					}
					return i, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			})
		// The one before last took 30 ms, the last, due 1 ms later, 29.
		if err != nil || p99 != 29 {
			t.Errorf("p99 is %v ms, %v, want 29", p99, err)
		}
	})
}

// TestLatencyEndsWithASend: nobody waits for what could not be sent.
func TestLatencyEndsWithASend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		_, err := latency(t.Context(), 50, 1000,
			func(i int) error {
				if i == 7 {
					return broken
				}
				return nil
			},
			func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

// TestPacedKeepsUp: a send that takes long delays no other.
func TestPacedKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		due := make([]time.Time, 10)
		for i := range due {
			due[i] = start.Add(time.Duration(i) * time.Millisecond)
		}
		began := make([]time.Time, len(due))
		err := paced(t.Context(), due, func(i int) error {
			began[i] = time.Now()
			time.Sleep(time.Second)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range due {
			if !began[i].Equal(due[i]) {
				t.Errorf("send %d began %v late", i, began[i].Sub(due[i]))
			}
		}
	})
}
