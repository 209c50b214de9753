package notifier

import (
	"fmt"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// Endpoint is one way in which a receiver is told.
type Endpoint struct {
	// Name tells it from the receiver's others, such as webhook1. It stays the same
	// over restarts: what is under way to an endpoint goes on under its name.
	Name string

	// To is called; the notifier closes it when it stops.
	To interface {
		receiver.Receiver
		Close()
	}

	// OnlyFiring: it is not told when a problem is over.
	OnlyFiring bool
}

// directory knows who is told of which alert.
type directory struct {
	tree      *routing.Tree // nil: nobody is
	endpoints map[string][]Endpoint
}

// fullName is what records and metrics call an endpoint.
func fullName(receiver string, e *Endpoint) string { return receiver + "/" + e.Name }

// byName returns what is called, by full name. It fails when two endpoints would
// share a name and so their lanes.
func (d *directory) byName() (map[string]receiver.Receiver, error) {
	all := make(map[string]receiver.Receiver)
	for name, endpoints := range d.endpoints {
		for i := range endpoints {
			full := fullName(name, &endpoints[i])
			if all[full] != nil {
				return nil, fmt.Errorf("receiver %s has two endpoints %s", name, endpoints[i].Name)
			}
			all[full] = endpoints[i].To
		}
	}
	return all, nil
}

func (d *directory) close() {
	for _, endpoints := range d.endpoints {
		for i := range endpoints {
			endpoints[i].To.Close()
		}
	}
}

// routes returns who is told of an alert that fires, never nil. hold is how long
// its rule wants it to last; a route may want longer. An endpoint to which
// several routes lead is told once, as soon as the first of them allows.
func (d *directory) routes(a *Alert, hold time.Duration, now time.Time) []Routed {
	routed := []Routed{}
	if d.tree == nil {
		return routed
	}
	for _, leaf := range d.tree.Match(a.Labels) {
		// What is long over its time is still not told at a muted one.
		from := a.Since.Add(max(hold, leaf.HoldFor))
		if from.Before(now) {
			from = now
		}
		r := Routed{Receiver: leaf.Receiver, Path: leaf.Path}
		at, mutedBy, ok := leaf.Earliest(from)
		r.MutedBy = mutedBy
		if at.After(now) {
			r.NotBefore = at.UTC()
		}
		endpoints := d.endpoints[leaf.Receiver]
		if !ok || len(endpoints) == 0 {
			routed = append(routed, r)
			continue
		}
		for i := range endpoints {
			r.Endpoint, r.OnlyFiring = fullName(leaf.Receiver, &endpoints[i]), endpoints[i].OnlyFiring
			before := slices.IndexFunc(routed, func(other Routed) bool { return other.Endpoint == r.Endpoint })
			switch {
			case before < 0:
				routed = append(routed, r)
			case r.NotBefore.Before(routed[before].NotBefore):
				routed[before] = r
			}
		}
	}
	return routed
}
