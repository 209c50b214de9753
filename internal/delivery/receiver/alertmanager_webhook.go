package receiver

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// AlertmanagerWebhookConfig configures an endpoint that takes what
// Alertmanager's own webhook sends: GoAlert, Keep, incident.io, bridges.
type AlertmanagerWebhookConfig struct {
	// URL is where messages are posted. Required; https, unless AllowPrivate.
	URL Secret

	// BearerToken authorizes calls, if it is not empty.
	BearerToken Secret

	// Receiver is the receiver's name in the configuration. It is in the body,
	// where Alertmanager puts it, and nothing here depends on it.
	Receiver string

	// ExternalURL is where people reach this notifier, for the body. May be
	// empty.
	ExternalURL string

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one call, its answer included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// AlertmanagerWebhook posts messages in the format of Alertmanager's webhook,
// version 4: one alert each, in a group of its own.
type AlertmanagerWebhook struct {
	endpoint
	url                   string
	token                 Secret
	receiver, externalURL string
}

func alertmanagerWebhookKind() Kind {
	return Kind{
		Name:    "alertmanager_webhook",
		Summary: "Posts an alert to a URL in the format of Alertmanager's webhook, version 4.",
		Repeats: "Nothing, if the endpoint goes by fingerprint; the same message marked as a repeat, if it does not.",
	}
}

// NewAlertmanagerWebhook returns a receiver for cfg. It reports all faults of
// cfg at once, without quoting its URL or token, and connects to nothing yet.
func NewAlertmanagerWebhook(cfg AlertmanagerWebhookConfig) (*AlertmanagerWebhook, error) {
	var faults []error
	if err := checkURL(string(cfg.URL), cfg.AllowPrivate); err != nil {
		faults = append(faults, fmt.Errorf("alertmanager_webhook: %w", err))
	}
	if cfg.Receiver == "" {
		faults = append(faults, errors.New("alertmanager_webhook: the name of the receiver is needed"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &AlertmanagerWebhook{
		endpoint:    newEndpoint("alertmanager_webhook", cfg.Timeout, cfg.AllowPrivate, cfg.Now, string(cfg.URL)),
		url:         string(cfg.URL),
		token:       cfg.BearerToken,
		receiver:    cfg.Receiver,
		externalURL: cfg.ExternalURL,
	}, nil
}

// Send posts the message.
func (w *AlertmanagerWebhook) Send(ctx context.Context, c Call) Result {
	body, err := encode(w.body(&c))
	if err != nil {
		return unwritable()
	}
	result, _ := w.post(ctx, w.url, jsonHeader(w.token), body)
	return creating(result) // should it be over before the retry, it still has to be closed
}

// groupMessage is the body of Alertmanager's webhook, version 4.
type groupMessage struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            Status            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []groupAlert      `json:"alerts"`
}

type groupAlert struct {
	Status       Status            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // year 1 while it stands, as Alertmanager has it
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func (w *AlertmanagerWebhook) body(c *Call) groupMessage {
	m := &c.Message
	labels := alertLabels(m)
	// The mark is in an annotation: labels would make it another alert.
	annotations := alertAnnotations(c.title(maxWebhookSummary), m.Text)
	alert := groupAlert{
		Status: m.Status, Labels: labels, Annotations: annotations,
		StartsAt: m.Since.UTC(), GeneratorURL: m.Link, Fingerprint: fingerprint(labels),
	}
	if m.Status == StatusResolved {
		alert.EndsAt = m.At.UTC()
	}
	return groupMessage{
		Version: "4", GroupKey: fmt.Sprintf("{}:{%s=%q}", labelAlert, m.Alert),
		Status: m.Status, Receiver: w.receiver, ExternalURL: w.externalURL,
		GroupLabels:  map[string]string{labelAlert: m.Alert},
		CommonLabels: labels, CommonAnnotations: annotations, Alerts: []groupAlert{alert},
	}
}

// maxWebhookSummary bounds a summary, in runes. The format has no limit; those
// who take it have one about there.
const maxWebhookSummary = 1024

// fingerprint is Prometheus' own hash of a label set, by which endpoints know an
// alert: FNV-1a over names and values in order, a byte 0xff after each.
func fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		for _, s := range [...]string{name, labels[name]} {
			h.Write([]byte(s))
			h.Write([]byte{0xff})
		}
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
