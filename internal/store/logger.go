package store

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger hands Badger's lines to slog. What Badger calls info is about its
// tables and levels: debug to us.
type logger struct{ log *slog.Logger }

func newLogger(log *slog.Logger) logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return logger{log.With("component", "badger")}
}

func (l logger) Errorf(format string, args ...any)   { l.log.Error("store", text(format, args)) }
func (l logger) Warningf(format string, args ...any) { l.log.Warn("store", text(format, args)) }
func (l logger) Infof(format string, args ...any)    { l.log.Debug("store", text(format, args)) }

// Debugf drops the line: Badger formats several per compaction.
func (l logger) Debugf(string, ...any) {}

func text(format string, args []any) slog.Attr {
	return slog.String("text", strings.TrimSpace(fmt.Sprintf(format, args...)))
}
