package view

import (
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Slot is what a slot runs and which of its deployments is the latest. The zero
// value is a slot of which nothing is known.
type Slot struct {
	Current  Landing // zero Class: it runs nothing
	Landings uint32  // how many counted
	Latest   Latest

	// Follows says that the slot has follow words or observations, which have to
	// be placed.
	Follows bool

	// Revision is the position in EVENTS of the message that last changed any
	// of this.
	Revision uint64
}

// Latest is the deployment of a slot whose current attempt began last, ties by
// name: what somebody is doing there, landed or not.
type Latest struct {
	Deployment string
	Version    string
	Status     string
	Began      int64 // τ of the attempt's first word
	Since      int64 // τ at which it entered Status
}

// Before orders two deployments of a slot by when their attempts began.
func (l Latest) Before(began int64, deployment string) bool {
	return l.Began < began || l.Began == began && l.Deployment < deployment
}

// SlotBody is the slot of the contract, as the API and TT_CURRENT show it. A
// slot that runs nothing has an empty version and no since.
type SlotBody struct {
	Env        string      `json:"env"`
	Region     string      `json:"region"`
	Component  string      `json:"component"`
	Version    string      `json:"version"`
	Deployment string      `json:"deployment"`
	Since      time.Time   `json:"since,omitzero"`
	Landing    string      `json:"landing"`
	Latest     *LatestBody `json:"latest,omitzero"`
}

// LatestBody is the deployment of a slot whose current attempt began last.
type LatestBody struct {
	Deployment string    `json:"deployment"`
	Version    string    `json:"version"`
	Status     string    `json:"status"`
	Since      time.Time `json:"since,omitzero"`
}

// Body renders a slot.
func (s *Slot) Body(at events.Slot) SlotBody {
	out := SlotBody{
		Env: at.Env, Region: at.Region, Component: at.Component,
		Version: s.Current.Version, Deployment: s.Current.Deployment,
		Since: instant(s.Current.Tau), Landing: s.Current.Class.String(),
	}
	if l := s.Latest; l.Deployment != "" {
		out.Latest = &LatestBody{Deployment: l.Deployment, Version: l.Version, Status: l.Status, Since: instant(l.Since)}
	}
	return out
}
