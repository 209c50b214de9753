package view

import (
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// BeliefBody is what we believed of a deployment at some time: its last change
// recorded by then. It is read from the record of beliefs and never computed
// again, so a late event does not alter it.
type BeliefBody struct {
	AsOf time.Time `json:"as_of"` // the time asked for

	Key        string `json:"key"`
	Env        string `json:"env"`
	Region     string `json:"region"`
	Component  string `json:"component"`
	Deployment string `json:"deployment"`

	Release    string   `json:"release"`
	Version    string   `json:"version"`
	Attempt    uint32   `json:"attempt"`
	Status     string   `json:"status"`
	Previous   string   `json:"previous"`
	Reason     string   `json:"reason"`
	Conditions []string `json:"conditions"`
	Owner      string   `json:"owner"`
	Percent    *float64 `json:"percent"`
	Message    string   `json:"message"`

	At         time.Time `json:"at"`          // of the event that made us believe it
	RecordedAt time.Time `json:"recorded_at"` // when that was recorded
	Late       bool      `json:"late"`        // it corrected what we had believed before
	Revision   uint64    `json:"revision"`
	Digest     string    `json:"digest"`

	// Corrected says that we believe something else of that time now: a later
	// change amends this one.
	Corrected bool `json:"corrected"`
}

// Belief picks, from the changes of one deployment in the order in which we came
// to believe them, what was believed at asOf. ok is false when nothing had been
// recorded by then.
func Belief(key events.Key, changes []Change, asOf time.Time) (body BeliefBody, ok bool) {
	last := -1
	for i := range changes {
		if changes[i].Recorded <= asOf.UnixNano() {
			last = i
		}
	}
	if last < 0 {
		return BeliefBody{}, false
	}
	c := &changes[last]
	body = BeliefBody{
		AsOf: asOf.UTC(),
		Key:  c.Key, Env: key.Env, Region: key.Region, Component: key.Component, Deployment: key.Deployment,
		Release: c.Release, Version: c.Version, Attempt: c.Attempt, Status: c.Status, Previous: c.From,
		Reason: c.Reason, Conditions: orEmpty(c.Conditions), Owner: c.Owner, Message: c.Message,
		At: instant(c.At), RecordedAt: instant(c.Recorded), Late: c.Late,
		Revision: c.Revision(), Digest: DigestText(c.Digest),
	}
	if c.Percent >= 0 {
		body.Percent = &c.Percent
	}
	for i := last + 1; i < len(changes); i++ {
		body.Corrected = body.Corrected || changes[i].Late && changes[i].At <= asOf.UnixNano()
	}
	return body, true
}
