package view

import (
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Caused is what every change says of itself and of its cause. Times are Unix
// nanoseconds.
type Caused struct {
	ID       events.ChangeID
	At       int64 // τ of the cause
	Recorded int64 // recordedtime of the cause
	Cause    Cause
}

// otherEvent is the CloudEvent of a change of something else than a deployment.
type otherEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        any       `json:"data"`
}

// other renders a change of something else than a deployment.
func other(typ, subject string, c Caused, data any) (Change, error) {
	raw, err := json.Marshal(otherEvent{
		SpecVersion: "1.0", ID: c.ID.String(), Source: SourceProjector, Type: typ, Subject: subject,
		Time: instant(c.At), ContentType: "application/json", Data: data,
	}, json.Deterministic(true))
	return Change{ID: c.ID, Key: subject, Raw: raw, At: c.At}, err
}

// SlotChange is the change of what a slot runs.
func SlotChange(at events.Slot, s *Slot, c Caused) (Change, error) {
	return other(events.TypeSlotChanged, at.String(), c, s.Body(at))
}

// RegionChange tells the slots of one environment that their region is dark, or
// not any more. Its lag counts to the newest tick of any recorder.
func RegionChange(env string, r *Region, c Caused) (Change, error) {
	return other(events.TypeRegionChanged, env+"/"+r.Region, c, r)
}

// ReleaseChanged is the change of a release.
func ReleaseChanged(key events.Release, from string, facts ReleaseFacts, c Caused) (Change, error) {
	told := ReleaseChange{
		ID: c.ID, Key: key, From: from, ReleaseFacts: facts, At: c.At, Recorded: c.Recorded, Cause: c.Cause,
	}
	raw, err := told.JSON()
	return Change{ID: c.ID, Key: key.String(), Raw: raw, At: c.At}, err
}

// ReadChange reads any message of TT_CHANGES: the change of a deployment whole,
// of anything else what the outbox needs. It fails on what no projector wrote.
func ReadChange(raw []byte) (Change, error) {
	c, ok, err := ParseChange(raw)
	if ok || err != nil {
		return c, err
	}
	var e struct {
		ID      string    `json:"id"`
		Subject string    `json:"subject"`
		Time    time.Time `json:"time"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return Change{}, events.Errorf(events.CodeMalformed, "a change is not the JSON that a projector writes")
	}
	if c.ID, err = events.ParseChangeID(e.ID); err != nil {
		return Change{}, events.Errorf(events.CodeSchema, "the id of a change is not <incarnation>.<sequence>.<index>")
	}
	c.Key, c.Raw, c.At = e.Subject, raw, e.Time.UnixNano()
	return c, nil
}

// Place returns where a change stands in TT_CHANGES.
func (c *Change) Place() (events.Place, error) {
	if c.Raw == nil {
		key, err := events.ParseKey(c.Key)
		return events.Place{Env: key.Env, Region: key.Region, Component: key.Component}, err
	}
	if at, err := events.ParseSlot(c.Key); err == nil {
		return events.Place(at), nil
	}
	in, err := events.ParseRelease(c.Key)
	if err != nil {
		return events.Place{}, err
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(c.Raw, &kind); err != nil {
		return events.Place{}, err
	}
	if kind.Type == events.TypeRegionChanged {
		return events.Place{Env: in.Env, Region: in.Name}, nil
	}
	return events.Place{Env: in.Env}, nil
}
