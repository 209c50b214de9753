package receiver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func TestSlackConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newSlack(t, url+"/chat.postMessage", slackChannel, timeout)
		},
		Secrets: []string{slackToken},
		Accept: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"ok":true,"channel":"C0123456789","ts":"1.000001"}`)
		},
		Doubts5xx: true,
	})
}

func TestSlackBodies(t *testing.T) {
	var fake slackWorkspace
	s := newSlack(t, fake.start(t), "#deployments", 0)
	l := &lane{to: s}
	first := l.say(t.Context(), "nt_1", firing(), 1)
	if want := slackChannel + "/" + fake.messages[0].TS; first.Class != receiver.Delivered || first.Ref != want {
		t.Fatalf("%+v, want the ref %s", first, want)
	}
	if got := l.say(t.Context(), "nt_2", resolved(), 1); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	posted, changed := fake.posts("chat.postMessage"), fake.posts("chat.update")
	goldenJSON(t, "slack-post", posted[0])
	goldenJSON(t, "slack-update", changed[0])
	goldenJSON(t, "slack-reply", posted[1])
	if got := l.say(t.Context(), "nt_3", hostile(), 1); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "slack-hostile", fake.last())
}

// TestSlackShowsOneMessage: whatever requests are lost, each episode is one
// message that says how things are, each later word is once in its thread, and
// nothing is marked as a repeat.
func TestSlackShowsOneMessage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var fake slackWorkspace
		s := newSlack(t, fake.start(t), slackChannel, 0)
		story(rt, &fake.faulty, s, func(episode, told int, m receiver.Message) {
			fake.chatter(2)
			roots := fake.roots()
			if len(roots) != episode+1 {
				rt.Fatalf("%d messages in %d episodes", len(roots), episode+1)
			}
			root := roots[episode]
			if !strings.HasSuffix(root.Text, m.Title) {
				rt.Fatalf("the message says %q, want %q", root.Text, m.Title)
			}
			var said []string
			for _, reply := range fake.replies(root.TS) {
				said = append(said, reply.Text[strings.Index(reply.Text, "episode"):])
			}
			var want []string
			for word := 1; word < told; word++ {
				want = append(want, fmt.Sprintf("episode %d, word %d", episode, word))
			}
			if !slices.Equal(said, want) {
				rt.Fatalf("the thread says %q, want %q", said, want)
			}
		})
	})
}

// TestSlackInDoubt: what a call does that may be a repeat.
func TestSlackInDoubt(t *testing.T) {
	cases := []struct {
		name    string
		channel string // as configured
		before  func(*testing.T, *slackWorkspace, *receiver.Slack)
		call    receiver.Call
		class   receiver.Class
		calls   []string // after before
		titles  []string // of our messages then, threads among them
	}{
		{
			name: "it was posted",
			before: func(t *testing.T, w *slackWorkspace, s *receiver.Slack) {
				s.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
				w.chatter(2 * fakePage)
			},
			call:   receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class:  receiver.Delivered,
			calls:  []string{"conversations.history", "conversations.history", "conversations.history"},
			titles: []string{"failed in prod/eu-west-1"},
		},
		{
			name:   "it was not posted",
			call:   receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class:  receiver.Delivered,
			calls:  []string{"conversations.history", "chat.postMessage"},
			titles: []string{"failed in prod/eu-west-1"},
		},
		{
			name: "an earlier word was posted",
			before: func(t *testing.T, _ *slackWorkspace, s *receiver.Slack) {
				s.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
			},
			call:   receiver.Call{ID: "nt_2", Message: resolved(), Again: true},
			class:  receiver.Delivered,
			calls:  []string{"conversations.history", "chat.update", "conversations.replies", "chat.postMessage"},
			titles: []string{"was put back", "was put back"},
		},
		{
			name:  "it is over and was never posted",
			call:  receiver.Call{ID: "nt_2", Message: resolved(), Again: true},
			class: receiver.Delivered,
			calls: []string{"conversations.history"},
		},
		{
			name: "looking is not allowed",
			before: func(_ *testing.T, w *slackWorkspace, _ *receiver.Slack) {
				w.refuse = map[string]string{"conversations.history": "missing_scope"}
			},
			call:   receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class:  receiver.Delivered,
			calls:  []string{"conversations.history", "chat.postMessage"},
			titles: []string{"failed in prod/eu-west-1 (may be a repeat)"},
		},
		{
			name: "looking fails for now",
			before: func(_ *testing.T, w *slackWorkspace, _ *receiver.Slack) {
				w.refuse = map[string]string{"conversations.history": "internal_error"}
			},
			call:  receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class: receiver.Transient,
			calls: []string{"conversations.history"},
		},
		{
			name:    "the channel is given by name",
			channel: "#deployments",
			call:    receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class:   receiver.Delivered,
			calls:   []string{"conversations.history", "chat.postMessage"},
			titles:  []string{"failed in prod/eu-west-1 (may be a repeat)"},
		},
		{
			name:   "there is too much to look through",
			before: func(_ *testing.T, w *slackWorkspace, _ *receiver.Slack) { w.chatter(20 * fakePage) },
			call:   receiver.Call{ID: "nt_1", Message: firing(), Again: true},
			class:  receiver.Delivered,
			calls:  append(slices.Repeat([]string{"conversations.history"}, 10), "chat.postMessage"),
			titles: []string{"failed in prod/eu-west-1 (may be a repeat)"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var fake slackWorkspace
			if c.channel == "" {
				c.channel = slackChannel
			}
			s := newSlack(t, fake.start(t), c.channel, 0)
			if c.before != nil {
				c.before(t, &fake, s)
			}
			made := len(fake.calls)
			if got := s.Send(t.Context(), c.call); got.Class != c.class {
				t.Errorf("%+v, want %s", got, c.class)
			}
			if got := fake.calls[made:]; !slices.Equal(got, c.calls) {
				t.Errorf("calls %v, want %v", got, c.calls)
			}
			ours := fake.ours(func(slackMessage) bool { return true })
			if len(ours) != len(c.titles) {
				t.Fatalf("%d messages, want %q", len(ours), c.titles)
			}
			for i, m := range ours {
				if !strings.HasSuffix(m.Text, c.titles[i]) {
					t.Errorf("message %d is %q, want %q", i, m.Text, c.titles[i])
				}
			}
		})
	}
}

// TestSlackMessageIsGone: someone deleted the message, and the end of the problem
// is told as a new one.
func TestSlackMessageIsGone(t *testing.T) {
	var fake slackWorkspace
	s := newSlack(t, fake.start(t), slackChannel, 0)
	l := &lane{to: s}
	l.say(t.Context(), "nt_1", firing(), 1)
	fake.messages = nil
	if got := l.say(t.Context(), "nt_2", resolved(), 1); got.Class != receiver.Delivered || got.Ref == "" {
		t.Errorf("%+v", got)
	}
	if roots := fake.roots(); len(roots) != 1 || !strings.Contains(roots[0].Text, "Resolved") {
		t.Errorf("%+v", roots)
	}
}

// TestSlackThreadIsLocked: the message itself says how things are.
func TestSlackThreadIsLocked(t *testing.T) {
	var fake slackWorkspace
	s := newSlack(t, fake.start(t), slackChannel, 0)
	l := &lane{to: s}
	l.say(t.Context(), "nt_1", firing(), 1)
	fake.refuse = map[string]string{"chat.postMessage": "restricted_action_thread_locked"}
	if got := l.say(t.Context(), "nt_2", resolved(), 1); got.Class != receiver.Delivered || !strings.Contains(got.Detail, "thread_locked") {
		t.Errorf("%+v", got)
	}
	if roots := fake.roots(); !strings.Contains(roots[0].Text, "Resolved") {
		t.Errorf("%+v", roots)
	}
}

func TestSlackRefusals(t *testing.T) {
	for code, class := range map[string]receiver.Class{
		"ratelimited": receiver.Transient, "service_unavailable": receiver.Transient, "request_timeout": receiver.Transient,
		"internal_error": receiver.Ambiguous, "fatal_error": receiver.Ambiguous,
		"channel_not_found": receiver.Permanent, "is_archived": receiver.Permanent, "not_in_channel": receiver.Permanent,
		"invalid_auth": receiver.Permanent, "token_revoked": receiver.Permanent, "something_new": receiver.Permanent,
	} {
		var fake slackWorkspace
		s := newSlack(t, fake.start(t), slackChannel, 0)
		fake.refuse = map[string]string{"chat.postMessage": code}
		got := s.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
		if got.Class != class || got.Ref != "" || !strings.Contains(got.Detail, code) {
			t.Errorf("%s is %+v, want %s", code, got, class)
		}
	}
}

func TestNewSlackReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewSlack(receiver.SlackConfig{AppURL: "http://u:hush@example.test/hush"})
	wantFaults(t, err, "not https", "chat.postMessage", "app token is needed", "channel is needed")
	if _, err := receiver.NewSlack(receiver.SlackConfig{AppToken: slackToken, Channel: slackChannel}); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}
