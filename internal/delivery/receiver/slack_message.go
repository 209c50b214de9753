package receiver

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// The limits of Slack: 4000 characters of a message's text, 3000 of a text in a
// block. It does not say what a character is; UTF-16 units are the safe reading.
const (
	maxSlackTitle = 500 // in runes, so that escaped it is well within the 4000
	maxSlackText  = 3000
	maxSlackLink  = 500
)

// slackMessage is the body of chat.postMessage, chat.update and an incoming
// webhook, each of which takes a part of it.
type slackMessage struct {
	Channel   string         `json:"channel,omitzero"`
	TS        string         `json:"ts,omitzero"`        // chat.update: of the message
	ThreadTS  string         `json:"thread_ts,omitzero"` // chat.postMessage: of the message it answers
	Broadcast bool           `json:"reply_broadcast,omitzero"`
	Text      string         `json:"text"`
	Parts     []slackPart    `json:"attachments"`
	Metadata  *slackMetadata `json:"metadata,omitzero"`

	// What a new message has beside. Slack would fetch links of the text for a
	// preview, and the text is from outside: both are set, to false.
	Username    string `json:"username,omitzero"`
	IconEmoji   string `json:"icon_emoji,omitzero"`
	IconURL     string `json:"icon_url,omitzero"`
	UnfurlLinks *bool  `json:"unfurl_links,omitzero"`
	UnfurlMedia *bool  `json:"unfurl_media,omitzero"`
}

// slackPart is a coloured part of a message.
type slackPart struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitzero"`
	Elements []slackText `json:"elements,omitzero"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// slackEvent is the event_type of our metadata.
const slackEvent = "telltale_alert"

// slackMetadata goes with a message unseen and is how we know it again.
type slackMetadata struct {
	Type    string       `json:"event_type"`
	Payload slackPayload `json:"event_payload"`
}

type slackPayload struct {
	Alert        string `json:"alert"`
	Since        string `json:"since"` // one alert may come back as another episode
	Notification string `json:"notification"`
}

// newSlackMessage returns what people read. title is the message's, with or
// without a mark.
func newSlackMessage(m *Message, title string) slackMessage {
	color, sign := slackLook(m)
	var blocks []slackBlock
	if m.Text != "" { // Slack refuses an empty one
		text := &slackText{Type: "plain_text", Text: slackEscape(m.Text, maxSlackText)}
		blocks = append(blocks, slackBlock{Type: "section", Text: text})
	}
	if m.Link != "" && len(m.Link) <= maxSlackLink && !strings.ContainsAny(m.Link, "<>|") {
		link := "<" + slackEscape(m.Link, maxSlackText) + "|Details>"
		blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{{Type: "mrkdwn", Text: link}}})
	}
	msg := slackMessage{Text: sign + " " + slackEscape(title, maxSlackText)}
	if blocks != nil {
		msg.Parts = []slackPart{{Color: color, Blocks: blocks}}
	}
	return msg
}

// slackFrame is what all new messages of one receiver share.
type slackFrame struct{ channel, username, iconEmoji, iconURL string }

// around returns the message as a new one in the frame.
func (f *slackFrame) around(m slackMessage) slackMessage {
	m.Channel, m.Username, m.IconEmoji, m.IconURL = f.channel, f.username, f.iconEmoji, f.iconURL
	m.UnfurlLinks, m.UnfurlMedia = new(false), new(false)
	return m
}

// newSlackMetadata returns the metadata of a message that a call makes.
func newSlackMetadata(c *Call) *slackMetadata {
	return &slackMetadata{Type: slackEvent, Payload: slackPayload{
		Alert: c.Message.Alert, Since: c.Message.Since.UTC().Format(time.RFC3339Nano), Notification: c.ID,
	}}
}

// slackLook returns a colour and a sign, so that the state does not hang on
// colour alone.
func slackLook(m *Message) (color, sign string) {
	switch {
	case m.Status == StatusResolved:
		return "#2eb67d", ":white_check_mark:"
	case m.Severity == "critical":
		return "#e01e5a", ":rotating_light:"
	case m.Severity == "info":
		return "#36c5f0", ":information_source:"
	default:
		return "#ecb22e", ":warning:"
	}
}

// slackEscape writes the three characters by which Slack's markup begins as
// entities, so that no text mentions a channel or hides a link, and cuts the
// result to limit, never inside an entity.
func slackEscape(s string, limit int) string {
	var out strings.Builder
	used, fits := 0, 0 // fits: how much of out leaves room for an ellipsis
	for _, r := range s {
		text := string(r)
		switch r {
		case '&':
			text = "&amp;"
		case '<':
			text = "&lt;"
		case '>':
			text = "&gt;"
		}
		width := len(text)
		if r > 0x7f {
			width = utf16.RuneLen(r)
		}
		if used+width > limit {
			return out.String()[:fits] + ellipsis
		}
		out.WriteString(text)
		if used += width; used < limit {
			fits = out.Len()
		}
	}
	return out.String()
}

// slackPlace is where a message stands.
type slackPlace struct{ channel, ts string }

// ref is "" for no place.
func (p slackPlace) ref() string {
	if p.ts == "" {
		return ""
	}
	return p.channel + "/" + p.ts
}

// parseSlackRef is the inverse of ref. What it did not write is no place.
func parseSlackRef(ref string) slackPlace {
	channel, ts, ok := strings.Cut(ref, "/")
	if !ok || !isSlackTS(ts) {
		return slackPlace{}
	}
	return slackPlace{channel, ts}
}

// isSlackTS reports whether s looks like the timestamp of a message.
func isSlackTS(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && strings.Trim(s, "0123456789.") == "" && len(s) <= 32
}
