package receiver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newSlackWebhook(t *testing.T, url string, timeout time.Duration) *receiver.SlackWebhook {
	t.Helper()
	s, err := receiver.NewSlackWebhook(receiver.SlackWebhookConfig{
		APIURL: receiver.Secret(url), Timeout: timeout, AllowPrivate: true, Channel: "#deployments",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestSlackWebhookConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newSlackWebhook(t, url, timeout)
		},
	})
}

func TestSlackWebhookBodies(t *testing.T) {
	var fake faulty
	s := newSlackWebhook(t, fake.serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		m := decode[slackMessage](t, body)
		if fault := slackFault(&m); fault != "" {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, "ok")
	}), 0)
	for name, c := range map[string]receiver.Call{
		"firing":   {Message: firing()},
		"resolved": {Message: resolved()},
		"repeat":   {Message: firing(), Again: true},
	} {
		if got := s.Send(t.Context(), c); got.Class != receiver.Delivered || got.Ref != "" {
			t.Fatalf("%s: %+v", name, got)
		}
		goldenJSON(t, "slack-webhook-"+name, fake.last())
	}
	if got := s.Send(t.Context(), receiver.Call{Message: hostile(), Again: true}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	if m := decode[slackMessage](t, fake.last()); !strings.HasSuffix(m.Text, "… (may be a repeat)") {
		t.Errorf("cut to %q", m.Text)
	}
}

// TestSlackWebhookReadsTheAnswer: a good status may come with a refusal.
func TestSlackWebhookReadsTheAnswer(t *testing.T) {
	for answer, class := range map[string]receiver.Class{
		"ok":                                 receiver.Delivered,
		"":                                   receiver.Delivered, // some other chat
		`{"ok":true}`:                        receiver.Delivered,
		"{}":                                 receiver.Delivered,
		"invalid_payload":                    receiver.Permanent,
		`{"ok":false,"error":"ratelimited"}`: receiver.Transient,
		`{"ok":false,"error":"channel_not_found"}`: receiver.Permanent,
	} {
		var fake faulty
		s := newSlackWebhook(t, fake.serve(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			fmt.Fprint(w, answer)
		}), 0)
		if got := s.Send(t.Context(), receivertest.Call()); got.Class != class {
			t.Errorf("%q is %+v, want %s", answer, got, class)
		}
	}
}

func TestNewSlackWebhookQuotesNoSecret(t *testing.T) {
	_, err := receiver.NewSlackWebhook(receiver.SlackWebhookConfig{APIURL: "http://hush.test/hush"})
	wantFaults(t, err, "not https")
}
