package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SlackConfig configures a channel of Slack to which an app posts. Its fields
// are Alertmanager's keys of slack_configs for app tokens.
type SlackConfig struct {
	// AppToken is the app's bot token (xoxb-…). Required. The app needs the scope
	// chat:write, and to look for what it posted before it posts again,
	// channels:history or groups:history.
	AppToken Secret

	// AppURL is the address of chat.postMessage, beside which the other methods
	// are. Default https://slack.com/api/chat.postMessage. https, unless
	// AllowPrivate.
	AppURL string

	// Channel is where messages go: better its id (C…) than its name, as Slack
	// shows an app what is in a channel only by the id. Required.
	Channel string

	// Username, IconEmoji and IconURL change how the app appears, if its scopes
	// let it. Empty: as it is set up in Slack.
	Username, IconEmoji, IconURL string

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one Send, all of its calls included; default 15 s
	Now          func() time.Time // what Retry-After and a look back count from; default time.Now
}

const (
	slackURL  = "https://slack.com/api/chat.postMessage"
	slackPost = "chat.postMessage"
)

// Slack keeps one message for each problem in a channel. What becomes of the
// problem changes that message and is told in its thread; the end of it is shown
// in the channel, too.
//
// Slack takes every call as a new one. So messages carry the notification's id
// as metadata, and a call that may be a repeat looks for it first. Where it
// cannot look, it posts and says that it may be a repeat.
type Slack struct {
	endpoint
	methods string // the address of all methods, up to their names
	token   Secret
	timeout time.Duration
	frame   slackFrame
}

func slackKind() Kind {
	return Kind{
		Name:    "slack",
		Summary: "Keeps one message for each problem in a Slack channel, and its story in the thread.",
		Repeats: "Nothing: it looks for its message before it posts again. Without the scope for that: the message again, marked.",
	}
}

// NewSlack returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its token, and connects to nothing yet.
func NewSlack(cfg SlackConfig) (*Slack, error) {
	to := cmp.Or(cfg.AppURL, slackURL)
	var faults []error
	if err := checkURL(to, cfg.AllowPrivate); err != nil {
		faults = append(faults, fmt.Errorf("slack: %w", err))
	}
	methods, ok := strings.CutSuffix(to, slackPost)
	if !ok {
		faults = append(faults, fmt.Errorf("slack: the app's URL does not end in %s", slackPost))
	}
	if cfg.AppToken == "" {
		faults = append(faults, errors.New("slack: an app token is needed"))
	}
	if cfg.Channel == "" {
		faults = append(faults, errors.New("slack: a channel is needed"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Slack{
		endpoint: newEndpoint("slack", cfg.Timeout, cfg.AllowPrivate, cfg.Now, to, string(cfg.AppToken), cfg.Channel),
		methods:  methods,
		token:    cfg.AppToken,
		timeout:  cmp.Or(cfg.Timeout, defaultTimeout),
		frame:    slackFrame{cfg.Channel, cfg.Username, cfg.IconEmoji, cfg.IconURL},
	}, nil
}

// Send brings the channel up to the message. Its Ref is channel and ts of the
// problem's message.
func (s *Slack) Send(ctx context.Context, c Call) Result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	root := parseSlackRef(c.Ref)
	first := c // the call that makes the problem's message
	if root.ts == "" && c.Again {
		found, sure, result := s.lookForRoot(ctx, &c)
		switch {
		case found != nil && found.payload().Notification == c.ID && c.Message.Status == StatusFiring:
			return s.delivered(result, slackPlace{s.frame.channel, found.TS})
		case found != nil:
			root = slackPlace{s.frame.channel, found.TS}
		case result.Class != Delivered && result.Class != Permanent:
			return result
		case sure && c.Message.Status == StatusResolved:
			result.Detail = "the channel never had the problem, so its end is not told"
			return result
		}
		first.Again = !sure
	}
	if root.ts != "" {
		if result, lost := s.follow(ctx, root, &c); !lost {
			return result
		}
	}
	reply, result := s.write(ctx, slackPost, s.message(&first))
	return s.delivered(result, slackPlace{reply.Channel, reply.TS})
}

// follow brings the message at root up to date, then tells the news in its
// thread. The order matters: changing it twice shows nothing, so a call that
// broke off is repeated from the start. lost says that the message cannot be
// changed any more.
func (s *Slack) follow(ctx context.Context, root slackPlace, c *Call) (result Result, lost bool) {
	msg := newSlackMessage(&c.Message, fitRunes(c.Message.Title, maxSlackTitle))
	msg.Channel, msg.TS, msg.Metadata = root.channel, root.ts, newSlackMetadata(c)
	reply, result := s.write(ctx, "chat.update", msg)
	if result.Class != Delivered {
		return result, isSlackLost(reply.Error)
	}
	news := *c
	if c.Again {
		query := url.Values{"channel": {root.channel}, "ts": {root.ts}}
		found, sure, look := s.look(ctx, "conversations.replies", query, func(f *slackFound) bool {
			return !f.isRoot() && f.payload().Notification == c.ID
		})
		if found != nil {
			return s.delivered(look, root), false
		}
		if look.Class != Delivered && look.Class != Permanent {
			return look, false
		}
		news.Again = !sure
	}
	msg = s.message(&news)
	msg.Channel, msg.ThreadTS = root.channel, root.ts
	msg.Broadcast = c.Message.Status == StatusResolved
	_, result = s.write(ctx, slackPost, msg)
	if result.Class == Permanent {
		// The message itself says how things are; a locked thread changes nothing.
		result.Class, result.Detail = Delivered, "the message was changed, its thread was not: "+result.Detail
	}
	return s.delivered(result, root), false
}

// lookForRoot searches the channel for the message about the call's problem.
func (s *Slack) lookForRoot(ctx context.Context, c *Call) (found *slackFound, sure bool, result Result) {
	want := newSlackMetadata(c).Payload
	oldest := earlier(s.now(), earlier(c.Message.Since, c.Message.At)).Add(-slackSkew)
	query := url.Values{"channel": {s.frame.channel}, "oldest": {strconv.FormatInt(max(0, oldest.Unix()), 10)}}
	return s.look(ctx, "conversations.history", query, func(f *slackFound) bool {
		return f.isRoot() && isSlackTS(f.TS) && f.payload().Alert == want.Alert && f.payload().Since == want.Since
	})
}

// message returns a new message for the call.
func (s *Slack) message(c *Call) slackMessage {
	msg := s.frame.around(newSlackMessage(&c.Message, c.title(maxSlackTitle)))
	msg.Metadata = newSlackMetadata(c)
	return msg
}

// delivered adds to a good result where the message stands.
func (s *Slack) delivered(r Result, at slackPlace) Result {
	if r.Class == Delivered && isSlackTS(at.ts) {
		r.Ref, r.ProviderID = printable(at.ref()), at.ts
	}
	return r
}
