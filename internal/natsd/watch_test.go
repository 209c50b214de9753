package natsd

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"testing"
)

// TestWatchTellsOfABrokenStream: the server only logs that from now on it
// refuses every write to a stream.
func TestWatchTellsOfABrokenStream(t *testing.T) {
	s := &Server{log: newLogger(slog.New(slog.DiscardHandler)), dir: "data/nats"}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Watch(stopped); err != nil {
		t.Errorf("told to stop it returns %v", err)
	}
	for cause, want := range map[error]Kind{syscall.ENOSPC: KindDiskFull, syscall.EIO: KindOther} {
		for range 2 { // the store says it, and the stream again
			s.log.Errorf("Filestore [%s] Critical write error: %v", "TT_EVENTS", cause)
		}
		var broken *Error
		if err := s.Watch(t.Context()); !errors.As(err, &broken) || broken.Kind != want || broken.Hint == "" {
			t.Errorf("%v: it returns %v, want %s with a hint", cause, err, want)
		}
	}
}
