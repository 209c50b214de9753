package natsd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger hands the server's log lines to slog. What the server calls fatal is
// also kept: it is how a failed start is reported. So is the first write that a
// stream could not make, of which the server says nothing else.
type logger struct {
	log    *slog.Logger
	broken chan error // has room for the one that is kept

	mu     sync.Mutex
	fatals []error // guarded by mu
}

func newLogger(log *slog.Logger) *logger {
	return &logger{log: log, broken: make(chan error, 1)}
}

func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.fatals...)
}

// Noticef logs at debug level: the server notices every start in twenty lines.
func (l *logger) Noticef(format string, v ...any) { l.print(slog.LevelDebug, format, v...) }

// Warnf logs what the server could handle.
func (l *logger) Warnf(format string, v ...any) { l.print(slog.LevelWarn, format, v...) }

// Errorf logs what the server could not do.
func (l *logger) Errorf(format string, v ...any) {
	l.print(slog.LevelError, format, v...)
	if text := fmt.Sprintf(format, v...); strings.Contains(text, "ritical write error") {
		select {
		case l.broken <- errors.New(text):
		default: // only the first is needed
		}
	}
}

// Debugf logs at debug level.
func (l *logger) Debugf(format string, v ...any) { l.print(slog.LevelDebug, format, v...) }

// Tracef logs at debug level.
func (l *logger) Tracef(format string, v ...any) { l.print(slog.LevelDebug, format, v...) }

// Fatalf logs and remembers what ends the server's start. It does not exit: the
// process is not the server's.
func (l *logger) Fatalf(format string, v ...any) {
	l.print(slog.LevelError, format, v...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatals = append(l.fatals, fmt.Errorf(format, v...))
}

func (l *logger) print(level slog.Level, format string, v ...any) {
	ctx := context.Background() // the server's own goroutines carry none
	if l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "nats server", "text", fmt.Sprintf(format, v...))
	}
}
