package receiver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

const (
	slackToken   = "xoxb-T0K3N"
	slackChannel = "C0123456789"
)

// slackMessage is what the fake reads, keeps and shows.
type slackMessage struct {
	Channel   string `json:"channel,omitzero"`
	TS        string `json:"ts,omitzero"`
	ThreadTS  string `json:"thread_ts,omitzero"`
	Broadcast bool   `json:"reply_broadcast,omitzero"`
	Text      string `json:"text"`
	Parts     []struct {
		Blocks []struct {
			Type string `json:"type"`
			Text struct {
				Text string `json:"text"`
			} `json:"text"`
		} `json:"blocks"`
	} `json:"attachments"`
	Metadata *slackMetadata `json:"metadata,omitzero"`
}

type slackMetadata struct {
	Type    string         `json:"event_type"`
	Payload map[string]any `json:"event_payload"`
}

// slackReply is what the fake answers.
type slackReply struct {
	OK       bool              `json:"ok"`
	Error    string            `json:"error,omitzero"`
	Channel  string            `json:"channel,omitzero"`
	TS       string            `json:"ts,omitzero"`
	Messages []slackMessage    `json:"messages,omitzero"`
	Next     map[string]string `json:"response_metadata,omitzero"`
}

// slackWorkspace plays Slack's Web API with one channel. It takes each post as a
// new message, and its refusals are 200. Its pages are shorter than asked for, as
// Slack's may be.
type slackWorkspace struct {
	faulty
	messages []slackMessage    // oldest first, threads among them
	refuse   map[string]string // method to error code
	calls    []string          // methods
}

const fakePage = 3

func (w *slackWorkspace) start(t *testing.T) string {
	return w.serve(t, func(out http.ResponseWriter, r *http.Request, body []byte) {
		method := strings.TrimPrefix(r.URL.Path, "/api/")
		w.calls = append(w.calls, method)
		reply := w.act(t, method, r.Header, body)
		text, err := json.Marshal(reply)
		if err != nil {
			t.Error(err)
		}
		if _, err := out.Write(text); err != nil {
			t.Error(err)
		}
	}) + "/api/chat.postMessage"
}

func (w *slackWorkspace) act(t *testing.T, method string, header http.Header, body []byte) slackReply {
	if header.Get("Authorization") != "Bearer "+slackToken {
		return slackReply{Error: "invalid_auth"}
	}
	if code := w.refuse[method]; code != "" {
		return slackReply{Error: code}
	}
	var m slackMessage
	var query url.Values
	if strings.HasPrefix(method, "chat.") {
		m = decode[slackMessage](t, body)
		if code := slackFault(&m); code != "" {
			return slackReply{Error: code}
		}
	} else {
		var err error
		if query, err = url.ParseQuery(string(body)); err != nil {
			t.Error(err)
		}
		m.Channel = query.Get("channel")
	}
	switch method {
	case "chat.postMessage":
		if m.ThreadTS != "" && w.find(m.ThreadTS) < 0 {
			return slackReply{Error: "thread_not_found"}
		}
		m.Channel = slackChannel // a name is known here, and nowhere else
		m.TS = fmt.Sprintf("%d.%06d", later.Unix(), len(w.messages)+1)
		w.messages = append(w.messages, m)
		return slackReply{OK: true, Channel: slackChannel, TS: m.TS}
	case "chat.update":
		i := w.find(m.TS)
		if i < 0 {
			return slackReply{Error: "message_not_found"}
		}
		w.messages[i] = m
		return slackReply{OK: true, Channel: slackChannel, TS: m.TS}
	case "conversations.history", "conversations.replies":
		if m.Channel != slackChannel {
			return slackReply{Error: "channel_not_found"}
		}
		return w.list(method, query)
	}
	return slackReply{Error: "unknown_method"}
}

// slackFault returns why Slack refuses a text, or "": its limits, and what only
// we would notice, markup that came from outside.
func slackFault(m *slackMessage) string {
	texts := []string{m.Text}
	for _, p := range m.Parts {
		for _, b := range p.Blocks {
			if b.Type == "section" {
				texts = append(texts, b.Text.Text)
			}
		}
	}
	for _, s := range texts {
		switch {
		case s == "":
			return "no_text"
		case len([]rune(s)) > 3000:
			return "msg_too_long"
		case strings.ContainsAny(s, "<>"), strings.Count(s, "&") != strings.Count(s, "&amp;")+strings.Count(s, "&lt;")+strings.Count(s, "&gt;"):
			return "markup"
		}
	}
	return ""
}

// list answers history, newest first, and replies, oldest first.
func (w *slackWorkspace) list(method string, query url.Values) slackReply {
	oldest, _ := strconv.ParseFloat(query.Get("oldest"), 64)
	var all []slackMessage
	for _, m := range w.messages {
		at, _ := strconv.ParseFloat(m.TS, 64)
		inThread := m.TS == query.Get("ts") || m.ThreadTS == query.Get("ts")
		switch {
		case query.Get("include_all_metadata") != "true":
			m.Metadata = nil
			fallthrough
		case method == "conversations.replies" && inThread,
			method == "conversations.history" && (m.ThreadTS == "" || m.Broadcast) && at >= oldest:
			all = append(all, m)
		}
	}
	if method == "conversations.history" {
		slices.Reverse(all)
	}
	from, _ := strconv.Atoi(query.Get("cursor"))
	page := all[min(from, len(all)):min(from+fakePage, len(all))]
	reply := slackReply{OK: true, Messages: page}
	if from+fakePage < len(all) {
		reply.Next = map[string]string{"next_cursor": strconv.Itoa(from + fakePage)}
	}
	return reply
}

func (w *slackWorkspace) find(ts string) int {
	return slices.IndexFunc(w.messages, func(m slackMessage) bool { return m.TS == ts })
}

// chatter is what other people and apps say.
func (w *slackWorkspace) chatter(n int) {
	for range n {
		w.messages = append(w.messages, slackMessage{
			Channel: slackChannel, TS: fmt.Sprintf("%d.%06d", later.Unix(), len(w.messages)+1), Text: "hello",
			Metadata: &slackMetadata{Type: "else", Payload: map[string]any{"alert": 7, "notification": []string{"nt_1"}}},
		})
	}
}

// roots returns our messages in the channel, replies those in the thread of one.
func (w *slackWorkspace) roots() []slackMessage {
	return w.ours(func(m slackMessage) bool { return m.ThreadTS == "" })
}

func (w *slackWorkspace) replies(root string) []slackMessage {
	return w.ours(func(m slackMessage) bool { return m.ThreadTS == root })
}

func (w *slackWorkspace) ours(match func(slackMessage) bool) []slackMessage {
	var found []slackMessage
	for _, m := range w.messages {
		if m.Metadata.Type == "telltale_alert" && match(m) {
			found = append(found, m)
		}
	}
	return found
}

// posts returns the bodies of one method, in order.
func (w *slackWorkspace) posts(method string) [][]byte {
	var bodies [][]byte
	for i, call := range w.calls {
		if call == method {
			bodies = append(bodies, bytes.Clone([]byte(w.requests[i])))
		}
	}
	return bodies
}

func newSlack(t *testing.T, appURL, channel string, timeout time.Duration) *receiver.Slack {
	t.Helper()
	s, err := receiver.NewSlack(receiver.SlackConfig{
		AppToken: slackToken, AppURL: appURL, Channel: channel, Timeout: timeout, AllowPrivate: true,
		Username: "telltale", IconEmoji: ":ship:", Now: func() time.Time { return later },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
