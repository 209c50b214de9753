package view

import (
	"cmp"
	"maps"
)

// Who is what the Component in force for a slot says of it. The zero value is a
// slot without one.
type Who struct {
	Owner      string            // the team, as people know it
	Escalation string            // who is told when the owner does not answer
	Impact     string            // what it means to the business when it does not work
	Unit       string            // the part of the organisation
	Labels     map[string]string // not to be changed
}

// WhoBody is what the API says beside everything that runs in a slot. A member is
// "" where nothing is known; labels are never null.
type WhoBody struct {
	Owner      string            `json:"owner"`
	Escalation string            `json:"escalation"`
	Impact     string            `json:"impact"`
	Unit       string            `json:"unit"`
	Labels     map[string]string `json:"labels"`
}

// body renders a Who. An owner that was said, if one was, goes before its. The
// labels are a copy.
func (w *Who) body(said string) WhoBody {
	b := WhoBody{
		Owner: cmp.Or(said, w.Owner), Escalation: w.Escalation, Impact: w.Impact, Unit: w.Unit,
		Labels: make(map[string]string, len(w.Labels)),
	}
	maps.Copy(b.Labels, w.Labels)
	return b
}
