package adapter

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Document returns the result as one JSON object for people and tests: events
// with their rules, what was ignored and why, what could not be mapped and why.
func (r *Result) Document() (jsontext.Value, error) {
	type mapped struct {
		Rule  string         `json:"rule"`
		Event jsontext.Value `json:"event"`
	}
	type ignored struct {
		Rule   string `json:"rule,omitzero"`
		Reason string `json:"reason"`
	}
	type unmapped struct {
		Rule    string   `json:"rule,omitzero"`
		Field   string   `json:"field,omitzero"`
		Value   string   `json:"value,omitzero"`
		Missing []string `json:"missing,omitzero"`
		Code    string   `json:"code"`
		Detail  string   `json:"detail"`
		Hint    string   `json:"hint,omitzero"`
	}
	doc := struct {
		Events   []mapped   `json:"events,omitzero"`
		Ignored  []ignored  `json:"ignored,omitzero"`
		Unmapped []unmapped `json:"unmapped,omitzero"`
	}{}
	for _, m := range r.Events {
		content, err := m.Event.Encode()
		if err != nil {
			return nil, fmt.Errorf("show an event: %w", err)
		}
		doc.Events = append(doc.Events, mapped{m.Rule, content})
	}
	for _, i := range r.Ignored {
		doc.Ignored = append(doc.Ignored, ignored(i))
	}
	for _, u := range r.Unmapped {
		doc.Unmapped = append(doc.Unmapped, unmapped{u.Rule, u.Field, u.Value, u.Missing, string(u.Err.Code), u.Err.Detail, u.Err.Hint})
	}
	return json.Marshal(doc)
}
