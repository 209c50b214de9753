package cli

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
)

// slotStory is what a slot runs with how it came to it. Item and history keep
// what the server said.
type slotStory struct {
	Slot    jsontext.Value   `json:"slot"`
	History []jsontext.Value `json:"history"`
}

func (e *explainer) slot(ctx context.Context, c *Client, key string) error {
	now, err := oneSlot(ctx, c, key)
	if err != nil {
		return err
	}
	raw, err := c.Get(ctx, "/v1/slots/"+key+"/history", nil)
	if err != nil {
		return err
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read the slot's history: %w", err)
	}
	if e.asData() {
		doc, err := json.Marshal(slotStory{Slot: now, History: p.Items})
		if err != nil {
			return fmt.Errorf("write the slot's story: %w", err)
		}
		return e.document(doc)
	}
	answer, err := slotAnswer(key, now)
	if err != nil {
		return err
	}
	if err := copyText(e.env.Stdout, answer); err != nil {
		return err
	}
	rows := make([][]string, len(p.Items))
	for i, item := range p.Items {
		if rows[i], err = landingRow(item); err != nil {
			return fmt.Errorf("read a landing: %w", err)
		}
	}
	if p.Next != "" {
		if err := e.note("Earlier landings are not shown; the API pages through them."); err != nil {
			return err
		}
	}
	return e.section(e.table(-1, "AT", "VERSION", "DEPLOYMENT", "ATTEMPT", "LANDING", "SOURCE"), rows)
}

// slotAnswer says in a sentence what a slot runs.
func slotAnswer(key string, raw jsontext.Value) (string, error) {
	var s view.SlotListed
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("read the slot: %w", err)
	}
	answer := key + " runs nothing that we know of."
	if s.Deployment != "" {
		version := s.Version
		if version == "" {
			version = "a version that nobody named"
		}
		answer = fmt.Sprintf("%s runs %s since %s (deployment %s, landing: %s).",
			key, version, stamp(s.Since), s.Deployment, s.Landing)
	}
	if l := s.Latest; l != nil && l.Deployment != s.Deployment {
		answer += fmt.Sprintf(" The latest, %s, is %s since %s.", l.Deployment, l.Status, stamp(l.Since))
	}
	if s.Unplaced > 0 {
		answer += fmt.Sprintf(" Words that wait for a name: %d, see `telltale get unplaced`.", s.Unplaced)
	}
	return answer, nil
}

func landingRow(raw jsontext.Value) ([]string, error) {
	var l view.LandingBody
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, err
	}
	if l.Restored {
		l.Landing += " (restored)"
	}
	return []string{stamp(l.At), l.Version, l.Deployment, fmt.Sprint(l.Attempt), l.Landing, l.Source}, nil
}
