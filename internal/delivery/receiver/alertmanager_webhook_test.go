package receiver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newAlertmanagerWebhook(t *testing.T, url string, timeout time.Duration) *receiver.AlertmanagerWebhook {
	t.Helper()
	w, err := receiver.NewAlertmanagerWebhook(receiver.AlertmanagerWebhookConfig{
		URL: receiver.Secret(url), BearerToken: bearer, Receiver: "oncall", ExternalURL: "https://telltale.example",
		Timeout: timeout, AllowPrivate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// groupMessage is what a bridge reads.
type groupMessage struct {
	Version  string `json:"version"`
	GroupKey string `json:"groupKey"`
	Status   string `json:"status"`
	Alerts   []struct {
		Status      string            `json:"status"`
		Annotations map[string]string `json:"annotations"`
		EndsAt      time.Time         `json:"endsAt"`
		Fingerprint string            `json:"fingerprint"`
	} `json:"alerts"`
}

// bridge plays an endpoint that goes by fingerprint, as GoAlert and others do.
type bridge struct {
	faulty
	open  map[string]bool
	pages int
}

func (b *bridge) start(t *testing.T) string {
	b.open = map[string]bool{}
	return b.serve(t, func(_ http.ResponseWriter, _ *http.Request, body []byte) {
		for _, a := range decode[groupMessage](t, body).Alerts {
			switch {
			case a.Status == "resolved":
				delete(b.open, a.Fingerprint)
			case !b.open[a.Fingerprint]:
				b.open[a.Fingerprint] = true
				b.pages++
			}
		}
	})
}

func TestAlertmanagerWebhookConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newAlertmanagerWebhook(t, url, timeout)
		},
		Secrets:   []string{bearer},
		Doubts5xx: true,
	})
}

func TestAlertmanagerWebhookBodies(t *testing.T) {
	var fake bridge
	w := newAlertmanagerWebhook(t, fake.start(t), 0)
	for name, c := range map[string]receiver.Call{
		"firing":   {Message: firing()},
		"resolved": {Message: resolved()},
		"repeat":   {Message: firing(), Again: true},
	} {
		if got := w.Send(t.Context(), c); got.Class != receiver.Delivered {
			t.Fatalf("%s: %+v", name, got)
		}
		goldenJSON(t, "alertmanager-webhook-"+name, fake.last())
	}
	if got := w.Send(t.Context(), receiver.Call{Message: hostile(), Again: true}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	if summary := decode[groupMessage](t, fake.last()).Alerts[0].Annotations["summary"]; !strings.HasSuffix(summary, "… (may be a repeat)") {
		t.Errorf("cut to %q", summary)
	}
}

// TestAlertmanagerWebhookPagesOnce: for an endpoint that goes by fingerprint, a
// repeat is the same alert although it is marked.
func TestAlertmanagerWebhookPagesOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var fake bridge
		w := newAlertmanagerWebhook(t, fake.start(t), 0)
		story(rt, &fake.faulty, w, func(episode, _ int, m receiver.Message) {
			if open := len(fake.open) == 1; fake.pages != episode+1 || open != (m.Status == receiver.StatusFiring) {
				rt.Fatalf("%d pages in %d episodes, %v is open after %s", fake.pages, episode+1, fake.open, m.Status)
			}
		})
	})
}

func TestNewAlertmanagerWebhookReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewAlertmanagerWebhook(receiver.AlertmanagerWebhookConfig{URL: "http://hush.test/hush", BearerToken: "hush"})
	wantFaults(t, err, "not https", "name of the receiver")
}
