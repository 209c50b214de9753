package receiver

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// SlackWebhookConfig configures an incoming webhook of Slack, or of a chat that
// takes the same. Its fields are Alertmanager's keys of slack_configs for
// api_url.
type SlackWebhookConfig struct {
	// APIURL is the webhook's address. Whoever has it can post. Required; https,
	// unless AllowPrivate.
	APIURL Secret

	// Channel, Username, IconEmoji and IconURL are for chats that let a webhook
	// choose. Slack itself takes them from the webhook's app.
	Channel, Username, IconEmoji, IconURL string

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one call, its answer included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// SlackWebhook posts every message as a new one: an incoming webhook does not
// say where a message stands, so it can be neither changed nor looked for.
type SlackWebhook struct {
	endpoint
	url   string
	frame slackFrame
}

func slackWebhookKind() Kind {
	return Kind{
		Name:    "slack_webhook",
		Summary: "Posts messages through an incoming webhook of Slack.",
		Repeats: "The message again, marked as a repeat.",
	}
}

// NewSlackWebhook returns a receiver for cfg. It does not quote its URL in an
// error, and connects to nothing yet.
func NewSlackWebhook(cfg SlackWebhookConfig) (*SlackWebhook, error) {
	if err := checkURL(string(cfg.APIURL), cfg.AllowPrivate); err != nil {
		return nil, fmt.Errorf("slack_webhook: %w", err)
	}
	return &SlackWebhook{
		endpoint: newEndpoint("slack_webhook", cfg.Timeout, cfg.AllowPrivate, cfg.Now, string(cfg.APIURL), cfg.Channel),
		url:      string(cfg.APIURL),
		frame:    slackFrame{cfg.Channel, cfg.Username, cfg.IconEmoji, cfg.IconURL},
	}, nil
}

// Send posts the message.
func (s *SlackWebhook) Send(ctx context.Context, c Call) Result {
	body, err := encode(s.frame.around(newSlackMessage(&c.Message, c.title(maxSlackTitle))))
	if err != nil {
		return unwritable()
	}
	result, reply := s.post(ctx, s.url, jsonHeader(""), body)
	if result.Class == Delivered {
		if code := slackCode(reply); code != "" {
			result.Class, result.Detail = slackRefusal(code)
		}
	}
	return result
}

// slackCode returns the error code in the answer of an incoming webhook that
// HTTP calls good, or "": a word other than "ok", or JSON in which ok is false.
// What is neither is the answer of some other chat, whose status has to do.
func slackCode(reply []byte) string {
	var said slackReply
	word := strings.TrimSpace(string(reply))
	switch {
	case decodeJSON(reply, &said) == nil && !said.OK && said.Error != "":
		return said.Error
	case len(word) <= maxProviderID && word != "ok" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") == "":
		return word
	}
	return ""
}
