package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/emit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// facts are what a server says when the story is over, and what happened on the
// way there.
type facts struct {
	slots       []view.SlotBody
	landings    []view.LandingBody // of the slot of the troubled deployment, newest first
	deployments []view.DeploymentBody
	heard       map[string][]view.Heard // by key, in the order that counts
	beliefs     map[string][]change     // by key, as the projection keeps them
	feed        []change                // of all deployments, as it was published
	feedEnd     uint64                  // sequence of the last published change
	quarantine  []quarantined
	digest      digest
	notified    notified
	messages    []message

	before  baseline     // before all was said again
	again   emit.Receipt // what the HTTP door answered then
	unusual []byte       // the event that cannot be used, as it was sent
	other   digest       // of another server, which heard it all in another order
}

// baseline is what saying things again must not move.
type baseline struct {
	digest  digest
	feedEnd uint64
}

// digest is an answer of /v1/digest.
type digest struct {
	Deployments int    `json:"deployments"`
	Digest      string `json:"digest"`
}

// change is one of TT_CHANGES, as far as the story looks at it.
type change struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data struct {
		Key  string `json:"key"`
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"data"`
}

// quarantined is an entry of /v1/quarantine.
type quarantined struct {
	Seq    uint64      `json:"seq"`
	Code   events.Code `json:"code"`
	Detail string      `json:"detail"`
	Raw    []byte      `json:"raw"`
}

// notified is how far the notifier has come, from its metrics.
type notified struct {
	position uint64 // in TT_CHANGES
	alerts   int    // fired or resolved
	calls    int    // to receivers that are over, however they ended
}

// collect asks for all facts.
func collect(ctx context.Context, w *world) (*facts, error) {
	f := &facts{heard: make(map[string][]view.Heard), beliefs: make(map[string][]change)}
	all := url.Values{"limit": {"1000"}}
	var err error
	if f.slots, err = list[view.SlotBody](ctx, w.api, "/v1/slots", all); err != nil {
		return nil, err
	}
	if f.deployments, err = list[view.DeploymentBody](ctx, w.api, "/v1/deployments", all); err != nil {
		return nil, err
	}
	for i := range f.deployments {
		key := f.deployments[i].Key
		if f.heard[key], err = list[view.Heard](ctx, w.api, "/v1/deployments/"+key+"/events", all); err != nil {
			return nil, err
		}
		if f.beliefs[key], err = list[change](ctx, w.api, "/v1/deployments/"+key+"/changes", all); err != nil {
			return nil, err
		}
		if key == troubled().String() {
			slot := troubled().Slot.String()
			if f.landings, err = list[view.LandingBody](ctx, w.api, "/v1/slots/"+slot+"/history", all); err != nil {
				return nil, err
			}
		}
	}
	if err := f.readFeed(ctx, w.api); err != nil {
		return nil, err
	}
	if f.quarantine, err = inQuarantine(ctx, w.api); err != nil {
		return nil, err
	}
	if err := w.api.get(ctx, "/v1/digest", nil, &f.digest); err != nil {
		return nil, err
	}
	m, err := w.api.metrics(ctx)
	if err != nil {
		return nil, err
	}
	f.notified = notified{
		position: uint64(m["telltale_notifier_position"]),
		alerts:   int(m["telltale_alerts_fired_total"] + m["telltale_alerts_resolved_total"]),
		calls:    int(m["telltale_delivery_calls_total"]),
	}
	f.messages = w.inbox.received()
	return f, nil
}

// list reads the items of a listing that fits on one page.
func list[T any](ctx context.Context, a *api, path string, query url.Values) ([]T, error) {
	var page view.List[T]
	if err := a.get(ctx, path, query, &page); err != nil {
		return nil, err
	}
	if page.Next != "" {
		return nil, fmt.Errorf("%s has more than one page", path)
	}
	return page.Items, nil
}

// readFeed reads the changes of all deployments from the feed.
func (f *facts) readFeed(ctx context.Context, a *api) error {
	var page struct {
		Items []jsontext.Value `json:"items"`
		Next  uint64           `json:"next"`
	}
	if err := a.get(ctx, "/v1/changes", url.Values{"limit": {"1000"}}, &page); err != nil {
		return err
	}
	f.feedEnd = page.Next
	for _, raw := range page.Items {
		var c change
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("read a change: %w", err)
		}
		if c.Type == events.TypeDeploymentChanged {
			f.feed = append(f.feed, c)
		}
	}
	return nil
}

// inQuarantine reads all entries of the quarantine, each with its raw bytes.
func inQuarantine(ctx context.Context, a *api) ([]quarantined, error) {
	entries, err := list[quarantined](ctx, a, "/v1/quarantine", nil)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if err := a.get(ctx, fmt.Sprintf("/v1/quarantine/%d", entries[i].Seq), nil, &entries[i]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// settled returns nil when everything that was said has had its effect, down to
// the last call to a receiver: then nothing can be added to the facts any more.
func (f *facts) settled(words int) error {
	heard, believed := 0, 0
	for key := range f.heard {
		heard += len(f.heard[key])
		believed += len(f.beliefs[key])
	}
	switch {
	case heard < words:
		return fmt.Errorf("%d of %d words are projected", heard, words)
	case len(f.feed) < believed:
		return fmt.Errorf("%d of %d changes are published", len(f.feed), believed)
	case f.notified.position < f.feedEnd:
		return fmt.Errorf("the notifier is at change %d of %d", f.notified.position, f.feedEnd)
	case f.notified.calls < f.notified.alerts:
		return fmt.Errorf("%d of %d messages are delivered", f.notified.calls, f.notified.alerts)
	}
	return nil
}

// settle collects facts until they are settled. When ctx ends before, it returns
// the last ones with the reason.
func settle(ctx context.Context, w *world, words int) (*facts, error) {
	last := new(facts)
	err := await(ctx, func(ctx context.Context) error {
		f, err := collect(ctx, w)
		if err != nil {
			return err
		}
		last = f
		return f.settled(words)
	})
	if err != nil {
		err = fmt.Errorf("wait until all is told: %w", err)
	}
	return last, err
}

// heardSoFar returns nil when so many words count for the deployments.
func heardSoFar(ctx context.Context, a *api, words int) error {
	deployments, err := list[view.DeploymentBody](ctx, a, "/v1/deployments", url.Values{"limit": {"1000"}})
	if err != nil {
		return err
	}
	heard := 0
	for i := range deployments {
		heard += int(deployments[i].Events)
	}
	if heard < words {
		return fmt.Errorf("%d of %d words are projected", heard, words)
	}
	return nil
}

// projected returns nil when all that the stream holds is projected.
func projected(ctx context.Context, a *api) error {
	var status struct {
		Position struct {
			Last      *uint64 `json:"stream_last"`
			Projected uint64  `json:"projected"`
		} `json:"position"`
	}
	if err := a.get(ctx, "/v1/status", nil, &status); err != nil {
		return err
	}
	at := status.Position
	if at.Last == nil {
		return errors.New("the stream does not answer")
	}
	if at.Projected < *at.Last {
		return fmt.Errorf("%d of %d events are projected", at.Projected, *at.Last)
	}
	return nil
}
