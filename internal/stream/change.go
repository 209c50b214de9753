package stream

import "github.com/telltale-dev/telltale/pkg/events"

// Change is one message for TT_CHANGES.
type Change struct {
	Env     string // the unit of order and of fencing
	Subject string // tt.v1.changes.<env>...
	ID      events.ChangeID
	Data    []byte // a CloudEvent in JSON whose id is ID
}
