package view

import (
	"time"

	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Unplaced is a follow word or an observation that waits for a name, as the API
// shows it.
type Unplaced struct {
	Source     string    `json:"source"`
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at"`
	Position   uint64    `json:"position"` // in TT_EVENTS
	Emitter    string    `json:"emitter,omitzero"`

	Said    string   `json:"said,omitzero"`    // the status of a report
	Version string   `json:"version,omitzero"` // a name that it goes by
	Refs    []string `json:"refs"`             // the others; none at all: it means what was rolling out, and nothing was
	Message string   `json:"message,omitzero"`
}

// UnplacedWord renders a follow word.
func UnplacedWord(w *statemachine.Word) Unplaced {
	return Unplaced{
		Source: w.Source, ID: w.ID, Type: kindTypes[w.Kind], At: instant(w.Tau), RecordedAt: instant(w.Recorded),
		Position: w.Stream, Emitter: w.Emitter, Said: w.Status, Version: w.Version, Refs: orEmpty(w.Refs), Message: w.Message,
	}
}
