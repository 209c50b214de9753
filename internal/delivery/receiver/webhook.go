package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// WebhookConfig configures a signed webhook: Standard Webhooks v1 with a
// CloudEvent as its body. Whoever may write it decides where messages go and
// who can forge them.
type WebhookConfig struct {
	// URL is where messages are posted. Required; https, unless AllowPrivate.
	URL Secret

	// Secrets are the signing secrets, "whsec_" and the base64 of 24 to 64
	// bytes. Required. Each call carries one signature for each, so that a
	// secret is replaced in three steps: add the new one, move the endpoint to
	// it, remove the old one. At most two.
	Secrets []Secret

	// AllowPrivate permits plain http and addresses that are not public. Default
	// false: then each dial's resolved address is checked. Meant for
	// demonstrations and for endpoints on one's own network.
	AllowPrivate bool

	// Timeout bounds one call, its answer included. Default 15 s.
	Timeout time.Duration

	// Now is the clock of webhook-timestamp. Default time.Now.
	Now func() time.Time
}

// messageSource is the CloudEvents source of messages.
const messageSource = "/telltale/notifier"

// Webhook posts messages to one URL. The body is a CloudEvent in structured
// mode whose id is the webhook-id.
type Webhook struct {
	endpoint
	url  string
	keys [][]byte
}

func webhookKind() Kind {
	return Kind{
		Name:    "webhook",
		Summary: "Posts a CloudEvent, signed as Standard Webhooks v1 says, to a URL.",
		Repeats: "Nothing, if the endpoint remembers webhook-id; the same message again, if it does not.",
	}
}

// NewWebhook returns a webhook for cfg. It reports all faults of cfg at once,
// without quoting its URL or secrets, and connects to nothing yet.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	var faults []error
	if err := checkURL(string(cfg.URL), cfg.AllowPrivate); err != nil {
		faults = append(faults, fmt.Errorf("webhook: %w", err))
	}
	if len(cfg.Secrets) < 1 || len(cfg.Secrets) > 2 {
		faults = append(faults, errors.New("webhook: one signing secret is needed, and a second one only while they change"))
	}
	keys := make([][]byte, 0, len(cfg.Secrets))
	for i, s := range cfg.Secrets {
		key, err := s.signingKey()
		if err != nil {
			faults = append(faults, fmt.Errorf("webhook: secret %d: %w", i+1, err))
		}
		keys = append(keys, key)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Webhook{
		endpoint: newEndpoint("webhook", cfg.Timeout, cfg.AllowPrivate, cfg.Now, string(cfg.URL)),
		url:      string(cfg.URL),
		keys:     keys,
	}, nil
}

// Send posts the message under its id as webhook-id.
func (w *Webhook) Send(ctx context.Context, c Call) Result {
	body, err := webhookBody(c.ID, c.Message)
	if err != nil {
		return unwritable()
	}
	now := w.now()
	header := make(http.Header)
	header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	header.Set("webhook-id", c.ID)
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", w.sign(c.ID, now, body))
	// The status is the verdict. A body that breaks or drips changes nothing.
	result, _ := w.post(ctx, w.url, header, body)
	return result
}

// webhookBody is the same for every call under one id.
func webhookBody(id string, m Message) ([]byte, error) {
	e := events.Event{
		ID:              id,
		Source:          messageSource,
		Type:            events.TypeAlertFired,
		Subject:         m.Alert,
		DataContentType: "application/json",
	}
	if m.Status == StatusResolved {
		e.Type = events.TypeAlertResolved
	}
	e.SetTime(m.At.UTC())
	if err := e.SetData(m); err != nil {
		return nil, err
	}
	return e.Encode()
}

// sign returns the signatures of one call, one for each key, over
// "id.timestamp.body" (Standard Webhooks, "Signature scheme").
func (w *Webhook) sign(id string, at time.Time, body []byte) string {
	signatures := make([]string, 0, len(w.keys))
	for _, key := range w.keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}
