package receiver

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// slackReply is what all methods of Slack's Web API answer; HTTP says 200 to
// refusals, too.
type slackReply struct {
	OK       bool         `json:"ok"`
	Error    string       `json:"error"`
	Channel  string       `json:"channel"`
	TS       string       `json:"ts"`
	Messages []slackFound `json:"messages"`
	Next     struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// slackFound is a message that Slack shows us.
type slackFound struct {
	TS       string         `json:"ts"`
	ThreadTS string         `json:"thread_ts"`
	Metadata jsontext.Value `json:"metadata"` // any app's, so of any form
}

// isRoot reports whether f is no answer to another message.
func (f *slackFound) isRoot() bool { return f.ThreadTS == "" || f.ThreadTS == f.TS }

// payload returns what we put into f's metadata, or the zero payload.
func (f *slackFound) payload() slackPayload {
	var m slackMetadata
	if json.Unmarshal(f.Metadata, &m) != nil || m.Type != slackEvent {
		return slackPayload{}
	}
	return m.Payload
}

// write calls a method that changes something.
func (s *Slack) write(ctx context.Context, method string, msg slackMessage) (slackReply, Result) {
	body, err := encode(msg)
	if err != nil {
		return slackReply{}, unwritable()
	}
	result, raw := s.post(ctx, s.methods+method, jsonHeader(s.token), body)
	if result.Class != Delivered {
		return slackReply{}, creating(result)
	}
	var reply slackReply
	if err := decodeJSON(raw, &reply); err != nil {
		result.Class, result.Detail = Ambiguous, "the answer is not that of Slack"
		return slackReply{}, result
	}
	if !reply.OK {
		result.Class, result.Detail = slackRefusal(reply.Error)
	}
	return reply, result
}

// slackRefusal gives the verdict on an error code of Slack.
func slackRefusal(code string) (Class, string) {
	detail := "Slack refused it: " + printable(code)
	switch code {
	case "ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout", "team_added_to_org":
		return Transient, detail
	case "internal_error", "fatal_error":
		return Ambiguous, detail // some of it may have been done, say Slack's own pages
	}
	return Permanent, detail
}

// isSlackLost reports whether the message that was to be changed cannot be
// changed any more: someone deleted it, or its workspace forbids.
func isSlackLost(code string) bool {
	return slices.Contains([]string{"message_not_found", "cant_update_message", "edit_window_closed"}, code)
}

const (
	slackPage    = 100     // messages to a page
	slackPages   = 10      // to look through at most, in one call
	maxSlackRead = 4 << 20 // of one page, in bytes

	// slackSkew is how much earlier than the problem the message about it may
	// seem to be: times of problems come from other machines' clocks.
	slackSkew = 24 * time.Hour
)

// look searches what a method lists for a message that match accepts, newest
// page first. sure is false if it may be there all the same. A verdict that is
// neither delivered nor permanent means: the question is open, ask later.
func (s *Slack) look(
	ctx context.Context, method string, query url.Values, match func(*slackFound) bool,
) (found *slackFound, sure bool, result Result) {
	query.Set("include_all_metadata", "true")
	query.Set("limit", strconv.Itoa(slackPage))
	header := jsonHeader(s.token)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	for range slackPages {
		var raw []byte
		result, raw = exchangeUpTo(ctx, s.client, http.MethodPost, s.methods+method, header,
			[]byte(query.Encode()), s.now(), maxSlackRead)
		var reply slackReply
		switch {
		case result.Class == Delivered && decodeJSON(raw, &reply) != nil:
			result.Class, result.Detail = Transient, "the answer is not that of Slack"
		case result.Class == Delivered && !reply.OK:
			result.Class, result.Detail = slackRefusal(reply.Error)
		}
		if result.Class != Delivered {
			return nil, false, looking(result)
		}
		if i := slices.IndexFunc(reply.Messages, func(f slackFound) bool { return match(&f) }); i >= 0 {
			return &reply.Messages[i], true, result
		}
		if reply.Next.Cursor == "" {
			return nil, true, result
		}
		query.Set("cursor", reply.Next.Cursor)
	}
	return nil, false, result
}
