package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/telltale-dev/telltale/internal/cdevents/publish"
	"github.com/telltale-dev/telltale/internal/stream"
)

// addCDEvents adds what tells changes in CDEvents, if the configuration names
// somebody to tell. It goes along with the notifier: both read TT_CHANGES, call
// places outside, and may lag behind without anybody else doing so.
func (p *process) addCDEvents(conn *stream.Conn) error {
	cfg := p.cfg.CDEvents
	if cfg.URL == "" {
		return nil
	}
	sink, err := publish.NewHTTP(cfg.URL, cfg.Token.Reveal())
	if err != nil {
		return fmt.Errorf("cdevents.url: %w", err)
	}
	dir := filepath.Join(p.cfg.DataDir, "cdevents")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	position := filepath.Join(dir, "position")
	publisher, err := publish.New(publish.Options{
		Conn: conn, Sink: sink, Position: position,
		Logger: p.log.With("room", "cdevents"), Registerer: p.metrics,
	})
	if err != nil {
		return err
	}
	p.serve("cdevents", func(ctx context.Context) error {
		err := publisher.Run(ctx)
		var mismatch *stream.MismatchError
		if errors.As(err, &mismatch) {
			return &Fault{
				Op: "publish CDEvents", Err: err,
				Hint: "delete " + position + " to go on with what changes from now on",
			}
		}
		return err
	})
	return nil
}
