package view

import "time"

// LandingBody is one landing in the history of a slot, as the API shows it.
type LandingBody struct {
	At         time.Time `json:"at"`
	Version    string    `json:"version"`
	Deployment string    `json:"deployment"`
	Attempt    uint32    `json:"attempt"`
	Landing    string    `json:"landing"`
	Restored   bool      `json:"restored"` // nobody reported it: a later deployment was reverted
	Source     string    `json:"source"`
}

// Body renders a landing.
func (l *Landing) Body() LandingBody {
	return LandingBody{
		At: instant(l.Tau), Version: l.Version, Deployment: l.Deployment, Attempt: l.Attempt,
		Landing: l.Class.String(), Restored: l.Restored, Source: l.Source,
	}
}
