package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// memory is how much memory of the machine a process holds, in bytes.
type memory struct {
	own    uint64 // what is nowhere else
	mapped uint64 // pages of files: a cache, which the kernel empties when the memory is needed
}

// most returns the most of each.
func (m memory) most(o memory) memory { return memory{max(m.own, o.own), max(m.mapped, o.mapped)} }

// resident is what is resident of this process: by the kernel where there is a
// proc file system, else what the runtime has from the kernel.
func resident() (memory, error) {
	text, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return memory{own: m.Sys - m.HeapReleased}, nil
	}
	if err != nil {
		return memory{}, err
	}
	return residentIn(string(text))
}

// residentIn finds what is resident in a status file of the kernel.
func residentIn(status string) (memory, error) {
	anonymous, err := kibibytes(status, "RssAnon")
	shared, err2 := kibibytes(status, "RssShmem")
	mapped, err3 := kibibytes(status, "RssFile")
	return memory{own: (anonymous + shared) << 10, mapped: mapped << 10}, errors.Join(err, err2, err3)
}

func kibibytes(status, name string) (uint64, error) {
	_, rest, _ := strings.Cut(status, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	number, ok := strings.CutSuffix(strings.TrimSpace(line), " kB")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("no %s in the status of the process: %q", name, line)
	}
	return n, nil
}

// watchMemory calls work and returns the most that was resident meanwhile.
func watchMemory(ctx context.Context, work func(context.Context) error) (most memory, err error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- work(ctx)
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, lookErr := resident()
		most, err = most.most(now), errors.Join(err, lookErr)
		select {
		case <-ctx.Done():
			return most, errors.Join(err, <-done)
		case <-ticker.C:
		}
	}
}
