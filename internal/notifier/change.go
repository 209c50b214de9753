package notifier

import (
	"fmt"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// change is what the rules need of a dev.telltale.deployment.changed.v1.
type change struct {
	Key     string    `json:"key"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Attempt uint32    `json:"attempt"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Late    bool      `json:"late"`
	Version string    `json:"version"`
	Release string    `json:"release"`
	Owner   string    `json:"owner"`

	Conditions []string `json:"conditions"`

	Cause struct {
		Source string `json:"source"`
	} `json:"cause"`

	key events.Key // Key, parsed
}

func (c *change) has(condition string) bool { return slices.Contains(c.Conditions, condition) }

// lands reports whether a deployment began to run with a change of its status.
func lands(from, to string) bool { return isLanded(to) && !isLanded(from) }

// landing returns what the change means for its slot. Which version ran before,
// and so whether this one is a rollback, only the slot's own change says.
func (c *change) landing() *landing {
	return &landing{
		Env: c.key.Env, Region: c.key.Region, Component: c.key.Component,
		Deployment: c.key.Deployment, Version: c.Version, Since: c.At, source: c.Cause.Source,
	}
}

// landing is what the rules need of a dev.telltale.slot.changed.v1. It comes
// before the change of the deployment that has the same cause: changes of one
// cause are ordered by key.
type landing struct {
	Env        string    `json:"env"`
	Region     string    `json:"region"`
	Component  string    `json:"component"`
	Deployment string    `json:"deployment"` // "": the slot runs nothing
	Version    string    `json:"version"`
	Since      time.Time `json:"since"`
	Landing    string    `json:"landing"` // forward, same, rollback, overtaken; "" when not known

	source string // who says so, "" when it is not known
}

func (l *landing) slot() events.Slot {
	return events.Slot{Env: l.Env, Region: l.Region, Component: l.Component}
}

// name is what people call what landed.
func (l *landing) name() string {
	if l.Version != "" {
		return l.Version
	}
	return l.Deployment
}

// news is one message of TT_CHANGES: a change of one thing, or of nothing that a
// rule speaks of.
type news struct {
	id      events.ChangeID
	seq     uint64 // in TT_CHANGES
	change  *change
	landing *landing
	whole   *whole
}

// readNews reads one message. It fails on what no projector writes.
func readNews(m stream.Msg) (news, error) {
	e, err := events.DecodeStored(m.Data)
	if err != nil {
		return news{}, err
	}
	n := news{seq: m.Seq}
	switch e.Type {
	case events.TypeDeploymentChanged:
		n.change = new(change)
		if err := e.DataAs(n.change); err != nil {
			return news{}, err
		}
		if n.change.key, err = events.ParseKey(n.change.Key); err != nil {
			return news{}, err
		}
	case events.TypeSlotChanged:
		n.landing = new(landing)
		if err := e.DataAs(n.landing); err != nil {
			return news{}, err
		}
	case events.TypeReleaseChanged, events.TypeRegionChanged:
		if n.whole, err = readWhole(e); err != nil {
			return news{}, err
		}
	default:
		return n, nil
	}
	if n.id, err = events.ParseChangeID(e.ID); err != nil {
		return news{}, fmt.Errorf("read the id of a change: %w", err)
	}
	return n, nil
}
