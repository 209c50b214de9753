package receiver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MSTeamsV2Config configures a Microsoft Teams channel behind a workflow of
// Power Automate. Its fields are Alertmanager's keys of msteamsv2_configs.
type MSTeamsV2Config struct {
	// WebhookURL is the workflow's address. Required; https, unless AllowPrivate.
	// It carries a signature: whoever has it can post to the channel.
	WebhookURL Secret

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one call, its answer included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// Teams refuses a card of more than 28 KB. The body is kept below that with room
// for what the workflow puts around it.
const (
	maxTeamsBody  = 27 << 10 // bytes
	maxTeamsTitle = 256      // runes
	maxTeamsFacts = 32
	maxTeamsFact  = 64 // runes, of a name and of a value
	maxTeamsLink  = 2 << 10
)

// MSTeamsV2 posts adaptive cards to a workflow. A workflow answers before it
// posts, keeps no ids and changes no card, so each word about an alert is a card
// of its own.
type MSTeamsV2 struct {
	endpoint
	url string
}

func msTeamsV2Kind() Kind {
	return Kind{
		Name:    "msteamsv2",
		Summary: "Posts an adaptive card to a workflow of Microsoft Teams.",
		Repeats: `The card again, with "(may be a repeat)" in its title.`,
	}
}

// NewMSTeamsV2 returns a receiver for cfg. Its errors do not quote the URL. It
// connects to nothing yet.
func NewMSTeamsV2(cfg MSTeamsV2Config) (*MSTeamsV2, error) {
	if err := checkURL(string(cfg.WebhookURL), cfg.AllowPrivate); err != nil {
		return nil, fmt.Errorf("msteamsv2: %w", err)
	}
	return &MSTeamsV2{
		endpoint: newEndpoint("msteamsv2", cfg.Timeout, cfg.AllowPrivate, cfg.Now, string(cfg.WebhookURL)),
		url:      string(cfg.WebhookURL),
	}, nil
}

// Send posts one card. It gives no Ref: there is nothing to come back to.
func (m *MSTeamsV2) Send(ctx context.Context, c Call) Result {
	body, err := teamsBody(&c)
	if err != nil {
		return unwritable()
	}
	result, _ := exchange(ctx, m.client, http.MethodPost, m.url, jsonHeader(""), body, m.now())
	return result
}

// teamsMessage is what the "post to a channel" workflows of Teams take.
type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	ContentURL  *string   `json:"contentUrl"` // null, but there
	Content     teamsCard `json:"content"`
}

// teamsCard is an adaptive card, version 1.2.
type teamsCard struct {
	Schema  string        `json:"$schema"`
	Type    string        `json:"type"`
	Version string        `json:"version"`
	Body    []teamsBlock  `json:"body"`
	Actions []teamsAction `json:"actions,omitzero"`
	MSTeams teamsWidth    `json:"msteams"`
}

type teamsWidth struct {
	Width string `json:"width"`
}

// teamsBlock is a RichTextBlock. Its runs are shown as they are, where a
// TextBlock reads Markdown and functions of dates: what came in over an event
// can be no link, no heading and no mention.
type teamsBlock struct {
	Type    string     `json:"type"`
	Spacing string     `json:"spacing,omitzero"`
	Inlines []teamsRun `json:"inlines"`
}

type teamsRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitzero"`
	Size   string `json:"size,omitzero"`
	Color  string `json:"color,omitzero"`
	Subtle bool   `json:"isSubtle,omitzero"`
}

type teamsAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// teamsBody returns the card as JSON in at most maxTeamsBody bytes: as much of
// the text as fits beside the rest. The same call gives the same bytes.
func teamsBody(c *Call) ([]byte, error) {
	// How much of the body a text takes depends on its lines and on what JSON has
	// to escape, so it is tried; without any, the rest always fits.
	whole := lines(c.Message.Text)
	for limit := maxTeamsBody; ; limit = limit * 9 / 10 {
		text := ""
		if limit >= len(ellipsis) {
			text = fitBytes(whole, limit)
		}
		body, err := encode(teamsCardOf(c, text))
		if err != nil || len(body) <= maxTeamsBody || text == "" {
			return body, err
		}
	}
}

func teamsCardOf(c *Call, text string) teamsMessage {
	titled := *c
	titled.Message.Title = oneLine(c.Message.Title)
	title := teamsRun{Text: titled.title(maxTeamsTitle), Weight: "Bolder", Size: "Medium", Color: teamsColor(&c.Message)}

	blocks := []teamsBlock{teamsLine("", title)}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			blocks = append(blocks, teamsLine("Small", teamsRun{Text: line}))
		}
	}
	names := slices.Sorted(maps.Keys(c.Message.Labels))
	for _, name := range names[:min(len(names), maxTeamsFacts)] {
		blocks = append(blocks, teamsLine("None",
			teamsRun{Text: fitRunes(oneLine(name), maxTeamsFact) + ": ", Subtle: true},
			teamsRun{Text: fitRunes(oneLine(c.Message.Labels[name]), maxTeamsFact)},
		))
	}
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{
		ContentType: "application/vnd.microsoft.card.adaptive",
		Content: teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.2",
			Body: blocks, Actions: teamsActions(c.Message.Link), MSTeams: teamsWidth{Width: "full"},
		},
	}}}
}

// teamsLine is a line of its own: a run ends none, whatever is in it.
func teamsLine(spacing string, runs ...teamsRun) teamsBlock {
	for i := range runs {
		runs[i].Type = "TextRun"
	}
	return teamsBlock{Type: "RichTextBlock", Spacing: spacing, Inlines: runs}
}

// teamsActions makes a button of a link that leads to a web page.
func teamsActions(link string) []teamsAction {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || len(link) > maxTeamsLink {
		return nil
	}
	return []teamsAction{{Type: "Action.OpenUrl", Title: "Details", URL: link}}
}

func teamsColor(m *Message) string {
	switch {
	case m.Status == StatusResolved:
		return "Good"
	case m.Severity == "critical":
		return "Attention"
	case m.Severity == "info":
		return "Accent"
	default:
		return "Warning"
	}
}
