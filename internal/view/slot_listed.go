package view

import "github.com/telltale-dev/telltale/pkg/events"

// SlotListed is a slot as the API lists it: what TT_CURRENT has of it, and what is
// joined when it is read.
type SlotListed struct {
	SlotBody
	WhoBody // as its Component says

	// Unplaced is how many follow words and observations wait for a name.
	Unplaced int `json:"unplaced"`
}

// Listed renders a slot with what the Component in force for it says.
func (s *Slot) Listed(at events.Slot, who Who) SlotListed {
	return SlotListed{SlotBody: s.Body(at), WhoBody: who.body("")}
}
