package cli

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// follow shows what changes after a position of the changes, until ctx ends.
func (g *getter) follow(ctx context.Context, c *Client, t *table, after uint64) error {
	tick := time.NewTicker(g.every)
	defer tick.Stop()
	for {
		raw, err := c.Get(ctx, "/v1/changes", url.Values{"after": {strconv.FormatUint(after, 10)}, "limit": {"1000"}})
		if ctx.Err() != nil {
			return nil // the person has seen enough
		}
		if err != nil {
			return err
		}
		var changes struct {
			Items []change `json:"items"`
			Next  uint64   `json:"next"`
		}
		if err := json.Unmarshal(raw, &changes); err != nil {
			return fmt.Errorf("read changes: %w", err)
		}
		if err := g.changes(t, changes.Items); err != nil {
			return err
		}
		if changes.Next > after {
			after = changes.Next
			continue // there may be more already
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// change is what a watch reads of a CloudEvent.
type change struct {
	Type string         `json:"type"`
	Data jsontext.Value `json:"data"`
}

// changes writes those changes that are of the watched kind and pass the
// filters: as rows, or the data of each as a document.
func (g *getter) changes(t *table, items []change) error {
	now := g.now()
	var rows []row
	for _, ch := range items {
		if ch.Type != g.kind.changeType {
			continue
		}
		r, ok, err := g.kind.changed(ch.Data, &g.where, now)
		if err != nil {
			return fmt.Errorf("read a change: %w", err)
		}
		switch {
		case !ok:
		case !g.asData():
			rows = append(rows, r)
		default:
			if err := g.next(ch.Data); err != nil {
				return err
			}
		}
	}
	return g.write(t, rows)
}
