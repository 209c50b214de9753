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

// residentBytes is how much memory of the machine this process holds: the
// kernel's figure, mapped files included, where there is a proc file system, else
// what the runtime has from the kernel.
func residentBytes() (uint64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys - m.HeapReleased, nil
	}
	if err != nil {
		return 0, err
	}
	return residentIn(string(text))
}

// residentIn finds VmRSS in a status file of the kernel.
func residentIn(status string) (uint64, error) {
	_, rest, _ := strings.Cut(status, "\nVmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	number, ok := strings.CutSuffix(strings.TrimSpace(line), " kB")
	kib, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("no VmRSS in the status of the process: %q", line)
	}
	return kib << 10, nil
}

// watchMemory calls work and returns the most that was resident meanwhile.
func watchMemory(ctx context.Context, work func(context.Context) error) (most uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- work(ctx)
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, lookErr := residentBytes()
		most, err = max(most, now), errors.Join(err, lookErr)
		select {
		case <-ctx.Done():
			return most, errors.Join(err, <-done)
		case <-ticker.C:
		}
	}
}
