package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// PagerDutyConfig configures a service of PagerDuty. Its fields are
// Alertmanager's keys of pagerduty_configs; service_key, of the first Events
// API, is not among them.
type PagerDutyConfig struct {
	// RoutingKey is the integration key of the service (Events API v2).
	// Required. Whoever has it can open and close incidents there.
	RoutingKey Secret

	// URL is where events go. Default https://events.pagerduty.com/v2/enqueue.
	// https, unless AllowPrivate.
	URL string

	// Client and ClientURL say at the incident who sent it. Client defaults to
	// "telltale"; an empty ClientURL is left out.
	Client    string
	ClientURL string

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one call, its answer included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

const pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

// The limits of PagerDuty: 1024 characters of summary, and 512,000 bytes of
// body. The text is cut so that the body keeps within it even if JSON has to
// write each byte of the text as six.
const (
	maxPagerDutySummary = 1024
	maxPagerDutyText    = 64 << 10
)

// PagerDuty opens and resolves incidents through the Events API v2. The alert
// is the dedup_key: whatever is repeated, there is one incident. A trigger that
// comes after the resolve opens another one, so calls about an alert have to be
// made in order, which is a lane's duty.
type PagerDuty struct {
	endpoint
	url               string
	key               Secret
	sender, senderURL string
}

func pagerDutyKind() Kind {
	return Kind{
		Name:    "pagerduty",
		Summary: "Opens and resolves an incident of PagerDuty, through the Events API v2.",
		Repeats: "Nothing: the alert is the incident's dedup_key.",
	}
}

// NewPagerDuty returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its key or URL, and connects to nothing yet.
func NewPagerDuty(cfg PagerDutyConfig) (*PagerDuty, error) {
	url := cmp.Or(cfg.URL, pagerDutyURL)
	var faults []error
	if err := checkURL(url, cfg.AllowPrivate); err != nil {
		faults = append(faults, fmt.Errorf("pagerduty: %w", err))
	}
	if cfg.RoutingKey == "" {
		faults = append(faults, errors.New("pagerduty: a routing key is needed"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &PagerDuty{
		endpoint:  newEndpoint("pagerduty", cfg.Timeout, cfg.AllowPrivate, cfg.Now, url, string(cfg.RoutingKey)),
		url:       url,
		key:       cfg.RoutingKey,
		sender:    cmp.Or(cfg.Client, "telltale"),
		senderURL: cfg.ClientURL,
	}, nil
}

// Send sends one event. Its Ref is the dedup_key.
func (p *PagerDuty) Send(ctx context.Context, c Call) Result {
	body, err := encode(p.event(&c))
	if err != nil {
		return unwritable()
	}
	result, _ := p.post(ctx, p.url, jsonHeader(""), body)
	if result.Class == Delivered {
		result.Ref = c.Message.Alert
	}
	return creating(result) // should it be over before the retry, it still has to be closed
}

// pagerDutyEvent is an event of the Events API v2.
type pagerDutyEvent struct {
	RoutingKey string           `json:"routing_key"`
	Action     string           `json:"event_action"`
	DedupKey   string           `json:"dedup_key"`
	Client     string           `json:"client,omitzero"`
	ClientURL  string           `json:"client_url,omitzero"`
	Links      []pagerDutyLink  `json:"links,omitzero"`
	Payload    pagerDutyPayload `json:"payload"`
}

type pagerDutyLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type pagerDutyPayload struct {
	Summary   string            `json:"summary"`
	Severity  string            `json:"severity"`
	Source    string            `json:"source"`
	Timestamp time.Time         `json:"timestamp"`
	Component string            `json:"component,omitzero"`
	Group     string            `json:"group,omitzero"`
	Class     string            `json:"class,omitzero"`
	Details   map[string]string `json:"custom_details"`
}

// event is the same for every call under one id.
func (p *PagerDuty) event(c *Call) pagerDutyEvent {
	m := &c.Message
	details := make(map[string]string, len(m.Labels)+3)
	maps.Copy(details, m.Labels)
	details["text"] = fitBytes(m.Text, maxPagerDutyText)
	details["since"] = m.Since.UTC().Format(time.RFC3339)
	details["notification"] = c.ID
	e := pagerDutyEvent{
		RoutingKey: string(p.key), Action: "trigger", DedupKey: m.Alert, Client: p.sender, ClientURL: p.senderURL,
		Payload: pagerDutyPayload{
			Summary:   fitRunes(m.Title, maxPagerDutySummary),
			Severity:  pagerDutySeverity(m.Severity),
			Source:    cmp.Or(strings.Trim(m.Labels["env"]+"/"+m.Labels["region"], "/"), "telltale"),
			Timestamp: m.At.UTC(),
			Component: m.Labels["component"],
			Group:     m.Labels["env"],
			Class:     m.Labels["alertname"],
			Details:   details,
		},
	}
	if m.Link != "" {
		e.Links = []pagerDutyLink{{Href: m.Link, Text: "Details"}}
	}
	if m.Status == StatusResolved {
		e.Action = "resolve"
	}
	return e
}

// pagerDutySeverity returns s if PagerDuty has it, and error if not: it refuses
// all others, and the page would be lost.
func pagerDutySeverity(s string) string {
	switch s {
	case "critical", "error", "warning", "info":
		return s
	}
	return "error"
}
